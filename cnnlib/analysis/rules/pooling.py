"""Maximum and average pooling: of windows, and to a size."""

from cnnlib.analysis.receptive_field import ALL, UNKNOWN
from cnnlib.analysis.rules.step import Seen, Step, empty, per_axis, too_small, windows


def max_pooling(
    step: Step, func, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **rest
) -> Seen:
    """A window at every `stride`-th position; `ceil_mode` also takes one that begins in the image and ends behind it."""
    batch, channels, *before = input.shape
    kernel, stride, padding, dilation = (
        per_axis(value, len(before)) for value in (kernel_size, stride or kernel_size, padding, dilation)
    )
    after = []
    for n, k, s, p, d in zip(before, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1  # how far the window can move
        positions = (room + s - 1 if ceil_mode else room) // s + 1
        if ceil_mode and (positions - 1) * s >= n + p:  # a window that begins behind the image is left out
            positions -= 1
        after.append(positions)
    if min(after) < 1:
        raise too_small(step, kernel, before)
    step.window = kernel, stride
    return empty((batch, channels, *after), input), windows(input.fields, kernel, stride, padding, dilation), 0


def average_pooling(
    step: Step, func, input, kernel_size, stride=None, padding=0, ceil_mode=False, *rest, **more
) -> Seen:
    """As maximum pooling; a window as large as the map is global pooling."""
    output, fields, _ = max_pooling(step, func, input, kernel_size, stride, padding, ceil_mode=ceil_mode)
    before = tuple(input.shape[2:])
    if per_axis(kernel_size, len(before)) == before:  # the window is the whole map: global pooling
        step.end_map(input)
        fields = ALL
    return output, fields, 0


def adaptive_pooling(step: Step, func, input, output_size, **rest) -> Seen:
    """Pooling to `output_size`: windows of one size where it divides the map, and global pooling where it is 1."""
    batch, channels, *before = input.shape
    after = [n if o is None else o for n, o in zip(before, per_axis(output_size, len(before)), strict=True)]
    output = empty((batch, channels, *after), input)
    if after == before or not input.fields:
        return output, input.fields, 0
    if max(after) == 1:  # global pooling
        step.end_map(input)
        return output, ALL, 0
    if any(n % o for n, o in zip(before, after, strict=True)):  # windows of several sizes
        return output, UNKNOWN, 0
    sides = [n // o for n, o in zip(before, after, strict=True)]
    return output, tuple(field.window(side, side) for field, side in zip(input.fields, sides, strict=True)), 0


RULES = {
    **{f"max_pool{d}d": max_pooling for d in (1, 2, 3)},
    **{f"avg_pool{d}d": average_pooling for d in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{d}d": adaptive_pooling for kind in ("avg", "max") for d in (1, 2, 3)},
}
