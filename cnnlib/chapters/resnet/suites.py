"""The grids of chapter 4's recorded runs."""

from cnnlib.experiments.record import Suite

DIGITS = {"data": ["digits"], "size": [8]}  # as scanned: 8×8 pixels
SUITES = {
    # Degradation: do deep plain nets fit worse when they have the time to? Best of three rates, three seeds.
    "degradation": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.03, 0.1, 0.01],
            "depth": [56, 20],
            "model": ["cifar_plain", "cifar_resnet"],
            "width": [1.0],
            "epochs": [60],
            **DIGITS,
        }
    ),
    # Slow or stuck: the deep plain net at the best of those rates, with four times the epochs.
    "slow_fitting": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.01],
            "depth": [56],
            "model": ["cifar_plain"],
            "width": [1.0],
            "epochs": [240],
            **DIGITS,
        }
    ),
    # The bench on the static page: small nets, one rate.
    "bench": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.1],
            "depth": [8, 14, 20],
            "model": ["cifar_plain", "cifar_resnet"],
            "width": [0.5, 1.0, 2.0],
            "epochs": [15],
            **DIGITS,
        }
    ),
}
