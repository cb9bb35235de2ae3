"""The families after ResNet at one size: scaled by the same two knobs, for the bench, and to the same cost, for the race.

Small networks of the book's own experiments (chapter 5), built from the papers' blocks. Departures: `FireNet` has a batch
norm behind each Fire module, without which nets of this size hardly begin to learn; its classifier is one linear layer.

Explained in chapter 5.
"""

from torch import Tensor, nn

from cnnlib.models import create_model
from cnnlib.models.layers import check_images, conv_bn_relu, he_init, look_up
from cnnlib.models.squeezenet import Fire


class FireNet(nn.Module):
    """Fire modules for images of 32 pixels: (N, in_channels, H, W), at least 4×4 → (N, num_classes).

    A 3×3 convolution; three stages of `depth` Fire modules each, with `channels`, 2 · `channels` and 4 · `channels`
    filters to expand and an eighth of that to squeeze; poolings between the stages; the mean and a linear layer.
    Raises ValueError for a `depth` under 1, `channels` that are no multiple of 8, and for images of other channels or
    too small.
    """

    def __init__(self, *, depth=2, channels=48, num_classes=10, in_channels=3) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth} leaves no Fire module; give at least 1")
        if channels < 8 or channels % 8:
            raise ValueError(f"channels={channels} cannot be squeezed to an eighth; give a multiple of 8")
        self.input_size = (in_channels, 32, 32)
        self.conv1 = conv_bn_relu(in_channels, channels, 3)
        self.stage1 = self.stage(channels, channels, depth)
        self.pool1 = nn.MaxPool2d(2)
        self.stage2 = self.stage(channels, 2 * channels, depth)
        self.pool2 = nn.MaxPool2d(2)
        self.stage3 = self.stage(2 * channels, 4 * channels, depth)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * channels, num_classes)
        he_init(self)

    @staticmethod
    def stage(in_channels: int, channels: int, depth: int) -> nn.Sequential:
        """`depth` Fire modules, the first of which reads `in_channels`, with a batch norm behind each."""
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [Fire(in_channels, channels // 8, channels // 2, channels // 2), nn.BatchNorm2d(channels)]
            in_channels = channels
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=4)
        x = self.stage1(self.conv1(x))  # (N, 48, 32, 32)
        x = self.stage2(self.pool1(x))  # (N, 96, 16, 16)
        x = self.stage3(self.pool2(x))  # (N, 192, 8, 8)
        return self.fc(self.avgpool(x).flatten(1))  # (N, 10)


# ------------------------------------------------------------------------------------------------- the race

# What each family is built with to have about 75 thousand parameters, or 1.25 million MACs on images of 8×8 pixels.
RACE = {
    "resnet": ("cifar_resnet", {
        "parameters": {"depth": 26, "width": 7 / 16},
        "macs": {"depth": 20, "width": 11 / 16},
    }),
    "stochastic_depth": ("cifar_stochastic_depth_resnet", {
        "parameters": {"depth": 26, "width": 7 / 16},
        "macs": {"depth": 20, "width": 11 / 16},
    }),
    "wide": ("cifar_wrn", {
        "parameters": {"depth": 10, "widen_factor": 1.0},
        "macs": {"depth": 10, "widen_factor": 21 / 16},
    }),
    "resnext": ("cifar_resnext", {
        "parameters": {"depth": 20, "width": 8 / 64, "cardinality": 4, "base_width": 32},
        "macs": {"depth": 20, "width": 16 / 64, "cardinality": 8, "base_width": 8},
    }),
    "fractalnet": ("cifar_fractalnet", {
        "parameters": {"columns": 2, "blocks": 3, "width": 14 / 64},
        "macs": {"columns": 3, "blocks": 3, "width": 12 / 64},
    }),
    "densenet": ("cifar_densenet", {
        "parameters": {"depth": 28, "growth_rate": 10, "bottleneck": True},
        "macs": {"depth": 28, "growth_rate": 8, "bottleneck": True},
    }),
    "squeezenet": ("fire_net", {
        "parameters": {"depth": 2, "channels": 48},
        "macs": {"depth": 2, "channels": 64},
    }),
}  # fmt: skip
BUDGETS = {"parameters": 75_000, "macs": 1_250_000}


def race_net(family: str, budget: str, *, num_classes: int = 10, in_channels: int = 1) -> nn.Module:
    """The net of a `family` of `RACE` at a `budget`: "parameters" or "macs".

    Raises ValueError for another family or budget.
    """
    name, options = look_up("family", family, RACE)
    return named(name, **look_up("budget", budget, options), num_classes=num_classes, in_channels=in_channels)


def named(name: str, **options) -> nn.Module:
    """`create_model`, which does not know `FireNet`."""
    return FireNet(**options) if name == "fire_net" else create_model(name, **options)


# ------------------------------------------------------------------------------------------------- the bench


# What the bench's families are built with, for so many blocks a stage and all channels times `width`.
BENCH = {
    "preact": lambda blocks, width: ("cifar_preact_resnet", {"depth": 6 * blocks + 2, "width": width}),
    "stochastic_depth": lambda blocks, width: (
        "cifar_stochastic_depth_resnet",
        {"depth": 6 * blocks + 2, "width": width},
    ),
    "densenet": lambda blocks, width: (
        "cifar_densenet",
        {"depth": 6 * blocks + 4, "growth_rate": int(16 * width), "bottleneck": True},
    ),
}


def family_net(family: str, blocks: int, width: float, *, num_classes: int = 10, in_channels: int = 1) -> nn.Module:
    """A net of `blocks` blocks a stage and all channels, or the growth rate, times `width`.

    `family` is "preact", "stochastic_depth" or "densenet". Raises ValueError for another, and for a width that makes no
    whole channels.
    """
    name, options = look_up("family", family, BENCH)(blocks, width)
    return create_model(name, **options, num_classes=num_classes, in_channels=in_channels)


# ------------------------------------------------------------------------------------------------- width or depth

# Widen factors of three wide residual networks that differ in depth and have about 144 thousand parameters each.
EQUAL_WRN = {40: 8 / 16, 28: 10 / 16, 10: 22 / 16}


def equal_wrn(depth: int, *, num_classes: int = 8, in_channels: int = 1) -> nn.Module:
    """A wide residual network of 10, 28 or 40 layers, as wide as its parameters allow. Raises ValueError for another."""
    factor = look_up("depth", depth, EQUAL_WRN)
    return create_model("cifar_wrn", depth=depth, widen_factor=factor, num_classes=num_classes, in_channels=in_channels)
