"""Densely connected networks: each layer reads the maps of all layers before it in its block.

Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks",
https://arxiv.org/abs/1608.06993 (CVPR 2017).

What was new: maps are concatenated and never added, so that a layer need only add a few of its own, its growth rate. A
block of L layers has L(L + 1) / 2 connections.

Departures:
- DenseNet-264 has 265 layers with weights by the block sizes of Table 1, which are kept here.
- `checkpointing=True` follows the authors' report on memory (Pleiss et al. 2017, https://arxiv.org/abs/1707.06990) with
  PyTorch's own checkpoints: concatenation, batch norm, ReLU and first convolution of a layer run again in the backward
  pass. Outputs, gradients and running statistics equal those of the plain network.

Explained in chapter 5.
"""

from collections import OrderedDict
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cnnlib.models.layers import blocks_per_stage, check_images, conv, he_init, look_up

# ---------------------------------------------------------------------------------------------------- the blocks


def norm_relu_conv(in_channels: int, out_channels: int, kernel_size: int, dropout: float) -> nn.Sequential:
    """BN, ReLU, convolution: the composite function (Sec. 3), with dropout behind it where there is any (Sec. 4.2)."""
    layers = OrderedDict(
        norm=nn.BatchNorm2d(in_channels),
        relu=nn.ReLU(inplace=True),
        conv=conv(in_channels, out_channels, kernel_size),
    )
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    return nn.Sequential(layers)


class DenseLayer(nn.Module):
    """H of eq. 2: a list of maps (N, C_i, H, W) that hold `in_channels` in all → (N, growth_rate, H, W).

    With `bottleneck` (DenseNet-B) a 1×1 convolution makes 4 · growth_rate maps for the 3×3 to read (Sec. 3).
    """

    def __init__(self, in_channels: int, growth_rate: int, *, bottleneck: bool, dropout: float) -> None:
        super().__init__()
        if bottleneck:
            self.first = norm_relu_conv(in_channels, 4 * growth_rate, 1, dropout)
            self.second = norm_relu_conv(4 * growth_rate, growth_rate, 3, dropout)
        else:
            self.first = norm_relu_conv(in_channels, growth_rate, 3, dropout)
            self.second = nn.Identity()

    def read(self, *maps: Tensor) -> Tensor:
        """The first convolution of all the maps before this layer."""
        return self.first(torch.cat(maps, dim=1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.second(self.read(*maps))


class CheckpointedDenseLayer(DenseLayer):
    """A `DenseLayer` that keeps no concatenated maps: `read` runs again when the backward pass needs its results.

    In a plain block the kept maps grow with the square of the number of layers, here with the number itself.
    """

    def forward(self, maps: list[Tensor]) -> Tensor:
        contexts = (nullcontext(), SameStatistics(self.first.norm))
        return self.second(checkpoint(self.read, *maps, use_reentrant=False, context_fn=lambda: contexts))


class SameStatistics:
    """A context that leaves a batch norm's running statistics as they were: a batch that is read again counts once."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        self.norm = norm

    def __enter__(self) -> None:
        self.before = [buffer.clone() for buffer in self.norm.buffers()]

    def __exit__(self, *error) -> None:
        for buffer, value in zip(self.norm.buffers(), self.before, strict=True):
            buffer.copy_(value)


class DenseBlock(nn.Module):
    """Layers that read all maps before them (Fig. 1): (N, C, H, W) → (N, C + layers · growth_rate, H, W)."""

    def __init__(self, in_channels: int, layers: int, growth_rate: int, *, checkpointing: bool, **options) -> None:
        super().__init__()
        layer = CheckpointedDenseLayer if checkpointing else DenseLayer
        self.layers = nn.ModuleList(layer(in_channels + i * growth_rate, growth_rate, **options) for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.layers:
            maps.append(layer(maps))
        return torch.cat(maps, dim=1)


class Transition(nn.Sequential):
    """BN, ReLU, 1×1 convolution, 2×2 average pooling: (N, C, H, W) → (N, ⌊compression · C⌋, H/2, W/2) (Sec. 3).

    Raises ValueError where compression leaves no map.
    """

    def __init__(self, in_channels: int, compression: float, dropout: float) -> None:
        self.out_channels = int(in_channels * compression)
        if self.out_channels < 1:
            raise ValueError(
                f"compression={compression} keeps none of {in_channels} maps; give {1 / in_channels} or more"
            )
        super().__init__(norm_relu_conv(in_channels, self.out_channels, 1, dropout), nn.AvgPool2d(2))


def check_growth(growth_rate: int, compression: float) -> None:
    """Raises ValueError for a growth rate under 1, or a compression that is no share of the maps."""
    if growth_rate < 1:
        raise ValueError(f"growth_rate={growth_rate} adds no maps; give 1 or more")
    if not 0 < compression <= 1:
        raise ValueError(f"compression={compression} is no share of the maps; give more than 0 and at most 1, as 0.5")


def stack_dense_blocks(
    model: nn.Module, channels: int, blocks: list[int], growth_rate: int, compression: float, dropout: float, **options
) -> int:
    """Adds dense_block1, transition1, dense_block2, … to `model`, no transition at the end; returns the channels there."""
    for number, layers in enumerate(blocks, start=1):
        block = DenseBlock(channels, layers, growth_rate, dropout=dropout, **options)
        model.add_module(f"dense_block{number}", block)
        channels += layers * growth_rate
        if number < len(blocks):
            transition = Transition(channels, compression, dropout)
            model.add_module(f"transition{number}", transition)
            channels = transition.out_channels
    return channels


# ------------------------------------------------------------------------------------------- ImageNet: Table 1

#  depth  layers in each block   growth rate      Huang et al. 2017, Table 1, and the released DenseNet-161
DENSENETS = {
    121: ((6, 12, 24, 16),       32),
    161: ((6, 12, 36, 24),       48),
    169: ((6, 12, 32, 32),       32),
    201: ((6, 12, 48, 32),       32),
    264: ((6, 12, 64, 48),       32),
}  # fmt: skip


class DenseNet(nn.Module):
    """The DenseNet-BC of Table 1: images (N, in_channels, H, W), H and W at least 32 → logits (N, num_classes).

    Weights start by He's rule (Sec. 4.2). Shapes below: `create_model("densenet121")`.

    Raises ValueError for a growth rate under 1, a compression outside (0, 1], and images of other channels or too small.
    """

    def __init__(
        self,
        blocks: tuple[int, ...],
        growth_rate: int,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        compression: float = 0.5,
        dropout: float = 0.0,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        check_growth(growth_rate, compression)
        self.input_size = (in_channels, 224, 224)
        self.conv1 = conv(in_channels, 2 * growth_rate, 7, 2)
        self.norm1 = nn.BatchNorm2d(2 * growth_rate)
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        options = {"bottleneck": True, "checkpointing": checkpointing}
        channels = stack_dense_blocks(self, 2 * growth_rate, blocks, growth_rate, compression, dropout, **options)
        self.norm5 = nn.BatchNorm2d(channels)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=32)
        x = F.relu(self.norm1(self.conv1(x)))  # (N, 64, 112, 112)
        x = self.pool1(x)  # (N, 64, 56, 56)
        x = self.dense_block1(x)  # (N, 256, 56, 56)
        x = self.transition1(x)  # (N, 128, 28, 28)
        x = self.dense_block2(x)  # (N, 512, 28, 28)
        x = self.transition2(x)  # (N, 256, 14, 14)
        x = self.dense_block3(x)  # (N, 1024, 14, 14)
        x = self.transition3(x)  # (N, 512, 7, 7)
        x = self.dense_block4(x)  # (N, 1024, 7, 7)
        x = self.avgpool(F.relu(self.norm5(x)))  # (N, 1024, 1, 1)
        return self.fc(x.flatten(1))  # (N, 1000)


def densenet(depth: int, *, growth_rate: int | None = None, **options) -> DenseNet:
    """DenseNet-BC of 121, 161, 169, 201 or 264 layers. `growth_rate` None is the paper's: 48 for 161, 32 otherwise.

    `num_classes`, `in_channels`, `compression`, `dropout` and `checkpointing` go to `DenseNet`.
    Raises ValueError for another depth, or a growth rate under 1.
    """
    blocks, papers = look_up("depth", depth, DENSENETS)
    return DenseNet(blocks, papers if growth_rate is None else growth_rate, **options)


# ------------------------------------------------------------------------------------------ CIFAR: Sec. 4.1


class CifarDenseNet(nn.Module):
    """The CIFAR networks: images (N, in_channels, H, W), H and W at least 4 → logits (N, num_classes).

    Three blocks of `layers` layers each; 16 maps before the first, or 2 · growth_rate with bottleneck and compression
    (Sec. 3). Weights start by He's rule (Sec. 4.2). Shapes below: `create_model("cifar_densenet_40_12")`.

    Raises ValueError for a growth rate under 1, a compression outside (0, 1], and images of other channels or too small.
    """

    def __init__(
        self,
        layers: int,
        growth_rate: int,
        bottleneck: bool,
        compression: float,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        dropout: float = 0.0,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        check_growth(growth_rate, compression)
        self.input_size = (in_channels, 32, 32)
        channels = 2 * growth_rate if bottleneck and compression < 1 else 16
        self.conv1 = conv(in_channels, channels, 3)
        options = {"bottleneck": bottleneck, "checkpointing": checkpointing}
        channels = stack_dense_blocks(self, channels, [layers] * 3, growth_rate, compression, dropout, **options)
        self.norm = nn.BatchNorm2d(channels)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=4)
        x = self.conv1(x)  # (N, 16, 32, 32)
        x = self.dense_block1(x)  # (N, 160, 32, 32)
        x = self.transition1(x)  # (N, 160, 16, 16)
        x = self.dense_block2(x)  # (N, 304, 16, 16)
        x = self.transition2(x)  # (N, 304, 8, 8)
        x = self.dense_block3(x)  # (N, 448, 8, 8)
        x = self.avgpool(F.relu(self.norm(x)))  # (N, 448, 1, 1)
        return self.fc(x.flatten(1))  # (N, 10)


def cifar_densenet(
    depth: int, growth_rate: int, *, bottleneck: bool = False, compression: float | None = None, **options
) -> CifarDenseNet:
    """CIFAR DenseNet of 3n + 4 layers, or of 6n + 4 with `bottleneck` (Sec. 4.1: "DenseNet-BC").

    `compression` is the share of the maps that a transition keeps; None is 0.5 with bottleneck and 1 without.
    `num_classes`, `in_channels`, `dropout` (0.2 in the paper where images are not augmented) and `checkpointing` go to
    `CifarDenseNet`. Raises ValueError for another depth.
    """
    kind = "layers of two convolutions" if bottleneck else "layers"
    parts = f"three blocks of n {kind}, a first convolution, two transitions and a final FC"
    layers = blocks_per_stage(depth, 6 if bottleneck else 3, 4, parts)
    share = (0.5 if bottleneck else 1.0) if compression is None else compression
    return CifarDenseNet(layers, growth_rate, bottleneck, share, **options)
