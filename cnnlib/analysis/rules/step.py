"""The operation that runs, as a rule sees it, and the pieces that several rules share."""

from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from cnnlib.analysis.receptive_field import Field, Fields

# The result of a rule: the output, without numbers; the fields of its positions; its MACs.
Seen = tuple[Tensor, Fields | None, int]
Axes = tuple[int, ...]  # a setting, or a size, for each axis of the positions


class InputTooSmall(ValueError):
    """A window does not fit into the map that it gets."""


class Step(Protocol):
    """The operation that runs now. A rule reads `images`, and sets `window` and `misaligned` where they apply.

    `images` are those of its arguments that stem from the image. `window` is its kernel and its stride, a number for
    each axis. `misaligned` says whether it joins branches whose centres differ.
    """

    images: list[Tensor]
    window: tuple[Axes, Axes] | None
    misaligned: bool

    def path(self) -> str:
        """The name of the row that the operation becomes."""

    def end_map(self, x: Tensor) -> None:
        """Says that global pooling, flattening or a linear layer ends the map `x`."""


def too_small(step: Step, kernel: Axes, size: Axes) -> InputTooSmall:
    """The error for a window that does not fit."""
    window, size = ("×".join(map(str, sizes)) for sizes in (kernel, size))
    return InputTooSmall(f"{step.path()} has a window of {window} and gets a map of {size}")


def tensors_in(args: tuple, kwargs: dict) -> list[Tensor]:
    """The tensors among the arguments, with those inside lists and tuples."""
    found = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found.extend([item for item in value if isinstance(item, Tensor)])
    return found


def empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A tensor of this shape on the meta device: no memory."""
    return torch.empty(shape, dtype=like.dtype, device="meta")


def per_axis(value, dims: int) -> tuple[int, ...]:
    """`value` for each of `dims` axes."""
    return tuple(value) * (dims // len(value)) if isinstance(value, (tuple, list)) else (value,) * dims


def on_meta(value):
    """`value` with its tensors on the meta device, so that a weight in an operation without a rule is not read."""
    if isinstance(value, Tensor):
        return value if value.is_meta else value.to("meta")
    if isinstance(value, tuple | list):
        return type(value)(map(on_meta, value))
    if isinstance(value, dict):
        return {key: on_meta(item) for key, item in value.items()}
    return value


@lru_cache(maxsize=4096)  # few shapes make up a deep network
def windows(fields: Fields | None, kernel: Axes, stride: Axes, padding: Axes, dilation: Axes) -> Fields | None:
    """The fields of a map behind a window of these settings; `fields` are those in front of it."""
    return fields and tuple(map(Field.window, fields, kernel, stride, padding, dilation))
