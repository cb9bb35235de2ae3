"""The grids of chapter 6's recorded runs."""

from functools import partial

from cnnlib.chapters.choosing_a_network.networks import BY_OPERATION, FAMILIES
from cnnlib.experiments import timing, transfer
from cnnlib.experiments.record import Suite

NETWORKS = [name for names in FAMILIES.values() for name in names]
SUITES = {
    # Seconds of forward passes on the machine that records them.
    "times": Suite(
        {"measure": ["times"], "batch": [1], "threads": [1, 2]},
        measure=partial(timing.measure, networks=NETWORKS, by_operation=BY_OPERATION),
    ),
    # Transfer: three ways to use few labels, for classes near to those learned before and for far ones.
    "transfer": Suite(
        {"measure": ["transfer"], "seed": [0, 1, 2], "target": ["shapes", "digits"], "labels": [10, 25, 50, 250]},
        measure=transfer.measure,
    ),
    # The bench on the static page: how large a net for how many labels?
    "bench": Suite(
        {
            "seed": [0, 1],
            "learning_rate": [0.1],
            "depth": [8, 14],
            "width": [0.5, 1.0, 2.0],
            "train": [50, 800],
            "model": ["cifar_resnet"],
            "epochs": [15],
            "data": ["digits"],
            "size": [8],
        }
    ),
}
