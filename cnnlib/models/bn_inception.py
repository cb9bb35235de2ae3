"""BN-Inception: the network that batch normalisation was shown on.

Ioffe, Szegedy 2015, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
https://arxiv.org/abs/1502.03167 (ICML 2015).

What was new: the input of each nonlinearity is normalised, channel by channel, over the batch and the positions of the
map, then scaled and shifted by learned values. Learning rates five to thirty times GoogLeNet's worked, and its accuracy
came in 14 times fewer steps. The network is a GoogLeNet with two 3×3 convolutions for each 5×5, a third module at
28×28, modules that stride in place of the poolings between modules, and no response normalisation.

Departures:
- Fig. 5 prints 576, 576 and 1024 output channels for 4c, 4d and 4e. Its columns add up to 608, 608 and 1056, which this
  network has; TF-Slim's `inception_v2` gets the printed ones with projections of 96 in 4c and 4d.
- Fig. 5 gives 11.3 million parameters. Sec. 4.2 says 13.6 million.
- Fig. 5 has a star at the first convolution: it was separable, as with `separable_conv1=True`. The default is the 7×7
  of the table, as in most copies of the network.
- Convolutions have biases, as in the copies of the network that Caffe's weights spread: 11,295,240 parameters. Sec. 3.2
  drops them, since the mean that is subtracted makes them idle; that is `conv_bias=False`.
- The paper is silent on borders. Here all windows are padded, so that in a module that strides every path takes the
  same positions, and averages leave the border out, as in TF-Slim.

Explained in chapter 3.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from cnnlib.models.layers import Branches, check_images, conv_bn_relu, he_init, scaled_channels

# ------------------------------------------------------------------------------------------------------- the modules


def max_pool(stride: int = 2) -> nn.MaxPool2d:
    """3×3 maxima: (N, C, H, W) → (N, C, H/stride, W/stride), rounded up."""
    return nn.MaxPool2d(3, stride, padding=1)


def average_pool() -> nn.AvgPool2d:
    """3×3 averages over the positions inside the map: (N, C, H, W) → (N, C, H, W)."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


class Inception(Branches):
    """Two 3×3 in place of the 5×5: (N, in_channels, H, W) → (N, conv1x1 + conv3x3 + double3x3 + proj, H, W).

    The widths are the columns of Fig. 5. `pool` makes the pooling, `conv` a convolution and the layers that follow it.
    """

    def __init__(
        self,
        in_channels: int,
        conv1x1: int,
        reduce3x3: int,
        conv3x3: int,
        reduce_double: int,
        double3x3: int,
        proj: int,
        *,
        pool: Callable[[], nn.Module],
        conv: Callable[..., nn.Module],
    ) -> None:
        super().__init__(
            conv1x1=conv(in_channels, conv1x1, 1),
            conv3x3=nn.Sequential(conv(in_channels, reduce3x3, 1), conv(reduce3x3, conv3x3, 3)),
            double3x3=nn.Sequential(
                conv(in_channels, reduce_double, 1), conv(reduce_double, double3x3, 3), conv(double3x3, double3x3, 3)
            ),
            pool=nn.Sequential(pool(), conv(in_channels, proj, 1)),
        )
        self.out_channels = conv1x1 + conv3x3 + double3x3 + proj


class StridedInception(Branches):
    """3c and 4e, "max + pass through": (N, in_channels, H, W) → (N, conv3x3 + double3x3 + in_channels, H/2, W/2).

    The last convolution of each path and the pooling stride. There is no 1×1 path, and no projection after the pooling.
    """

    def __init__(
        self,
        in_channels: int,
        reduce3x3: int,
        conv3x3: int,
        reduce_double: int,
        double3x3: int,
        *,
        conv: Callable[..., nn.Module],
    ) -> None:
        super().__init__(
            conv3x3=nn.Sequential(conv(in_channels, reduce3x3, 1), conv(reduce3x3, conv3x3, 3, 2)),
            double3x3=nn.Sequential(
                conv(in_channels, reduce_double, 1), conv(reduce_double, double3x3, 3), conv(double3x3, double3x3, 3, 2)
            ),
            pool=max_pool(),
        )
        self.out_channels = conv3x3 + double3x3 + in_channels


# ---------------------------------------------------------------------------------------------- the network: Fig. 5

# The modules, by the last column of the figure.
AVG = partial(Inception, pool=average_pool)  # "avg + 32"
MAX = partial(Inception, pool=partial(max_pool, stride=1))  # "max + 128"
PASS = StridedInception  # "max + pass through"

# fmt: off
#     7×7/2  #3×3 reduce  #3×3
STEM = (64,  64,          192)
#                         #1×1 #3×3   #3×3 double double proj        Ioffe & Szegedy 2015, Fig. 5:
#                              reduce      reduce #3×3               output size as printed
FIG_5 = {
    "inception3a": (AVG,  64,  64,    64,  64,    96,    32),      # 28×28×256
    "inception3b": (AVG,  64,  64,    96,  64,    96,    64),      # 28×28×320
    "inception3c": (PASS,      128,   160, 64,    96),             # 28×28×576, stride 2
    "inception4a": (AVG,  224, 64,    96,  96,    128,   128),     # 14×14×576
    "inception4b": (AVG,  192, 96,    128, 96,    128,   128),     # 14×14×576
    "inception4c": (AVG,  160, 128,   160, 128,   160,   128),     # 14×14×576
    "inception4d": (AVG,  96,  128,   192, 160,   192,   128),     # 14×14×576
    "inception4e": (PASS,      128,   192, 192,   256),            # 14×14×1024, stride 2
    "inception5a": (AVG,  352, 192,   320, 160,   224,   128),     # 7×7×1024
    "inception5b": (MAX,  352, 192,   320, 192,   224,   128),     # 7×7×1024
}
# fmt: on


class BNInception(nn.Module):
    """BN-Inception: images (N, in_channels, H, W), H and W at least 32 → logits (N, num_classes).

    With `separable_conv1=True` the first convolution is a 7×7 that makes 8 channels of each channel of the image alone,
    and a 1×1 that mixes them. `conv_bias=False` takes the biases of all convolutions away; that 7×7 has none. `width`,
    all channels times this, is ours.

    The paper does not say how weights start. Here it is He's rule, which TF-Slim's `inception_v2` has in its 3×3
    convolutions; most of its 1×1 have a fixed spread of 0.09 or 0.1.

    Raises ValueError for a width that makes no whole channels, and for a batch of other channels or smaller images.
    Shapes below: `create_model("bn_inception")`.
    """

    def __init__(
        self,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        separable_conv1: bool = False,
        conv_bias: bool = True,
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, 224, 224)
        conv = partial(conv_bn_relu, bias=conv_bias)
        per_32 = scaled_channels(32, width)  # all numbers of channels are multiples of 32

        def wide(*channels: int) -> list[int]:
            return [number // 32 * per_32 for number in channels]

        c1, reduce3x3, channels = wide(*STEM)

        if separable_conv1:
            depthwise = nn.Conv2d(in_channels, 8 * in_channels, 7, 2, padding=3, groups=in_channels, bias=False)
            self.conv1 = nn.Sequential(depthwise, conv(8 * in_channels, c1, 1))
        else:
            self.conv1 = conv(in_channels, c1, 7, 2)
        self.maxpool1 = max_pool()
        self.conv2 = nn.Sequential(conv(c1, reduce3x3, 1), conv(reduce3x3, channels, 3))
        self.maxpool2 = max_pool()
        for name, (kind, *widths) in FIG_5.items():
            module = kind(channels, *wide(*widths), conv=conv)
            self.add_module(name, module)
            channels = module.out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=32)
        x = self.conv1(x)  # (N, 64, 112, 112)
        x = self.maxpool1(x)  # (N, 64, 56, 56)
        x = self.conv2(x)  # (N, 192, 56, 56)
        x = self.maxpool2(x)  # (N, 192, 28, 28)
        x = self.inception3a(x)  # (N, 256, 28, 28)
        x = self.inception3b(x)  # (N, 320, 28, 28)
        x = self.inception3c(x)  # (N, 576, 14, 14)
        x = self.inception4a(x)  # (N, 576, 14, 14)
        x = self.inception4b(x)  # (N, 576, 14, 14)
        x = self.inception4c(x)  # (N, 608, 14, 14)
        x = self.inception4d(x)  # (N, 608, 14, 14)
        x = self.inception4e(x)  # (N, 1056, 7, 7)
        x = self.inception5a(x)  # (N, 1024, 7, 7)
        x = self.inception5b(x)  # (N, 1024, 7, 7)
        x = self.avgpool(x)  # (N, 1024, 1, 1)
        return self.fc(x.flatten(1))  # (N, 1000)
