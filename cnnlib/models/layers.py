"""The few pieces that several families share: units of layers, initialisation, channel arithmetic, checks of arguments."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

# ------------------------------------------------------------------------------------------------- kinds of modules


class BlockClass(Protocol):
    """A class of blocks, as `stack_blocks` takes it: a block gives `expansion * channels` channels."""

    expansion: int

    def __call__(self, in_channels: int, channels: int, stride: int = 1, **options) -> nn.Module:
        """Makes a block: (N, in_channels, H, W) → (N, expansion · channels, H/stride, W/stride)."""


@runtime_checkable
class HasResidual(Protocol):
    """A block whose residual path, F of F(x) + x, is a part of its own: probes watch it, or take it out."""

    residual: nn.Module


@runtime_checkable
class SkipsLayers(Protocol):
    """A module that may leave some of its layers out of a training step."""

    def may_skip(self) -> bool:
        """Whether its settings let it: then a step may leave parameters without a gradient."""


# ------------------------------------------------------------------------------------------------- units of layers


def conv(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, *, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution that keeps the size of the map at stride 1."""
    padding = kernel_size // 2
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)


def conv_bn(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, *, bias: bool = False
) -> list[nn.Module]:
    """A convolution and its batch norm ("right after each convolution", ResNet Sec. 3.4)."""
    return [conv(in_channels, out_channels, kernel_size, stride, bias=bias), nn.BatchNorm2d(out_channels)]


def conv_bn_relu(
    in_channels: int,
    out_channels: int,
    kernel_size: int | tuple[int, int],
    stride: int = 1,
    padding: int | None = None,
    *,
    bias: bool = False,
) -> nn.Sequential:
    """A convolution, its batch norm and a ReLU, as in the Inception nets since 2015; Google's release adds 10⁻³ to a variance.

    `padding=None` keeps the size of the map at stride 1; a window of (height, width) may be longer one way.
    """
    height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    around = (height // 2, width // 2) if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, (height, width), stride, around, bias=bias),
        nn.BatchNorm2d(out_channels, eps=1e-3),
        nn.ReLU(inplace=True),
    )


def stack_blocks(
    block: BlockClass, in_channels: int, channels: int, blocks: int, stride: int, **options
) -> nn.Sequential:
    """One stage: `blocks` blocks, the first of which may stride and change the number of channels.

    `block(in_channels, channels, stride, **options)` gives `block.expansion * channels` channels.
    """
    first = block(in_channels, channels, stride, **options)
    rest = [block(block.expansion * channels, channels, **options) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


def overlapping_pool(*, ceil_mode: bool = False) -> nn.MaxPool2d:
    """3×3 windows at every second position (2012, Sec. 3.4): n → (n − 1) // 2, or n // 2 where it rounds up."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=ceil_mode)


class ResponseNorm(nn.LocalResponseNorm):
    """b_i = a_i / (k + α Σ a_j²)^¾, summed over the 5 maps around map i: (N, C, H, W) → (N, C, H, W).

    The constants are AlexNet's (Krizhevsky et al. 2012, Sec. 3.3): k = 2, α = 10⁻⁴. PyTorch divides its alpha by 5.
    """

    def __init__(self, *, alpha: float = 1e-4, k: float = 2.0) -> None:
        super().__init__(5, alpha=5 * alpha, beta=0.75, k=k)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # PyTorch has no bfloat16 form for the CPU
        return super().forward(wide).to(x.dtype)


class Branches(nn.Module):
    """Paths that all read one input, their outputs stacked: (N, C, H, W) → (N, sum of the paths' channels, H', W').

    The filter concatenation of an Inception module (Szegedy et al. 2015, Sec. 4).
    """

    def __init__(self, **paths: nn.Module) -> None:
        super().__init__()
        for name, path in paths.items():
            self.add_module(name, path)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([path(x) for path in self.children()], dim=1)


class Auxiliary(NamedTuple):
    """The output of a network with auxiliary heads in training mode: its logits and those of the heads, in their order."""

    logits: Tensor
    auxiliary: tuple[Tensor, ...]


class TrainingHeads(nn.ModuleList):
    """Auxiliary heads: in training mode the logits of each, in evaluation mode none."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(x) for head in self) if self.training else ()


# -------------------------------------------------------------------------------------------------- initialisation


def init_weights(model: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """`draw` fills the weight of every convolution and linear layer in place; their biases become 0.

    On the meta device there is nothing to draw.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not module.weight.is_meta:
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def he_init(model: nn.Module) -> None:
    """He initialisation of every convolution and linear layer: weights ~ N(0, 2 / fan_in), biases 0; batch norm 1 and 0.

    He et al. 2015, "Delving deep into rectifiers", eq. 10 (https://arxiv.org/abs/1502.01852).
    """
    init_weights(model, lambda weight: nn.init.kaiming_normal_(weight, mode="fan_in", nonlinearity="relu"))


def glorot_init(model: nn.Module) -> None:
    """Glorot initialisation of every convolution and linear layer: uniform of variance 2 / (fan_in + fan_out), biases 0.

    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
    """
    init_weights(model, nn.init.xavier_uniform_)


# ---------------------------------------------------------------------------------------------- checks of arguments


def scaled_channels(channels: int, width: float, argument: str = "width") -> int:
    """`channels * width`, which must be a whole number of at least 1.

    Raises ValueError, naming the argument and the nearest values that do, when it is not.
    """
    scaled = channels * width
    if scaled < 1 or scaled != int(scaled):
        below, above = max(1, int(scaled)), max(1, int(scaled)) + 1
        raise ValueError(
            f"{argument}={width} makes {channels} channels into {scaled:g}, which is no whole number of channels; "
            f"{argument}={below / channels} and {argument}={above / channels} do"
        )
    return int(scaled)


def check_groups(argument: str, value, channels: int, groups: int) -> None:
    """Raises ValueError, naming the argument that made it so, where `channels` cannot be divided among `groups`."""
    if channels % groups:
        raise ValueError(
            f"{argument}={value} gives {channels} channels, which {groups} groups cannot share evenly; "
            f"choose it so that the channels are a multiple of {groups}, such as {channels - channels % groups or groups}"
        )


def look_up(argument: str, value, table):
    """`table[value]`, or a ValueError that names the argument and all that it can be."""
    if value not in table:
        raise ValueError(f"{argument}={value!r} is not one of {', '.join(repr(key) for key in table)}")
    return table[value]


def blocks_per_stage(depth: int, layers: int, extra: int, parts: str) -> int:
    """n of depth = layers · n + extra. `parts` names the layers that are counted, for the message.

    Raises ValueError, naming the nearest depths, where there is no such n of at least 1.
    """
    n, rest = divmod(depth - extra, layers)
    if rest or n < 1:
        nearest = max(1, n)
        raise ValueError(
            f"depth={depth} is not {layers}n + {extra} ({parts}); "
            f"the nearest depths are {layers * nearest + extra} and {layers * (nearest + 1) + extra}"
        )
    return n


def check_image_size(image_size: int) -> None:
    """Raises ValueError outside 16 to 64 pixels: of a smaller image no map is left, a larger one wants a larger network."""
    if not 16 <= image_size <= 64:
        raise ValueError(
            f"image_size={image_size} is outside 16 to 64, the sizes that the small-image form of this network is made "
            f"for; the nearest is image_size={min(max(image_size, 16), 64)}"
        )


def check_images(images: Tensor, input_size: tuple[int, int, int], smallest: int | None) -> None:
    """Refuses a batch that the network cannot read, before a convolution fails with a message about its weights.

    `images` must be (N, C, H, W) with C as in `input_size`. H and W must be at least `smallest`, the side below which
    the last map would have less than one position; where `smallest` is None they must be those of `input_size`,
    because fully connected layers read a map of one size. Raises ValueError.
    """
    channels = input_size[0]
    if images.dim() != 4:
        raise ValueError(f"images has shape {tuple(images.shape)}; give a batch (N, {channels}, H, W)")
    if images.shape[1] != channels:
        raise ValueError(
            f"images has {images.shape[1]} channels and this network reads {channels}; "
            f"build it with create_model(…, in_channels={images.shape[1]}), or change the images"
        )
    height, width = images.shape[2:]
    if smallest is None and (height, width) != tuple(input_size[1:]):
        raise ValueError(
            f"images of {height}×{width} do not fit: the fully connected layers of this network were made for "
            f"{input_size[1]}×{input_size[2]} pixels; resize the images, or build it with create_model(…, image_size=…)"
        )
    if smallest is not None and min(height, width) < smallest:
        raise ValueError(
            f"images of {height}×{width} are too small: the last map of this network would have less than one "
            f"position; give at least {smallest}×{smallest} pixels, or take a network for small images "
            f"(the cifar_ families; image_size=… where a family has it)"
        )
