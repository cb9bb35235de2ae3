"""Parts of a network by name, in one mode or the other, and without one of its blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from cnnlib.models.layers import HasResidual


def part(model: nn.Module, name: str) -> nn.Module:
    """The module of `model` with this name. Raises ValueError, with names that are near, when there is none."""
    modules = {path: module for path, module in model.named_modules() if path}
    if name not in modules:
        near = get_close_matches(name, modules, n=4, cutoff=0.4) or [child for child, _ in model.named_children()]
        raise ValueError(f"the model has no part named {name!r}; there is {', '.join(near)}")
    return modules[name]


@contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """`model` in training or evaluation mode; afterwards modes and buffers (batch norm's) are what they were."""
    modes = {module: module.training for module in model.modules()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])


@contextmanager
def removed(model: nn.Module, block: str) -> Iterator[nn.Module]:
    """`model` without one of its blocks, for as long as the context lasts: `with removed(model, "stage2.1"): …`.

    A residual block (one with a part named `residual`) loses its branch and keeps its shortcut; any other block hands
    its input on as it is. This is the lesion of Veit et al. 2016, Sec. 4.1. The model computes as before afterwards.
    Raises ValueError for a block that is not there, and when the model runs for one that changes the shape of its input
    and has no shortcut, whose removal leaves a hole.
    """

    def nothing(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    def itself(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if inputs[0].shape != output.shape:
            raise ValueError(
                f"block={block!r} turns {tuple(inputs[0].shape[1:])} into {tuple(output.shape[1:])} and has no shortcut: "
                "what follows cannot read its input; remove another one"
            )
        return inputs[0]

    module = part(model, block)
    if isinstance(module, HasResidual):
        handle = module.residual.register_forward_hook(nothing)
    else:
        handle = module.register_forward_hook(itself)
    try:
        yield model
    finally:
        handle.remove()
