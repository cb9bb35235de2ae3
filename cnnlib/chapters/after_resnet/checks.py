"""The exercises of chapter 5: pre-activation, expected depth, a dense block, a Fire module."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.modules import ModuleExercise, check_module
from cnnlib.course.checks.verdict import Verdict
from cnnlib.models.densenet import DenseBlock, Transition
from cnnlib.models.squeezenet import Fire
from cnnlib.models.stochastic_depth import linear_decay
from cnnlib.models.wide_resnet import WideBlock

__all__ = [
    "dense_channels",
    "expected_blocks",
    "fire_module",
    "preact_block",
]

# ------------------------------------------------------------------------------------------- the pre-activation block


def path(block: WideBlock, x):
    """F(x) of a pre-activation block."""
    return block.residual(F.relu(block.norm(x)))


def parts(block: WideBlock):
    """Its convolutions and norms, in order."""
    residual = block.residual
    return block.norm, residual.conv1, residual.norm2, residual.conv2


def without_first_activation(block: WideBlock, x):
    """conv, batch norm, ReLU, conv: the first batch norm and ReLU are left out."""
    _, conv1, norm2, conv2 = parts(block)
    return conv2(F.relu(norm2(conv1(x))))


def relu_before_norm(block: WideBlock, x):
    """ReLU, batch norm, conv, twice."""
    norm1, conv1, norm2, conv2 = parts(block)
    return conv2(norm2(F.relu(conv1(norm1(F.relu(x))))))


def norms_after(block: WideBlock, x):
    """The order of 2015 on the residual path: conv, batch norm, ReLU, conv, batch norm."""
    norm1, conv1, norm2, conv2 = parts(block)
    return norm2(conv2(F.relu(norm1(conv1(x)))))


def without_relus(block: WideBlock, x):
    """Batch norm and convolution, twice."""
    norm1, conv1, norm2, conv2 = parts(block)
    return conv2(norm2(conv1(norm1(x))))


PREACT_BLOCK = ModuleExercise(
    arguments=(8,),
    reference=lambda: WideBlock(8, 8, dropout=0.0),
    shape=(4, 8, 6, 6),
    parts="two 3×3 convolutions and two batch norms",
    mistakes=(
        (
            lambda b, x: F.relu(path(b, x) + x),
            "A ReLU follows the addition. Here nothing does: the sum goes to the next block as it is.",
        ),
        (
            lambda b, x: path(b, x) + F.relu(b.norm(x)),
            "You add the activated input. The shortcut takes x itself, from before the batch norm and the ReLU.",
        ),
        (
            lambda b, x: path(b, x) + b.norm(x),
            "You add the normalised input. The shortcut takes x itself, from before the batch norm.",
        ),
        (
            path,
            "The shortcut is missing: you return F(x) alone. Add x.",
        ),
        (
            lambda b, x: F.relu(norms_after(b, x) + x),
            "This is the block of 2015: convolution, batch norm, ReLU, and a ReLU after the sum. Put batch norm and ReLU in "
            "front of each convolution, and nothing after the sum.",
        ),
        (
            lambda b, x: norms_after(b, x) + x,
            "The batch norms stand behind the convolutions. Here each stands in front of its convolution, with the ReLU.",
        ),
        (
            lambda b, x: without_first_activation(b, x) + x,
            "The first convolution reads x as it is. In front of it, too, stand a batch norm and a ReLU.",
        ),
        (
            lambda b, x: relu_before_norm(b, x) + x,
            "The ReLU comes before the batch norm. The order is batch norm, ReLU, convolution.",
        ),
        (
            lambda b, x: without_relus(b, x) + x,
            "There is no ReLU: a batch norm and a ReLU stand in front of each convolution.",
        ),
        (
            lambda b, x: F.relu(path(b, x)) + x,
            "The path ends in a ReLU, so that it can only add. It ends in its second convolution.",
        ),
        (
            lambda b, x: 2 * path(b, x),
            "You add the path to itself. Keep the input for the shortcut and add that.",
        ),
    ),
    hint="Go through the order: batch norm, ReLU, conv, batch norm, ReLU, conv, add x.",
    counts={
        (nn.Conv2d, 3): "The shape stays, so the shortcut needs no projection.",
        (nn.BatchNorm2d, 1): "Each convolution has one of its own, in front of it.",
        (nn.BatchNorm2d, 3): "There is one in front of each convolution and none after the sum.",
    },
    reasons={
        "channels": "To add the input, both convolutions keep the channels that came in.",
        "padding": "With `padding=1` a 3×3 convolution keeps height and width, so that the input can be added.",
        "stride": "With stride 1 the map keeps height and width, so that the input can be added.",
        "bias": "Wide and pre-activation networks leave it out, as ResNet does: use `bias=False`.",
    },
)


def preact_block(block: Callable[[int], nn.Module]) -> Verdict:
    """Grades a pre-activation block (He et al. 2016, Fig. 4e): `block(channels)` builds it.

    It should map (N, C, H, W) to the same shape: batch norm, ReLU, conv 3×3, batch norm, ReLU, conv 3×3, plus the input;
    convolutions without bias.
    """
    return check_module(block, PREACT_BLOCK)


# ------------------------------------------------------------------------------------------- expected depth


def expected(depth: int, final: float) -> float:
    """Blocks of a CIFAR ResNet that run on average."""
    return sum(linear_decay(final, (depth - 2) // 2))


EXPECTED_BLOCKS = FunctionExercise(
    reference=expected,
    inputs=((110, 0.5), (20, 0.5), (8, 0.2), (56, 1.0), (1202, 0.5), (32, 0.75)),
    mistakes=(
        (
            lambda depth, p: p * ((depth - 2) // 2),
            "This lets every block survive with probability p. By linear decay only the last one does; the ones before it "
            "survive more often.",
        ),
        (
            lambda depth, p: (1 + p) / 2 * ((depth - 2) // 2),
            "This runs from 1 to p, with the first block at 1. Eq. 4 begins at the input: block 1 has 1 - (1 - p) / L "
            "already.",
        ),
        (
            lambda depth, p: sum(linear_decay(p, depth)),
            "You count layers as blocks. A block has two layers, and the first convolution and the classifier stand in none: "
            "L = (depth - 2) / 2.",
        ),
        (
            lambda depth, p: sum(linear_decay(p, depth // 2)),
            "L is one too large: the first convolution and the classifier stand in no block. L = (depth - 2) / 2.",
        ),
        (
            lambda depth, p: sum(1 - q for q in linear_decay(p, (depth - 2) // 2)),
            "These are the blocks that are skipped. Asked for are those that run.",
        ),
        (
            lambda depth, p: 2 * expected(depth, p) + 2,
            "These are layers. Asked for are blocks: leave out the 2 · and the + 2.",
        ),
        (
            lambda depth, p: sum(1 - (1 - p) * i / ((depth - 2) // 2) for i in range((depth - 2) // 2)),
            "Your blocks are numbered from 0. In eq. 4 they go from 1 to L, so that the last one has p.",
        ),
    ),
    hint="With L = (depth - 2) / 2 blocks, block l survives with probability 1 - l / L · (1 - p). Add them up, l from 1 to L.",
)


def expected_blocks(blocks: Callable[[int, float], float]) -> Verdict:
    """Grades `blocks(depth, p)`: how many blocks of a CIFAR ResNet run on average in training (Huang et al. 2016, Sec. 3).

    The network has `depth` = 6n + 2 layers in blocks of two; survival decays linearly to `p` at the last block.
    """
    return check_function(blocks, EXPECTED_BLOCKS)


# ------------------------------------------------------------------------------------------- dense channels


def after_transition(start: int, layers: int, growth: int) -> tuple[int, int]:
    """Channels behind a dense block, and behind the transition that halves them."""
    with torch.device("meta"):
        block = DenseBlock(start, layers, growth, bottleneck=True, checkpointing=False, dropout=0.0)
        maps = block(torch.empty(1, start, 4, 4)).shape[1]
        return maps, Transition(maps, 0.5, 0.0)(torch.empty(1, maps, 4, 4)).shape[1]


DENSE_CHANNELS = FunctionExercise(
    reference=after_transition,
    inputs=((64, 6, 32), (24, 16, 12), (16, 12, 12), (128, 12, 32), (9, 2, 4), (7, 3, 1)),
    mistakes=(
        (
            lambda c, n, k: (n * k, n * k // 2),
            "The block's input is concatenated too: it is part of what comes out.",
        ),
        (
            lambda c, n, k: (c + k, (c + k) // 2),
            "Each layer adds k channels, not only one of them.",
        ),
        (
            lambda c, n, k: (k, k // 2),
            "This is what one layer gives. The block gives its input and what all layers added, one behind the other.",
        ),
        (
            lambda c, n, k: (c + (n - 1) * k, (c + (n - 1) * k) // 2),
            "This is what the last layer reads. Its own k channels come on top.",
        ),
        (
            lambda c, n, k: (c + 4 * n * k, (c + 4 * n * k) // 2),
            "The 4k maps of the 1×1 stay inside the layer; k of the 3×3 are concatenated.",
        ),
        (
            lambda c, n, k: (c + n * (n + 1) // 2 * k, (c + n * (n + 1) // 2 * k) // 2),
            "You multiply by the number of connections. However often a layer is read, it adds its k channels once.",
        ),
        (
            lambda c, n, k: (c + n * k, c + n * k),
            "Behind the block you are right. A transition with compression 0.5 keeps half of the channels.",
        ),
        (
            lambda c, n, k: (c + n * k, (c + n * k + 1) // 2),
            "The transition keeps ⌊0.5 · C⌋ channels: it rounds down (Sec. 3).",
        ),
    ),
    hint="Each layer adds k channels to the c that come in; the transition keeps half of the sum, rounded down.",
)


def dense_channels(channels: Callable[[int, int, int], tuple[int, int]]) -> Verdict:
    """Grades `channels(c, layers, k)`: the channels behind a dense block and behind its transition (Huang et al. 2017).

    `c` channels come in, each of `layers` layers has the growth rate `k`, and the compression is 0.5.
    """
    return check_function(channels, DENSE_CHANNELS)


# ------------------------------------------------------------------------------------------- the Fire module


def expanded(fire: Fire, x, *, relus: tuple[bool, bool] = (True, True), swapped: bool = False):
    """A Fire module with or without its two ReLUs, its halves in order or swapped."""
    inside = fire.squeeze(x)
    inside = F.relu(inside) if relus[0] else inside
    halves = [fire.expand1x1(inside), fire.expand3x3(inside)]
    out = torch.cat(halves[::-1] if swapped else halves, dim=1)
    return F.relu(out) if relus[1] else out


FIRE_MODULE = ModuleExercise(
    arguments=(12, 4, 10, 6),
    reference=lambda: Fire(12, 4, 10, 6),
    shape=(4, 12, 6, 6),
    parts="a 1×1 that squeezes, a 1×1 and a 3×3 that expand",
    mistakes=(
        (
            lambda b, x: expanded(b, x, relus=(False, True)),
            "There is no ReLU behind the squeeze layer: without it squeeze and expand are one linear map.",
        ),
        (
            lambda b, x: expanded(b, x, relus=(True, False)),
            "The ReLU behind the expand layer is missing.",
        ),
        (
            lambda b, x: expanded(b, x, relus=(False, False)),
            "There is no ReLU. One stands behind the squeeze layer and one behind the expand layer.",
        ),
        (
            lambda b, x: expanded(b, x, swapped=True),
            "The halves are the wrong way round: first the channels of the 1×1, then those of the 3×3.",
        ),
    ),
    hint="Go through the order: squeeze, ReLU, both expand convolutions on the result, concatenate along dimension 1, ReLU.",
    counts={
        (nn.Conv2d, 2): "Two expand layers read the squeezed maps side by side: a 1×1 and a 3×3.",
        (nn.BatchNorm2d, 1): "SqueezeNet has no batch norm.",
        (nn.BatchNorm2d, 2): "SqueezeNet has no batch norm.",
        (nn.BatchNorm2d, 3): "SqueezeNet has no batch norm.",
    },
    reasons={
        "kernel": "The squeeze layer and one expand layer have 1×1 windows, the other expand layer 3×3.",
        "channels": "Both expand layers read what the squeeze layer gives; they do not read the module's input.",
        "padding": "The 3×3 wants `padding=1`, so that its maps fit beside those of the 1×1; a 1×1 wants none.",
        "stride": "The module keeps height and width: stride 1.",
        "bias": "There is no batch norm behind these convolutions, so each has a bias.",
    },
)


def fire_module(module: Callable[[int, int, int, int], nn.Module]) -> Verdict:
    """Grades a Fire module (Iandola et al. 2016, Fig. 1): `module(in_channels, squeeze, expand1x1, expand3x3)` builds it.

    It should map (N, in_channels, H, W) to (N, expand1x1 + expand3x3, H, W): a 1×1 convolution and a ReLU; a 1×1 and a
    3×3 convolution of that, one behind the other along the channels, and a ReLU. Convolutions have biases.
    """
    return check_module(module, FIRE_MODULE)
