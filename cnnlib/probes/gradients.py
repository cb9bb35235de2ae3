"""Signals and gradients, layer by layer, and what a unit really sees. Each probe leaves the model as it was."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import Auxiliary
from cnnlib.probes.modules import in_mode, part

# ------------------------------------------------------------------------------------------- signals, layer by layer


def gradient_norms(
    model: nn.Module, images: Tensor, labels: Tensor, *, auxiliary_weight: float = 0.3
) -> dict[str, float]:
    """Norm of the loss's gradient with respect to each layer's weight: layer name → norm, from input to output.

    One backward pass in training mode over images (N, C, H, W) and labels (N,). Layers are the convolutions on the main
    path and the linear layers; projections of shortcuts are left out, because a plain net has no partner for them.
    Auxiliary heads add their losses with `auxiliary_weight`; with 0 the other layers have the gradients of a network
    without heads. Buffers, gradients and the mode of `model` are afterwards what they were.
    """
    layers = main_path(model)
    with in_mode(model, training=True):
        logits, heads = split_heads(model(images))
        loss = F.cross_entropy(logits, labels)
        loss = loss + auxiliary_weight * sum(F.cross_entropy(head, labels) for head in heads)
        gradients = torch.autograd.grad(loss, [layer.weight for layer in layers.values()])
    return {name: gradient.norm().item() for name, gradient in zip(layers, gradients, strict=True)}


def split_heads(output: Tensor | Auxiliary) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The logits of a network, and those of its auxiliary heads, of which most have none."""
    return (output.logits, output.auxiliary) if isinstance(output, Auxiliary) else (output, ())


@torch.no_grad()
def activation_norms(model: nn.Module, images: Tensor) -> dict[str, float]:
    """Root mean square of each layer's output, before what follows it: layer name → value, from input to output.

    The norm of the output divided by the root of how many values it has, so that layers of different sizes compare.
    One forward pass in training mode over images (N, C, H, W); layers as in `gradient_norms`.
    """
    layers, norms = main_path(model), {}

    def measure(name: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            norms[name] = output.float().square().mean().sqrt().item()

        return hook

    handles = [layer.register_forward_hook(measure(name)) for name, layer in layers.items()]
    try:
        with in_mode(model, training=True):
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return norms


def main_path(model: nn.Module) -> dict[str, nn.Module]:
    """The convolutions and linear layers of `model` by name, less the projections of shortcuts."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and ".shortcut." not in name
    }


# ------------------------------------------------------------------------------------------- what a unit really sees


def effective_receptive_field(model: nn.Module, images: Tensor, layer: str | None = None) -> Tensor:
    """How much each pixel moves the central unit of a map: (H, W), scaled so that the greatest is 1.

    The gradient of that unit, summed over the map's channels, with respect to images (N, C, H, W); its root mean square
    over images and their channels (Luo et al. 2016, Sec. 2 and 3). In evaluation mode, so that images of a batch do not
    see each other. `layer` is the module that gives the map, by name; None is the last one whose map has positions.
    Raises ValueError for a layer that is not there or whose output has no positions.
    """
    maps: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and max(output.shape[2:]) > 1:
            maps.append(output.clone())  # a ReLU that follows may work in place

    watched = model.modules() if layer is None else [part(model, layer)]
    handles = [module.register_forward_hook(keep) for module in watched]
    images = images.detach().clone().requires_grad_()
    try:
        with in_mode(model, training=False), torch.enable_grad():
            model(images)
            if not maps:
                raise ValueError(
                    f"layer={layer!r} gives no map of more than one position; name a convolution or a stage"
                )
            height, width = maps[-1].shape[2:]
            (gradient,) = torch.autograd.grad(maps[-1][:, :, height // 2, width // 2].sum(), images)
    finally:
        for handle in handles:
            handle.remove()
    seen = gradient.square().mean((0, 1)).sqrt()
    return seen / seen.max().clamp_min(torch.finfo(seen.dtype).tiny)


def effective_size(seen: Tensor) -> float:
    """Side in pixels of a square with as many pixels as the effective receptive field `seen` (H, W) has.

    A pixel belongs to it if it weighs more than 1 - 0.9545 of the greatest, two standard deviations of a Gaussian
    (Luo et al. 2016, Sec. 3).
    """
    return (seen > (1 - 0.9545) * seen.max()).sum().sqrt().item()
