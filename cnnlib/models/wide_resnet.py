"""Wide residual networks: fewer blocks with more channels.

Zagoruyko, Komodakis 2016, "Wide residual networks", https://arxiv.org/abs/1605.07146 (BMVC 2016).

What was new: width in place of depth. A network of 16 layers, widened, matches one of a thousand layers with as many
parameters and trains several times faster, because a GPU computes the channels of a layer at once and layers in turn.

Departures:
- Batch norm's scales start at 1; the authors' PyTorch code draws them between 0 and 1.
- `wide_resnet101_2` is torchvision's; the paper has 50 layers (Table 8).

Explained in chapter 5.
"""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import blocks_per_stage, check_images, conv, he_init, look_up, scaled_channels
from cnnlib.models.resnet import RESNETS, Bottleneck, ResNet

# ------------------------------------------------------------------------------------------ CIFAR: Table 1

#          conv2 conv3 conv4     channels at widen factor 1: map sizes 32×32, 16×16, 8×8
CHANNELS = (16,  32,   64)  # fmt: skip


class WideBlock(nn.Module):
    """B(3, 3), pre-activated: (N, C, H, W) → (N, channels, H/stride, W/stride) (Sec. 2 and Fig. 1d).

    BN, ReLU, 3×3, dropout, BN, ReLU, 3×3. Where shapes change, the 1×1 of the shortcut and the residual path both read
    the output of the first BN and ReLU.
    """

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.residual = nn.Sequential(
            OrderedDict(
                conv1=conv(in_channels, channels, 3, stride),
                norm2=nn.BatchNorm2d(channels),
                relu2=nn.ReLU(inplace=True),
                dropout=nn.Dropout(dropout),
                conv2=conv(channels, channels, 3),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(F.relu(self.norm(x))) + x


class WideProjectionBlock(WideBlock):
    """The first `WideBlock` of a group, in which the shapes change."""

    def __init__(self, in_channels: int, channels: int, stride: int, *, dropout: float) -> None:
        super().__init__(in_channels, channels, stride, dropout=dropout)
        self.shortcut = conv(in_channels, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(x))
        return self.residual(x) + self.shortcut(x)


def group(in_channels: int, channels: int, blocks: int, stride: int, dropout: float) -> nn.Sequential:
    """A row of Table 1: `blocks` blocks, the first of which changes channels or size where they differ."""
    changes = stride > 1 or in_channels != channels
    first = (WideProjectionBlock if changes else WideBlock)(in_channels, channels, stride, dropout=dropout)
    return nn.Sequential(first, *(WideBlock(channels, channels, dropout=dropout) for _ in range(blocks - 1)))


class CifarWideResNet(nn.Module):
    """The networks WRN-d-k of Table 1: images (N, in_channels, H, W), H and W at least 4 → logits (N, num_classes).

    `dropout` is the share dropped between the convolutions of a block (Sec. 2.4; 0.3 on CIFAR, 0.4 on SVHN, or none).
    Weights start by He's rule, as in the authors' PyTorch code. Shapes below: `create_model("cifar_wrn_28_10")`.

    Raises ValueError for a batch of other channels or smaller images.
    """

    def __init__(
        self, blocks: int, widen_factor: float, *, num_classes: int = 10, in_channels: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, 32, 32)
        k2, k3, k4 = (scaled_channels(channels, widen_factor, "widen_factor") for channels in CHANNELS)

        self.conv1 = conv(in_channels, CHANNELS[0], 3)  # is not widened
        self.conv2 = group(CHANNELS[0], k2, blocks, 1, dropout)
        self.conv3 = group(k2, k3, blocks, 2, dropout)
        self.conv4 = group(k3, k4, blocks, 2, dropout)
        self.norm = nn.BatchNorm2d(k4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(k4, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=4)
        x = self.conv1(x)  # (N, 16, 32, 32)
        x = self.conv2(x)  # (N, 160, 32, 32)
        x = self.conv3(x)  # (N, 320, 16, 16)
        x = self.conv4(x)  # (N, 640, 8, 8)
        x = self.avgpool(F.relu(self.norm(x)))  # (N, 640, 1, 1)
        return self.fc(x.flatten(1))  # (N, 10)


def cifar_wrn(depth: int, widen_factor: float, **options) -> CifarWideResNet:
    """WRN-depth-widen_factor with B(3, 3) blocks: 6n + 4 convolutions, projections counted (Sec. 3).

    `num_classes`, `in_channels` and `dropout` go to `CifarWideResNet`. Raises ValueError for another depth, or a widen
    factor that makes no whole number of channels.
    """
    parts = "three groups of n blocks of two convolutions, their three projections and a first convolution"
    return CifarWideResNet(blocks_per_stage(depth, 6, 4, parts), widen_factor, **options)


# ------------------------------------------------------------------------------------------ ImageNet: Table 8


class WideBottleneck(Bottleneck):
    """A bottleneck whose 3×3 is `widen_factor` times as wide: (N, C, H, W) → (N, 4·channels, H/stride, W/stride).

    Its input and its output are as wide as in a ResNet. The 3×3 strides, as in the code that the paper builds on.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, widen_factor: float, bias: bool) -> None:
        inner = scaled_channels(channels, widen_factor, "widen_factor")
        super().__init__(in_channels, channels, stride, inner=inner, bias=bias)


# ResNet-50, 101 and 152: they have bottlenecks
BOTTLENECK_NETS = {depth: row for depth, row in RESNETS.items() if row[0] is Bottleneck}


def wide_resnet(depth: int, widen_factor: float, **options) -> ResNet:
    """WRN-50-2 of Table 8, torchvision's WRN-101-2, and any widening of ResNet-50, 101 and 152.

    `num_classes`, `in_channels`, `width` (all channels times this) and `conv_bias` go to `ResNet`. Raises ValueError for
    a depth without bottlenecks, or a widen factor that makes no whole number of channels.
    """
    _, blocks = look_up("depth", depth, BOTTLENECK_NETS)
    return ResNet(WideBottleneck, blocks, widen_factor=widen_factor, **options)
