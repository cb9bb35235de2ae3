"""`anatomy` beside torchinfo, both on the meta device: no memory, no numbers."""

from collections.abc import Iterator

import torch
import torchinfo
import torchvision
from torch import nn

from benchmarks.timing import Row, side_by_side
from cnnlib import anatomy, create_model

IMAGE = (3, 224, 224)


def rows(times: int = 15) -> Iterator[Row]:
    """One row a network. The budgets of VGG-16 and ResNet-152 are 3 and 20 ms, and an eighth of torchinfo's time."""
    with torch.device("meta"):
        networks = [
            ("VGG-16", torchvision.models.vgg16(), 0.003, None),
            ("ResNet-50", create_model("resnet50"), None, None),
            ("ResNet-152", create_model("resnet152"), 0.020, 8),
        ]
    for name, model, budget, factor in networks:
        ours, theirs = compare(model, times)
        kept = (budget is None or ours <= budget) and (factor is None or factor * ours <= theirs)
        texts = [f"{1000 * budget:.0f} ms"] if budget else []
        texts += [f"{factor}× under torchinfo"] if factor else []
        yield Row(f"anatomy of {name}", ours, "torchinfo", theirs, ", ".join(texts) or "–", kept)


def compare(model: nn.Module, times: int) -> tuple[float, float]:
    """Median seconds of `anatomy` and of torchinfo."""
    return side_by_side(
        lambda: anatomy(model, IMAGE),
        lambda: torchinfo.summary(model, (1, *IMAGE), device="meta", verbose=0),
        times,
    )
