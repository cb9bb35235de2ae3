"""Fractal networks: very deep without residuals.

Larsson, Maire, Shakhnarovich 2017, "FractalNet: ultra-deep neural networks without residuals",
https://arxiv.org/abs/1605.07648 (ICLR 2017).

What was new: one rule, applied to itself, makes a block of columns of 1, 2, 4, … convolutions that meet again and
again. No signal passes unchanged, and yet the deepest column can be trained. Drop-path, which cuts inputs of the joins,
makes each column a network in its own right: a shallow answer soon, a deeper one later.

Departures:
- Table 1 gives FractalNet-20 38.6M parameters. The paper's widths give 33.7M, by the count that gives all six rows of
  Table 3.
- Details that the paper leaves open follow the released generator (https://github.com/gustavla/fractalnet): biases,
  dropout between convolution and batch norm, pooling before the last join of a block. Its batch norm has no scale; ours
  has.
- Rates of dropout are given for five blocks; the four of ImageNet have none here. No parameters are given for that
  network, so its table below is one reading of the text.
- Global pooling stands before the last layer, where images of 32×32 leave one position and it changes nothing.
- The FractalNet-40 of Table 1 is not here: its narrow columns and mix of 1×1 and 3×3 are not said.
  `depth=40` is that of Table 3, with all columns alike.

Explained in chapter 5.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from cnnlib.models.layers import check_images, conv, glorot_init, look_up, scaled_channels

# ---------------------------------------------------------------------------------------------------- the blocks


def conv_unit(in_channels: int, out_channels: int, dropout: float) -> nn.Sequential:
    """The layer that all columns are made of: 3×3 convolution, dropout where there is any, batch norm, ReLU."""
    layers = OrderedDict(conv=conv(in_channels, out_channels, 3, bias=True))
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["bn"] = nn.BatchNorm2d(out_channels)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


class Join(nn.Module):
    """⊕: the element-wise mean of the maps that reach it, each (N, C, H, W) → (N, C, H, W) (Sec. 3).

    Training drops each input with probability `drop_path`, but never all of them: local drop-path (Sec. 3.1). Dropped
    inputs are computed all the same.
    """

    def __init__(self, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path

    def forward(self, maps: list[Tensor]) -> Tensor:
        kept = self.survivors(maps) if self.training else maps
        return reduce(torch.add, kept) / len(kept) if len(kept) > 1 else kept[0]

    def may_skip(self) -> bool:
        """Whether it drops inputs in training."""
        return self.drop_path > 0

    def survivors(self, maps: list[Tensor]) -> list[Tensor]:
        """The maps that were not dropped; one of them, drawn, where all would be."""
        drawn = torch.rand(len(maps), device="cpu").tolist()
        kept = [each for each, number in zip(maps, drawn, strict=True) if number >= self.drop_path]
        return kept or [maps[draw_number(len(maps))]]


def draw_number(below: int) -> int:
    """A whole number from 0 to `below` - 1, each as likely, from torch's generator of the CPU."""
    return int(torch.randint(below, (), device="cpu"))


class FirstFractal(nn.Module):
    """f_1(z) = conv(z): one column. (N, C, H, W) → a list of one map (N, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv = conv_unit(in_channels, out_channels, dropout)

    def forward(self, z: Tensor) -> list[Tensor]:
        return [self.conv(z)]

    def column(self, number: int) -> list[nn.Module]:
        """The layers of the only column, number 0."""
        return [self.conv]


class Fractal(nn.Module):
    """f_C+1(z) = (f_C ∘ f_C)(z) ⊕ conv(z) (Sec. 3), without the last ⊕: (N, C, H, W) → the list of its inputs.

    One map a column, the shallowest first. They stay apart here, because joins that meet are one join (Fig. 1).
    """

    def __init__(self, columns: int, in_channels: int, out_channels: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.conv = conv_unit(in_channels, out_channels, dropout)
        self.first = make_fractal(columns - 1, in_channels, out_channels, dropout, drop_path)
        self.join = Join(drop_path)
        self.second = make_fractal(columns - 1, out_channels, out_channels, dropout, drop_path)

    def forward(self, z: Tensor) -> list[Tensor]:
        return [self.conv(z), *self.second(self.join(self.first(z)))]

    def column(self, number: int) -> list[nn.Module]:
        """The layers of one column: 2 ** number of them."""
        if number == 0:
            return [self.conv]
        return [*self.first.column(number - 1), *self.second.column(number - 1)]


def make_fractal(columns: int, in_channels: int, out_channels: int, dropout: float, drop_path: float) -> nn.Module:
    """f_C of `columns` columns."""
    if columns == 1:
        return FirstFractal(in_channels, out_channels, dropout)
    return Fractal(columns, in_channels, out_channels, dropout, drop_path)


class FractalBlock(nn.Module):
    """f_C, 2×2 max pooling where `pool`, and the last join: (N, C, H, W) → (N, out_channels, H/2, W/2)."""

    def __init__(
        self, columns: int, in_channels: int, out_channels: int, *, dropout: float, drop_path: float, pool: bool
    ) -> None:
        super().__init__()
        self.fractal = make_fractal(columns, in_channels, out_channels, dropout, drop_path)
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.join = Join(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        return self.join([self.pool(y) for y in self.fractal(x)])

    def column(self, number: int) -> nn.Sequential:
        """One column with its pooling: the block, where nothing else passes its joins."""
        return nn.Sequential(*self.fractal.column(number), self.pool)


# ---------------------------------------------------------------------------------------------------- the networks

#    channels  dropout  pooling      Sec. 4.1: maps of 32×32, 16×16, 8×8, 4×4, 2×2
CIFAR_BLOCKS = (
    (64,       0.0,     True),
    (128,      0.1,     True),
    (256,      0.2,     True),
    (512,      0.3,     True),
    (512,      0.4,     True),
)  # fmt: skip
#    channels  dropout  pooling      Table 2: maps of 56×56, 28×28, 14×14, 7×7
IMAGENET_BLOCKS = (
    (128,      0.0,     True),
    (256,      0.0,     True),
    (512,      0.0,     True),
    (1024,     0.0,     False),
)  # fmt: skip
FRACTALNETS = {34: 4}  # depth: columns; 1 + 4 · 2 ** 3 + 1 layers


class FractalNet(nn.Module):
    """A stem, fractal blocks and a softmax layer: images (N, C, H, W) as in `input_size` → logits (N, num_classes).

    Where `drop_path` is not 0, half of the mini-batches in training run through one column of all blocks, drawn anew
    (global drop-path), and half drop inputs of each join (local drop-path, Sec. 3.1).

    Weights start by the rule of Glorot and Bengio, the paper's "Xavier" (Sec. 4.1).
    Shapes below: `create_model("fractalnet34")`.

    Raises ValueError for a `drop_path` outside [0, 1), images of other channels, and images of sides under `smallest`.
    """

    def __init__(
        self,
        stem: nn.Module,
        channels: int,
        blocks: Sequence[tuple[int, float, bool]],
        columns: int,
        *,
        num_classes: int,
        input_size: tuple[int, int, int],
        smallest: int,
        drop_path: float,
    ) -> None:
        super().__init__()
        if not 0 <= drop_path < 1:
            raise ValueError(f"drop_path={drop_path} is no probability below 1; 0 drops nothing, 0.15 is the paper's")
        self.input_size = input_size
        self.smallest = smallest
        self.columns = columns
        self.drop_path = drop_path

        self.stem = stem
        self.blocks = nn.Sequential()
        for number, (out_channels, dropout, pool) in enumerate(blocks, start=1):
            block = FractalBlock(columns, channels, out_channels, dropout=dropout, drop_path=drop_path, pool=pool)
            self.blocks.add_module(f"block{number}", block)
            channels = out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        glorot_init(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.input_size, smallest=self.smallest)
        if self.training and self.drop_path and draw_number(2):
            return self.column(draw_number(self.columns))(x)
        x = self.stem(x)  # (N, 64, 56, 56)
        x = self.blocks(x)  # (N, 1024, 7, 7)
        x = self.avgpool(x)  # (N, 1024, 1, 1)
        return self.fc(x.flatten(1))  # (N, 1000)

    def column(self, number: int) -> nn.Sequential:
        """One column of every block as a network that shares its weights: 2 ** number convolutions a block (Sec. 3.1).

        Raises ValueError for a number that is not one of 0 to `columns` - 1.
        """
        look_up("number", number, dict.fromkeys(range(self.columns)))
        blocks = nn.Sequential(*(block.column(number) for block in self.blocks))
        return nn.Sequential(self.stem, blocks, self.avgpool, nn.Flatten(), self.fc)


def sized(
    blocks: Sequence[tuple[int, float, bool]], width: float, dropout: float | None
) -> list[tuple[int, float, bool]]:
    """The rows of a table with all channels times `width`, and `dropout` in every row where it is not None."""
    return [(scaled_channels(c, width), rate if dropout is None else dropout, pool) for c, rate, pool in blocks]


def cifar_fractalnet(
    depth: int | None = None,
    *,
    columns: int | None = None,
    blocks: int = 5,
    num_classes: int = 10,
    in_channels: int = 3,
    width: float = 1.0,
    dropout: float | None = None,
    drop_path: float = 0.15,
) -> FractalNet:
    """CIFAR FractalNet of blocks · 2 ** (columns - 1) convolutions on its longest path (Sec. 4.1, Table 3).

    `depth` or `columns` says the size; 20 and 3 are Table 1's. `blocks` takes the first rows of the paper's five, whose
    images may be as small as 2 ** blocks. `width` multiplies all channels: 0.25 gives the networks of Table 3.
    `dropout` None is the paper's, 0 to 40% from the first block to the last; a number is the same in all. `drop_path`
    is the probability of local drop-path, 0 for none of either kind.

    Raises ValueError for a depth, columns or blocks that do not go together, and a `drop_path` outside [0, 1).
    """
    look_up("blocks", blocks, dict.fromkeys(range(1, len(CIFAR_BLOCKS) + 1)))
    return FractalNet(
        nn.Identity(),
        in_channels,
        sized(CIFAR_BLOCKS[:blocks], width, dropout),
        columns_of(depth, columns, blocks),
        num_classes=num_classes,
        input_size=(in_channels, 32, 32),
        smallest=2**blocks,
        drop_path=drop_path,
    )


def columns_of(depth: int | None, columns: int | None, blocks: int) -> int:
    """C of depth = blocks · 2 ** (C - 1), from `depth` or `columns`. Raises ValueError where they give none."""
    if columns is not None and columns < 1:
        raise ValueError(f"columns={columns} is no network; give at least 1")
    if depth is None:
        if columns is None:
            raise ValueError("a FractalNet needs depth or columns; the paper has depth=20, which is columns=3")
        return columns
    found = max(1, (depth // blocks).bit_length())
    if depth != blocks * 2 ** (found - 1):
        raise ValueError(
            f"depth={depth} is not blocks · 2 ** (columns - 1) with blocks={blocks}; "
            f"the nearest depths are {blocks * 2 ** (found - 1)} and {blocks * 2**found}"
        )
    if columns not in (None, found):
        raise ValueError(
            f"depth={depth} with blocks={blocks} has columns={found} and not {columns}; give one of the two"
        )
    return found


def fractalnet(
    depth: int,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    dropout: float | None = None,
    drop_path: float = 0.15,
) -> FractalNet:
    """ImageNet FractalNet of 34 layers: four blocks of four columns between the ends of ResNet-34 (Table 2).

    It has the options of `cifar_fractalnet`; `dropout` None is 0 here. Raises ValueError for another depth and a
    `drop_path` outside [0, 1).
    """
    columns = look_up("depth", depth, FRACTALNETS)
    channels = scaled_channels(64, width)
    stem = OrderedDict(
        conv1=conv(in_channels, channels, 7, 2),
        bn1=nn.BatchNorm2d(channels),
        relu1=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    return FractalNet(
        nn.Sequential(stem),
        channels,
        sized(IMAGENET_BLOCKS, width, dropout),
        columns,
        num_classes=num_classes,
        input_size=(in_channels, 224, 224),
        smallest=32,
        drop_path=drop_path,
    )
