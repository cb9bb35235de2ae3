"""Pre-activation residual networks: a path on which nothing stands but additions, from the first layer to the last.

He, Zhang, Ren, Sun 2016, "Identity mappings in deep residual networks", https://arxiv.org/abs/1603.05027 (ECCV 2016).

What was new: batch norm and ReLU move in front of each convolution. The sum of a block then reaches the next block as it
is, x_L = x_l + Σ F(x_i), and so does its gradient. A network of 1,001 layers trains well, and what happens when something
does stand on the path is measured: every gate, scale or dropout there makes the network worse.

Departures:
- Where channels or size change, the shortcut is a 1×1 convolution in every network. The paper says so of bottlenecks
  (Appendix); its two-layer units follow the ResNet of 2015, which pads with zeros. The convolution has a batch norm
  where the residual path ends with one, and it stays in all variants: Table 1 replaces every shortcut.
- Of the settings in Table 1 the one with the lowest error: both paths are scaled by 0.5, gates start with a bias of −6.

Explained in chapter 5.
"""

import torch
from torch import Tensor, nn

from cnnlib.models.layers import blocks_per_stage, check_images, conv, he_init, look_up, scaled_channels

# ------------------------------------------------------------------------------------------ orderings: Fig. 4, Table 2

#                           before each   after each     after the     after the
#                           convolution   but the last   last          addition
ORDERINGS = {
    "original":                ("",          "norm relu",   "norm",       "relu"),
    "bn_after_addition":       ("",          "norm relu",   "",           "norm relu"),
    "relu_before_addition":    ("",          "norm relu",   "norm relu",  ""),
    "relu_only_preactivation": ("relu",      "norm",        "norm",       ""),
    "full_preactivation":      ("norm relu", "",            "",           ""),
}  # fmt: skip


def modules(words: str, channels: int) -> list[nn.Module]:
    """The layers that a cell of the table names."""
    return [nn.BatchNorm2d(channels) if word == "norm" else nn.ReLU() for word in words.split()]


# ------------------------------------------------------------------------------------- shortcuts: Fig. 2, Table 1


class Identity(nn.Module):
    """x + F(x): maps x and F(x) of (N, C, H, W) → their sum (Fig. 2a)."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return x + residual


class ConstantScaling(Identity):
    """0.5 x + 0.5 F(x) (Fig. 2b)."""

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return 0.5 * x + 0.5 * residual


class ExclusiveGating(Identity):
    """(1 − g(x)) x + g(x) F(x), where g is the sigmoid of a 1×1 convolution, as in Highway networks (Fig. 2c)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        g = torch.sigmoid(self.gate(x))
        return (1 - g) * x + g * residual


class ShortcutOnlyGating(ExclusiveGating):
    """(1 − g(x)) x + F(x) (Fig. 2d)."""

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return (1 - torch.sigmoid(self.gate(x))) * x + residual


class ConvShortcut(Identity):
    """W x + F(x), where W is a 1×1 convolution (Fig. 2e)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.conv = conv(channels, channels, 1)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.conv(x) + residual


class DropoutShortcut(Identity):
    """x, half of whose values are dropped in training, + F(x) (Fig. 2f)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.dropout(x) + residual


SHORTCUTS = {
    "identity": Identity,
    "constant_scaling": ConstantScaling,
    "exclusive_gating": ExclusiveGating,
    "shortcut_only_gating": ShortcutOnlyGating,
    "conv": ConvShortcut,
    "dropout": DropoutShortcut,
}

# ------------------------------------------------------------------------------------------------- residual units


class ResidualUnit(nn.Module):
    """A residual unit whose input and output have one shape: (N, C, H, W) → (N, C, H, W) (eq. 1 and 2).

    `convs` lists (kernel size, out channels, stride) of the convolutions on the residual path. `activated` says that the
    input has gone through the first norm and ReLU already.
    """

    def __init__(
        self, in_channels: int, convs: tuple, *, ordering: str, shortcut: str, activated: bool = False
    ) -> None:
        super().__init__()
        before, after_each, after_last, after_sum = look_up("ordering", ordering, ORDERINGS)
        out_channels = convs[-1][1]
        layers, channels = [], in_channels
        for number, (kernel_size, written, stride) in enumerate(convs, start=1):
            layers += modules(before, channels) if number > 1 else []
            layers += [conv(channels, written, kernel_size, stride)]
            layers += modules(after_last if number == len(convs) else after_each, written)
            channels = written
        self.activation = nn.Sequential(*([] if activated else modules(before, in_channels)))
        self.residual = nn.Sequential(*layers)
        self.join = look_up("shortcut", shortcut, SHORTCUTS)(out_channels)
        self.after = nn.Sequential(*modules(after_sum, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.join(x, self.residual(self.activation(x))))


class ProjectionUnit(ResidualUnit):
    """The unit in which shapes change: (N, C, H, W) → (N, C', H/stride, W/stride).

    Its 1×1 shortcut and its residual path both read the activation (Appendix). `shortcut`, that of the other units,
    is checked and has no effect here.
    """

    def __init__(
        self, in_channels: int, convs: tuple, *, ordering: str, shortcut: str, activated: bool = False
    ) -> None:
        look_up("shortcut", shortcut, SHORTCUTS)
        super().__init__(in_channels, convs, ordering=ordering, shortcut="identity", activated=activated)
        out_channels, stride = convs[-1][1], max(stride for *_, stride in convs)
        norm = [nn.BatchNorm2d(out_channels)] if "norm" in ORDERINGS[ordering][2] else []
        self.shortcut = nn.Sequential(conv(in_channels, out_channels, 1, stride), *norm)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(x)
        return self.after(self.join(self.shortcut(x), self.residual(x)))


def basic(channels: int, stride: int, stride_in_1x1: bool) -> tuple:
    """Two 3×3 convolutions, as `convs` of a unit."""
    return (3, channels, stride), (3, channels, 1)


def bottleneck(channels: int, stride: int, stride_in_1x1: bool) -> tuple:
    """1×1, 3×3 and a 1×1 that widens four times, as `convs` of a unit."""
    stride_1x1, stride_3x3 = (stride, 1) if stride_in_1x1 else (1, stride)
    return (1, channels, stride_1x1), (3, channels, stride_3x3), (1, 4 * channels, 1)


BLOCKS = {"basic": (basic, 1), "bottleneck": (bottleneck, 4)}  # and how many times wider they end


def stage(
    block: str,
    in_channels: int,
    channels: int,
    units: int,
    stride: int,
    stride_in_1x1: bool,
    *,
    first: bool = False,
    **options,
) -> nn.Sequential:
    """`units` residual units; `first` says that the stage is the network's first, whose input is activated already."""
    convs, expansion = BLOCKS[block]
    changes = stride > 1 or in_channels != expansion * channels
    unit = ProjectionUnit if changes else ResidualUnit
    opening = unit(in_channels, convs(channels, stride, stride_in_1x1), activated=first, **options)
    rest = [ResidualUnit(expansion * channels, convs(channels, 1, False), **options) for _ in range(units - 1)]
    return nn.Sequential(opening, *rest)


def start_gates(model: nn.Module) -> None:
    """The bias of every gate becomes −6: g starts near 0, and the shortcut near the identity (Sec. 3.1, Table 1)."""
    for module in model.modules():
        if isinstance(module, ExclusiveGating) and not module.gate.bias.is_meta:
            nn.init.constant_(module.gate.bias, -6.0)


# ------------------------------------------------------------------------------------------------- CIFAR networks


class CifarPreActResNet(nn.Module):
    """The CIFAR networks: images (N, in_channels, H, W), H and W at least 4 → logits (N, num_classes).

    The first activation follows conv1, before the paths part, and one more follows the last addition; weights start by
    He's rule (both: Appendix). `stride_in_1x1` is read by bottlenecks alone, and None is the authors' code: True.
    Shapes below: `create_model("cifar_preact_resnet164")`.

    Raises ValueError for another ordering or shortcut, a `stride_in_1x1` where there is no 1×1, a width that makes no
    whole channels, and for a batch of other channels or smaller images.
    """

    def __init__(
        self,
        block: str,
        n: int,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        width: float = 1.0,
        ordering: str = "full_preactivation",
        shortcut: str = "identity",
        stride_in_1x1: bool | None = None,
    ) -> None:
        super().__init__()
        if block == "basic" and stride_in_1x1 is not None:
            raise ValueError(
                f"stride_in_1x1={stride_in_1x1} has no meaning for block='basic', which has no 1×1; leave it out"
            )
        stride_in_1x1 = True if stride_in_1x1 is None else stride_in_1x1
        self.input_size = (in_channels, 32, 32)
        c1, c2, c3 = (scaled_channels(channels, width) for channels in (16, 32, 64))
        _, expansion = BLOCKS[block]
        before, *_ = look_up("ordering", ordering, ORDERINGS)
        options = {"ordering": ordering, "shortcut": shortcut}

        self.conv1 = nn.Sequential(conv(in_channels, c1, 3), *modules("norm relu", c1))
        self.stage1 = stage(block, c1, c1, n, 1, stride_in_1x1, first=True, **options)
        self.stage2 = stage(block, expansion * c1, c2, n, 2, stride_in_1x1, **options)
        self.stage3 = stage(block, expansion * c2, c3, n, 2, stride_in_1x1, **options)
        self.activation = nn.Sequential(*modules(before, expansion * c3))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(expansion * c3, num_classes)
        he_init(self)
        start_gates(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=4)
        x = self.conv1(x)  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, 64, 32, 32)
        x = self.stage2(x)  # (N, 128, 16, 16)
        x = self.stage3(x)  # (N, 256, 8, 8)
        x = self.avgpool(self.activation(x))  # (N, 256, 1, 1)
        return self.fc(x.flatten(1))  # (N, 10)


def cifar_preact_resnet(depth: int, *, block: str | None = None, **options) -> CifarPreActResNet:
    """CIFAR pre-activation ResNet of 6n + 2 layers in basic units, or 9n + 2 in bottlenecks.

    `block` is "basic" or "bottleneck"; None is the paper's: basic up to 110 layers, bottlenecks beyond. `ordering` is a
    key of `ORDERINGS` (Fig. 4; Table 2 measures them on 110 and 164 layers), `shortcut` one of `SHORTCUTS` (Fig. 2;
    Table 1 measures them on 110 layers in the original ordering). `stride_in_1x1=False` lets bottlenecks stride in
    their 3×3. `num_classes`, `in_channels` and `width` are those of every network.

    Raises ValueError for another depth, block, ordering or shortcut, and for a `stride_in_1x1` where there is no 1×1.
    """
    block = block or ("basic" if depth <= 110 else "bottleneck")
    look_up("block", block, BLOCKS)
    layers = 6 if block == "basic" else 9
    parts = f"three stages of n units of {layers // 3} layers, a first convolution and a final FC"
    return CifarPreActResNet(block, blocks_per_stage(depth, layers, 2, parts), **options)


# ----------------------------------------------------------------------------------------------- ImageNet: Table 5

#  layers  conv2_x conv3_x conv4_x conv5_x      Table 5 has 152 and 200; 200 is 152 and 16 bottlenecks more (footnote 3)
PREACT_RESNETS = {
    50:    (3,      4,      6,      3),
    101:   (3,      4,      23,     3),
    152:   (3,      8,      36,     3),
    200:   (3,      24,     36,     3),
}  # fmt: skip


class PreActResNet(nn.Module):
    """The ImageNet networks: images (N, in_channels, H, W), H and W at least 32 → logits (N, num_classes).

    Weights start by He's rule (Appendix). Shapes below: `create_model("preact_resnet200")`.

    Raises ValueError for another ordering or shortcut, a width that makes no whole channels, and for a batch of other
    channels or smaller images.
    """

    def __init__(
        self,
        units: tuple[int, int, int, int],
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        ordering: str = "full_preactivation",
        shortcut: str = "identity",
        stride_in_1x1: bool = False,
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, 224, 224)
        c2, c3, c4, c5 = (scaled_channels(channels, width) for channels in (64, 128, 256, 512))
        n2, n3, n4, n5 = units
        before, *_ = look_up("ordering", ordering, ORDERINGS)
        options = {"stride_in_1x1": stride_in_1x1, "ordering": ordering, "shortcut": shortcut}

        self.conv1 = nn.Sequential(conv(in_channels, c2, 7, 2), *modules("norm relu", c2))
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2_x = stage("bottleneck", c2, c2, n2, 1, first=True, **options)
        self.conv3_x = stage("bottleneck", 4 * c2, c3, n3, 2, **options)
        self.conv4_x = stage("bottleneck", 4 * c3, c4, n4, 2, **options)
        self.conv5_x = stage("bottleneck", 4 * c4, c5, n5, 2, **options)
        self.activation = nn.Sequential(*modules(before, 4 * c5))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * c5, num_classes)
        he_init(self)
        start_gates(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=32)
        x = self.conv1(x)  # (N, 64, 112, 112)
        x = self.maxpool(x)  # (N, 64, 56, 56)
        x = self.conv2_x(x)  # (N, 256, 56, 56)
        x = self.conv3_x(x)  # (N, 512, 28, 28)
        x = self.conv4_x(x)  # (N, 1024, 14, 14)
        x = self.conv5_x(x)  # (N, 2048, 7, 7)
        x = self.avgpool(self.activation(x))  # (N, 2048, 1, 1)
        return self.fc(x.flatten(1))  # (N, 1000)


def preact_resnet(depth: int, **options) -> PreActResNet:
    """Pre-activation ResNet of 50, 101, 152 or 200 layers; the paper has 152 and 200 (Table 5).

    `ordering` and `shortcut` as in `cifar_preact_resnet`; a bottleneck strides in its 3×3 unless `stride_in_1x1=True`.
    `num_classes`, `in_channels` and `width` go to `PreActResNet`, too. Raises ValueError for another depth, ordering or
    shortcut.
    """
    return PreActResNet(look_up("depth", depth, PREACT_RESNETS), **options)
