"""The exercises of chapter 6: rankings that agree, arithmetic intensity, the roof, what fits into memory, a new last layer."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from cnnlib.analysis import anatomy
from cnnlib.analysis.roofline import work
from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.running import call, graded
from cnnlib.course.checks.verdict import Answered, Verdict
from cnnlib.course.ranking import places, spearman
from cnnlib.experiments.transfer import head
from cnnlib.models import create_model

__all__ = [
    "arithmetic_intensity",
    "largest_batch",
    "new_head",
    "rank_correlation",
    "roofed_time",
]

# ------------------------------------------------------------------------------------------------ two rankings


def pearson(one: Sequence[float], other: Sequence[float]) -> float:
    """The usual correlation, of the values themselves."""
    first, second = ([value - sum(values) / len(values) for value in values] for values in (one, other))
    spread = sum(a * a for a in first) * sum(b * b for b in second)
    return sum(a * b for a, b in zip(first, second, strict=True)) / spread**0.5


def from_differences(
    one: Sequence[float],
    other: Sequence[float],
    *,
    ranked: Callable[[Sequence[float]], Sequence[float]] = places,
    factor: float = 6,
    power: int = 2,
    cube: bool = True,
    less: bool = True,
) -> float:
    """Spearman's formula, as it should be or with one thing wrong."""
    count = len(one)
    total = sum(abs(a - b) ** power for a, b in zip(ranked(one), ranked(other), strict=True))
    share = factor * total / (count**3 - count if cube else count**2 - count)
    return 1 - share if less else share


def sorting_order(values: Sequence[float]) -> list[int]:
    """Where the least value stands, then the next, and so on: not the place of each value."""
    return sorted(range(len(values)), key=lambda i: values[i])


RANK_CORRELATION = FunctionExercise(
    reference=spearman,
    inputs=(
        ((1.0, 2.0, 3.0, 4.0), (10.0, 20.0, 30.0, 400.0)),
        ((1.0, 2.0, 3.0), (9.0, 5.0, 1.0)),
        ((3.0, 1.0, 2.0, 7.0, 5.0), (2.0, 3.0, 1.0, 4.0, 90.0)),
        ((0.7, 15.5, 4.1, 1.5, 2.8), (59.0, 670.0, 210.0, 130.0, 200.0)),
        ((5.0, 4.0, 1.0, 2.0, 3.0, 6.0), (1.0, 6.0, 5.0, 3.0, 4.0, 2.0)),
    ),
    mistakes=(
        (
            pearson,
            "This is the correlation of the values. Put the place of each value in its stead: a network that is far ahead "
            "then counts no more than one that is just ahead.",
        ),
        (
            lambda a, b: from_differences(a, b, ranked=sorting_order),
            "Sorting tells which network stands first, second, …; you need the place of each network. Sort the order once "
            "more, or look each value up among the sorted ones.",
        ),
        (
            lambda a, b: from_differences(a, b, less=False),
            "This is 0 for equal orders: it is what has to be taken from 1.",
        ),
        (
            lambda a, b: from_differences(a, b, power=1),
            "The differences of places are squared before they are added up.",
        ),
        (
            lambda a, b: from_differences(a, b, factor=1),
            "The factor 6 is missing: without it, orders that are turned round do not give −1.",
        ),
        (
            lambda a, b: from_differences(a, b, cube=False),
            "The denominator is n³ − n, that is n (n² − 1).",
        ),
    ),
    hint="Replace each value by its place, 1 for the least. Then take the differences of the places of each network, "
    "square and add them: d. The correlation is 1 − 6 d / (n³ − n).",
)


def rank_correlation(correlation: Callable[[Sequence[float], Sequence[float]], float]) -> Verdict:
    """Grades `correlation(one, other)`: Spearman's rank correlation of two sequences without equal values."""
    return check_function(correlation, RANK_CORRELATION)


# ------------------------------------------------------------------------------------------------ intensity


def convolution_work(in_channels: int, out_channels: int, kernel_size: int, side: int, groups: int):
    """A convolution without bias that keeps the size of its map, as `work` has it."""
    layer = nn.Conv2d(
        in_channels, out_channels, kernel_size, padding=kernel_size // 2, groups=groups, bias=False, device="meta"
    )
    (row,) = work(anatomy(layer, (in_channels, side, side)))
    return row


def intensity_of(
    c: int, k: int, f: int, n: int, g: int, *, size: int = 4, read=1, weights=1, written=1, ops=1, grouped=(1, 1)
) -> float:
    """Arithmetic intensity by the formula, as it should be or with one thing wrong."""
    macs = f * f * c * k * n * n / (g if grouped[0] else 1)
    stored = f * f * c * k / (g if grouped[1] else 1)
    return ops * macs / (size * (read * c * n * n + weights * stored + written * k * n * n))


ARITHMETIC_INTENSITY = FunctionExercise(
    reference=lambda c, k, f, n, g: convolution_work(c, k, f, n, g).intensity,
    inputs=(
        (256, 256, 3, 14, 1),
        (256, 64, 1, 56, 1),
        (128, 128, 3, 28, 32),
        (128, 128, 3, 28, 128),
        (3, 64, 7, 112, 1),
    ),
    mistakes=(
        (
            lambda *a: intensity_of(*a, size=1),
            "You divide by values. A float32 has four bytes, and bandwidth is in bytes.",
        ),
        (
            lambda *a: intensity_of(*a, weights=0),
            "The weights have to come from memory, too.",
        ),
        (
            lambda *a: intensity_of(*a, written=0),
            "The output goes back to memory: its bytes count as well.",
        ),
        (
            lambda *a: intensity_of(*a, read=0),
            "The input map has to come from memory: its bytes count as well.",
        ),
        (
            lambda *a: intensity_of(*a, ops=2),
            "You count a multiply and its addition as two. A MAC is both together.",
        ),
        (
            lambda *a: intensity_of(*a, grouped=(0, 1)),
            "In a grouped convolution each filter reads only in_channels / groups channels, so the MACs shrink as well.",
        ),
        (
            lambda *a: intensity_of(*a, grouped=(1, 0)),
            "In a grouped convolution each filter reads only in_channels / groups channels, so it has fewer weights.",
        ),
        (
            lambda *a: intensity_of(*a, grouped=(0, 0)),
            "You leave the groups out: each filter reads only in_channels / groups channels.",
        ),
        (
            lambda c, k, f, n, g: 1 / intensity_of(c, k, f, n, g),
            "This is bytes for each MAC. Intensity is MACs for each byte.",
        ),
    ),
    hint="MACs: kernel² · in_channels / groups · out_channels · side². Bytes: 4 times the values of the input map, of the "
    "weights and of the output map. Divide the first by the second.",
)


def arithmetic_intensity(intensity: Callable[[int, int, int, int, int], float]) -> Verdict:
    """Grades `intensity(in_channels, out_channels, kernel_size, side, groups)`: MACs for each byte of a convolution.

    It has no bias and keeps the size of its map, `side` × `side`; one image, float32. Input, weights and output are each
    moved once.
    """
    return check_function(intensity, ARITHMETIC_INTENSITY)


# ------------------------------------------------------------------------------------------------ under the roof

Operations = tuple[tuple[int, int], ...]
ROOFED_TIME = FunctionExercise(
    reference=lambda operations, peak, bandwidth: sum(max(m / peak, b / bandwidth) for m, b in operations),
    inputs=(
        (((4_000_000, 1000),), 1e6, 1e3),
        (((0, 8000),), 1e6, 1e3),
        (((4_000_000, 1000), (0, 8000), (1_000_000, 3000)), 1e6, 1e3),
        (((500, 40), (100, 90), (0, 60)), 100.0, 10.0),
    ),
    mistakes=(
        (
            lambda ops, p, w: max(sum(m for m, _ in ops) / p, sum(b for _, b in ops) / w),
            "You add up first and take the longer time then. Operations run one after the other: each has its own limit, "
            "and the arithmetic of one does not hide the traffic of the next.",
        ),
        (
            lambda ops, p, w: sum(m / p + b / w for m, b in ops),
            "You add arithmetic and traffic. They go on at the same time: the longer of the two counts.",
        ),
        (
            lambda ops, p, w: sum(m / p for m, _ in ops),
            "This is the arithmetic alone. An operation without MACs takes time as well: its bytes have to be moved.",
        ),
        (
            lambda ops, p, w: sum(b / w for _, b in ops),
            "This is the traffic alone; where an operation has many MACs a byte, arithmetic takes longer.",
        ),
        (
            lambda ops, p, w: sum(min(m / p, b / w) for m, b in ops),
            "You take the shorter of the two times. An operation is done when both are.",
        ),
        (
            lambda ops, p, w: max(max(m / p, b / w) for m, b in ops),
            "This is the slowest operation alone. They run one after the other: add them up.",
        ),
    ),
    hint="For each operation take the longer of macs / peak and bytes / bandwidth, and add these times up.",
)


def roofed_time(seconds: Callable[[Operations, float, float], float]) -> Verdict:
    """Grades `seconds(operations, peak, bandwidth)`: what the roofline allows a network that runs one by one.

    `operations` are pairs of MACs and bytes moved; `peak` is in MACs a second, `bandwidth` in bytes a second.
    """
    return check_function(seconds, ROOFED_TIME)


# ------------------------------------------------------------------------------------------------ memory


def fits(memory: int, params: int, saved: int, *, copies: int = 3, size: int = 4, up: bool = False) -> int:
    """How many images fit, as it should be or with one thing wrong."""
    free = memory - copies * size * params
    return max(0, -(-free // saved) if up else free // saved)


LARGEST_BATCH = FunctionExercise(
    reference=fits,
    inputs=(
        (3 * 2**30, 60_965_224, 12_000_000),
        (8 * 2**30, 25_557_032, 86_121_984),
        (2**30, 138_357_544, 73_400_000),
        (24 * 2**30, 138_357_544, 73_400_000),
        (1000, 10, 100),
    ),
    mistakes=(
        (
            lambda m, p, s: fits(m, p, s, copies=2),
            "SGD with momentum keeps three values for each weight: the weight, its gradient, and its running mean.",
        ),
        (
            lambda m, p, s: fits(m, p, s, copies=1),
            "Beside the weights there are their gradients and the optimiser's running means, each as large.",
        ),
        (
            lambda m, p, s: fits(m, p, s, copies=0),
            "You leave out the weights with their gradients and running means.",
        ),
        (
            lambda m, p, s: fits(m, p, s, size=1),
            "`params` counts values, and a float32 has four bytes.",
        ),
        (
            lambda m, p, s: fits(m, p, s, up=True),
            "The last image does not fit whole: round down.",
        ),
        (
            lambda m, p, s: (m - 12 * p) // s,
            "Where the weights alone do not fit, this is less than 0; no image fits.",
        ),
        (
            lambda m, p, s: m // (12 * p + s),
            "The weights are there once, not once for each image.",
        ),
    ),
    hint="Take three float32 values for each parameter from the memory, and see how often the saved bytes of an image fit "
    "into the rest.",
)


def largest_batch(batch: Callable[[int, int, int], int]) -> Verdict:
    """Grades `batch(memory, params, saved)`: how many images fit into `memory` bytes in a training step.

    SGD with momentum in float32: each parameter has its value, gradient and running mean; autograd keeps `saved` bytes
    for each image. 0 where not even one fits.
    """
    return check_function(batch, LARGEST_BATCH)


# ------------------------------------------------------------------------------------------------ a new last layer

CLASSES = 7


def new_head(adapt: Callable[[nn.Module, int], nn.Module]) -> Verdict:
    """Grades `adapt(model, classes)`: makes a trained classifier ready for new classes, with only the new layer to learn.

    The model that it returns has a last linear layer for so many classes; all other parameters are kept and frozen.
    """
    return graded(lambda: compare_heads(adapt))


def compare_heads(adapt: Callable[[nn.Module, int], nn.Module]) -> Verdict:
    """The verdict on `adapt`, or Answered."""
    if isinstance(adapt, nn.Module) or not callable(adapt):
        raise Answered("wrong", "Hand over the function itself, without calling it: its name and no parentheses.")
    torch.default_generator.manual_seed(0)
    given = create_model("cifar_resnet", depth=8)
    name = head(given)
    before = {key: value.clone() for key, value in given.state_dict().items() if not key.startswith(f"{name}.")}
    model = call(adapt, given, CLASSES, doing=f"`adapt(model, {CLASSES})`")
    if model is None:
        raise Answered("unfinished", "`adapt` returns nothing yet: it should return the model.")
    if not isinstance(model, nn.Module):
        raise Answered("wrong", f"`adapt` returns a `{type(model).__name__}`; it should return the model.")
    after = model.state_dict()
    if missing := [key for key in before if key not in after]:
        raise Answered("wrong", f"`{missing[0]}` is gone: only the last linear layer is replaced.")
    if any(not torch.equal(after[key], value) for key, value in before.items()):
        raise Answered("wrong", "Weights below the last layer have changed; they are what the network has learned.")
    out = call(model.eval(), torch.zeros(2, 3, 32, 32), doing="The model that you return")
    if tuple(out.shape) != (2, CLASSES):
        raise Answered(
            "wrong",
            f"For two images the model gives values of shape {tuple(out.shape)}, not (2, {CLASSES}). Assign the new layer "
            f"to the model's own attribute: `model.{name} = nn.Linear(…)`.",
        )
    learns = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    if not learns:
        raise Answered("wrong", "Nothing learns. Freeze first and put the new layer in then, or free it again.")
    if wrong := sorted(learns - {f"{name}.weight", f"{name}.bias"}):
        raise Answered(
            "wrong",
            f"`{wrong[0]}` and {len(wrong) - 1} more still learn. Set `requires_grad` of every old parameter to False.",
        )
    if len(learns) < 2:
        raise Answered("wrong", f"Of the new layer only `{learns.pop()}` learns; it should have a weight and a bias.")
    count = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Verdict("right", f"{count:,} values learn, and what the network had learned is as it was.")
