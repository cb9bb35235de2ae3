"""The exercises of chapter 4: residual blocks, their parameters, and what their network sees."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.analysis import anatomy
from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.modules import ModuleExercise, check_module
from cnnlib.course.checks.verdict import Verdict
from cnnlib.models import create_model
from cnnlib.models.resnet import BasicBlock, Bottleneck

__all__ = [
    "bottleneck_parameters",
    "identity_block",
    "projection_block",
    "receptive_field",
]

# ------------------------------------------------------------------------------------------------------- blocks


def inside(block: BasicBlock, x, *, norms: bool = True, relu: bool = True, relu_before_norm: bool = False):
    """F(x) of a basic block, or one of the things that are taken for it."""
    branch = block.residual
    if not norms:
        return branch.conv2(F.relu(branch.conv1(x)))
    if relu_before_norm:
        return branch.bn2(F.relu(branch.conv2(F.relu(branch.bn1(branch.conv1(x))))))
    out = branch.bn1(branch.conv1(x))
    return branch.bn2(branch.conv2(F.relu(out) if relu else out))


RESIDUAL_MISTAKES = (
    (
        lambda b, x: F.relu(inside(b, x)) + b.shortcut(x),
        "You apply the ReLU before the addition. In this block it comes after: relu(F(x) + shortcut).",
    ),
    (
        lambda b, x: inside(b, x) + b.shortcut(x),
        "The last ReLU is missing: the sum of branch and shortcut goes through it (Fig. 2 of the paper).",
    ),
    (
        lambda b, x: F.relu(inside(b, x)),
        "The shortcut is missing: this is relu(F(x)), a plain block. Add the shortcut before the ReLU.",
    ),
    (
        lambda b, x: inside(b, x),
        "The shortcut and the last ReLU are missing: you return the residual branch F(x) alone.",
    ),
    (
        lambda b, x: F.relu(inside(b, x, norms=False) + b.shortcut(x)),
        "The batch norms of the branch are defined but not used: each follows its convolution.",
    ),
    (
        lambda b, x: F.relu(inside(b, x, relu=False) + b.shortcut(x)),
        "There is no ReLU between the two convolutions; without it they are one linear map.",
    ),
    (
        lambda b, x: F.relu(inside(b, x, relu_before_norm=True) + b.shortcut(x)),
        "A ReLU stands between the second convolution and its batch norm; the norm comes right after it.",
    ),
    (
        lambda b, x: F.relu(F.relu(inside(b, x)) + b.shortcut(x)),
        "The branch ends in a ReLU of its own, so it can only add. Leave it out: F(x) must be able to subtract.",
    ),
    (
        lambda b, x: F.relu(2 * inside(b, x)),
        "You add the branch to itself. Keep the input for the shortcut and add that.",
    ),
)
NO_BIAS = "The batch norm behind it subtracts it again: use `bias=False`."

IDENTITY_BLOCK = ModuleExercise(
    arguments=(8,),
    reference=lambda: BasicBlock(8, 8),
    shape=(4, 8, 6, 6),
    parts="two 3×3 convolutions with a batch norm behind each",
    mistakes=RESIDUAL_MISTAKES,
    hint="Go through the order: conv, batch norm, ReLU, conv, batch norm, add the input, ReLU.",
    counts={
        (nn.Conv2d, 3): "An identity block keeps the shape: its shortcut needs no projection.",
        (nn.BatchNorm2d, 0): "Each convolution has one right after it.",
        (nn.BatchNorm2d, 1): "Each convolution has one of its own, right after it.",
    },
    reasons={
        "channels": "To add the input, both convolutions keep the channels that came in.",
        "padding": "With `padding=1` a 3×3 convolution keeps height and width, so that the input can be added.",
        "stride": "With stride 1 the map keeps height and width, so that the input can be added.",
        "bias": NO_BIAS,
    },
)


def identity_block(block: Callable[[int], nn.Module]) -> Verdict:
    """Grades a basic residual block with an identity shortcut (He et al. 2015, Fig. 2): `block(channels)` builds it.

    It should map (N, C, H, W) to the same shape: conv 3×3, batch norm, ReLU, conv 3×3, batch norm, plus the input, then
    a ReLU; convolutions without bias.
    """
    return check_module(block, IDENTITY_BLOCK)


PROJECTION_BLOCK = ModuleExercise(
    arguments=(6, 12),
    reference=lambda: BasicBlock(6, 12, stride=2, shortcut="B"),
    shape=(4, 6, 8, 8),
    parts="two 3×3 convolutions and a 1×1 projection, with a batch norm behind each",
    mistakes=(
        *RESIDUAL_MISTAKES,
        (
            lambda b, x: F.relu(inside(b, x) + F.relu(b.shortcut(x))),
            "The projection ends in a ReLU of its own. The shortcut is linear: projection and batch norm, nothing else.",
        ),
        (
            lambda b, x: F.relu(inside(b, x) + b.shortcut[0](x)),
            "The batch norm of the projection is defined but not used: it follows each convolution, this one too.",
        ),
        (
            lambda b, x: F.relu(b.shortcut(x)),
            "The branch is missing: you return the projection alone. Add F(x) to it before the ReLU.",
        ),
    ),
    hint="Go through the order. Branch: conv, batch norm, ReLU, conv, batch norm. Shortcut: 1×1 conv of the block's "
    "input, batch norm. Then the sum, then a ReLU.",
    counts={
        (
            nn.Conv2d,
            2,
        ): "The projection is missing: the sum needs both sides in one shape, and a 1×1 convolution on the "
        "shortcut gives the input the branch's (option B).",
        (nn.BatchNorm2d, 2): "The projection has none: batch norm comes right after each convolution (Sec. 3.4), also "
        "on the shortcut.",
    },
    reasons={
        "kernel": "The branch has 3×3 windows; the projection mixes channels and needs no neighbours: 1×1.",
        "channels": "The first 3×3 and the projection make the new channels, the second 3×3 keeps them.",
        "stride": "The first 3×3 and the projection take every second position, so that both sides are halved; the "
        "second 3×3 keeps the size.",
        "padding": "A 3×3 convolution wants `padding=1`, a 1×1 none.",
        "bias": NO_BIAS,
    },
)


def projection_block(block: Callable[[int, int], nn.Module]) -> Verdict:
    """Grades the first block of a stage (He et al. 2015, Sec. 3.3, option B): `block(in_channels, channels)` builds it.

    It should map (N, in_channels, H, W) to (N, channels, H/2, W/2). Branch: conv 3×3 with stride 2, batch norm, ReLU,
    conv 3×3, batch norm. Shortcut: conv 1×1 with stride 2, batch norm. A ReLU after the sum; convolutions without bias.
    """
    return check_module(block, PROJECTION_BLOCK)


# ---------------------------------------------------------------------------------------------------- functions


def parameters(channels: int) -> int:
    """The parameters of a bottleneck with an identity shortcut, `channels` wide inside."""
    with torch.device("meta"):
        return sum(p.numel() for p in Bottleneck(4 * channels, channels).parameters())


BOTTLENECK_PARAMETERS = FunctionExercise(
    reference=parameters,
    inputs=((1,), (3,), (16,), (64,), (128,), (256,), (512,)),
    mistakes=(
        (
            lambda c: 17 * c * c,
            "These are the convolutions alone. Each batch norm learns two values for a channel, γ and β.",
        ),
        (lambda c: 17 * c * c + 6 * c, "Batch norm learns two values for a channel, γ and β; you count one."),
        (
            lambda c: 17 * c * c + 24 * c,
            "You count batch norm's running mean and variance too. They are measured, not learned: two values for a "
            "channel are.",
        ),
        (
            lambda c: 17 * c * c + 18 * c,
            "You count a bias in each convolution. They have none: the batch norm behind them would subtract it again.",
        ),
        (
            lambda c: 11 * c * c + 12 * c,
            "The 3×3 counts as 3. Its window has 3 · 3 weights for each pair of input and output channel.",
        ),
        (
            lambda c: 11 * c * c + 6 * c,
            "All three convolutions are `channels` wide here. The ends of a bottleneck are four times as wide as its middle.",
        ),
        (
            lambda c: 33 * c * c + 20 * c,
            "You count a projection on the shortcut. An identity shortcut has no weights.",
        ),
    ),
    hint="Add up: 1×1 from 4 · channels to channels, 3×3 that keeps them, 1×1 back to 4 · channels; then two values for "
    "each output channel of the three.",
)


def bottleneck_parameters(count: Callable[[int], int]) -> Verdict:
    """Grades `count(channels)`: the parameters of a bottleneck block with an identity shortcut (He et al. 2015, Fig. 5).

    The block is `channels` wide inside and 4 · `channels` at its ends. Learned values count: the weights of three
    convolutions without bias, and two values a channel for each batch norm.
    """
    return check_function(count, BOTTLENECK_PARAMETERS)


def last_field(depth: int) -> int:
    """The receptive field of a position of the last map of a CIFAR ResNet, in pixels a side."""
    with torch.device("meta"):
        return anatomy(create_model("cifar_resnet", depth=depth)).receptive_field[0]


def stacked_field(
    depth: int, *, strides: tuple[int, ...] = (1, 2, 2), stride_first: bool = False, convs: int = 2, stem: int = 1
) -> int:
    """The receptive field of 3×3 convolutions in stages, as it should be or with one thing wrong."""
    size, jump = 1 + 2 * stem, 1
    for stride in strides:
        for layer in range(convs * (depth - 2) // 6):
            step = stride if layer == 0 else 1
            if stride_first:
                jump, size = jump * step, size + 2 * jump * step
            else:
                jump, size = jump * step, size + 2 * jump
    return size


RECEPTIVE_FIELD = FunctionExercise(
    reference=last_field,
    inputs=((8,), (14,), (20,), (32,), (56,), (110,)),
    mistakes=(
        (
            lambda depth: stacked_field(depth, strides=(1, 1, 1)),
            "The jump stays 1 here. Behind a convolution with stride 2, neighbours lie twice as far apart in the image, so "
            "each later window reaches twice as far.",
        ),
        (
            lambda depth: stacked_field(depth, stride_first=True),
            "You double the jump before the convolution that strides. Its own window still lies on the finer map: first "
            "add 2 · jump, then double.",
        ),
        (
            lambda depth: stacked_field(depth, strides=(1, 2)),
            "This is the field at the end of stage 2, of the wrong layer: the last map comes after stage 3.",
        ),
        (
            lambda depth: stacked_field(depth, strides=(1,)),
            "This is the field at the end of stage 1, of the wrong layer: the last map comes after stage 3.",
        ),
        (
            lambda depth: stacked_field(depth, convs=1),
            "Each block has two 3×3 convolutions; you count one.",
        ),
        (
            lambda depth: stacked_field(depth, stem=0),
            "The first convolution is missing: before stage 1 a position sees 3 pixels, not 1.",
        ),
        (
            lambda depth: stacked_field(depth) - 1,
            "You start from 0. Before any layer a position sees itself: 1 pixel.",
        ),
    ),
    hint="Go through the convolutions from the image on: each adds 2 · jump to the field, and one with stride 2 then "
    "doubles the jump. There is 1 + 6n of them, n blocks of two in each of three stages.",
)


def receptive_field(field: Callable[[int], int]) -> Verdict:
    """Grades `field(depth)`: the receptive field of the last map of a CIFAR ResNet, in pixels a side.

    The network has 6n + 2 layers (He et al. 2015, Sec. 4.2): a 3×3 convolution, then three stages of n blocks with two
    3×3 convolutions each; the first convolution of stages 2 and 3 has stride 2.
    """
    return check_function(field, RECEPTIVE_FIELD)
