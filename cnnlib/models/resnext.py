"""ResNeXt: residual blocks that sum many narrow paths of one shape.

Xie, Girshick, Dollár, Tu, He 2017, "Aggregated residual transformations for deep neural networks",
https://arxiv.org/abs/1611.05431 (CVPR 2017).

What was new: the number of paths, the cardinality, as a third knob beside depth and width. All paths have one shape, so
that a grouped convolution computes them at once.

Departures: none.

Explained in chapter 5.
"""

import math
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import blocks_per_stage, conv_bn, look_up
from cnnlib.models.resnet import Bottleneck, CifarResNet, ResNet, make_shortcut

# ----------------------------------------------------------------------------- one block in three forms: Fig. 3


def inner_channels(channels: int, cardinality: int, base_width: int) -> int:
    """Channels of all paths together: cardinality · base_width where `channels` is 64, as in conv2 (Table 1).

    Raises ValueError where there is no path, or where a path would not have a whole number of channels.
    """
    if min(cardinality, base_width) < 1:
        raise ValueError(f"cardinality={cardinality} and base_width={base_width} make no path; give 1 or more of each")
    width, rest = divmod(base_width * channels, 64)
    if rest:
        step = 64 // math.gcd(channels, 64)
        raise ValueError(
            f"base_width={base_width} makes paths of {base_width * channels / 64:g} channels in a block of {channels}, "
            f"which is no whole number; choose a multiple of {step}, or a width that gives the block a multiple of "
            f"{64 // math.gcd(base_width, 64)} channels"
        )
    return cardinality * width


def path(in_channels: int, width: int, stride: int, bias: bool) -> list[nn.Module]:
    """1×1 and 3×3 convolution of one path, with batch norm and ReLU after each."""
    reduce = [*conv_bn(in_channels, width, 1, bias=bias), nn.ReLU(inplace=True)]
    return [*reduce, *conv_bn(width, width, 3, stride, bias=bias), nn.ReLU(inplace=True)]


class GroupedBlock(Bottleneck):
    """Form (c), a grouped 3×3 convolution: (N, C, H, W) → (N, 4·channels, H/stride, W/stride).

    `cardinality` is the number of groups, each `base_width` channels wide where `channels` is 64 and wider with it.
    The stride is in the 3×3 (Sec. 4).
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, *, cardinality: int, base_width: int, bias: bool = False
    ) -> None:
        inner = inner_channels(channels, cardinality, base_width)
        super().__init__(in_channels, channels, stride, inner=inner, groups=cardinality, bias=bias)


class BlockOfPaths(nn.Module):
    """Forms (a) and (b): `cardinality` paths of 1×1 and 3×3, side by side. Shapes as in form (c)."""

    expansion = 4

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, *, cardinality: int, base_width: int, bias: bool = False
    ) -> None:
        super().__init__()
        inner, out_channels = inner_channels(channels, cardinality, base_width), self.expansion * channels
        width = inner // cardinality
        self.paths = nn.ModuleList(nn.Sequential(*path(in_channels, width, stride, bias)) for _ in range(cardinality))
        self.add_last_1x1(inner, out_channels, bias)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = make_shortcut("B", in_channels, out_channels, stride, bias)

    def forward(self, x: Tensor) -> Tensor:
        maps = [path(x) for path in self.paths]
        return F.relu(self.bn3(self.joined(maps)) + self.shortcut(x))


class ConcatenatedBlock(BlockOfPaths):
    """Form (b), early concatenation: one 1×1 reads all paths."""

    def add_last_1x1(self, inner: int, out_channels: int, bias: bool) -> None:
        """Adds the last 1×1, behind the concatenation."""
        self.conv3 = nn.Conv2d(inner, out_channels, 1, bias=bias)

    def joined(self, maps: list[Tensor]) -> Tensor:
        """The paths' maps (N, width, H, W), stacked and read by the last 1×1: (N, out_channels, H, W)."""
        return self.conv3(torch.cat(maps, dim=1))


class SummedBlock(BlockOfPaths):
    """Form (a), eq. 3: each path has a last 1×1 of its own, and the paths are summed.

    The last batch norm reads the sum, or the forms would not be equal (footnote of Sec. 4). For the same reason the bias
    of the last convolution, where there is one, is added once: by the first path.
    """

    def add_last_1x1(self, inner: int, out_channels: int, bias: bool) -> None:
        """Adds a last 1×1 to each path."""
        for number, path in enumerate(self.paths):
            path.append(nn.Conv2d(inner // len(self.paths), out_channels, 1, bias=bias and number == 0))

    def joined(self, maps: list[Tensor]) -> Tensor:
        """The sum of the paths' maps (N, out_channels, H, W)."""
        return reduce(torch.add, maps)


FORMS = {"a": SummedBlock, "b": ConcatenatedBlock, "c": GroupedBlock}


def in_form(block: GroupedBlock, form: str) -> nn.Module:
    """The function of a form (c) block as a block of form "a", "b" or "c", with copies of its weights (Fig. 3).

    Raises ValueError for another form.
    """
    conv1, bn1, _, conv2, bn2, _, conv3, bn3 = block.residual
    cardinality, width, bias = conv2.groups, conv2.out_channels // conv2.groups, conv1.bias is not None
    channels = conv3.out_channels // block.expansion
    options = {"cardinality": cardinality, "base_width": width * 64 // channels, "bias": bias}
    new = look_up("form", form, FORMS)(conv1.in_channels, channels, conv2.stride[0], **options)
    new.shortcut.load_state_dict(block.shortcut.state_dict())
    if form == "c":
        new.load_state_dict(block.state_dict())
        return new.train(block.training)
    new.bn3.load_state_dict(bn3.state_dict())
    shares = zip(*(split(module, cardinality) for module in (conv1, bn1, conv2, bn2)), strict=True)
    for share, own in zip(shares, new.paths, strict=True):
        for state, module in zip(share, (own[0], own[1], own[3], own[4]), strict=True):
            module.load_state_dict(state)
    if form == "b":
        new.conv3.load_state_dict(conv3.state_dict())
    else:  # conv3 reads the paths one after the other, along its second axis
        with torch.no_grad():
            for own, weight in zip(new.paths, conv3.weight.chunk(cardinality, dim=1), strict=True):
                own[6].weight.copy_(weight)
            if bias:
                new.paths[0][6].bias.copy_(conv3.bias)
    return new.train(block.training)


def split(module: nn.Module, parts: int) -> list[dict[str, Tensor]]:
    """The module's state, each tensor cut into `parts` along its channels; a single number goes to all."""
    state = module.state_dict()
    cut = {name: value.chunk(parts) if value.dim() else [value] * parts for name, value in state.items()}
    return [{name: pieces[part] for name, pieces in cut.items()} for part in range(parts)]


# ------------------------------------------------------------------------------------------ ImageNet: Table 1

#  layers  conv2 conv3 conv4 conv5      the blocks of a ResNet: Table 1 has 50 layers, Table 3 101, the authors' code 152
RESNEXTS = {
    50:    (3,   4,    6,    3),
    101:   (3,   4,    23,   3),
    152:   (3,   8,    36,   3),
}  # fmt: skip


def resnext(depth: int, cardinality: int, base_width: int, *, form: str = "c", **options) -> ResNet:
    """ResNeXt-depth (cardinality×base_width d) of Table 1, a ResNet of other blocks.

    `form` is "a", "b" or "c" of Fig. 3: the same function, written otherwise. `num_classes`, `in_channels`, `width` (all
    channels times this) and `conv_bias` go to `ResNet`. Raises ValueError for another depth or form, and where a path
    would not have a whole number of channels.
    """
    block, blocks = look_up("form", form, FORMS), look_up("depth", depth, RESNEXTS)
    return ResNet(block, blocks, cardinality=cardinality, base_width=base_width, **options)


# ------------------------------------------------------------------------------------------ CIFAR: Appendix A


class CifarResNeXt(CifarResNet):
    """The CIFAR networks of 9n + 2 layers: images (N, in_channels, H, W), H and W at least 4 → logits (N, num_classes).

    A `CifarResNet` of other blocks, in wider stages. Weights start by He's rule (Sec. 4).

    Raises ValueError for a width that makes no whole channels, in the network or in a path, and for a batch of other
    channels or smaller images.
    """

    #           stage1 stage2 stage3     map sizes 32×32, 16×16, 8×8; a block gives four times as many
    channels = (64,    128,   256)  # fmt: skip


def cifar_resnext(depth: int, cardinality: int, base_width: int, *, form: str = "c", **options) -> CifarResNeXt:
    """ResNeXt-depth (cardinality×base_width d) for CIFAR, 9n + 2 layers; the paper has 29 (Appendix A).

    `form` as in `resnext`. `num_classes`, `in_channels` and `width` go to `CifarResNeXt`. Raises ValueError for another
    depth or form, and where a path would not have a whole number of channels.
    """
    block = look_up("form", form, FORMS)
    n = blocks_per_stage(depth, 9, 2, "three stages of n three-layer blocks, a first convolution and a final FC")
    return CifarResNeXt(block, n, cardinality=cardinality, base_width=base_width, **options)
