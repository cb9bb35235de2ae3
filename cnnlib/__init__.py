"""cnnlib: the networks of *Anatomy of Convolutional Networks*, what they cost, and a short loop that trains them.

    model = cnnlib.create_model("resnet50")
    cnnlib.anatomy(model)
    cnnlib.fit(cnnlib.create_model("cifar_resnet", depth=20, in_channels=1), cnnlib.load_data("digits"), epochs=5)

The teaching parts (explorers, benches, quizzes, checks) are in `cnnlib.course`.
"""

from cnnlib.analysis import Anatomy, Comparison, anatomy, compare
from cnnlib.models import create_model, list_models, load_pretrained, load_weights
from cnnlib.training import History, ImageData, Recipe, fit, gradient_norms, load_data, paper_recipe

__version__ = "0.1.0"

__all__ = [
    "Anatomy",
    "Comparison",
    "History",
    "ImageData",
    "Recipe",
    "anatomy",
    "compare",
    "create_model",
    "fit",
    "gradient_norms",
    "list_models",
    "load_data",
    "load_pretrained",
    "load_weights",
    "paper_recipe",
]
