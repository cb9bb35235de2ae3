"""The grids of chapter 3's recorded runs."""

from cnnlib.experiments.record import Suite
from cnnlib.experiments.small_inception import SmallInception

SETTINGS = {"learning_rate": [0.1], "model": ["small_inception"], "epochs": [15], "data": ["textures"], "size": [16]}
SEEDS = [0, 1, 2, 3, 4]


def small(**grid: list) -> Suite:
    """A suite of small Inception networks."""
    return Suite(grid | SETTINGS, build=SmallInception)


SUITES = {
    # Does the 1×1 hurt? With reductions and without at the same widths; then with them and as costly as without, by more
    # modules or by more channels.
    "reductions": small(seed=SEEDS, depth=[1], channels=[32], reduce=[False, True]),
    "deeper": small(seed=SEEDS, depth=[3], channels=[32], reduce=[True]),
    "wider": small(seed=SEEDS, depth=[1], channels=[56], reduce=[True]),
    # The bench on the static page.
    "bench": small(seed=[0, 1], depth=[1, 2], channels=[16, 32], reduce=[False, True]),
}
