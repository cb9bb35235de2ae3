"""Pictures of what a trained network responds to: the deconvnet with its switches, and occlusion. Each leaves the model as it was.

Zeiler, Fergus 2013, "Visualizing and understanding convolutional networks", https://arxiv.org/abs/1311.2901.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlib.probes.modules import in_mode, part

# ------------------------------------------------------------------------------------------- deconvnet


def filtered_back(signal: Tensor, before: Tensor, weight: Tensor, stride, padding, groups: int) -> Tensor:
    """The same filters the other way round: (N, K, h, w), what came out → (N, C, H, W), the shape of `before`."""
    sides = zip(before.shape[2:], signal.shape[2:], weight.shape[2:], stride, padding, strict=True)
    lost = [side - ((out - 1) * s - 2 * p + window) for side, out, window, s, p in sides]  # by rounding down
    return F.conv_transpose2d(signal, weight, None, stride, padding, lost, groups)


def unpooled(signal: Tensor, before: Tensor, switches: Tensor) -> Tensor:
    """Each value goes back to the place that was the maximum; what two overlapping windows send to one place adds up."""
    flat = torch.zeros_like(before).flatten(2)
    return flat.scatter_add(2, switches.flatten(2), signal.flatten(2)).view_as(before)


# Operations that a deconvnet has no way back for; elsewhere in a network (pooling to 1×1, a softmax) they do no harm.
NO_WAY_BACK = {
    torch.add: "adds two paths",
    torch.Tensor.add: "adds two paths",
    torch.Tensor.__add__: "adds two paths",
    torch.Tensor.__iadd__: "adds two paths",
    F.batch_norm: "has batch norm",
    torch.batch_norm: "has batch norm",
    F.avg_pool2d: "pools by averages",
    torch.tanh: "has tanh",
    torch.sigmoid: "has a sigmoid",
    torch.Tensor.tanh: "has tanh",
    torch.Tensor.sigmoid: "has a sigmoid",
}


class WayBack(TorchFunctionMode):
    """Runs beside a forward pass and writes down, for each of its operations, how a signal goes back through it.

    `steps` are functions from a signal in the shape of an output to one in the shape of its input.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Callable[[Tensor], Tensor]] = []
        self.refused: list[str] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (F.relu, torch.relu, torch.Tensor.relu, torch.relu_):
            self.steps.append(torch.relu)
        elif func is torch.conv2d:
            self.steps.append(self.through_convolution(*args, **kwargs))
        elif func in (torch.max_pool2d, F.max_pool2d):
            out, switches = F.max_pool2d_with_indices(*args, **kwargs)
            before = args[0]
            self.steps.append(lambda signal: unpooled(signal, before, switches))
            return out
        elif func in NO_WAY_BACK:
            self.refused.append(NO_WAY_BACK[func])
        return func(*args, **kwargs)

    @staticmethod
    def through_convolution(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        """A function that brings a signal back through the convolution of `x` with `weight`."""

        def pair(value):
            return (value, value) if isinstance(value, int) else tuple(value)

        return lambda signal: filtered_back(signal, x, weight, pair(stride), pair(padding), groups)


@torch.no_grad()
def deconvnet(model: nn.Module, images: Tensor, layer: str, channel: int) -> Tensor:
    """What in each image made map `channel` of `layer` respond most: (N, C, H, W) → (N, C, H, W).

    The map's strongest unit is kept, all other units are set to zero, and the signal goes back to the pixels: through
    max pooling to the place of the maximum (its "switch"), through a ReLU by another ReLU, through a convolution by the
    same filters transposed (Zeiler and Fergus 2013, Sec. 2.1). Response normalisation is passed by, as there. An image
    whose map responds nowhere gives zeros. In evaluation mode.

    For networks that are one chain of convolutions, ReLUs and max poolings up to `layer`. Raises ValueError for a layer
    that is not there or has no maps, a channel that it lacks, and for operations that have no way back (joins, batch
    norm, other activations).
    """
    way, reached = WayBack(), []

    def arrive(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        reached.append((output.clone(), len(way.steps), list(way.refused)))

    handle = part(model, layer).register_forward_hook(arrive)
    try:
        with in_mode(model, training=False), way:
            model(images)
    finally:
        handle.remove()
    maps, steps, refused = reached[0]
    if refused:
        raise ValueError(f"a deconvnet goes through a chain of convolutions, ReLUs and max poolings; this {refused[0]}")
    if maps.dim() != 4 or not 0 <= channel < maps.shape[1]:
        raise ValueError(f"layer={layer!r} gives {tuple(maps.shape[1:])}; it has no map {channel}")
    strongest = maps[:, channel].flatten(1).max(1)
    signal = torch.zeros_like(maps)
    rows = torch.arange(len(maps), device=maps.device)
    signal[:, channel].flatten(1)[rows, strongest.indices] = strongest.values.relu()
    for back in reversed(way.steps[:steps]):
        signal = back(signal)
    return signal


@torch.no_grad()
def peaks(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    """The strongest response of each map of `layer` to each image: images (N, C, H, W) → (N, maps).

    In evaluation mode. Raises ValueError for a layer that is not there.
    """
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        found.append(output.flatten(2).amax(2))

    handle = part(model, layer).register_forward_hook(keep)
    try:
        with in_mode(model, training=False):
            for batch in images.split(256):
                model(batch)
    finally:
        handle.remove()
    return torch.cat(found)


def selective_map(responses: Tensor, labels: Tensor, label: int, count: int = 9) -> int:
    """The map that is most of class `label`, out of what `peaks` gives (N, maps) and labels (N,).

    The one whose `count` strongest answers have the most images of the class; among equals, the one with the largest
    difference of means inside and outside of the class, in standard deviations. Maps that respond nowhere are left out.
    """
    hits = (labels[responses.topk(min(count, len(labels)), 0).indices] == label).sum(0)
    apart = responses[labels == label].mean(0) - responses[labels != label].mean(0)
    apart = apart / responses.std(0).clamp_min(torch.finfo(responses.dtype).eps)
    score = hits + apart.sigmoid()  # the second decides among equals alone
    return int(score.masked_fill(responses.amax(0) <= 0, -torch.inf).argmax())


# ------------------------------------------------------------------------------------------- occlusion


@torch.no_grad()
def occlusion(model: nn.Module, image: Tensor, label: int, *, side: int, step: int = 1, fill: float = 0.0) -> Tensor:
    """The probability of class `label` with a square over the image, for each place of the square: (rows, columns).

    The image is (C, H, W); the square has `side` pixels and the value `fill` (0 is the mean of normalised images), and
    moves by `step`: place (i, j) covers rows i·step to i·step + side − 1. A low value says that the square hid what the
    network needs (Zeiler and Fergus 2013, Sec. 4.2). In evaluation mode. Raises ValueError for a square that does not fit.
    """
    height, width = image.shape[1:]
    if not 1 <= side <= min(height, width):
        raise ValueError(f"side={side}: the square has to fit into {height}×{width} pixels")
    tops, lefts = range(0, height - side + 1, step), range(0, width - side + 1, step)
    covered = image.repeat(len(tops) * len(lefts), 1, 1, 1)
    for number, (top, left) in enumerate((top, left) for top in tops for left in lefts):
        covered[number, :, top : top + side, left : left + side] = fill
    with in_mode(model, training=False):
        logits = torch.cat([model(batch) for batch in covered.split(256)])
    return logits.softmax(1)[:, label].view(len(tops), len(lefts))
