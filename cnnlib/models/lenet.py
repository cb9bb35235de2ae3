"""LeNet-5 as published in 1998, and in the form that is taught today.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
https://doi.org/10.1109/5.726791 (Proceedings of the IEEE 86).

What was new: one network learns every step from the pixels to the class. Convolutions share their weights over the
image, subsampling makes the maps smaller and their features less tied to a place, and the pattern of the two,
repeated, became the pattern of later networks. It read cheques in banks.

Departures:
- The output is minus the distance to each class's code, so that the largest wins and cross-entropy trains it.
- The codes are digits that we drew in the style of Fig. 3, 7 wide and 12 high: its pixels are not printed as numbers.
- Biases start at 0. The paper gives the rule for weights alone.
- `image_size` other than 32 gives C5 the kernel that covers the map that is left; the paper has 32×32 only.
- `lenet5_modern` is no network of the paper: full connections in C3, pooling and output without its extras, ReLU.

Explained in chapter 1.
"""

from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import (
    check_image_size,
    check_images,
    glorot_init,
    he_init,
    init_weights,
    look_up,
    scaled_channels,
)

# ------------------------------------------------------------------------------------ the tables of the paper

# LeCun et al. 1998, Table I: which maps of S2 (rows, 0 to 5) each map of C3 (columns, 0 to 15) reads.
C3_TABLE = """
    X . . . X X X . . X X X X . X X
    X X . . . X X X . . X X X X . X
    X X X . . . X X X . . X . X X X
    . X X X . . X X X X . . X . X X
    . . X X X . . X X X X . X X . X
    . . . X X X . . X X X X . X X X
"""

# The values of the 84 units of F6 for each digit, drawn by us in the style of Fig. 3: X is +1, a dot is −1.
DIGITS = """
    ..XXX.. ...XX.. .XXXXX. .XXXXX. ....XX. XXXXXXX ..XXXX. XXXXXXX .XXXXX. .XXXXX.
    .XX.XX. ..XXX.. XX...XX XX...XX ...XXX. XX..... .XX.... .....XX XX...XX XX...XX
    XX...XX .XXXX.. .....XX .....XX ..XXXX. XX..... XX..... .....XX XX...XX XX...XX
    XX...XX ...XX.. .....XX .....XX .XX.XX. XX..... XX..... ....XX. XX...XX XX...XX
    XX...XX ...XX.. ....XX. ..XXXX. XX..XX. XXXXXX. XXXXXX. ....XX. .XXXXX. XX...XX
    XX...XX ...XX.. ...XX.. .....XX XX..XX. .....XX XX...XX ...XX.. XX...XX .XXXXXX
    XX...XX ...XX.. ..XX... .....XX XXXXXXX .....XX XX...XX ...XX.. XX...XX .....XX
    XX...XX ...XX.. .XX.... .....XX ....XX. .....XX XX...XX ..XX... XX...XX .....XX
    .XX.XX. ...XX.. XX..... XX...XX ....XX. XX...XX XX...XX ..XX... XX...XX ....XX.
    ..XXX.. .XXXXXX XXXXXXX .XXXXX. ....XX. .XXXXX. .XXXXX. ..XX... .XXXXX. .XXXX..
    ....... ....... ....... ....... ....... ....... ....... ....... ....... .......
    ....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def columns(picture: str) -> list[tuple[str, ...]]:
    """The columns of a table that is written as rows of words."""
    return list(zip(*(line.split() for line in picture.strip().splitlines()), strict=True))


# C3_READS[j] are the maps of S2 that map j of C3 reads: (0, 1, 2), (1, 2, 3), …
C3_READS = [tuple(i for i, mark in enumerate(column) if mark == "X") for column in columns(C3_TABLE)]
DIGIT_CODES = [[1.0 if pixel == "X" else -1.0 for pixel in "".join(rows)] for rows in columns(DIGITS)]

# ---------------------------------------------------------------------------------------------- the layers of 1998


def squash(x: Tensor) -> Tensor:
    """f(a) = 1.7159 tanh(2a / 3), for which f(1) = 1 and f(−1) = −1 (eq. 6 and Appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """S2 and S4: each 2×2 window's sum, times a coefficient, plus a bias: (N, C, H, W) → (N, C, H/2, W/2).

    Coefficient and bias are trainable, one pair a map (Sec. II-B).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2, divisor_override=1) * self.weight + self.bias


class SparseConv(nn.Module):
    """C3: map j reads the maps `reads[j]` of its input alone: (N, C, H, W) → (N, len(reads), H − 4, W − 4).

    Neighbours that read equally many maps are the groups of one convolution: connections that are not there have no
    weights. The paper wants fewer connections, and maps that must learn different features because they read different
    ones (Sec. II-B).
    """

    def __init__(self, reads: list[tuple[int, ...]]) -> None:
        super().__init__()
        alike = [list(maps) for _, maps in groupby(reads, key=len)]
        self.reads = [[i for maps in neighbours for i in maps] for neighbours in alike]
        self.convs = nn.ModuleList(
            nn.Conv2d(len(read), len(neighbours), 5, groups=len(neighbours))
            for read, neighbours in zip(self.reads, alike, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([conv(x[:, read]) for conv, read in zip(self.convs, self.reads, strict=True)], dim=1)


class RadialBasis(nn.Module):
    """Euclidean radial basis functions: (N, 84) → (N, classes), the squared distance to each class's fixed code (eq. 7)."""

    def __init__(self, codes: list[list[float]]) -> None:
        super().__init__()
        self.register_buffer("codes", torch.tensor(codes))

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(1) - self.codes).square().sum(dim=2)


def lecun_init(model: nn.Module) -> None:
    """Weights uniform in ±2.4 / fan-in, the number of inputs of the unit (Appendix A); biases 0."""

    def draw(weight: Tensor, fan_in: int) -> None:
        nn.init.uniform_(weight, -2.4 / fan_in, 2.4 / fan_in)

    init_weights(model, lambda weight: draw(weight, fan_in=weight[0].numel()))
    for module in model.modules():
        if isinstance(module, Subsampling) and not module.weight.is_meta:
            draw(module.weight, fan_in=4)
            nn.init.zeros_(module.bias)


def map_side(image_size: int) -> int:
    """Height and width of the last map: 5×5 without padding, 2×2 windows, and both again. 32 → 28 → 14 → 10 → 5."""
    return ((image_size - 4) // 2 - 4) // 2


# ------------------------------------------------------------------------------------------------- LeNet-5, 1998


class LeNet5(nn.Module):
    """LeNet-5 of Fig. 2: images (N, in_channels, image_size, image_size) → logits (N, num_classes).

    A logit is −y, minus the squared distance of F6 to the code of the class, so that the nearest class has the largest.
    Cross-entropy of these logits is the criterion of eq. 9 without its constant e^−j, which is for images of no class.

    Weights start as the paper has it: uniform in ±2.4 / fan-in (Appendix A). `num_classes` takes the codes of the first
    digits. Shapes below: `create_model("lenet5")`.

    Raises ValueError for an `image_size` outside 16 to 64, more classes than digits, and images of other sizes.
    """

    def __init__(self, *, num_classes: int = 10, in_channels: int = 1, image_size: int = 32) -> None:
        super().__init__()
        check_image_size(image_size)
        if not 1 <= num_classes <= len(DIGIT_CODES):
            raise ValueError(
                f"num_classes={num_classes} has no codes: the output compares with drawings of the ten digits; "
                f"give 1 to 10, or take lenet5_modern, which has any number of classes"
            )
        self.input_size = (in_channels, image_size, image_size)

        self.c1 = nn.Conv2d(in_channels, 6, 5)
        self.s2 = Subsampling(6)
        self.c3 = SparseConv(C3_READS)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, map_side(image_size))
        self.f6 = nn.Linear(120, 84)
        self.output = RadialBasis(DIGIT_CODES[:num_classes])
        lecun_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=None)
        x = squash(self.c1(x))  # (N, 6, 28, 28)
        x = squash(self.s2(x))  # (N, 6, 14, 14)
        x = squash(self.c3(x))  # (N, 16, 10, 10)
        x = squash(self.s4(x))  # (N, 16, 5, 5)
        x = squash(self.c5(x))  # (N, 120, 1, 1)
        x = squash(self.f6(x.flatten(1)))  # (N, 84)
        return -self.output(x)  # (N, 10)


# ---------------------------------------------------------------------------------------------- LeNet-5 as taught

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class LeNet5Modern(nn.Module):
    """LeNet-5 as courses have it: images (N, in_channels, image_size, image_size) → logits (N, num_classes).

    `activation` is "relu", "tanh" or "sigmoid", `pooling` "max" or "average". `width` scales channels and hidden units.
    Weights start by He's rule for ReLU, by Glorot's for the two that saturate; biases 0.
    Shapes below: `create_model("lenet5_modern")`.

    Raises ValueError for another activation or pooling, a width that makes no whole channels, an `image_size` outside
    16 to 64, and images of other sizes.
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        in_channels: int = 1,
        width: float = 1.0,
        activation: str = "relu",
        pooling: str = "max",
        image_size: int = 32,
    ) -> None:
        super().__init__()
        check_image_size(image_size)
        self.input_size = (in_channels, image_size, image_size)
        c1, c2, h1, h2 = (scaled_channels(units, width) for units in (6, 16, 120, 84))
        pool = look_up("pooling", pooling, POOLINGS)

        self.activation = look_up("activation", activation, ACTIVATIONS)()
        self.conv1 = nn.Conv2d(in_channels, c1, 5)
        self.pool1 = pool(2)
        self.conv2 = nn.Conv2d(c1, c2, 5)
        self.pool2 = pool(2)
        self.fc1 = nn.Linear(c2 * map_side(image_size) ** 2, h1)
        self.fc2 = nn.Linear(h1, h2)
        self.fc3 = nn.Linear(h2, num_classes)
        if activation == "relu":
            he_init(self)
        else:
            glorot_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=None)
        x = self.conv1(x)  # (N, 6, 28, 28)
        x = self.pool1(self.activation(x))  # (N, 6, 14, 14)
        x = self.conv2(x)  # (N, 16, 10, 10)
        x = self.pool2(self.activation(x))  # (N, 16, 5, 5)
        x = self.fc1(x.flatten(1))  # (N, 120)
        x = self.fc2(self.activation(x))  # (N, 84)
        return self.fc3(self.activation(x))  # (N, 10)
