"""Networks as the rows that the explorers' views draw. Every figure is `anatomy`'s."""

import json

import torch

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.analysis.drawing.graph import operation_kind
from cnnlib.analysis.trace import Layer
from cnnlib.course.views import COSTS
from cnnlib.models import create_model


def built(name: str, **options) -> tuple[Anatomy, str]:
    """The anatomy of a network that `create_model` builds, and the call that builds it."""
    with torch.device("meta"):  # only shapes are needed: no weights are drawn
        model = create_model(name, **options)
    said = {key: json.dumps(value) if isinstance(value, str) else repr(value) for key, value in options.items()}
    arguments = ", ".join([json.dumps(name), *(f"{key}={value}" for key, value in said.items())])
    return anatomy(model), f"cnnlib.create_model({arguments})"


def costs(layers: list[Layer]) -> dict[str, int]:
    """The costs of some operations together."""
    return {cost: sum(getattr(layer, cost) for layer in layers) for cost in COSTS}


def totals(whole: Anatomy) -> dict[str, int]:
    """The costs of a network."""
    return {cost: getattr(whole, cost) for cost in COSTS}


MAINS = ("conv", "linear", "pool")  # the operations that make a part; the others go with the part before them


def by_part(whole: Anatomy) -> list[dict]:
    """What each part costs, for the views of costs: the modules of the network's first level.

    One without a convolution, linear layer or pooling (a ReLU, a normalisation) is counted with the part before it.
    """
    ops: dict[str, str] = {}
    for layer in whole.layers:
        if operation_kind(layer) in MAINS:
            ops.setdefault(layer.name.split(".")[0], operation_kind(layer))
    parts: dict[str, list[Layer]] = {name: [] for name in ops}
    part = next(iter(parts))
    for layer in whole.layers:
        name = layer.name.split(".")[0]
        part = name if name in parts else part
        parts[part].append(layer)
    return [{"name": name, "op": ops[name], **costs(layers)} for name, layers in parts.items()]


def shapes(whole: Anatomy) -> list[dict]:
    """The image and the output of each convolution, pooling and linear layer, for the view "pipeline".

    An adaptive pooling that finds its size already is left out.
    """
    layers = [{"name": "image", "what": "", "op": "input", "shape": whole.input_size}]
    for layer in whole.layers:
        op = operation_kind(layer)
        if op in MAINS and not (layer.op.startswith("adaptive") and layer.in_shape == layer.out_shape):
            layers.append({"name": layer.name.split(".")[-1], "what": what(layer), "op": op, "shape": layer.out_shape})
    return layers


def what(layer: Layer) -> str:
    """An operation in a word or two: "conv 5×5", "pool 3×3 /2", "linear"."""
    if not layer.window:
        return operation_kind(layer)
    (height, width), (stride, _) = layer.window
    return f"{operation_kind(layer)} {height}×{width}" + (f" /{stride}" if stride > 1 else "")
