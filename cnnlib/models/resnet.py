"""Residual networks, and the plain networks they are measured against.

He, Zhang, Ren, Sun 2015, "Deep residual learning for image recognition", https://arxiv.org/abs/1512.03385 (CVPR 2016).

What was new: a block learns what to *add* to its input. The shortcut that carries the input past the block has no
gate and, where shapes allow, no weights. Networks of 152 layers (ImageNet) and 1,202 layers (CIFAR-10) could be trained.

Departures:
- `stride_in_1x1=False` is the default of the bottleneck nets, because the weights that the world uses were trained so
  (torchvision, "v1.5"). `stride_in_1x1=True` is the paper: conv3_1, conv4_1 and conv5_1 stride in their first 1×1.
- `conv_bias=True` gives every convolution a bias, as the Keras-style ResNet-50 of many courses has. The paper has none.
- Option A pads the new channels at the end; the paper does not say where.

Explained in chapter 4.
"""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import (
    BlockClass,
    blocks_per_stage,
    check_images,
    conv,
    conv_bn,
    he_init,
    look_up,
    scaled_channels,
    stack_blocks,
)

# ------------------------------------------------------------------------------------------------- the shortcuts


class PadShortcut(nn.Module):
    """Option A: every `stride`-th position, and zeros for the channels that are new. No parameters (Sec. 3.3)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def make_shortcut(option: str, in_channels: int, out_channels: int, stride: int, bias: bool) -> nn.Module:
    """The path around a block (Sec. 3.3 and 4.1, options A, B and C of Table 3).

    A: identity, zero-padded where shapes change. B: identity, a 1×1 projection where shapes change. C: always a projection.
    """
    same_shape = stride == 1 and in_channels == out_channels
    if same_shape and option != "C":
        return nn.Identity()
    if option == "A":
        return PadShortcut(in_channels, out_channels, stride)
    return nn.Sequential(*conv_bn(in_channels, out_channels, 1, stride, bias=bias))


# ---------------------------------------------------------------------------------------------------- the blocks


class BasicBlock(nn.Module):
    """The block of ResNet-18 and 34 and of the CIFAR nets: (N, C, H, W) → (N, channels, H/stride, W/stride) (Fig. 5, left).

    Eq. 1 and 2: y = F(x) + x, or F(x) + W x where the shapes differ; the ReLU comes after the addition (Fig. 2).
    """

    expansion = 1

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, *, shortcut: str = "B", bias: bool = False
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            OrderedDict(
                conv1=conv(in_channels, channels, 3, stride, bias=bias),
                bn1=nn.BatchNorm2d(channels),
                relu1=nn.ReLU(inplace=True),
                conv2=conv(channels, channels, 3, bias=bias),
                bn2=nn.BatchNorm2d(channels),
            )
        )
        self.shortcut = make_shortcut(shortcut, in_channels, channels, stride, bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


class PlainBlock(nn.Module):
    """The two layers of a basic block with no shortcut around them: (N, C, H, W) → (N, channels, H/stride, W/stride)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, bias: bool = False) -> None:
        super().__init__()
        self.layers = BasicBlock(in_channels, channels, stride, shortcut="A", bias=bias).residual

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.layers(x))


class Bottleneck(nn.Module):
    """1×1 down, 3×3, 1×1 up (Fig. 5, right): (N, C, H, W) → (N, 4·channels, H/stride, W/stride).

    `inner` is the number of channels that the 3×3 reads and gives, `channels` where it is None; `groups` are its groups.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: str = "B",
        bias: bool = False,
        stride_in_1x1: bool = False,
        inner: int | None = None,
        groups: int = 1,
    ) -> None:
        super().__init__()
        inner, out_channels = inner or channels, self.expansion * channels
        stride_1x1, stride_3x3 = (stride, 1) if stride_in_1x1 else (1, stride)
        self.residual = nn.Sequential(
            OrderedDict(
                conv1=conv(in_channels, inner, 1, stride_1x1, bias=bias),
                bn1=nn.BatchNorm2d(inner),
                relu1=nn.ReLU(inplace=True),
                conv2=conv(inner, inner, 3, stride_3x3, groups=groups, bias=bias),
                bn2=nn.BatchNorm2d(inner),
                relu2=nn.ReLU(inplace=True),
                conv3=conv(inner, out_channels, 1, bias=bias),
                bn3=nn.BatchNorm2d(out_channels),
            )
        )
        self.shortcut = make_shortcut(shortcut, in_channels, out_channels, stride, bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


# ------------------------------------------------------------------------------------------ ImageNet: Table 1

#  layers  block       conv2_x conv3_x conv4_x conv5_x      He et al. 2015, Table 1
RESNETS = {
    18:   (BasicBlock, (2,      2,      2,      2)),
    34:   (BasicBlock, (3,      4,      6,      3)),
    50:   (Bottleneck, (3,      4,      6,      3)),
    101:  (Bottleneck, (3,      4,      23,     3)),
    152:  (Bottleneck, (3,      8,      36,     3)),
}  # fmt: skip
PLAIN_NETS = {
    18:   (PlainBlock, (2,      2,      2,      2)),
    34:   (PlainBlock, (3,      4,      6,      3)),
}  # fmt: skip


class ResNet(nn.Module):
    """The ImageNet networks of Table 1: images (N, in_channels, H, W), H and W at least 32 → logits (N, num_classes).

    Raises ValueError for a batch of other channels or smaller images. Shapes below: `create_model("resnet50")`.
    """

    def __init__(
        self,
        block: BlockClass,
        blocks: tuple[int, int, int, int],
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        conv_bias: bool = False,
        **options,
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, 224, 224)
        c2, c3, c4, c5 = (scaled_channels(channels, width) for channels in (64, 128, 256, 512))
        n2, n3, n4, n5 = blocks
        options["bias"] = conv_bias

        self.conv1, self.bn1 = conv_bn(in_channels, c2, 7, 2, bias=conv_bias)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2_x = stack_blocks(block, c2, c2, n2, 1, **options)
        self.conv3_x = stack_blocks(block, block.expansion * c2, c3, n3, 2, **options)
        self.conv4_x = stack_blocks(block, block.expansion * c3, c4, n4, 2, **options)
        self.conv5_x = stack_blocks(block, block.expansion * c4, c5, n5, 2, **options)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(block.expansion * c5, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=32)
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112)
        x = self.maxpool(x)  # (N, 64, 56, 56)
        x = self.conv2_x(x)  # (N, 256, 56, 56)
        x = self.conv3_x(x)  # (N, 512, 28, 28)
        x = self.conv4_x(x)  # (N, 1024, 14, 14)
        x = self.conv5_x(x)  # (N, 2048, 7, 7)
        x = self.avgpool(x)  # (N, 2048, 1, 1)
        return self.fc(x.flatten(1))  # (N, 1000)


def resnet(depth: int, *, shortcut: str = "B", stride_in_1x1: bool | None = None, **options) -> ResNet:
    """ResNet of 18, 34, 50, 101 or 152 layers (Table 1).

    `shortcut` is the paper's option "A", "B" or "C". `stride_in_1x1` places the stride of a bottleneck: True is the
    paper ("v1"), False torchvision ("v1.5", the default); basic blocks have no 1×1 and refuse it.
    `num_classes`, `in_channels`, `width` (all channels times this) and `conv_bias` go to `ResNet`.

    Raises ValueError for another depth, shortcut or a `stride_in_1x1` where there is no 1×1.
    """
    block, blocks = look_up("depth", depth, RESNETS)
    look_up("shortcut", shortcut, dict.fromkeys("ABC"))
    if block is Bottleneck:
        options["stride_in_1x1"] = bool(stride_in_1x1)
    elif stride_in_1x1 is not None:
        raise ValueError(
            f"stride_in_1x1={stride_in_1x1} has no meaning at depth={depth}: its blocks have no 1×1; leave it out"
        )
    return ResNet(block, blocks, shortcut=shortcut, **options)


def plain(depth: int, **options) -> ResNet:
    """Plain net of 18 or 34 layers: the same layers as the ResNet, no shortcuts (Fig. 3, middle; Table 2).

    `num_classes`, `in_channels`, `width` and `conv_bias` go to `ResNet`. Raises ValueError for another depth.
    """
    block, blocks = look_up("depth", depth, PLAIN_NETS)
    return ResNet(block, blocks, **options)


# ------------------------------------------------------------------------------------------ CIFAR-10: Sec. 4.2

SIX_N_PLUS_2 = (6, 2, "three stages of n two-layer blocks, a first convolution and a final FC")


class CifarResNet(nn.Module):
    """The CIFAR networks of 6n + 2 layers: images (N, in_channels, H, W), H and W at least 4 → logits (N, num_classes).

    `n` is the number of blocks in a stage. Raises ValueError for a batch of other channels or smaller images.
    Shapes below: `create_model("cifar_resnet20")`.
    """

    #           stage1 stage2 stage3     Sec. 4.2: map sizes 32×32, 16×16, 8×8; 1 + 2n, 2n, 2n layers and the final FC
    channels = (16,    32,    64)  # fmt: skip

    def __init__(
        self,
        block: BlockClass,
        n: int,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        width: float = 1.0,
        **options,
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, 32, 32)
        c1, c2, c3 = (scaled_channels(channels, width) for channels in self.channels)

        self.conv1, self.bn1 = conv_bn(in_channels, c1, 3)
        self.stage1 = stack_blocks(block, c1, c1, n, 1, **options)
        self.stage2 = stack_blocks(block, block.expansion * c1, c2, n, 2, **options)
        self.stage3 = stack_blocks(block, block.expansion * c2, c3, n, 2, **options)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(block.expansion * c3, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=4)
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, 16, 32, 32)
        x = self.stage2(x)  # (N, 32, 16, 16)
        x = self.stage3(x)  # (N, 64, 8, 8)
        x = self.avgpool(x)  # (N, 64, 1, 1)
        return self.fc(x.flatten(1))  # (N, 10)


def cifar_resnet(depth: int, *, shortcut: str = "A", **options) -> CifarResNet:
    """CIFAR ResNet of 6n + 2 layers (Sec. 4.2; the paper has 20, 32, 44, 56, 110 and 1,202), option A as in the paper.

    `num_classes`, `in_channels` and `width` go to `CifarResNet`. Raises ValueError for another depth or shortcut.
    """
    look_up("shortcut", shortcut, dict.fromkeys("ABC"))
    return CifarResNet(BasicBlock, blocks_per_stage(depth, *SIX_N_PLUS_2), shortcut=shortcut, **options)


def cifar_plain(depth: int, **options) -> CifarResNet:
    """CIFAR plain net of 6n + 2 layers: the layers of `cifar_resnet`, no shortcuts (Sec. 4.2, Fig. 6 left).

    `num_classes`, `in_channels` and `width` go to `CifarResNet`. Raises ValueError for another depth.
    """
    return CifarResNet(PlainBlock, blocks_per_stage(depth, *SIX_N_PLUS_2), **options)
