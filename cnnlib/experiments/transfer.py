"""Transfer: a network that has learned one task begins another, with a new last layer and few labels.

Explained in chapter 6.
"""

import copy
from dataclasses import replace
from functools import cache

import torch
from torch import nn

from cnnlib.models import create_model
from cnnlib.probes.features import linear_probe
from cnnlib.training.data import ImageData, load_data
from cnnlib.training.loop import fit
from cnnlib.training.recipes import Recipe


def head(model: nn.Module) -> str:
    """The name of the last linear layer, which makes features into classes. Raises ValueError where there is none."""
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError(f"{type(model).__name__} has no linear layer that could be replaced")
    return linear[-1]


def with_new_head(model: nn.Module, classes: int, *, frozen: bool = False) -> nn.Module:
    """A copy of `model` whose last linear layer is new, for so many classes; `frozen`: nothing else learns.

    The weights of the new layer come from torch's random numbers. Raises ValueError without a linear layer.
    """
    name = head(model)
    model = copy.deepcopy(model).requires_grad_(not frozen)
    model.set_submodule(name, nn.Linear(model.get_submodule(name).in_features, classes))
    return model


def few_labels(data: ImageData, labels: int, seed: int = 0) -> ImageData:
    """`data` with `labels` training images, drawn by `seed`, as many of each class; the test images are left whole.

    Raises ValueError for fewer labels than classes, and where a class has too few images.
    """
    each = labels // len(data.classes)
    if each < 1:
        raise ValueError(f"labels={labels} is less than one for each of {len(data.classes)} classes")
    order = torch.randperm(len(data.train_labels), generator=torch.Generator().manual_seed(seed))
    drawn = data.train_labels.cpu()[order]
    kept = [order[drawn == label][:each] for label in range(len(data.classes))]
    if min(map(len, kept)) < each:
        raise ValueError(f"labels={labels}: {data.name!r} has only {min(map(len, kept))} images of one class")
    chosen = torch.cat(kept).to(data.train_labels.device)
    return replace(data, train_images=data.train_images[chosen], train_labels=data.train_labels[chosen])


# ------------------------------------------------------------------------------------------- the experiment

LEARNED = ("circle", "triangle", "star", "half disc", "cross")  # five shapes with many labels
OTHERS = ("ring", "square", "heart", "crescent", "arrow")  # and five with few
SIZE, DIFFICULTY = 16, 0.3
RECIPE = Recipe(learning_rate=0.03, batch_size=16)
EPOCHS = 20


def resnet8(classes: int, seed: int) -> nn.Module:
    """The network of the experiment, before training: (N, 3, H, W) → (N, classes)."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return create_model("cifar_resnet", depth=8, num_classes=classes)


@cache
def learned(seed: int, epochs: int = 12) -> nn.Module:
    """A network that was trained on 3 000 pictures of the shapes `LEARNED`. The same object for the same arguments."""
    data = load_data("shapes", size=SIZE, train=6000, difficulty=DIFFICULTY, seed=seed).only(LEARNED)
    model = resnet8(len(LEARNED), seed)
    fit(model, data, epochs=epochs, seed=seed)
    return model


def target(name: str, seed: int) -> ImageData:
    """The new task: "shapes", the five `OTHERS`, or "digits", grey and shown in all three channels."""
    if name == "shapes":
        return load_data("shapes", size=SIZE, train=2000, test=500, difficulty=DIFFICULTY, seed=seed + 50).only(OTHERS)
    data = load_data(name, size=SIZE)
    parts = {part: getattr(data, part).expand(-1, 3, -1, -1) for part in ("train_images", "test_images")}
    return replace(data, **parts)


def ways(model: nn.Module, data: ImageData, seed: int, epochs: int = EPOCHS) -> dict[str, float]:
    """Test error in per cent after learning `data` in four ways.

    "from scratch" and "fine-tuned" train all layers, the second from the weights of `model`; "frozen" fits a linear
    classifier to the features of `model`, "untrained" one to those of the same network with random weights.
    """
    classes = len(data.classes)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        started = {"from scratch": resnet8(classes, seed + 100), "fine-tuned": with_new_head(model, classes)}
    errors = {
        way: fit(network, data, epochs=epochs, recipe=RECIPE, seed=seed).test_error[-1]
        for way, network in started.items()
    }
    probed = {"frozen": model, "untrained": resnet8(classes, seed + 200)}
    return errors | {way: 100 * (1 - linear_probe(network, data)) for way, network in probed.items()}


def measure(config: dict, device: torch.device) -> dict:
    """The content of a recorded run of transfer, for the settings "target", "labels" and "seed"; the CPU is fast enough."""
    seed = config["seed"]
    data = few_labels(target(config["target"], seed), config["labels"], seed)
    return {"errors": {way: round(error, 2) for way, error in ways(learned(seed), data, seed).items()}}
