"""Inception-v4, and the Inception nets with residual connections.

Szegedy, Ioffe, Vanhoucke, Alemi 2016, "Inception-v4, Inception-ResNet and the impact of residual connections on
learning", https://arxiv.org/abs/1602.07261 (AAAI 2017).

What was new: Inception-v4 has one kind of module for each grid, and no residual connections. Inception-ResNet adds what
cheaper modules give to their input, and gets as far in fewer epochs. With more than 1,000 filters such nets died early
in training; multiplied by 0.1 to 0.3 before they are added, the residuals do no harm (Sec. 3.3).

Departures:
- Average pooling leaves out the zeros at the border, and the 1×7 and 7×1 of a path follow each other as in Google's
  release, TF-Slim. There are no auxiliary heads: the figures have none, the release has one.
- Inception-ResNet-v2 is that release, for which the world has weights; `variant="paper"` is the paper's figures. The
  release differs from them in
  - the stem: that of Inception-v3 and one module, not Fig. 3, so that the grids have 320, 1088 and 2080 channels;
  - the number of modules: 10, 20 and 10, not the 5, 10 and 5 of Fig. 15;
  - the last module, which has neither scale nor ReLU, and a 1×1 convolution of 1536 between it and the pooling.
- Fig. 17 and 19 print 1154 and 2048 filters for a sum with 1152 and 2144 channels. They are read as 1152 and 2144.
- Inception-ResNet-v1 follows the paper's figures: there is no release of it.
- The scales 0.17, 0.1 and 0.2 are the release's; the paper gives the range. They are used in all three grids, as the
  paper saw no harm where scaling was not needed.
- The convolution whose output is added has a bias and no batch norm, as in the release.
- Batch norm has a scale, as in timm. The release has none: the layer after the ReLU can scale as well.

Explained in chapter 3.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.inception_v3 import V, path, row_and_column
from cnnlib.models.layers import Branches, check_images, conv_bn_relu, glorot_init, he_init, look_up

ROW7, COLUMN7 = (1, 7), (7, 1)
ROW3, COLUMN3 = (1, 3), (3, 1)


def branches(in_channels: int, *paths: list[tuple], **others: nn.Module) -> Branches:
    """Paths of convolutions side by side, from left to right as in a figure, and `others` after them.

    A convolution is (out_channels, kernel_size, stride, padding).
    """
    numbered = {f"path{number}": path(in_channels, *convs) for number, convs in enumerate(paths, start=1)}
    return Branches(**numbered, **others)


def average_path(in_channels: int, out_channels: int) -> nn.Sequential:
    """Average pooling over the positions inside the border, and a 1×1 convolution."""
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(pool, conv_bn_relu(in_channels, out_channels, 1))


# --------------------------------------------------------------------------------------------------- the three stems


def stem_fig3(in_channels: int) -> nn.Sequential:
    """Stem of Inception-v4 and Inception-ResNet-v2: (N, in_channels, 299, 299) → (N, 384, 35, 35)."""
    return nn.Sequential(
        path(in_channels, (32, 3, 2, V), (32, 3, 1, V), (64, 3)),
        Branches(pool=nn.MaxPool2d(3, stride=2), conv=path(64, (96, 3, 2, V))),
        branches(160, [(64, 1), (96, 3, 1, V)], [(64, 1), (64, ROW7), (64, COLUMN7), (96, 3, 1, V)]),
        Branches(conv=path(192, (192, 3, 2, V)), pool=nn.MaxPool2d(3, stride=2)),
    )


def stem_fig14(in_channels: int) -> nn.Sequential:
    """Stem of Inception-ResNet-v1: (N, in_channels, 299, 299) → (N, 256, 35, 35)."""
    return nn.Sequential(
        path(in_channels, (32, 3, 2, V), (32, 3, 1, V), (64, 3)),
        nn.MaxPool2d(3, stride=2),
        path(64, (80, 1), (192, 3, 1, V), (256, 3, 2, V)),
    )


def released_stem(in_channels: int) -> nn.Sequential:
    """Stem of the released Inception-ResNet-v2: (N, in_channels, 299, 299) → (N, 320, 35, 35).

    That of Inception-v3, and one module (Mixed_5b).
    """
    return nn.Sequential(
        path(in_channels, (32, 3, 2, V), (32, 3, 1, V), (64, 3)),
        nn.MaxPool2d(3, stride=2),
        path(64, (80, 1), (192, 3, 1, V)),
        nn.MaxPool2d(3, stride=2),
        branches(192, [(96, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)], average=average_path(192, 64)),
    )


# ------------------------------------------------------------------------------------------ Inception-v4: Fig. 4 to 9

#                         k    l    m    n       Table 1: filters of Reduction-A (Fig. 7)
TABLE_1 = {
    "inception_v4":        (192, 224, 256, 384),
    "inception_resnet_v1": (192, 192, 256, 384),
    "inception_resnet_v2": (256, 256, 384, 384),
}  # fmt: skip


def reduction_a(in_channels: int, k: int, l: int, m: int, n: int) -> Branches:
    """Reduction-A of all networks (Fig. 7): (N, in_channels, 35, 35) → (N, in_channels + m + n, 17, 17)."""
    return branches(in_channels, [(n, 3, 2, V)], [(k, 1), (l, 3), (m, 3, 2, V)], pool=nn.MaxPool2d(3, stride=2))


def inception_a() -> Branches:
    """Inception-A (Fig. 4): (N, 384, 35, 35) → the same."""
    return branches(384, [(96, 1)], [(64, 1), (96, 3)], [(64, 1), (96, 3), (96, 3)], average=average_path(384, 96))


def inception_b() -> Branches:
    """Inception-B (Fig. 5): (N, 1024, 17, 17) → the same."""
    shorter = [(192, 1), (224, ROW7), (256, COLUMN7)]
    longer = [(192, 1), (192, COLUMN7), (224, ROW7), (224, COLUMN7), (256, ROW7)]
    return branches(1024, [(384, 1)], shorter, longer, average=average_path(1024, 128))


def reduction_b() -> Branches:
    """Reduction-B of Inception-v4 (Fig. 8): (N, 1024, 17, 17) → (N, 1536, 8, 8)."""
    shorter = [(192, 1), (192, 3, 2, V)]
    longer = [(256, 1), (256, ROW7), (320, COLUMN7), (320, 3, 2, V)]
    return branches(1024, shorter, longer, pool=nn.MaxPool2d(3, stride=2))


def inception_c() -> Branches:
    """Inception-C (Fig. 6): (N, 1536, 8, 8) → the same."""
    return branches(
        1536,
        [(256, 1)],
        shorter=nn.Sequential(path(1536, (384, 1)), row_and_column(384, 256)),
        longer=nn.Sequential(path(1536, (384, 1), (448, COLUMN3), (512, ROW3)), row_and_column(512, 256)),
        average=average_path(1536, 256),
    )


class InceptionV4(nn.Module):
    """Inception-v4 (Fig. 9): images (N, in_channels, H, W), H and W at least 75 → logits (N, num_classes).

    Weights start as in TF-Slim, see `slim_init`. Raises ValueError for a batch of other channels or smaller images.
    Shapes below: `create_model("inception_v4")`.
    """

    def __init__(self, *, num_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        self.input_size = (in_channels, 299, 299)
        self.stem = stem_fig3(in_channels)
        self.inception_a = nn.Sequential(*[inception_a() for _ in range(4)])
        self.reduction_a = reduction_a(384, *TABLE_1["inception_v4"])
        self.inception_b = nn.Sequential(*[inception_b() for _ in range(7)])
        self.reduction_b = reduction_b()
        self.inception_c = nn.Sequential(*[inception_c() for _ in range(3)])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)  # Fig. 9: keep 0.8
        self.fc = nn.Linear(1536, num_classes)
        slim_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=75)
        x = self.stem(x)  # (N, 384, 35, 35)
        x = self.inception_a(x)  # (N, 384, 35, 35)
        x = self.reduction_a(x)  # (N, 1024, 17, 17)
        x = self.inception_b(x)  # (N, 1024, 17, 17)
        x = self.reduction_b(x)  # (N, 1536, 8, 8)
        x = self.inception_c(x)  # (N, 1536, 8, 8)
        x = self.avgpool(x)  # (N, 1536, 1, 1)
        return self.fc(self.dropout(x.flatten(1)))  # (N, 1000)


# --------------------------------------------------------------------------------- Inception-ResNet: Fig. 10 to 20


class ResidualInception(nn.Module):
    """A module of Inception-ResNet, relu(x + scale · F(x)): (N, in_channels, H, W) → the same (Fig. 20).

    F is the paths side by side and a linear 1×1 convolution, which makes as many channels as x has.
    """

    def __init__(self, in_channels: int, paths: list[list[tuple]], scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.paths = branches(in_channels, *paths)
        self.linear = nn.Conv2d(sum(convs[-1][0] for convs in paths), in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.linear(self.paths(x)) * self.scale)


class LastResidualInception(ResidualInception):
    """The last module of the released Inception-ResNet-v2: x + F(x), with no ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(self.paths(x))


def residual_stage(number: int, in_channels: int, paths: list[list[tuple]], scale: float) -> nn.Sequential:
    """`number` modules of one kind."""
    return nn.Sequential(*[ResidualInception(in_channels, paths, scale) for _ in range(number)])


def released_end() -> nn.Sequential:
    """The end of the release, between its scaled modules and the pooling: (N, 2080, H, W) → (N, 1536, H, W)."""
    return nn.Sequential(LastResidualInception(2080, V2_PAPER.inception_c), conv_bn_relu(2080, 1536, 1))


class Layout(NamedTuple):
    """One Inception-ResNet. `channels` and `modules` are for the three grids, 35×35, 17×17 and 8×8; a module is its paths."""

    stem: Callable[[int], nn.Module]
    channels: tuple[int, int, int]
    modules: tuple[int, int, int]
    inception_a: list
    reduction_a: tuple[int, int, int, int]
    inception_b: list
    reduction_b: list
    inception_c: list
    end: Callable[[], nn.Module]
    features: int


# fmt: off
V1_PAPER = Layout(               # (out_channels, kernel_size, stride, padding)
    stem=stem_fig14,
    channels=(256, 896, 1792),
    modules=(5, 10, 5),                                                                # Fig. 15
    inception_a=[[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (32, 3), (32, 3)]],          # Fig. 10
    reduction_a=TABLE_1["inception_resnet_v1"],                                        # Fig. 7
    inception_b=[[(128, 1)], [(128, 1), (128, ROW7), (128, COLUMN7)]],                 # Fig. 11
    reduction_b=[[(256, 1), (384, 3, 2, V)],                                           # Fig. 12
                 [(256, 1), (256, 3, 2, V)],
                 [(256, 1), (256, 3), (256, 3, 2, V)]],
    inception_c=[[(192, 1)], [(192, 1), (192, ROW3), (192, COLUMN3)]],                 # Fig. 13
    end=nn.Identity,
    features=1792,
)
V2_PAPER = Layout(
    stem=stem_fig3,
    channels=(384, 1152, 2144),
    modules=(5, 10, 5),                                                                # Fig. 15
    inception_a=[[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]],          # Fig. 16
    reduction_a=TABLE_1["inception_resnet_v2"],                                        # Fig. 7
    inception_b=[[(192, 1)], [(128, 1), (160, ROW7), (192, COLUMN7)]],                 # Fig. 17
    reduction_b=[[(256, 1), (384, 3, 2, V)],                                           # Fig. 18
                 [(256, 1), (288, 3, 2, V)],
                 [(256, 1), (288, 3), (320, 3, 2, V)]],
    inception_c=[[(192, 1)], [(192, 1), (224, ROW3), (256, COLUMN3)]],                 # Fig. 19
    end=nn.Identity,
    features=2144,
)
V2_RELEASED = V2_PAPER._replace(
    stem=released_stem,
    channels=(320, 1088, 2080),
    modules=(10, 20, 9),                                                               # and a tenth in the end
    end=released_end,
    features=1536,
)
# fmt: on


class InceptionResNet(nn.Module):
    """Inception-ResNet-v1 and -v2 (Fig. 15): images (N, in_channels, H, W), H and W at least 75 → logits (N, num_classes).

    `residual_scale` multiplies the residuals: a number for each grid, or the same for all (Sec. 3.3).

    Weights start as in TF-Slim, see `slim_init`. Raises ValueError for a `residual_scale` of another length and for a
    batch of other channels or smaller images. Shapes below: `create_model("inception_resnet_v2")`.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        residual_scale: float | tuple[float, float, float] = (0.17, 0.10, 0.20),
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, 299, 299)
        scale_a, scale_b, scale_c = three_scales(residual_scale)
        at_35, at_17, at_8 = layout.channels
        number_a, number_b, number_c = layout.modules

        self.stem = layout.stem(in_channels)
        self.inception_a = residual_stage(number_a, at_35, layout.inception_a, scale_a)
        self.reduction_a = reduction_a(at_35, *layout.reduction_a)
        self.inception_b = residual_stage(number_b, at_17, layout.inception_b, scale_b)
        self.reduction_b = branches(at_17, *layout.reduction_b, pool=nn.MaxPool2d(3, stride=2))
        self.inception_c = residual_stage(number_c, at_8, layout.inception_c, scale_c)
        self.end = layout.end()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)  # Fig. 15: keep 0.8
        self.fc = nn.Linear(layout.features, num_classes)
        slim_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=75)
        x = self.stem(x)  # (N, 320, 35, 35)
        x = self.inception_a(x)  # (N, 320, 35, 35)
        x = self.reduction_a(x)  # (N, 1088, 17, 17)
        x = self.inception_b(x)  # (N, 1088, 17, 17)
        x = self.reduction_b(x)  # (N, 2080, 8, 8)
        x = self.inception_c(x)  # (N, 2080, 8, 8)
        x = self.end(x)  # (N, 1536, 8, 8)
        x = self.avgpool(x)  # (N, 1536, 1, 1)
        return self.fc(self.dropout(x.flatten(1)))  # (N, 1000)


def inception_resnet_v1(**options) -> InceptionResNet:
    """Inception-ResNet-v1, about as costly as Inception-v3 (Fig. 10 to 15).

    `num_classes`, `in_channels` and `residual_scale` go to `InceptionResNet`.
    """
    return InceptionResNet(V1_PAPER, **options)


def inception_resnet_v2(*, variant: str = "released", **options) -> InceptionResNet:
    """Inception-ResNet-v2 as Google released it, or with `variant="paper"` as in Fig. 3 and 15 to 19.

    `num_classes`, `in_channels` and `residual_scale` go to `InceptionResNet`. Raises ValueError for another variant.
    """
    return InceptionResNet(look_up("variant", variant, {"released": V2_RELEASED, "paper": V2_PAPER}), **options)


def three_scales(residual_scale: float | tuple[float, float, float]) -> tuple[float, float, float]:
    """A factor for each grid. Raises ValueError, with an example, for any other number of them."""
    if isinstance(residual_scale, int | float):
        return (residual_scale,) * 3
    if len(residual_scale) != 3:
        raise ValueError(
            f"residual_scale={residual_scale} has {len(residual_scale)} numbers; give one for each of the three grids, "
            f"such as (0.17, 0.1, 0.2), or one number for all"
        )
    return tuple(residual_scale)


# --------------------------------------------------------------------------------------------------- initialisation


def slim_init(model: InceptionV4 | InceptionResNet) -> None:
    """TF-Slim (inception_utils.py): He's variance in every convolution, Glorot's in the last layer, biases 0.

    Slim cuts the normal distribution at two standard deviations, widened so that He's variance stays; here it is not cut.
    """
    he_init(model)
    glorot_init(model.fc)
