"""AlexNet as published in 2012, its single tower of 2014, and ZFNet.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural networks" (NIPS 25),
https://doi.org/10.1145/3065386 (the reprint of 2017).
Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", https://arxiv.org/abs/1404.5997.
Zeiler, Fergus 2013, "Visualizing and understanding convolutional networks", https://arxiv.org/abs/1311.2901 (ECCV 2014).

What was new: the pattern of LeNet-5, large enough for photographs of a thousand classes. ReLU trained it several times
faster than tanh; dropout and augmentation kept 60 million parameters from overfitting; a network too large for one GPU
was split over two. The form of 2014 has one tower again. ZFNet came from pictures of the patterns to which AlexNet's
layers respond: a smaller window and a smaller stride in the first layer lose less of the image.

Departures:
- The paper of 2012 says 224×224 pixels. Its 55×55 maps follow from 227×227 without padding, which `alexnet_2012` reads.
- Its response normalisation stays within the half of the maps that a GPU has. The paper does not say so, but that the
  GPUs exchange maps in certain layers only (Sec. 3.2).
- `alexnet` is torchvision's network, whose weights load. The filters are those of the author's cuda-convnet2; padding 2
  in CONV1, no response normalisation, pooling to one size after POOL5 and dropout before FC6 and FC7 are torchvision's.
- ZFNet's paper gives no padding: one pixel in CONV1, none in CONV2 and poolings that round up give its map sizes.
  It gives no constants for its contrast normalisation: AlexNet's stand here.
- `image_size`, `depth` and `first_stride` are ours. `image_size` is a form for images of 16 to 64 pixels: CONV1 and CONV2
  are 5×5 and keep the size, FC6 reads the map that is left, all else is as published.

Explained in chapter 1.
"""

from collections import OrderedDict
from copy import deepcopy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import (
    ResponseNorm,
    check_groups,
    check_image_size,
    check_images,
    he_init,
    init_weights,
    look_up,
    overlapping_pool,
    scaled_channels,
)

# fmt: off
#               conv1 conv2 conv3 conv4 conv5 fc6   fc7
ALEXNET_2012 = (96,   256,  384,  384,  256,  4096, 4096)  # Krizhevsky et al. 2012, Fig. 2: both GPUs together
ALEXNET_2014 = (64,   192,  384,  256,  256,  4096, 4096)  # cuda-convnet2, layers-imagenet-1gpu.cfg
ZFNETS = {
    "figure3": (96,   256,  384,  384,  256,  4096, 4096),  # Zeiler & Fergus 2013, Fig. 3
    "table1":  (96,   256,  512,  1024, 512,  4096, 4096),  # Table 1, model (b)
}

#            images conv1       conv2        window, stride and padding; then 3×3 pooling at stride 2
FORM_2012 = (227,   (11, 4, 0), (5, 1, 2))   # 227 → 55 → 27, 27 → 13
FORM_2014 = (224,   (11, 4, 2), (5, 1, 2))   # 224 → 55 → 27, 27 → 13
FORM_ZF   = (224,   (7, 2, 1),  (5, 2, 0))   # 224 → 110 → 55, 26 → 13
# fmt: on


def small_form(image_size: int) -> tuple:
    """Our form for small images, in the columns of the table above: CONV1 and CONV2 keep the size."""
    check_image_size(image_size)
    return image_size, (5, 1, 2), (5, 1, 2)


def conv_side(side: int, window: int, stride: int, padding: int) -> int:
    """Height and width after a convolution."""
    return (side + 2 * padding - window) // stride + 1


def normal_init(model: nn.Module, *, ones: tuple[nn.Module, ...] = ()) -> None:
    """Weights ~ N(0, 0.01²), biases 0; but 1 in the layers of `ones`, whose ReLUs then get positive inputs (2012, Sec. 5)."""
    init_weights(model, lambda weight: nn.init.normal_(weight, std=0.01))
    for layer in ones:
        nn.init.ones_(layer.bias)


# ---------------------------------------------------------------------------------------------------- AlexNet, 2012


class InHalves(nn.Module):
    """Runs `layer` on each GPU's half of the maps alone: (N, C, H, W) → (N, C, H, W)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.layer(half) for half in x.chunk(2, dim=1)], dim=1)


class AlexNet2012(nn.Module):
    """AlexNet of Fig. 2: images (N, in_channels, 227, 227) → logits (N, num_classes).

    The two groups of CONV2, CONV4 and CONV5 are the halves on the paper's two GPUs; `groups=1` is a network without
    them.

    Weights start as N(0, 0.01²), biases at 1 in CONV2, CONV4, CONV5, FC6 and FC7, at 0 elsewhere (Sec. 5). With
    `image_size` He's rule stands in: a deviation of 0.01 is too small for layers that read few values.
    Shapes below: `create_model("alexnet_2012")`.

    Raises ValueError for other groups, a width whose channels are not whole or cannot be halved, an `image_size` outside
    16 to 64, and images of another size.
    """

    def __init__(
        self,
        groups: int = 2,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        look_up("groups", groups, dict.fromkeys((1, 2)))
        c1, c2, c3, c4, c5, h6, h7 = (scaled_channels(units, width) for units in ALEXNET_2012)
        for channels in (c1, c2, c3, c4, c5):
            check_groups("width", width, channels, groups)
        size, first, second = FORM_2012 if image_size is None else small_form(image_size)
        side = (conv_side(size, *first) - 7) // 8  # after three poolings
        self.input_size = (in_channels, size, size)

        self.conv1 = nn.Conv2d(in_channels, c1, *first)
        self.norm1 = ResponseNorm() if groups == 1 else InHalves(ResponseNorm())
        self.pool1 = overlapping_pool()
        self.conv2 = nn.Conv2d(c1, c2, *second, groups=groups)
        self.norm2 = ResponseNorm() if groups == 1 else InHalves(ResponseNorm())
        self.pool2 = overlapping_pool()
        self.conv3 = nn.Conv2d(c2, c3, 3, padding=1)  # the one convolution that reads both halves
        self.conv4 = nn.Conv2d(c3, c4, 3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(c4, c5, 3, padding=1, groups=groups)
        self.pool5 = overlapping_pool()
        self.fc6 = nn.Linear(c5 * side * side, h6)
        self.fc7 = nn.Linear(h6, h7)
        self.fc8 = nn.Linear(h7, num_classes)
        self.dropout = nn.Dropout(0.5)  # Sec. 4.2
        if image_size is None:
            normal_init(self, ones=(self.conv2, self.conv4, self.conv5, self.fc6, self.fc7))
        else:
            he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=None)
        x = F.relu(self.conv1(x))  # (N, 96, 55, 55)
        x = self.pool1(self.norm1(x))  # (N, 96, 27, 27)
        x = F.relu(self.conv2(x))  # (N, 256, 27, 27)
        x = self.pool2(self.norm2(x))  # (N, 256, 13, 13)
        x = F.relu(self.conv3(x))  # (N, 384, 13, 13)
        x = F.relu(self.conv4(x))  # (N, 384, 13, 13)
        x = F.relu(self.conv5(x))  # (N, 256, 13, 13)
        x = self.pool5(x)  # (N, 256, 6, 6)
        x = F.relu(self.fc6(x.flatten(1)))  # (N, 4096)
        x = F.relu(self.fc7(self.dropout(x)))  # (N, 4096)
        return self.fc8(self.dropout(x))  # (N, 1000)


def alexnet_2012(*, groups: int = 2, devices: tuple | None = None, **options) -> AlexNet2012:
    """AlexNet of 2012. `devices`, such as `("cuda:0", "cuda:1")`, puts its two halves on two devices, as Fig. 2 does.

    `num_classes`, `in_channels`, `width` (channels and hidden units) and `image_size` go to `AlexNet2012`. One seed gives
    the same weights on one device and on two: they are drawn on the CPU. Raises ValueError for `groups=1` on two devices.
    """
    if devices is None:
        return AlexNet2012(groups, **options)
    with torch.device("meta" if all(str(device) == "meta" for device in devices) else "cpu"):
        return AlexNet2012OnTwoDevices(AlexNet2012(groups, **options), devices)


# ------------------------------------------------------------------------------------- AlexNet, 2012, on two devices


class Tower(nn.Module):
    """One GPU of Fig. 2: half the filters of every convolution, half the units of FC6 and FC7.

    The weights are copies of the first half (`number` 0) or the second (1) of each layer of `whole`.
    """

    def __init__(self, whole: AlexNet2012, number: int, device: torch.device) -> None:
        super().__init__()

        def half(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
            weight, bias = (part.detach().chunk(2)[number] for part in (layer.weight, layer.bias))
            if isinstance(layer, nn.Conv2d):
                window = (layer.kernel_size, layer.stride, layer.padding)
                new = nn.Conv2d(weight.shape[1], weight.shape[0], *window, device="meta")
            else:
                new = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
            new.weight = nn.Parameter(weight.to(device, copy=True))
            new.bias = nn.Parameter(bias.to(device, copy=True))
            return new

        layer1 = (half(whole.conv1), nn.ReLU(), ResponseNorm(), overlapping_pool())
        layer2 = (half(whole.conv2), nn.ReLU(), ResponseNorm(), overlapping_pool())
        layer3, layer4 = (half(whole.conv3), nn.ReLU()), (half(whole.conv4), nn.ReLU())
        layer5 = (half(whole.conv5), nn.ReLU(), overlapping_pool())
        self.conv1_2 = nn.Sequential(*layer1, *layer2)
        self.conv3_5 = nn.Sequential(*layer3, *layer4, *layer5)
        self.fc6 = nn.Sequential(half(whole.fc6), nn.ReLU(), nn.Dropout(0.5))
        self.fc7 = nn.Sequential(half(whole.fc7), nn.ReLU(), nn.Dropout(0.5))


class AlexNet2012OnTwoDevices(nn.Module):
    """AlexNet of 2012 with a tower on each of two devices, and the weights of `whole`, which has two groups.

    Images (N, in_channels, 227, 227) on any device → logits (N, num_classes) on the first. A device reads the other's
    half where Fig. 2 has lines across: before CONV3, FC6, FC7 and FC8. The function is that of `whole`, but
    dropout drops other units. `.to(device)` would undo the split.

    Raises ValueError for a number of devices that is not two, a `whole` without its two groups, and images that `whole`
    refuses.
    """

    def __init__(self, whole: AlexNet2012, devices: tuple) -> None:
        super().__init__()
        if len(devices) != 2:
            raise ValueError(f"devices={devices!r} are not two; give a pair such as ('cuda:0', 'cuda:1')")
        if whole.conv2.groups != 2:
            raise ValueError("groups=1 cannot be split: the two groups are what the two devices hold; leave groups out")
        self.input_size = whole.input_size
        self.devices = [torch.device(device) for device in devices]
        self.towers = nn.ModuleList(Tower(whole, number, device) for number, device in enumerate(self.devices))
        self.fc8 = deepcopy(whole.fc8).to(self.devices[0])

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=None)
        pairs = list(zip(self.towers, self.devices, strict=True))
        halves = [tower.conv1_2(x.to(device)) for tower, device in pairs]  # 2 × (N, 128, 13, 13)
        halves = [tower.conv3_5(joined(halves, device)) for tower, device in pairs]  # 2 × (N, 128, 6, 6)
        halves = [tower.fc6(joined(halves, device).flatten(1)) for tower, device in pairs]  # 2 × (N, 2048)
        halves = [tower.fc7(joined(halves, device)) for tower, device in pairs]  # 2 × (N, 2048)
        return self.fc8(joined(halves, self.devices[0]))


def joined(halves: list[Tensor], device: torch.device) -> Tensor:
    """Both halves on `device`, which has one of them already. The other one must be sent: the price of the split."""
    return torch.cat([half.to(device) for half in halves], dim=1)


# ---------------------------------------------------------------------------------------------------- AlexNet, 2014


class AlexNet(nn.Module):
    """AlexNet in one tower: images (N, in_channels, H, W), H and W at least 63 → logits (N, num_classes).

    `depth` counts the layers with weights: 8, or 6 and more with fewer or more 3×3 convolutions, of which the first
    has 384 channels and the others 256. `first_stride` is the stride of CONV1, 4 as published. FC6 reads POOL5's
    map of 224×224 images, 6×6 as published; maps of other images are pooled to its size.

    Weights start as in the author's cuda-convnet2 (layers-imagenet-1gpu.cfg): N(0, 0.03²) in the 3×3 convolutions and
    N(0, 0.01²) elsewhere, biases at 1 in CONV2, CONV4, CONV5, FC6 and FC7, at 0 elsewhere. (Its −7 in all biases of FC8
    changes no softmax.) With `image_size` He's rule stands in: such deviations are too small for layers that read few
    values. Shapes below: `create_model("alexnet")`.

    Raises ValueError for a depth under 6, a stride that leaves no map, a width that makes no whole channels, an
    `image_size` outside 16 to 64, and images of other channels or too small.
    """

    def __init__(
        self,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        depth: int = 8,
        first_stride: int | None = None,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        if depth < 6:
            raise ValueError(f"depth={depth} leaves no 3×3 convolution; the paper has 8 layers, and 6 is the fewest")
        c1, c2, c3, _, c5, h6, h7 = (scaled_channels(units, width) for units in ALEXNET_2014)
        size, (window, stride, padding), second = FORM_2014 if image_size is None else small_form(image_size)
        stride = stride if first_stride is None else first_stride
        largest = (size + 2 * padding - window) // 14  # three poolings need 15×15 positions
        if not 1 <= stride <= largest:
            raise ValueError(
                f"first_stride={stride} is outside 1 to {largest}, between which images of {size}×{size} leave a map"
            )
        side = (conv_side(size, window, stride, padding) - 7) // 8  # after three poolings
        self.input_size = (in_channels, size, size)
        self.smallest = 14 * stride + window - 2 * padding

        self.conv1 = nn.Conv2d(in_channels, c1, window, stride, padding)
        self.pool1 = overlapping_pool()
        self.conv2 = nn.Conv2d(c1, c2, *second)
        self.pool2 = overlapping_pool()
        channels = [c2, c3] + [c5] * (depth - 6)  # inputs of CONV3, CONV4, CONV5, …, and the output of the last
        layers = OrderedDict()
        for number, (before, after) in enumerate(pairwise(channels), start=3):
            layers[f"conv{number}"] = nn.Conv2d(before, after, 3, padding=1)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
        self.conv3_x = nn.Sequential(layers)
        self.pool5 = overlapping_pool()
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.fc6 = nn.Linear(channels[-1] * side * side, h6)
        self.fc7 = nn.Linear(h6, h7)
        self.fc8 = nn.Linear(h7, num_classes)
        self.dropout = nn.Dropout(0.5)
        if image_size is None:
            conv3, *deeper = (layer for layer in self.conv3_x if isinstance(layer, nn.Conv2d))
            normal_init(self, ones=(self.conv2, *deeper, self.fc6, self.fc7))
            for layer in (conv3, *deeper):
                nn.init.normal_(layer.weight, std=0.03)
        else:
            he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=self.smallest)
        x = F.relu(self.conv1(x))  # (N, 64, 55, 55)
        x = self.pool1(x)  # (N, 64, 27, 27)
        x = F.relu(self.conv2(x))  # (N, 192, 27, 27)
        x = self.pool2(x)  # (N, 192, 13, 13)
        x = self.conv3_x(x)  # (N, 256, 13, 13)
        x = self.pool5(x)  # (N, 256, 6, 6)
        x = self.avgpool(x).flatten(1)  # (N, 256, 6, 6)
        x = F.relu(self.fc6(self.dropout(x)))  # (N, 4096)
        x = F.relu(self.fc7(self.dropout(x)))  # (N, 4096)
        return self.fc8(x)  # (N, 1000)


# ----------------------------------------------------------------------------------------------------- ZFNet, 2013


class ZFNet(nn.Module):
    """ZFNet: images (N, in_channels, 224, 224) → logits (N, num_classes).

    `variant="figure3"` is the network of Fig. 3, which keeps AlexNet's numbers of filters. `variant="table1"` is model (b)
    of Table 1, with 512, 1024 and 512 filters in CONV3, CONV4 and CONV5; many notes give it as the network. There are no
    groups. ReLU, pooling, normalisation follow the first two convolutions in this order (Fig. 3).

    "All weights are initialized to 10⁻²" and biases to 0 (Sec. 3) is read as N(0, 0.01²): equal filters would stay equal.
    With `image_size` He's rule stands in: such a deviation is too small for layers that read few values.
    Shapes below: `create_model("zfnet")`.

    Raises ValueError for another variant, a width that makes no whole channels, an `image_size` outside 16 to 64, and
    images of another size.
    """

    def __init__(
        self,
        *,
        variant: str = "figure3",
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        filters = look_up("variant", variant, ZFNETS)
        c1, c2, c3, c4, c5, h6, h7 = (scaled_channels(units, width) for units in filters)
        size, first, second = FORM_ZF if image_size is None else small_form(image_size)
        side = conv_side(conv_side(size, *first) // 2, *second) // 4  # after three poolings
        self.input_size = (in_channels, size, size)

        self.conv1 = nn.Conv2d(in_channels, c1, *first)
        self.pool1 = overlapping_pool(ceil_mode=True)
        self.norm1 = ResponseNorm()
        self.conv2 = nn.Conv2d(c1, c2, *second)
        self.pool2 = overlapping_pool(ceil_mode=True)
        self.norm2 = ResponseNorm()
        self.conv3 = nn.Conv2d(c2, c3, 3, padding=1)
        self.conv4 = nn.Conv2d(c3, c4, 3, padding=1)
        self.conv5 = nn.Conv2d(c4, c5, 3, padding=1)
        self.pool5 = overlapping_pool(ceil_mode=True)
        self.fc6 = nn.Linear(c5 * side * side, h6)
        self.fc7 = nn.Linear(h6, h7)
        self.fc8 = nn.Linear(h7, num_classes)
        self.dropout = nn.Dropout(0.5)  # Sec. 3
        if image_size is None:
            normal_init(self)
        else:
            he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=None)
        x = F.relu(self.conv1(x))  # (N, 96, 110, 110)
        x = self.norm1(self.pool1(x))  # (N, 96, 55, 55)
        x = F.relu(self.conv2(x))  # (N, 256, 26, 26)
        x = self.norm2(self.pool2(x))  # (N, 256, 13, 13)
        x = F.relu(self.conv3(x))  # (N, 384, 13, 13)
        x = F.relu(self.conv4(x))  # (N, 384, 13, 13)
        x = F.relu(self.conv5(x))  # (N, 256, 13, 13)
        x = self.pool5(x)  # (N, 256, 6, 6)
        x = F.relu(self.fc6(x.flatten(1)))  # (N, 4096)
        x = F.relu(self.fc7(self.dropout(x)))  # (N, 4096)
        return self.fc8(self.dropout(x))  # (N, 1000)
