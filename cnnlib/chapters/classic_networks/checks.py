"""The exercises of chapter 1: the size of an output, a connection table, groups, and LeNet-5 as it is taught."""

from collections.abc import Callable

import torch
from torch import nn

from cnnlib.analysis import anatomy
from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.modules import ModuleExercise, check_module
from cnnlib.course.checks.verdict import Verdict
from cnnlib.models.lenet import LeNet5Modern, SparseConv

__all__ = [
    "connection_table",
    "grouped_parameters",
    "lenet",
    "output_size",
]

# ---------------------------------------------------------------------------------------------------- functions


def side(n: int, f: int, p: int, s: int) -> int:
    """The size of the output that PyTorch computes for n pixels."""
    return anatomy(nn.Conv2d(1, 1, f, s, p, device="meta"), (1, n, n)).layers[0].out_shape[1]


OUTPUT_SIZE = FunctionExercise(
    reference=side,
    inputs=(
        (32, 5, 0, 1),
        (227, 11, 0, 4),
        (224, 11, 0, 4),
        (224, 11, 2, 4),
        (13, 3, 1, 1),
        (55, 3, 0, 2),
        (224, 7, 1, 2),
    ),
    mistakes=(
        (lambda n, f, p, s: (n + p - f) // s + 1, "Padding is on both sides: it adds 2p to n."),
        (lambda n, f, p, s: (n - f) // s + 1, "The padding is missing: it adds 2p to n."),
        (
            lambda n, f, p, s: (n + 2 * p - f) // s,
            "Count the first place too: (n + 2p − f) / s are the steps after it.",
        ),
        (lambda n, f, p, s: n + 2 * p - f + 1, "The stride is missing: after each place the filter moves s pixels."),
        (
            lambda n, f, p, s: (n + 2 * p - f) / s + 1,
            "A filter has no half places: round down what the steps do not use up (`//`).",
        ),
        (
            lambda n, f, p, s: -(-(n + 2 * p - f) // s) + 1,
            "You round up, so that the last filter hangs over the edge. PyTorch rounds down.",
        ),
        (
            lambda n, f, p, s: (n + 2 * p - f + 1) // s,
            "Add the 1 after dividing: the first place costs no step.",
        ),
    ),
    hint="The filter's first place is at the edge of the padded input. Count how many steps of s it can still take.",
)


def output_size(size: Callable[[int, int, int, int], int]) -> Verdict:
    """Grades `size(n, f, p, s)`: the side of what a convolution makes of n×n pixels.

    The filter is f×f, p pixels of padding are on each side, s is the stride.
    """
    return check_function(size, OUTPUT_SIZE)


def connected(reads: tuple[int, ...]) -> int:
    """The parameters of C3 where map j reads `reads[j]` maps; which ones does not matter."""
    return sum(p.numel() for p in SparseConv([tuple(range(count)) for count in reads]).parameters())


CONNECTION_TABLE = FunctionExercise(
    reference=connected,
    inputs=(((3,),), ((3, 3),), ((6, 6, 6),), ((1, 2, 4),), ((3,) * 6 + (4,) * 9 + (6,),), ((6,) * 16,)),
    mistakes=(
        (lambda reads: 25 * sum(reads), "The biases are missing: each output map has one."),
        (
            lambda reads: 26 * sum(reads),
            "You count a bias for each connection. An output map adds up all that it reads and then has one bias.",
        ),
        (
            lambda reads: len(reads) * (25 * 6 + 1),
            "This is the full connection, where each map reads all six. Here a map has weights for those it reads.",
        ),
        (
            lambda reads: 25 * sum(reads) + 1,
            "You count one bias in all: each output map has one of its own.",
        ),
        (
            lambda reads: 25 * len(reads) + len(reads),
            "You count one 5×5 filter for each output map. It has one for each map that it reads.",
        ),
        (
            lambda reads: 5 * sum(reads) + len(reads),
            "A 5×5 filter has 25 weights, not 5.",
        ),
    ),
    hint="Each output map has one 5×5 filter for each map that it reads, and one bias.",
)


def connection_table(count: Callable[[tuple[int, ...]], int]) -> Verdict:
    """Grades `count(reads)`: parameters of a 5×5 convolution whose output map j reads `reads[j]` maps of its input.

    LeCun et al. 1998, Table I: LeNet-5's C3 has 1 516.
    """
    return check_function(count, CONNECTION_TABLE)


def grouped(in_channels: int, out_channels: int, kernel_size: int, groups: int) -> int:
    """The parameters of a grouped convolution."""
    with torch.device("meta"):
        return sum(p.numel() for p in nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups).parameters())


GROUPED_PARAMETERS = FunctionExercise(
    reference=grouped,
    inputs=((96, 256, 5, 2), (256, 384, 3, 1), (384, 384, 3, 2), (384, 256, 3, 2), (64, 64, 3, 8), (8, 16, 1, 4)),
    mistakes=(
        (
            lambda i, o, k, g: k * k * i * o + o,
            "The groups are missing: a filter reads only the maps of its own group.",
        ),
        (
            lambda i, o, k, g: k * k * i * o // g,
            "The biases are missing: each output map has one, whatever the groups.",
        ),
        (
            lambda i, o, k, g: (k * k * i * o + o) // g,
            "You divide the biases as well. Each output map keeps its bias; only the filters get thinner.",
        ),
        (
            lambda i, o, k, g: k * k * i * o // g**2 + o,
            "You divide twice. Each filter reads a share of the maps, but there are as many filters as before.",
        ),
        (
            lambda i, o, k, g: k * i * o // g + o,
            "A window is k·k, not k.",
        ),
    ),
    hint="There are `out_channels` filters. How many maps does each read, and how many weights has it for each?",
)


def grouped_parameters(count: Callable[[int, int, int, int], int]) -> Verdict:
    """Grades `count(in_channels, out_channels, kernel_size, groups)`: the parameters of a grouped convolution with biases."""
    return check_function(count, GROUPED_PARAMETERS)


# ------------------------------------------------------------------------------------------------------- LeNet-5


def lenet_forward(
    net: LeNet5Modern, x, *, pool=None, relu: tuple[bool, ...] = (True,) * 4, last=lambda logits: logits
) -> torch.Tensor:
    """The forward pass of LeNet-5 as taught, or one with something wrong."""
    pool = pool or net.pool1

    def act(number: int, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x) if relu[number] else x

    x = pool(act(0, net.conv1(x)))
    x = pool(act(1, net.conv2(x)))
    x = act(2, net.fc1(x.flatten(1)))
    return last(net.fc3(act(3, net.fc2(x))))


LENET = ModuleExercise(
    arguments=(),
    reference=LeNet5Modern,
    shape=(4, 1, 32, 32),
    parts="two 5×5 convolutions and three linear layers",
    mistakes=(
        (
            lambda net, x: lenet_forward(net, x, pool=nn.AvgPool2d(2)),
            "You pool by averages. That is nearer to 1998; the form that is taught takes the maximum.",
        ),
        (
            lambda net, x: lenet_forward(net, x, relu=(False, False, True, True)),
            "There is no ReLU behind the convolutions.",
        ),
        (
            lambda net, x: lenet_forward(net, x, relu=(True, True, False, False)),
            "There is no ReLU between the linear layers: without it they are one linear map.",
        ),
        (
            lambda net, x: lenet_forward(net, x, relu=(True, True, True, False)),
            "There is no ReLU behind the second linear layer.",
        ),
        (
            lambda net, x: lenet_forward(net, x, relu=(False,) * 4),
            "There is no ReLU at all: apart from the pooling this network is linear.",
        ),
        (
            lambda net, x: lenet_forward(net, x, last=torch.relu),
            "A ReLU stands behind the last layer, so that no logit can be negative. Leave it out.",
        ),
        (
            lambda net, x: lenet_forward(net, x, last=lambda logits: logits.softmax(1)),
            "You return probabilities. `cross_entropy` wants the logits: it has the softmax inside.",
        ),
    ),
    hint="Go through the order: convolution, ReLU, pooling, twice; then flatten; then three linear layers with a ReLU "
    "between them.",
    counts={
        (nn.Conv2d, 3): "C5 reads a 5×5 map, so that it is the first of three linear layers here: two convolutions.",
        (nn.Linear, 2): "Behind the convolutions come three: to 120, to 84, to 10.",
        (nn.BatchNorm2d, 2): "Batch norm came seventeen years later; leave it out.",
    },
    reasons={
        "channels": "The first convolution makes 6 maps of 1, the second 16 of 6.",
        "padding": "The maps shrink on the way, 32 → 28 → 14 → 10 → 5, so there is no padding.",
        "kernel": "Both windows are 5×5.",
        "values": "The last map has 16 · 5 · 5 = 400 values; then come 120, 84 and 10.",
        "bias": "All five layers have biases.",
    },
)


def lenet(network: Callable[[], nn.Module]) -> Verdict:
    """Grades LeNet-5 as it is taught: `network()` builds it, images (N, 1, 32, 32) → logits (N, 10).

    Two 5×5 convolutions (6 and 16 maps), each with a ReLU and 2×2 max pooling behind; linear layers of 120, 84 and 10
    units with ReLUs between.
    """
    return check_module(network, LENET)
