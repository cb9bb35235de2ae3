"""Measurements on a network that is about to be trained, or has been. Each leaves the model as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import Auxiliary, HasResidual
from cnnlib.training.data import ImageData

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


# ------------------------------------------------------------------------------------------- lesions


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


# ------------------------------------------------------------------------------------------- features


def linear_probe(model: nn.Module, data: ImageData, layer: str | None = None) -> float:
    """Test accuracy of a linear classifier on the features of `model`, which is not trained: a fraction.

    The features are the output of the module `layer`, averaged over positions; None is what the last linear layer
    reads. They are standardised, and logistic regression (scikit-learn's) is fitted to those of the training images.
    `data` may have other classes than the model was trained on. Raises ValueError for a layer that is not there, and
    for None in a model without a linear layer; ImportError, saying what to install, without scikit-learn.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ImportError("a linear probe is fitted by scikit-learn: pip install scikit-learn") from error
    train, test = (features(model, images, layer) for images in (data.train_images, data.test_images))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(train, data.train_labels.cpu().numpy())
    return classifier.score(test, data.test_labels.cpu().numpy())


@torch.no_grad()
def features(model: nn.Module, images: Tensor, layer: str | None = None, batch_size: int = 256):
    """What `layer` gives for images (N, C, H, W), averaged over positions: an array (N, features).

    None: what the last linear layer reads. In evaluation mode. Raises ValueError as `linear_probe` does.
    """
    found: list[Tensor] = []

    def keep(value: Tensor) -> None:
        found.append((value.mean((2, 3)) if value.dim() == 4 else value.flatten(1)).float().cpu())

    if layer is None:
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        if not linear:
            raise ValueError("the model has no linear layer to read features before; name the layer that gives them")
        handle = linear[-1].register_forward_hook(lambda module, inputs, output: keep(inputs[0]))
    else:
        handle = part(model, layer).register_forward_hook(lambda module, inputs, output: keep(output))
    try:
        with in_mode(model, training=False):
            for batch in images.split(batch_size):
                model(batch)
    finally:
        handle.remove()
    return torch.cat(found).numpy()


# ------------------------------------------------------------------------------------------- what all of them need


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
