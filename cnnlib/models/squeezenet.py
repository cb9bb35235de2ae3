"""SqueezeNet: AlexNet's accuracy from a fiftieth of its parameters, with bypasses as an option.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
<0.5MB model size", https://arxiv.org/abs/1602.07360.

What was new: a network designed to be small. A Fire module squeezes the channels with 1×1 filters, so that the 3×3
filters behind them read few; of the filters that expand them again half are 1×1 as well. Pooling comes late, which
keeps the maps large. The parameters are 49 times fewer than AlexNet's of 2012.

Departures:
- The network is torchvision's, whose weights load. It reads 224×224 images; the maps of Table 1 (111×111 after conv1)
  follow from 227×227, which the release crops.
- The release of version 1.0 pads conv10, a 1×1 convolution, by one pixel; torchvision and this file do not.
- Sec. 3.3 has a max pooling behind conv10; Fig. 2, Table 1 and the release have an average.
- Version 1.1 is the authors' release of the same year and not in the paper.
- Complex bypasses are those of Fig. 2 and add 341,248 parameters, 1.4 MB. Table 3 has 2.9 MB for them.
- `width` and `image_size` are ours. `image_size` is a form for images of 16 to 64 pixels: conv1 is 3×3 and keeps the
  size, all else is as published.

Explained in chapter 5.
"""

from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import (
    check_image_size,
    check_images,
    init_weights,
    look_up,
    overlapping_pool,
    scaled_channels,
)

# fmt: off
# Filters of the expand layers, 1×1 and 3×3 together: Iandola et al. 2016, Table 1; e_i = 128 + 128 ⌊i / 2⌋ (Sec. 5.1)
EXPAND = {
    "fire2": 128, "fire3": 128, "fire4": 256, "fire5": 256, "fire6": 384, "fire7": 384, "fire8": 512, "fire9": 512,
}

# Filters, window and stride of conv1; then the Fire modules behind each of the three poolings.
VERSIONS = {
    #       conv1        maxpool              maxpool                    maxpool
    "1.0": ((96, 7, 2), ("fire2 fire3 fire4", "fire5 fire6 fire7 fire8", "fire9")),                    # Table 1
    "1.1": ((64, 3, 2), ("fire2 fire3",       "fire4 fire5",             "fire6 fire7 fire8 fire9")),  # the release
}
# fmt: on


class Fire(nn.Module):
    """Squeeze, then expand with 1×1 and 3×3 filters side by side (Fig. 1): (N, C, H, W) → (N, e1x1 + e3x3, H, W)."""

    def __init__(self, in_channels: int, s1x1: int, e1x1: int, e3x3: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, s1x1, 1)
        self.expand1x1 = nn.Conv2d(s1x1, e1x1, 1)
        self.expand3x3 = nn.Conv2d(s1x1, e3x3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1))


class BypassFire(Fire):
    """A Fire module whose input is added to its output (Sec. 6, Fig. 2), as it is or through a 1×1 convolution."""

    def __init__(self, in_channels: int, s1x1: int, e1x1: int, e3x3: int) -> None:
        super().__init__(in_channels, s1x1, e1x1, e3x3)
        out_channels = e1x1 + e3x3
        self.bypass = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.bypass(x)


def fire_class(bypass: str | None, in_channels: int, out_channels: int) -> type[Fire]:
    """Fig. 2: simple bypasses go around the modules that keep the channels, fire3, 5, 7 and 9, complex ones around all."""
    same_channels = in_channels == out_channels
    bypassed = {None: False, "simple": same_channels, "complex": True}
    return BypassFire if look_up("bypass", bypass, bypassed) else Fire


class SqueezeNet(nn.Module):
    """SqueezeNet: images (N, in_channels, H, W) → logits (N, num_classes). H and W are at least 21 in version "1.0".

    Version "1.1" has a smaller conv1 and pools earlier: less than half the MACs, and images from 17 pixels.
    `bypass` is None, "simple" or "complex". `squeeze_ratio` (the paper's SR) is the number of filters in a squeeze
    layer over that in the expand layers behind it; `pct_3x3` is the share of 3×3 among the latter (Sec. 5.1). Both are
    rounded to whole filters. `image_size`, 16 to 64, gives the form for small images, which takes them from 8 pixels.

    The logits are means over a ReLU's outputs and thus never negative. As in the release, weights start uniform with
    variance 1 / fan_in (Caffe's "xavier"), those of conv10 as N(0, 0.01²), biases at 0.
    Shapes below: `create_model("squeezenet1_0")`.

    Raises ValueError for another version or bypass, a `squeeze_ratio` outside 0 to 1, a `pct_3x3` that is not between
    0 and 1, a width that makes no whole channels, an `image_size` outside 16 to 64, and images of other channels or too
    small.
    """

    def __init__(
        self,
        *,
        version: str = "1.0",
        bypass: str | None = None,
        squeeze_ratio: float = 0.125,
        pct_3x3: float = 0.5,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        (filters, window, stride), stages = look_up("version", version, VERSIONS)
        if not 0 < squeeze_ratio <= 1:
            raise ValueError(f"squeeze_ratio={squeeze_ratio} is outside 0 to 1; the paper has 0.125 and tries up to 1")
        if not 0 < pct_3x3 < 1:
            raise ValueError(f"pct_3x3={pct_3x3} is not between 0 and 1; the paper has 0.5 and tries 0.01 to 0.99")
        padding = 0
        if image_size is not None:
            check_image_size(image_size)
            window, stride, padding = 3, 1, 1
        self.input_size = (in_channels, image_size or 224, image_size or 224)
        self.smallest = 7 * stride + window - 2 * padding  # three poolings need 8×8 positions

        channels = scaled_channels(filters, width)
        self.conv1 = nn.Conv2d(in_channels, channels, window, stride, padding)
        for number, names in enumerate(stages, start=1):
            fires = OrderedDict()
            for name in names.split():
                before, channels = channels, scaled_channels(EXPAND[name], width)
                s1x1 = max(1, round(squeeze_ratio * channels))
                e3x3 = min(max(1, round(pct_3x3 * channels)), channels - 1)
                fires[name] = fire_class(bypass, before, channels)(before, s1x1, channels - e3x3, e3x3)
            self.add_module(f"maxpool{number}", overlapping_pool(ceil_mode=True))
            self.add_module(f"stage{number}", nn.Sequential(fires))
        self.dropout = nn.Dropout(0.5)  # behind fire9 (Sec. 3.3.1)
        self.conv10 = nn.Conv2d(channels, num_classes, 1)
        init_weights(self, partial(nn.init.kaiming_uniform_, nonlinearity="linear"))
        init_weights(self.conv10, partial(nn.init.normal_, std=0.01))

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, self.smallest)
        x = F.relu(self.conv1(x))  # (N, 96, 109, 109)
        x = self.stage1(self.maxpool1(x))  # (N, 256, 54, 54)
        x = self.stage2(self.maxpool2(x))  # (N, 512, 27, 27)
        x = self.stage3(self.maxpool3(x))  # (N, 512, 13, 13)
        x = F.relu(self.conv10(self.dropout(x)))  # (N, 1000, 13, 13)
        return x.mean(dim=(2, 3))  # global average pooling
