"""Convolutions and transposed convolutions."""

from functools import lru_cache
from math import prod

from cnnlib.analysis.receptive_field import UNKNOWN
from cnnlib.analysis.rules.step import Axes, Seen, Step, empty, per_axis, too_small, windows


def convolution(step: Step, func, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Seen:
    """There is a window at every `stride`-th position, and each filter reads the channels of its group."""
    out_channels, in_channels, *kernel = weight.shape
    batch, channels, *before = input.shape
    if channels != in_channels * groups:
        raise ValueError(f"{step.path()} reads {in_channels * groups} channels and gets {channels}")
    dims, kernel = len(kernel), tuple(kernel)
    stride, dilation = per_axis(stride, dims), per_axis(dilation, dims)
    padding = padding if padding == "same" else per_axis(0 if padding == "valid" else padding, dims)
    after, front = convolved(tuple(before), kernel, stride, padding, dilation)
    if min(after) < 1:
        raise too_small(step, kernel, before)
    step.window = kernel, stride
    output = empty((batch, out_channels, *after), input)
    return (
        output,
        windows(input.fields, kernel, stride, front, dilation),
        output.numel() * in_channels * prod(kernel),
    )


def transposed_convolution(
    step: Step, func, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
) -> Seen:
    """Each position of the input writes a window; at stride 1 this is a convolution too."""
    in_channels, out_channels, *kernel = weight.shape
    batch, channels, *before = input.shape
    if channels != in_channels:
        raise ValueError(f"{step.path()} reads {in_channels} channels and gets {channels}")
    settings = [per_axis(value, len(kernel)) for value in (stride, padding, output_padding, dilation)]
    after = [
        (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for n, k, s, p, extra, d in zip(before, kernel, *settings, strict=True)
    ]
    if min(after) < 1:
        raise too_small(step, kernel, before)
    step.window = tuple(kernel), settings[0]
    fields = input.fields
    if fields and max(settings[0]) > 1:
        fields = UNKNOWN  # positions of different phases see windows of different sizes
    elif fields:  # a convolution whose kernel is turned around
        padding = [d * (k - 1) - p for k, p, d in zip(kernel, settings[1], settings[3], strict=True)]
        fields = windows(fields, tuple(kernel), per_axis(1, len(kernel)), tuple(padding), settings[3])
    output = empty((batch, out_channels * groups, *after), input)
    return output, fields, input.numel() * out_channels * prod(kernel)


@lru_cache(maxsize=4096)  # few shapes make up a deep network
def convolved(before: Axes, kernel: Axes, stride: Axes, padding: Axes | str, dilation: Axes) -> tuple[Axes, Axes]:
    """Size of the map after a convolution, and the padding in front of it. `padding` may be "same"."""
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    keeps_size = padding == "same"  # an odd rest goes behind, as torch does
    front = tuple([r // 2 for r in reach]) if keeps_size else padding
    total = reach if keeps_size else [2 * p for p in front]
    return tuple([(n + t - r - 1) // s + 1 for n, t, r, s in zip(before, total, reach, stride, strict=True)]), front


RULES = {
    **{f"conv{d}d": convolution for d in (1, 2, 3)},
    **{f"conv_transpose{d}d": transposed_convolution for d in (1, 2, 3)},
}
