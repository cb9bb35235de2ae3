"""The exercises of chapter 3: what a bottleneck costs, the Inception module, smoothed labels."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.analysis import anatomy
from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.modules import ModuleExercise, check_module
from cnnlib.course.checks.verdict import Verdict
from cnnlib.models.googlenet import Inception

__all__ = [
    "bottleneck_macs",
    "inception_module",
    "smoothed_targets",
]

# ------------------------------------------------------------------------------------------------- costs of a branch


def branch_macs(in_channels: int, reduced: int, out_channels: int, kernel_size: int, side: int) -> int:
    """The MACs of a 1×1 convolution and a window behind it, on a map of `side` × `side` positions whose size is kept."""
    with torch.device("meta"):
        branch = nn.Sequential(
            nn.Conv2d(in_channels, reduced, 1), nn.Conv2d(reduced, out_channels, kernel_size, padding="same")
        )
    return anatomy(branch, (in_channels, side, side)).macs


BOTTLENECK_MACS = FunctionExercise(
    reference=branch_macs,
    inputs=((192, 16, 32, 5, 28), (256, 64, 96, 5, 28), (256, 64, 192, 3, 28), (480, 96, 208, 3, 14), (12, 3, 5, 1, 4)),
    mistakes=(
        (
            lambda c, r, k, f, n: f * f * c * k * n * n,
            "This is the window on all input channels, as if there were no 1×1 before it.",
        ),
        (
            lambda c, r, k, f, n: f * f * r * k * n * n,
            "The 1×1 is missing: it is cheap, and not free. It has in_channels · reduced weights.",
        ),
        (
            lambda c, r, k, f, n: c * r * n * n,
            "This is the 1×1 alone. The window behind it reads what it gives.",
        ),
        (
            lambda c, r, k, f, n: c * r + f * f * r * k,
            "These are the weights. Each is used once at every position of the map: times side · side.",
        ),
        (
            lambda c, r, k, f, n: (c * r + f * f * r * k) * n,
            "A map of side `side` has side · side positions; you multiply by one side.",
        ),
        (
            lambda c, r, k, f, n: (c * r + f * r * k) * n * n,
            "A window of 5×5 has 25 weights for each pair of channels, not 5.",
        ),
        (
            lambda c, r, k, f, n: (c * r + f * f * c * k) * n * n,
            "The window reads the `reduced` channels that the 1×1 gives, not the input's.",
        ),
        (
            lambda c, r, k, f, n: (c * r + r + f * f * r * k + k) * n * n,
            "You count the biases. A MAC is a multiply with its addition; a bias is only added.",
        ),
        (
            lambda c, r, k, f, n: 2 * (c * r + f * f * r * k) * n * n,
            "This counts a multiply and an addition as two. A MAC is both together.",
        ),
        (
            lambda c, r, k, f, n: (c * r + f * f * r * k) * (n - f + 1) ** 2,
            "The map keeps its size, as in an Inception module: the window is padded.",
        ),
    ),
    hint="Two convolutions: in_channels → reduced with a window of 1×1, then reduced → out_channels with kernel_size × "
    "kernel_size. Each costs its weights times the positions of the map.",
)


def bottleneck_macs(macs: Callable[[int, int, int, int, int], int]) -> Verdict:
    """Grades `macs(in_channels, reduced, out_channels, kernel_size, side)`: a branch of an Inception module.

    A 1×1 convolution to `reduced` channels and a window of `kernel_size` behind it, on a map of `side` × `side`
    positions whose size both keep. MACs are multiplies with their additions; biases do not count.
    """
    return check_function(macs, BOTTLENECK_MACS)


# ---------------------------------------------------------------------------------------------------- the module


def stacked(module: Inception, x: Tensor, **paths: Callable[[Tensor], Tensor]) -> Tensor:
    """The module's forward with some of its paths replaced."""
    names = ("conv1x1", "conv3x3", "conv5x5", "pool")
    return torch.cat([paths.get(name, getattr(module, name))(x) for name in names], dim=1)


def reduction_without_relu(branch: nn.Sequential) -> Callable[[Tensor], Tensor]:
    """A path whose 1×1 has no ReLU."""
    return lambda x: branch[1](branch[0][0](x))


INCEPTION_MODULE = ModuleExercise(
    arguments=(12, 4, 5, 6, 3, 7, 2),
    reference=lambda: Inception(12, 4, 5, 6, 3, 7, 2),
    shape=(2, 12, 6, 6),
    parts="six convolutions: the 1×1; a 1×1 and the 3×3; a 1×1 and the 5×5; the 1×1 behind the pooling",
    mistakes=(
        (
            lambda m, x: torch.cat([m.pool(x), m.conv5x5(x), m.conv3x3(x), m.conv1x1(x)], dim=1),
            "The order of the paths is turned round: stack 1×1, 3×3, 5×5, pooling.",
        ),
        (
            lambda m, x: torch.cat([m.conv1x1(x), m.conv3x3(x), m.conv5x5(x)], dim=1),
            "The path with the pooling is missing from what you stack.",
        ),
        (
            lambda m, x: torch.cat([path[0](x) if i == 0 else path[-1][0](path[0](x))
                                    for i, path in enumerate((m.conv1x1, m.conv3x3, m.conv5x5, m.pool))], dim=1),
            "There is no ReLU behind the last convolution of each path.",
        ),
        (
            lambda m, x: stacked(
                m, x, conv3x3=reduction_without_relu(m.conv3x3), conv5x5=reduction_without_relu(m.conv5x5)
            ),
            "The reductions have no ReLU: it follows every convolution, these too (Sec. 5).",
        ),
        (
            lambda m, x: torch.cat([m.conv1x1[0](x), m.conv3x3[1][0](m.conv3x3[0][0](x)),
                                    m.conv5x5[1][0](m.conv5x5[0][0](x)), m.pool[1][0](m.pool[0](x))], dim=1),
            "There is no ReLU at all: one follows every convolution.",
        ),
        (
            lambda m, x: stacked(m, x, pool=m.pool[1]),
            "The pooling itself is missing from its path: the 1×1 reads what it gives.",
        ),
        (
            lambda m, x: stacked(m, x, pool=lambda maps: m.pool[0](m.pool[1](maps))),
            "You project first and pool then. In the module the 1×1 comes behind the pooling (Fig. 2b).",
        ),
        (
            lambda m, x: stacked(m, x, pool=lambda maps: m.pool[1](F.avg_pool2d(maps, 3, 1, 1))),
            "The pooling takes the mean; here it takes the maximum (the mean came with later versions).",
        ),
    ),
    hint="Go through the four paths one by one, each on the same input, and stack what they give along the channels.",
    counts={
        (nn.Conv2d, 4): "It looks as if the reductions before the 3×3 and the 5×5 are missing, or the naive module of "
        "Fig. 2a with a projection.",
        (nn.Conv2d, 5): "Each of the 3×3, the 5×5 and the pooling has a 1×1 of its own, and the fourth path is a 1×1 alone.",
        (nn.Conv2d, 3): "This is the naive module (Fig. 2a): three 1×1 convolutions are missing.",
    },
    reasons={
        "padding": "All four maps need the same height and width to be stacked: padding 1 for the 3×3, 2 for the 5×5.",
        "stride": "The module keeps height and width: every stride is 1, the pooling's too.",
        "channels": "A reduction reads the module's input, and the window behind it reads the reduction.",
        "kernel": "The windows are 1×1, 3×3 and 5×5.",
        "bias": "GoogLeNet has no batch norm, so its convolutions have biases.",
    },
)  # fmt: skip


def inception_module(block: Callable[..., nn.Module]) -> Verdict:
    """Grades an Inception module (Szegedy et al. 2014, Fig. 2b).

    `block(in_channels, conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj)` builds it, in the order of Table 1. It
    maps (N, in_channels, H, W) to (N, conv1x1 + conv3x3 + conv5x5 + pool_proj, H, W): four paths on one input, stacked in
    this order, with a ReLU behind every convolution.
    """
    return check_module(block, INCEPTION_MODULE)


# --------------------------------------------------------------------------------------------------- smoothed labels

SMOOTHED_TARGETS = FunctionExercise(
    reference=lambda classes, epsilon: (1 - epsilon + epsilon / classes, epsilon / classes),
    inputs=((1000, 0.1), (10, 0.1), (2, 0.2), (4, 0.5), (10, 0.0), (5, 1.0)),
    mistakes=(
        (
            lambda k, e: (1 - e, e / (k - 1)),
            "You share ε among the wrong classes. The paper mixes with a uniform distribution over *all* classes, so the "
            "right one gets its ε / K back.",
        ),
        (
            lambda k, e: (1 - e, e / k),
            "This does not add up to 1: the right class gets its share ε / K of the uniform part, too.",
        ),
        (
            lambda k, e: (1 - e, e),
            "This adds up to more than 1: ε is shared among the K classes.",
        ),
        (
            lambda k, e: (1.0, e / k),
            "The right class has to give up what the others get: it starts from 1 − ε.",
        ),
        (
            lambda k, e: (e / k, 1 - e + e / k),
            "The two are in the other order: first the right class.",
        ),
        (
            lambda k, e: (1.0, 0.0),
            "These are the labels as they were, without smoothing.",
        ),
    ),
    hint="With weight 1 − ε take the label as it was (1 and 0), with weight ε the uniform distribution 1 / K, and add.",
)


def smoothed_targets(targets: Callable[[int, float], tuple[float, float]]) -> Verdict:
    """Grades `targets(classes, epsilon)`: (target of the right class, target of each other class).

    Label smoothing as in Szegedy et al. 2015 (Sec. 7): the one-hot label with weight 1 − ε, the uniform distribution over
    all classes with weight ε.
    """
    return check_function(targets, SMOOTHED_TARGETS)
