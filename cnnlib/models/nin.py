"""Network in network: convolutions whose filter is a small perceptron, and no fully connected layer at the end.

Lin, Chen, Yan 2013, "Network in network", https://arxiv.org/abs/1312.4400 (ICLR 2014).

What was new: a convolution followed by 1×1 convolutions, which mix the channels at each position, is a multilayer
perceptron that slides over the image. And the last map has one channel for each class: its mean over all positions is
the class's score. This global average pooling has no weights, where AlexNet's fully connected layers had most of them.

Departures:
- The text gives no sizes of layers. `cifar_nin` is the authors' own definition (mavenlin/cuda-convnet,
  NIN/cifar-10_def). Many copies average in the second pooling, where it takes the maximum.
- The paper has no network for ImageNet. `nin` is the one that the authors released for Caffe ("NIN-ImageNet" in its
  model zoo). It averages windows of 6×6, all of the last map of 224×224 images; ours averages maps of any size.
- Both start from the released deviations. Those of `nin` are for pixel values up to 255.
- `width` is ours.

Explained in chapter 3.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import check_images, init_weights, overlapping_pool, scaled_channels

# fmt: off
# A row is an mlpconv layer: the window, stride and padding of its convolution; then channels and initial deviation of
# the convolution and of the two 1×1 convolutions behind it. CLASSES stands for the number of classes.
CLASSES = "classes"

CIFAR_NIN = (  # mavenlin/cuda-convnet, NIN/cifar-10_def
    # window       channels                initial deviation
    ((5, 1, 2),  (192,  160,  96),      (0.05, 0.05, 0.05)),
    ((5, 1, 2),  (192,  192,  192),     (0.05, 0.05, 0.05)),
    ((3, 1, 1),  (192,  192,  CLASSES), (0.05, 0.05, 0.05)),
)
IMAGENET_NIN = (  # "NIN-ImageNet" in Caffe's model zoo
    ((11, 4, 0), (96,   96,   96),      (0.01, 0.05, 0.05)),
    ((5, 1, 2),  (256,  256,  256),     (0.05, 0.05, 0.05)),
    ((3, 1, 1),  (384,  384,  384),     (0.01, 0.05, 0.05)),
    ((3, 1, 1),  (1024, 1024, CLASSES), (0.05, 0.05, 0.01)),
)
# fmt: on


class MLPConv(nn.Module):
    """A perceptron of three layers that reads one window at a time (eq. 2): (N, C, H, W) → (N, channels[2], H', W').

    The first layer is a convolution. The others are 1×1 convolutions: the paper's "cascaded cross channel parametric
    pooling" (cccp). Each has a ReLU, the last one too.
    """

    def __init__(self, in_channels, channels, window, stride, padding) -> None:
        super().__init__()
        first, second, third = channels
        self.conv = nn.Conv2d(in_channels, first, window, stride, padding)
        self.cccp1 = nn.Conv2d(first, second, 1)
        self.cccp2 = nn.Conv2d(second, third, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.cccp2(F.relu(self.cccp1(F.relu(self.conv(x))))))


def mlpconv_layers(table: Sequence[tuple], in_channels: int, num_classes: int, width: float) -> list[MLPConv]:
    """The rows of a table as layers. Weights start as N(0, deviation²), biases at 0.

    A layer that reads `width` times the channels gets deviation / √width, so that its outputs are as large as released.
    """
    blocks, before, factor = [], in_channels, 1.0
    for window, channels, deviations in table:
        channels = [num_classes if full is CLASSES else scaled_channels(full, width) for full in channels]
        blocks.append(MLPConv(before, channels, *window))
        for layer, deviation in zip(blocks[-1].children(), deviations, strict=True):
            init_weights(layer, partial(nn.init.normal_, std=deviation / math.sqrt(factor)))
            factor = width  # all layers but the very first, which reads the image
        before = channels[-1]
    return blocks


class CifarNiN(nn.Module):
    """The network for CIFAR-10: images (N, in_channels, H, W), H and W at least 4 → logits (N, num_classes).

    The logits are means over a ReLU's outputs and thus never negative. Weights start as N(0, 0.05²) (NIN/cifar-10_def;
    Sec. 4.1 calls them set by hand). Shapes below: `create_model("cifar_nin")`.

    Raises ValueError for a width that makes no whole channels, and images of other channels or too small.
    """

    def __init__(self, *, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        self.input_size = (in_channels, 32, 32)
        self.mlpconv1, self.mlpconv2, self.mlpconv3 = mlpconv_layers(CIFAR_NIN, in_channels, num_classes, width)
        self.pool1 = overlapping_pool(ceil_mode=True)
        self.pool2 = overlapping_pool(ceil_mode=True)
        self.dropout = nn.Dropout(0.5)  # behind all mlpconv layers but the last (Sec. 4.1)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=4)
        x = self.pool1(self.mlpconv1(x))  # (N, 96, 16, 16)
        x = self.pool2(self.mlpconv2(self.dropout(x)))  # (N, 192, 8, 8)
        x = self.mlpconv3(self.dropout(x))  # (N, 10, 8, 8)
        return x.mean(dim=(2, 3))  # global average pooling


class NiN(nn.Module):
    """The authors' network for ImageNet: images (N, in_channels, H, W), H and W at least 39 → logits (N, num_classes).

    The logits are means over a ReLU's outputs and thus never negative. Weights start as N(0, 0.05²), in the first and
    third convolution and in the last 1×1 as N(0, 0.01²) (the release's train_val). Shapes below: `create_model("nin")`.

    Raises ValueError for a width that makes no whole channels, and images of other channels or too small.
    """

    def __init__(self, *, num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        self.input_size = (in_channels, 224, 224)
        blocks = mlpconv_layers(IMAGENET_NIN, in_channels, num_classes, width)
        self.mlpconv1, self.mlpconv2, self.mlpconv3, self.mlpconv4 = blocks
        self.pool1 = overlapping_pool(ceil_mode=True)
        self.pool2 = overlapping_pool(ceil_mode=True)
        self.pool3 = overlapping_pool(ceil_mode=True)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=39)
        x = self.pool1(self.mlpconv1(x))  # (N, 96, 27, 27)
        x = self.pool2(self.mlpconv2(x))  # (N, 256, 13, 13)
        x = self.pool3(self.mlpconv3(x))  # (N, 384, 6, 6)
        x = self.mlpconv4(self.dropout(x))  # (N, 1000, 6, 6)
        return x.mean(dim=(2, 3))  # global average pooling
