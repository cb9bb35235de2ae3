"""cnnlib: the networks of *Anatomy of Convolutional Networks*, what they cost, and a short loop that trains them.

    model = cnnlib.create_model("resnet50")
    cnnlib.anatomy(model)
    cnnlib.fit(cnnlib.create_model("cifar_resnet", depth=20, in_channels=1), cnnlib.load_data("digits"), epochs=5)

The teaching parts (explorers, benches, quizzes, checks) are in `cnnlib.course` and, chapter by chapter, in `cnnlib.chapters`.
"""

from importlib import import_module
from importlib.util import find_spec

__version__ = "0.1.0"

# Each name is imported when it is first asked for: building the book uses parts of cnnlib that need no torch.
_HOMES = {
    "Anatomy": "analysis",
    "Comparison": "analysis",
    "History": "training",
    "ImageData": "training",
    "Recipe": "training",
    "anatomy": "analysis",
    "compare": "analysis",
    "create_model": "models",
    "fit": "training",
    "gradient_norms": "probes",
    "list_models": "models",
    "load_data": "training",
    "load_pretrained": "models",
    "load_weights": "models",
    "paper_recipe": "training",
}
__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        if find_spec(f"cnnlib.{name}"):  # a part of the package, as after an import of it
            return import_module(f"cnnlib.{name}")
        raise AttributeError(f"module 'cnnlib' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"cnnlib.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
