"""The grids of chapter 5's recorded runs."""

from cnnlib.experiments.families import EQUAL_WRN, RACE, equal_wrn, family_net, race_net
from cnnlib.experiments.record import Suite

DIGITS = {"data": ["digits"], "size": [8]}  # as scanned: 8×8 pixels
SUITES = {
    # The race: every family scaled to the same number of parameters, and to the same MACs.
    "race": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.1],
            "budget": ["parameters", "macs"],
            "family": [*RACE],
            "model": ["race_net"],
            "epochs": [8],
            **DIGITS,
        },
        build=race_net,
    ),
    # Width or depth: wide residual networks of equal parameters and MACs.
    "width": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.1],
            "depth": [*EQUAL_WRN],
            "model": ["equal_wrn"],
            "epochs": [8],
            "data": ["textures"],
            "size": [16],
        },
        build=equal_wrn,
    ),
    # The bench on the static page.
    "bench": Suite(
        {
            "seed": [0, 1],
            "learning_rate": [0.1],
            "family": ["preact", "stochastic_depth", "densenet"],
            "blocks": [1, 2],
            "width": [0.5, 1.0],
            "model": ["family_net"],
            "epochs": [5],
            **DIGITS,
        },
        build=family_net,
    ),
}
