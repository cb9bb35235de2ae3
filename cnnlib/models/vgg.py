"""VGG: the networks of 11 to 19 layers that are built from 3×3 convolutions alone.

Simonyan, Zisserman 2014, "Very deep convolutional networks for large-scale image recognition",
https://arxiv.org/abs/1409.1556 (ICLR 2015).

What was new: depth as the one thing that varies. All windows are 3×3, the smallest that has a left, a right, an up and
a down. Two of them in a row see 5×5 pixels and three see 7×7, with fewer weights than one large window and a ReLU after
each. Networks of 16 and 19 layers did better than those of 11 and 13.

Departures:
- Pool5's map is pooled to 7×7 before FC6, as in torchvision, whose weights load. With 224×224 images it is 7×7 already;
  with others the network runs too.
- `batch_norm=True` is torchvision's: batch norm came a year later.
- The depths above 11 start from drawn weights; the paper's submission started them from a trained configuration A.
- `image_size` is ours, a form for images of 16 to 64 pixels: a pooling that would find a map of 1×1 is left out, FC6
  reads the map that is left, all else is as published.

Explained in chapter 2.
"""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import ResponseNorm, check_image_size, check_images, glorot_init, look_up, scaled_channels

# fmt: off
# Simonyan & Zisserman 2014, Table 1. A row is a column of the paper's table, and its cells stand between poolings:
# 3 is a convolution of 3×3, 1 of 1×1, LRN a local response normalisation.
#             conv1_x  conv2_x  conv3_x    conv4_x    conv5_x
VGGS = {
    "A":     ("3",     "3",     "3 3",     "3 3",     "3 3"),
    "A-LRN": ("3 LRN", "3",     "3 3",     "3 3",     "3 3"),
    "B":     ("3 3",   "3 3",   "3 3",     "3 3",     "3 3"),
    "C":     ("3 3",   "3 3",   "3 3 1",   "3 3 1",   "3 3 1"),
    "D":     ("3 3",   "3 3",   "3 3 3",   "3 3 3",   "3 3 3"),
    "E":     ("3 3",   "3 3",   "3 3 3 3", "3 3 3 3", "3 3 3 3"),
}
CHANNELS =   (64,      128,     256,       512,       512)
HIDDEN_UNITS = 4096  # of FC6 and FC7
# fmt: on

BY_DEPTH = {11: "A", 13: "B", 16: "D", 19: "E"}  # layers with weights, three of them fully connected


def conv_stage(stage: int, cell: str, in_channels: int, channels: int, batch_norm: bool) -> nn.Sequential:
    """One cell of the table: convolutions that keep the size, each with its ReLU, named conv1_1, conv1_2, …"""
    layers = OrderedDict()
    for place, layer in enumerate(cell.split(), start=1):
        if layer == "LRN":
            layers[f"norm{stage}"] = ResponseNorm()  # with AlexNet's constants (Sec. 2.1)
            continue
        window = int(layer)
        layers[f"conv{stage}_{place}"] = nn.Conv2d(in_channels, channels, window, padding=window // 2)
        if batch_norm:
            layers[f"bn{stage}_{place}"] = nn.BatchNorm2d(channels)
        layers[f"relu{stage}_{place}"] = nn.ReLU(inplace=True)
        in_channels = channels
    return nn.Sequential(layers)


class VGG(nn.Module):
    """A configuration of Table 1: images (N, in_channels, H, W), H and W at least 32 → logits (N, num_classes).

    `batch_norm=True` puts a batch norm between each convolution and its ReLU. `image_size`, 16 to 64, gives the form
    for small images; under 32 it has four poolings and takes images from 16 pixels.

    Weights start by Glorot's rule, biases at 0. Sec. 3.1 drew those of A from a normal distribution (its variance is
    printed as 10⁻²) and started the other depths from a trained A; Glorot's rule, it adds, made that unnecessary.
    Shapes below: `create_model("vgg16")`.

    Raises ValueError for another configuration, a width that makes no whole channels, an `image_size` outside 16 to 64,
    and images of other channels or too small.
    """

    def __init__(
        self,
        configuration: str,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        batch_norm: bool = False,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        cells = look_up("configuration", configuration, VGGS)
        if image_size is not None:
            check_image_size(image_size)
        side = image_size or 224
        hidden = scaled_channels(HIDDEN_UNITS, width)
        self.input_size = (in_channels, side, side)
        self.smallest = 1

        channels = in_channels
        for stage, (cell, full) in enumerate(zip(cells, CHANNELS, strict=True), start=1):
            before, channels = channels, scaled_channels(full, width)
            self.add_module(f"conv{stage}_x", conv_stage(stage, cell, before, channels, batch_norm))
            self.add_module(f"pool{stage}", nn.MaxPool2d(2) if side > 1 else nn.Identity())
            if side > 1:
                side, self.smallest = side // 2, 2 * self.smallest
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.fc6 = nn.Linear(channels * side * side, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.5)  # Sec. 3.1
        glorot_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, self.smallest)
        x = self.pool1(self.conv1_x(x))  # (N, 64, 112, 112)
        x = self.pool2(self.conv2_x(x))  # (N, 128, 56, 56)
        x = self.pool3(self.conv3_x(x))  # (N, 256, 28, 28)
        x = self.pool4(self.conv4_x(x))  # (N, 512, 14, 14)
        x = self.pool5(self.conv5_x(x))  # (N, 512, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 512, 7, 7)
        x = F.relu(self.fc6(x))  # (N, 4096)
        x = F.relu(self.fc7(self.dropout(x)))  # (N, 4096)
        return self.fc8(self.dropout(x))  # (N, 1000)


def vgg(depth: int, **options) -> VGG:
    """VGG of 11, 13, 16 or 19 layers: configurations A, B, D and E of Table 1.

    `num_classes`, `in_channels`, `width` (channels and hidden units), `batch_norm` and `image_size` go to `VGG`.
    Raises ValueError for another depth.
    """
    return VGG(look_up("depth", depth, BY_DEPTH), **options)


def vgg11_lrn(**options) -> VGG:
    """Configuration A-LRN: A with a response normalisation, which did not help (Sec. 4.1). Options as in `vgg`."""
    return VGG("A-LRN", **options)


def vgg16_c(**options) -> VGG:
    """Configuration C: B and three 1×1 layers, better than B, not as good as D (Sec. 4.1). Options as in `vgg`."""
    return VGG("C", **options)


# -------------------------------------------------------------------------------------- dense evaluation: Sec. 3.2


def as_convolution(fc: nn.Linear, window: int) -> nn.Conv2d:
    """`fc` as a convolution, computed wherever its window fits: weights (out, C·window²) → (out, C, window, window).

    It shares the memory of its weights with `fc`.
    """
    conv = nn.Conv2d(fc.in_features // window**2, fc.out_features, window, device="meta")
    conv.weight = nn.Parameter(fc.weight.detach().unflatten(1, (-1, window, window)))
    conv.bias = nn.Parameter(fc.bias.detach())
    return conv


def fully_convolutional(model: VGG) -> nn.Sequential:
    """`model` with its fully connected layers as convolutions: images (N, C, H, W) → scores (N, num_classes, H', W').

    Each position has the scores of one window of the image. For images of `model.input_size` there is one, with the
    logits of `model`; for larger ones the paper takes the mean over the positions. The weights are those of `model`.
    """
    stages = [(name, part) for name, part in model.named_children() if name.startswith(("conv", "pool"))]
    classifier = [
        ("fc6", as_convolution(model.fc6, model.avgpool.output_size)),
        ("relu6", nn.ReLU(inplace=True)),
        ("dropout6", model.dropout),
        ("fc7", as_convolution(model.fc7, 1)),
        ("relu7", nn.ReLU(inplace=True)),
        ("dropout7", model.dropout),
        ("fc8", as_convolution(model.fc8, 1)),
    ]
    return nn.Sequential(OrderedDict(stages + classifier))
