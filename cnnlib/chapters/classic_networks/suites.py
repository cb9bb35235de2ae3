"""The grids of chapter 1's recorded runs."""

from cnnlib.experiments.record import Suite

SUITES = {
    # LeNet-5: which activation and which pooling? Its own 32×32 pixels, the better of two rates, three seeds.
    "lenet": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.03, 0.1],
            "activation": ["sigmoid", "tanh", "relu"],
            "pooling": ["average", "max"],
            "model": ["lenet5_modern"],
            "epochs": [30],
            "data": ["digits"],
            "size": [32],
        }
    ),
    # ReLU against tanh: epochs to a training error, each at the best of three rates, on photographs.
    "activations": Suite(
        {
            "seed": [0, 1, 2],
            "learning_rate": [0.01, 0.03, 0.1],
            "activation": ["sigmoid", "tanh", "relu"],
            "model": ["lenet5_modern"],
            "epochs": [20],
            "data": ["textures"],
            "size": [32],
        }
    ),
    # The bench on the static page: AlexNets in one tower for digits of 16×16 pixels.
    "bench": Suite(
        {
            "seed": [0, 1],
            "learning_rate": [0.01],
            "depth": [6, 8, 10],
            "width": [0.125, 0.25],
            "model": ["alexnet"],
            "image_size": [16],
            "epochs": [30],
            "data": ["digits"],
            "size": [16],
        }
    ),
}
