"""Inception-v2 and Inception-v3: large windows taken apart into small and into asymmetric ones.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2015, "Rethinking the Inception architecture for computer vision",
https://arxiv.org/abs/1512.00567 (CVPR 2016).

What was new: a 5×5 convolution becomes two of 3×3, an n×n convolution becomes 1×n and n×1. A grid is reduced by a
strided convolution and a pooling side by side, so that nothing is squeezed before it is pooled. The auxiliary head is
batch-normalised, and labels are smoothed.

The paper gives the name Inception-v2 to the network of its Table 1, and Inception-v3 to the same one trained with all
changes of Table 3. Here Inception-v2 is that table, and Inception-v3 the network that Google released, for which the
world has weights. TF-Slim's `inception_v2` is another one: GoogLeNet with batch norm.

Departures:
- Inception-v3 differs from Table 1 as Google's release does (tensorflow/models, inception_model.py, 2016):
  - stem: after the first pooling a 1×1 of 80, a 3×3 of 192 and a pooling, where the table has three 3×3 convolutions;
  - 35×35: the shorter path has a 5×5 where Fig. 5 has a 3×3, and the modules give 256, 288 and 288 channels;
  - 17×17: four modules, so that "5×Inception" may count the grid reduction before them;
  - grid reductions: no 1×1 before the first 3×3 of stride 2; on the way to 8×8, 1×7 and 7×1 where Fig. 10 has a 3×3;
  - the features before the last layer are dropped with probability 0.2.
- Average pooling counts the zeros at the border, as in torchvision. Google's own leaves them out.
- Batch norm has a scale, as in torchvision. Google's own has none: the layer after the ReLU can scale as well.
- Inception-v2 takes details that the paper leaves out from that release; its widths were in a file beside the paper:
  - stem: the convolution on the 35×35 grid is padded, since its map keeps its size; the table does not say so;
  - 35×35: all modules as the last two of the release, with the 3×3 of Fig. 5 in the shorter path;
  - 35×35 to 17×17: as the release, with the 1×1 of Fig. 10 before the 384; its width of 192 is our choice;
  - 17×17: as the release, with a fifth module of inner width 160;
  - 17×17 to 8×8: as the release, with the 3×3 of Fig. 10 in place of 1×7 and 7×1;
  - 8×8: as the release;
  - all convolutions have batch norm and no bias; there is no dropout and no auxiliary head, as the table has none.
  So read it has 25.5 million parameters and 6.3 G MACs, where the paper says less than 25 million and 4.8 G.

Explained in chapter 3.
"""

from functools import partial

from torch import Tensor, nn

from cnnlib.models.layers import Auxiliary, Branches, TrainingHeads, check_images, conv_bn_relu, init_weights

V = 0  # padding of the convolutions that read no border: "valid", as the figures of Inception-v4 mark them

# ------------------------------------------------------------------------------------------------------- the modules


def path(in_channels: int, *convs: tuple) -> nn.Sequential:
    """Convolutions in a row, each said as to `conv_bn_relu`: (out_channels, kernel_size, stride, padding)."""
    layers = []
    for out_channels, *window in convs:
        layers.append(conv_bn_relu(in_channels, out_channels, *window))
        in_channels = out_channels
    return nn.Sequential(*layers)


def average_path(in_channels: int, out_channels: int) -> nn.Sequential:
    """Average pooling and a 1×1 convolution: the path that every module of Fig. 5 to 7 has."""
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv_bn_relu(in_channels, out_channels, 1))


def row_and_column(in_channels: int, out_channels: int) -> Branches:
    """1×3 and 3×1 side by side on one map, 2 · out_channels in all: how Fig. 7 expands its filter bank."""
    row, column = (conv_bn_relu(in_channels, out_channels, window) for window in ((1, 3), (3, 1)))
    return Branches(row=row, column=column)


def inception_fig5(in_channels: int, average: int, *, window: int = 3) -> Branches:
    """Fig. 5, for 35×35: two 3×3 in place of a 5×5. (N, in_channels, H, W) → (N, 224 + average, H, W).

    `average` is the width of the path with average pooling, `window` that of the shorter path's last convolution.
    """
    return Branches(
        conv1x1=path(in_channels, (64, 1)),
        shorter=path(in_channels, (48, 1), (64, window)),
        longer=path(in_channels, (64, 1), (96, 3), (96, 3)),
        average=average_path(in_channels, average),
    )


def inception_fig6(channels: int) -> Branches:
    """Fig. 6 with n = 7, for 17×17: 1×7 and 7×1 in place of a 7×7. (N, 768, H, W) → the same.

    `channels` is the width inside the two paths of 7×7.
    """
    row, column = (1, 7), (7, 1)
    twice_7x7 = [(channels, column), (channels, row), (channels, column), (192, row)]
    return Branches(
        conv1x1=path(768, (192, 1)),
        shorter=path(768, (channels, 1), (channels, row), (192, column)),
        longer=path(768, (channels, 1), *twice_7x7),
        average=average_path(768, 192),
    )


def inception_fig7(in_channels: int) -> Branches:
    """Fig. 7, for 8×8: 1×3 and 3×1 side by side, for more features. (N, in_channels, H, W) → (N, 2048, H, W)."""
    return Branches(
        conv1x1=path(in_channels, (320, 1)),
        shorter=nn.Sequential(path(in_channels, (384, 1)), row_and_column(384, 384)),
        longer=nn.Sequential(path(in_channels, (448, 1), (384, 3)), row_and_column(384, 384)),
        average=average_path(in_channels, 192),
    )


def reduction_fig10(in_channels: int, shorter: list[tuple], longer: list[tuple]) -> Branches:
    """Fig. 10, 35×35 to 17×17 to 8×8: (N, in_channels, H, W) → (N, in_channels + out_channels of both paths, H', W').

    `shorter` and `longer` are the convolutions of the two paths beside the pooling; the last of each has stride 2.
    """
    return Branches(
        shorter=path(in_channels, *shorter),
        longer=path(in_channels, *longer),
        pool=nn.MaxPool2d(3, stride=2),
    )


# ------------------------------------------------------------------------------------------ Inception-v2: Table 1

# fmt: off
#            (out_channels, kernel_size, stride, padding)        Table 1: type, patch size/stride, input size
V2_STEM =    [(32,  3, 2, V),                                  # conv         3×3/2   299×299×3
              (32,  3, 1, V),                                  # conv         3×3/1   149×149×32
              (64,  3)]                                        # conv padded  3×3/1   147×147×32
                                                               # pool         3×3/2   147×147×64
V2_STEM73 =  [(80,  3, 1, V),                                  # conv         3×3/1   73×73×64
              (192, 3, 2, V),                                  # conv         3×3/2   71×71×80
              (288, 3)]                                        # conv         3×3/1   35×35×192
#            (in_channels, width of the average path)
V2_GRID35 =  [(288, 64), (288, 64), (288, 64)]                 # 3×Inception  Fig. 5  35×35×288
V2_TO17 =    ([(192, 1), (384, 3, 2, V)],                      #              Fig. 10
              [(64, 1), (96, 3), (96, 3, 2, V)])
#            width inside the paths of 7×7
V2_GRID17 =  [128, 160, 160, 160, 192]                         # 5×Inception  Fig. 6  17×17×768
V2_TO8 =     ([(192, 1), (320, 3, 2, V)],                      #              Fig. 10
              [(192, 1), (192, 3), (192, 3, 2, V)])
#            in_channels
V2_GRID8 =   [1280, 2048]                                      # 2×Inception  Fig. 7  8×8×1280
# fmt: on


class InceptionV2(nn.Module):
    """Inception-v2: images (N, in_channels, H, W), H and W at least 75 → logits (N, num_classes).

    Weights start as in Google's release of Inception-v3, see `released_init`. Raises ValueError for a batch of other
    channels or smaller images. Shapes below: `create_model("inception_v2")`.
    """

    def __init__(self, *, num_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        self.input_size = (in_channels, 299, 299)
        self.stem = path(in_channels, *V2_STEM)
        self.pool = nn.MaxPool2d(3, stride=2)
        self.stem73 = path(64, *V2_STEM73)
        self.grid35 = nn.Sequential(*[inception_fig5(*widths) for widths in V2_GRID35])
        self.to17 = reduction_fig10(288, *V2_TO17)
        self.grid17 = nn.Sequential(*map(inception_fig6, V2_GRID17))
        self.to8 = reduction_fig10(768, *V2_TO8)
        self.grid8 = nn.Sequential(*map(inception_fig7, V2_GRID8))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, num_classes)
        released_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=75)
        x = self.stem(x)  # (N, 64, 147, 147)
        x = self.pool(x)  # (N, 64, 73, 73)
        x = self.stem73(x)  # (N, 288, 35, 35)
        x = self.grid35(x)  # (N, 288, 35, 35)
        x = self.to17(x)  # (N, 768, 17, 17)
        x = self.grid17(x)  # (N, 768, 17, 17)
        x = self.to8(x)  # (N, 1280, 8, 8)
        x = self.grid8(x)  # (N, 2048, 8, 8)
        x = self.avgpool(x)  # (N, 2048, 1, 1)
        return self.fc(x.flatten(1))  # (N, 1000)


# ------------------------------------------------------------------------------------- Inception-v3, and its head

# fmt: off
#            as above                                            Google's release: names of the layers' outputs
V3_STEM =    [(32, 3, 2, V), (32, 3, 1, V), (64, 3)]           # conv0, conv1, conv2
V3_STEM73 =  [(80, 1), (192, 3, 1, V)]                         # conv3, conv4
V3_GRID35 =  [(192, 32), (256, 64), (288, 64)]                 # mixed_35x35x256a, 288a, 288b
V3_TO17 =    ([(384, 3, 2, V)],                                # mixed_17x17x768a
              [(64, 1), (96, 3), (96, 3, 2, V)])
V3_GRID17 =  [128, 160, 160, 192]                              # mixed_17x17x768b, c, d, e
V3_TO8 =     ([(192, 1), (320, 3, 2, V)],                      # mixed_17x17x1280a
              [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, V)])
V3_GRID8 =   [1280, 2048]                                      # mixed_8x8x2048a, b
# fmt: on


class AuxiliaryHead(nn.Module):
    """The classifier beside the last 17×17 map, with batch norm (Fig. 8): (N, 768, H, W), at least 17×17 → (N, num_classes).

    Sec. 4: it does not speed up the start of training; it regularises. Raises ValueError for a smaller map.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(5, stride=3)
        self.conv1x1 = conv_bn_relu(768, 128, 1)
        self.conv5x5 = conv_bn_relu(128, 768, 5, padding=V)
        self.global_avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if min(height, width) < 17:
            raise ValueError(
                f"aux_heads=True needs images of at least 299×299 in training mode: the head reads a map of 17×17 and "
                f"these images give it {height}×{width}; give larger images, or build with aux_heads=False"
            )
        x = self.conv5x5(self.conv1x1(self.avgpool(x)))
        return self.fc(self.global_avgpool(x).flatten(1))


class InceptionV3(nn.Module):
    """Inception-v3: images (N, in_channels, H, W), H and W at least 75 → logits (N, num_classes).

    With `aux_heads=True` there is an auxiliary head, and training mode gives `Auxiliary(logits, (head's logits,))`; it
    then needs images of at least 299×299.

    Weights start as in Google's release, see `released_init`. Raises ValueError for a batch of other channels or
    smaller images. Shapes below: `create_model("inception_v3")`.
    """

    def __init__(self, *, num_classes: int = 1000, in_channels: int = 3, aux_heads: bool = False) -> None:
        super().__init__()
        self.input_size = (in_channels, 299, 299)
        self.stem = path(in_channels, *V3_STEM)
        self.pool1 = nn.MaxPool2d(3, stride=2)
        self.stem73 = path(64, *V3_STEM73)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.grid35 = nn.Sequential(*[inception_fig5(*widths, window=5) for widths in V3_GRID35])
        self.to17 = reduction_fig10(288, *V3_TO17)
        self.grid17 = nn.Sequential(*map(inception_fig6, V3_GRID17))
        self.aux = TrainingHeads([AuxiliaryHead(num_classes)] if aux_heads else [])
        self.to8 = reduction_fig10(768, *V3_TO8)
        self.grid8 = nn.Sequential(*map(inception_fig7, V3_GRID8))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(2048, num_classes)
        released_init(self)
        for head in self.aux:
            init_weights(head.conv5x5, normal(0.01))
            init_weights(head.fc, normal(0.001))

    def forward(self, x: Tensor) -> Tensor | Auxiliary:
        check_images(x, self.input_size, smallest=75)
        x = self.stem(x)  # (N, 64, 147, 147)
        x = self.pool1(x)  # (N, 64, 73, 73)
        x = self.stem73(x)  # (N, 192, 71, 71)
        x = self.pool2(x)  # (N, 192, 35, 35)
        x = self.grid35(x)  # (N, 288, 35, 35)
        x = self.to17(x)  # (N, 768, 17, 17)
        x = self.grid17(x)  # (N, 768, 17, 17)
        auxiliary = self.aux(x)
        x = self.to8(x)  # (N, 1280, 8, 8)
        x = self.grid8(x)  # (N, 2048, 8, 8)
        x = self.avgpool(x)  # (N, 2048, 1, 1)
        logits = self.fc(self.dropout(x.flatten(1)))  # (N, 1000)
        return Auxiliary(logits, auxiliary) if auxiliary else logits


# --------------------------------------------------------------------------------------------------- initialisation


def normal(deviation: float):
    """Fills a weight with values of N(0, deviation²)."""
    return partial(nn.init.normal_, std=deviation)


def released_init(model: InceptionV2 | InceptionV3) -> None:
    """As Google's release (inception_model.py, ops.py): N(0, 0.1²) in convolutions, N(0, 0.01²) in the last layer; biases 0.

    The release draws values beyond two standard deviations again; here, as in torchvision, they stay.
    """
    init_weights(model, normal(0.1))
    init_weights(model.fc, normal(0.01))
