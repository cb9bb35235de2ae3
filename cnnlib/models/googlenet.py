"""GoogLeNet, and its Inception module alone: with the 1×1 reductions and without.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich 2014, "Going deeper with convolutions",
https://arxiv.org/abs/1409.4842 (CVPR 2015).

What was new: a module looks at its input through windows of several sizes side by side and stacks what they find. 1×1
convolutions reduce the channels in front of the large windows, which makes 22 layers affordable. One linear layer
after global average pooling is all that is fully connected. Two classifiers on maps half-way up push gradients into
the lower layers; they are thrown away after training.

Departures:
- The default is torchvision's network, whose weights load. `variant="paper"` is Table 1. `VARIANTS` says where they
  differ: above all, the paths called 5×5 are 3×3 in torchvision, by a mistake that its weights keep.
- Six of the nine modules, and the first convolution, have not the number of parameters that Table 1 prints.
- Details that the paper leaves open follow, in `variant="paper"`, the reproduction that Caffe released with Szegedy's help
  (BVLC/caffe, models/bvlc_googlenet): the constants of the response normalisation, poolings that round up, the weights.
- Global average pooling takes maps of any size, and so images of any size; in the paper the map is 7×7.
- `width` and `image_size` are ours. `image_size` is a form for images of 16 to 64 pixels: conv1 is 3×3 and keeps the
  size, no pooling follows it, and the auxiliary classifiers average to 4×4. All else is as published.

Explained in chapter 3.
"""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import (
    Auxiliary,
    Branches,
    ResponseNorm,
    TrainingHeads,
    check_image_size,
    check_images,
    conv_bn_relu,
    init_weights,
    look_up,
    scaled_channels,
)

# ------------------------------------------------------------------------------------------------------- the modules


def conv_relu(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size at stride 1, and its ReLU, which reductions and projections have too (Sec. 5)."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2)
    return nn.Sequential(conv, nn.ReLU(inplace=True))


def max_pool(window: int = 3) -> nn.MaxPool2d:
    """Between the stages: every second position, rounded up."""
    return nn.MaxPool2d(window, stride=2, ceil_mode=True)


class NaiveInception(Branches):
    """Fig. 2 (a): (N, in_channels, H, W) → (N, conv1x1 + conv3x3 + conv5x5 + in_channels, H, W).

    The pooling passes all its channels on, so that every module gives more than it gets.
    """

    def __init__(self, in_channels: int, conv1x1: int, conv3x3: int, conv5x5: int) -> None:
        super().__init__(
            conv1x1=conv_relu(in_channels, conv1x1, 1),
            conv3x3=conv_relu(in_channels, conv3x3, 3),
            conv5x5=conv_relu(in_channels, conv5x5, 5),
            pool=nn.MaxPool2d(3, stride=1, padding=1),
        )
        self.out_channels = conv1x1 + conv3x3 + conv5x5 + in_channels


class Inception(Branches):
    """Fig. 2 (b): (N, in_channels, H, W) → (N, conv1x1 + conv3x3 + conv5x5 + pool_proj, H, W).

    `reduce3x3` and `reduce5x5` are the widths of the 1×1 convolutions before the large windows, `pool_proj` that of the
    one after the pooling, as in Table 1. One that is None is left out: the window reads all channels, and the pooling
    passes all its own on. `conv` makes a convolution and the layers that follow it; `window` is that of "5×5".
    """

    def __init__(
        self,
        in_channels: int,
        conv1x1: int,
        reduce3x3: int | None,
        conv3x3: int,
        reduce5x5: int | None,
        conv5x5: int,
        pool_proj: int | None,
        *,
        conv: Callable[..., nn.Module] = conv_relu,
        window: int = 5,
    ) -> None:
        def reduced(channels: int | None, out_channels: int, kernel_size: int) -> nn.Module:
            if channels is None:
                return conv(in_channels, out_channels, kernel_size)
            return nn.Sequential(conv(in_channels, channels, 1), conv(channels, out_channels, kernel_size))

        pool = nn.MaxPool2d(3, stride=1, padding=1)
        super().__init__(
            conv1x1=conv(in_channels, conv1x1, 1),
            conv3x3=reduced(reduce3x3, conv3x3, 3),
            conv5x5=reduced(reduce5x5, conv5x5, window),
            pool=pool if pool_proj is None else nn.Sequential(pool, conv(in_channels, pool_proj, 1)),
        )
        self.out_channels = conv1x1 + conv3x3 + conv5x5 + (in_channels if pool_proj is None else pool_proj)


# ------------------------------------------------------------------------------------------ auxiliary classifiers


class AveragePool4x4(nn.AvgPool2d):
    """The 5×5 windows at every third position that Sec. 5 has for 14×14 maps: (N, C, 14, 14) → (N, C, 4, 4).

    Raises ValueError for maps that they do not turn into 4×4: only 14 to 16 positions a side do.
    """

    def __init__(self) -> None:
        super().__init__(5, stride=3)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if not (14 <= height <= 16 and 14 <= width <= 16):
            raise ValueError(
                f"aux_heads=True needs images of 224×224 in training mode: the heads read maps of 14×14 and these "
                f"images give them {height}×{width}; resize the images, or build with image_size=… or aux_heads=False"
            )
        return super().forward(x)


class AuxiliaryHead(nn.Module):
    """A classifier on the map of 4a or 4d (Sec. 5): (N, in_channels, H, W) → (N, num_classes).

    `avgpool` makes the map 4×4; a 1×1 convolution of `channels` and a layer of `hidden` units follow.
    """

    def __init__(self, in_channels, channels, hidden, num_classes, conv, avgpool: nn.Module) -> None:
        super().__init__()
        self.avgpool = avgpool
        self.conv = conv(in_channels, channels, 1)
        self.fc1 = nn.Linear(4 * 4 * channels, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(self.dropout(x))


# ----------------------------------------------------------------------------- the paper's form, and torchvision's


def caffe_norm() -> ResponseNorm:
    """Fig. 3 says where it stands, Caffe's reproduction the constants: k = 1, and α = 10⁻⁴ divided by 5."""
    return ResponseNorm(alpha=1e-4 / 5, k=1.0)


def caffe_init(model: nn.Module) -> None:
    """Caffe's reproduction: weights uniform with variance 1 / fan_in ("xavier"), biases 0.2, but 0 in the logits."""
    init_weights(model, partial(nn.init.kaiming_uniform_, nonlinearity="linear"))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.bias, 0.2)
        elif isinstance(module, AuxiliaryHead):
            nn.init.constant_(module.fc1.bias, 0.2)


def torchvision_init(model: nn.Module) -> None:
    """torchvision: weights ~ N(0, 0.01²). Biases are 0 here, where torchvision keeps PyTorch's own."""
    init_weights(model, partial(nn.init.normal_, std=0.01))


FOUR_BY_FOUR = partial(nn.AdaptiveAvgPool2d, 4)  # maps of any size
VARIANTS = {
    #               convolution   "5×5" norm after pool1,  pool4 dropout pooling in      weights start as
    #               and the rest        before pool2                     the heads
    "paper":       (conv_relu,    5,    caffe_norm,        3,    0.4,    AveragePool4x4, caffe_init),
    "torchvision": (conv_bn_relu, 3,    nn.Identity,       2,    0.2,    FOUR_BY_FOUR,   torchvision_init),
}  # fmt: skip

# ---------------------------------------------------------------------------------------------- GoogLeNet: Table 1

# fmt: off
#        7×7/2   #3×3reduce  #3×3
STEM   = (64,    64,         192)
#        input #1×1 #3×3   #3×3 #5×5   #5×5 pool      Szegedy et al. 2014, Table 1
#                   reduce      reduce      proj
INCEPTION = {
    "3a": (192, 64,  96,   128, 16,    32,  32),
    "3b": (256, 128, 128,  192, 32,    96,  64),
    "4a": (480, 192, 96,   208, 16,    48,  64),
    "4b": (512, 160, 112,  224, 24,    64,  64),
    "4c": (512, 128, 128,  256, 24,    64,  64),
    "4d": (512, 112, 144,  288, 32,    64,  64),
    "4e": (528, 256, 160,  320, 32,    128, 128),
    "5a": (832, 256, 160,  320, 32,    128, 128),
    "5b": (832, 384, 192,  384, 48,    128, 128),
}
#        #1×1  units                                  Sec. 5, the classifiers of 4a and of 4d
HEAD   = (128, 1024)
# fmt: on


class GoogLeNet(nn.Module):
    """GoogLeNet: images (N, in_channels, H, W) → logits (N, num_classes).

    `variant` is "torchvision" or "paper"; `VARIANTS` has the differences. H and W are at least 15, in the paper's form
    31; with `image_size` 4 and 8. `width` multiplies all channels, and the hidden units of the heads.

    With `aux_heads=True` 4a and 4d have auxiliary classifiers, and training mode gives `Auxiliary(logits, (those of 4a,
    those of 4d))`; the paper adds their losses with a weight of 0.3. Its form has them for images of 224×224.

    The paper does not say how weights start; see `caffe_init` and `torchvision_init`.
    Shapes below: `create_model("googlenet")`.

    Raises ValueError for another variant, a width that makes no whole channels, an `image_size` outside 16 to 64, and
    images of other channels or too small.
    """

    def __init__(
        self,
        *,
        variant: str = "torchvision",
        aux_heads: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        conv, window, norm, pool4, dropout, head_pool, init = look_up("variant", variant, VARIANTS)
        if image_size is None:
            side, conv1, maxpool1 = 224, (7, 2), max_pool()
        else:
            check_image_size(image_size)
            side, conv1, maxpool1, head_pool = image_size, (3, 1), nn.Identity(), FOUR_BY_FOUR
        per_8 = scaled_channels(8, width)  # all numbers of channels and units are multiples of 8

        def wide(*channels: int) -> list[int]:
            return [number // 8 * per_8 for number in channels]

        def inception(name: str) -> Inception:
            return Inception(*wide(*INCEPTION[name]), conv=conv, window=window)

        def heads(channels: int) -> TrainingHeads:
            units = wide(channels, *HEAD)
            return TrainingHeads([AuxiliaryHead(*units, num_classes, conv, head_pool())] if aux_heads else [])

        self.input_size = (in_channels, side, side)
        halvings = 2 + (image_size is None) + (pool4 == 3)  # 3×3 poolings: n // 2 of n positions are left
        self.smallest = conv1[1] * (2**halvings - 1) + 1
        c1, reduce3x3, c2 = wide(*STEM)

        self.conv1 = conv(in_channels, c1, *conv1)
        self.maxpool1 = maxpool1
        self.norm1 = norm()
        self.conv2 = nn.Sequential(conv(c1, reduce3x3, 1), conv(reduce3x3, c2, 3))
        self.norm2 = norm()
        self.maxpool2 = max_pool()
        self.inception3a = inception("3a")
        self.inception3b = inception("3b")
        self.maxpool3 = max_pool()
        self.inception4a = inception("4a")
        self.inception4b = inception("4b")
        self.inception4c = inception("4c")
        self.inception4d = inception("4d")
        self.inception4e = inception("4e")
        self.maxpool4 = max_pool(pool4)
        self.inception5a = inception("5a")
        self.inception5b = inception("5b")
        self.aux1 = heads(512)  # on 4a; both stand here because torchvision's weights come in this order
        self.aux2 = heads(528)  # on 4d
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.inception5b.out_channels, num_classes)
        init(self)

    def forward(self, x: Tensor) -> Tensor | Auxiliary:
        check_images(x, self.input_size, self.smallest)
        x = self.conv1(x)  # (N, 64, 112, 112)
        x = self.maxpool1(x)  # (N, 64, 56, 56)
        x = self.conv2(self.norm1(x))  # (N, 192, 56, 56)
        x = self.maxpool2(self.norm2(x))  # (N, 192, 28, 28)
        x = self.inception3a(x)  # (N, 256, 28, 28)
        x = self.inception3b(x)  # (N, 480, 28, 28)
        x = self.maxpool3(x)  # (N, 480, 14, 14)
        x = self.inception4a(x)  # (N, 512, 14, 14)
        auxiliary = self.aux1(x)
        x = self.inception4b(x)  # (N, 512, 14, 14)
        x = self.inception4c(x)  # (N, 512, 14, 14)
        x = self.inception4d(x)  # (N, 528, 14, 14)
        auxiliary += self.aux2(x)
        x = self.inception4e(x)  # (N, 832, 14, 14)
        x = self.maxpool4(x)  # (N, 832, 7, 7)
        x = self.inception5a(x)  # (N, 832, 7, 7)
        x = self.inception5b(x)  # (N, 1024, 7, 7)
        x = self.avgpool(x)  # (N, 1024, 1, 1)
        logits = self.fc(self.dropout(x.flatten(1)))  # (N, 1000)
        return Auxiliary(logits, auxiliary) if auxiliary else logits


# ---------------------------------------------------------------------------------------------- the modules alone


class InceptionStack(nn.Module):
    """Modules of Fig. 2 in a row and nothing else: maps (N, in_channels, H, W) of any size → (N, out_channels, H, W).

    `make(in_channels)` makes one, and `depth` is how many there are. `input_size` has the 28×28 positions of the first
    modules of GoogLeNet. Weights start as in `caffe_init`. Raises ValueError for a depth under 1 and for maps of other
    channels.
    Shapes below: `create_model("inception_module")`.
    """

    def __init__(self, make: Callable[[int], nn.Module], in_channels: int, depth: int) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth} leaves no module; give at least 1")
        self.input_size = (in_channels, 28, 28)
        self.stack = nn.Sequential()
        for _ in range(depth):
            self.stack.append(make(in_channels))
            in_channels = self.stack[-1].out_channels
        caffe_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=1)
        return self.stack(x)  # (N, 480, 28, 28)


def check_widths(**widths: int) -> None:
    """Raises ValueError, naming it, for a width under 1; None is a convolution left out."""
    for argument, channels in widths.items():
        if channels is not None and channels < 1:
            raise ValueError(f"{argument}={channels} is no number of channels; give at least 1")


def inception_module(
    *,
    in_channels: int = 256,
    conv1x1: int = 128,
    reduce3x3: int | None = 64,
    conv3x3: int = 192,
    reduce5x5: int | None = 64,
    conv5x5: int = 96,
    pool_proj: int | None = 64,
    depth: int = 1,
) -> InceptionStack:
    """The module of Fig. 2 (b) alone, `depth` of them in a row. The widths are the columns of Table 1.

    The defaults are those of 3b with reductions of 64, an example in many courses. A reduction or a
    projection that is None is left out. Raises ValueError for a width or a depth under 1.
    """
    reduced = {"reduce3x3": reduce3x3, "reduce5x5": reduce5x5, "pool_proj": pool_proj}
    widths = {"conv1x1": conv1x1, "conv3x3": conv3x3, "conv5x5": conv5x5} | reduced
    check_widths(in_channels=in_channels, **widths)
    return InceptionStack(lambda channels: Inception(channels, **widths), in_channels, depth)


def naive_inception_module(
    *, in_channels: int = 256, conv1x1: int = 128, conv3x3: int = 192, conv5x5: int = 96, depth: int = 1
) -> InceptionStack:
    """The module of Fig. 2 (a) alone, `depth` of them in a row: no reductions, so that each is wider than the last.

    The defaults are the widths of 3b. Raises ValueError for a width or a depth under 1.
    """
    widths = {"conv1x1": conv1x1, "conv3x3": conv3x3, "conv5x5": conv5x5}
    check_widths(in_channels=in_channels, **widths)
    return InceptionStack(lambda channels: NaiveInception(channels, **widths), in_channels, depth)
