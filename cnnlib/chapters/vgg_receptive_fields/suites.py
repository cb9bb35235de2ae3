"""The grids of chapter 2's recorded runs."""

from cnnlib.experiments.record import Suite
from cnnlib.experiments.stacked import StackedConvs

# Three 3×3 or one 7×7: the same field by a stack, by a stack without ReLUs between, and by one window.
STACKS = {"seed": [0, 1, 2], "learning_rate": [0.05], "kind": ["stack", "linear", "one"], "model": ["stacked_convs"]}
SUITES = {
    "stacks_digits": Suite(STACKS | {"epochs": [30], "data": ["digits"], "size": [8]}, build=StackedConvs),
    "stacks_textures": Suite(STACKS | {"epochs": [20], "data": ["textures"], "size": [16]}, build=StackedConvs),
    # The bench on the static page: VGGs of three depths, as published and with batch norm.
    "bench": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.1],
            "depth": [11, 16, 19],
            "model": ["vgg"],
            "batch_norm": [False, True],
            "width": [0.0625, 0.125],
            "image_size": [16],
            "epochs": [12],
            "data": ["digits"],
            "size": [16],
        }
    ),
}
