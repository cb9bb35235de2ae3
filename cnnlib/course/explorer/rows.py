"""Networks as the rows that views draw. All numbers come from `anatomy`."""

import json

import torch

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.analysis.drawing.graph import operation_kind
from cnnlib.analysis.trace import Layer
from cnnlib.course.explorer.costs import COSTS
from cnnlib.models import create_model


def anatomy_and_call(name: str, **options) -> tuple[Anatomy, str]:
    """The anatomy of a network that `create_model` builds, and the call that builds it, as a text of Python.

    Raises ValueError for a name or an option that `create_model` does not know.
    """
    with torch.device("meta"):  # only shapes are needed: no weights are drawn
        model = create_model(name, **options)
    values = {key: json.dumps(value) if isinstance(value, str) else repr(value) for key, value in options.items()}
    arguments = ", ".join([json.dumps(name), *(f"{key}={value}" for key, value in values.items())])
    return anatomy(model), f"cnnlib.create_model({arguments})"


def costs(layers: list[Layer]) -> dict[str, int]:
    """The costs of some operations together: parameters, MACs and output bytes for one image."""
    return {cost: sum(getattr(layer, cost) for layer in layers) for cost in COSTS}


def totals(whole: Anatomy) -> dict[str, int]:
    """The costs of a network: parameters, MACs and output bytes for one image."""
    return {cost: getattr(whole, cost) for cost in COSTS}


MAINS = ("conv", "linear", "pool")  # the operations that make a part; the others go with the part before them


def rows_by_part(whole: Anatomy) -> list[dict]:
    """The rows of the view "bars": a part is a module of the network's first level.

    A module without a convolution, linear layer or pooling (a ReLU, a normalisation) is counted with the part before it.
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


def pipeline_layers(whole: Anatomy) -> list[dict]:
    """The layers of the view "pipeline": the image and the output of each convolution, pooling and linear layer.

    An adaptive pooling whose input already has its output size is left out.
    """
    layers = [{"name": "image", "what": "", "op": "input", "shape": whole.input_size}]
    for layer in whole.layers:
        op = operation_kind(layer)
        if op in MAINS and not (layer.op.startswith("adaptive") and layer.in_shape == layer.out_shape):
            name = layer.name.split(".")[-1]
            layers.append({"name": name, "what": operation_label(layer), "op": op, "shape": layer.out_shape})
    return layers


def operation_label(layer: Layer) -> str:
    """An operation in a word or two: "conv 5×5", "pool 3×3 /2", "linear"."""
    if not layer.window:
        return operation_kind(layer)
    (height, width), (stride, _) = layer.window
    return f"{operation_kind(layer)} {height}×{width}" + (f" /{stride}" if stride > 1 else "")
