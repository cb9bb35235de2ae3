"""Operations that move values and compute none: slices, zero padding, splits, transposes, new shapes; and reductions."""

from torch import Tensor

from cnnlib.analysis.receptive_field import ALL, UNKNOWN, Fields
from cnnlib.analysis.rules.step import Seen, Step

# They move or rename values and cost nothing: no row of their own.
SILENT = frozenset("flatten view reshape squeeze unsqueeze contiguous clone detach to float identity".split())
SPLITS = frozenset("split chunk tensor_split".split())
TRANSPOSES = frozenset("transpose permute swapaxes".split())
REDUCTIONS = frozenset("mean sum amax".split())


def slicing(step: Step, func, input, index) -> Seen:
    """`input[index]`: see `sliced`."""
    return func(input, index), sliced(input, index), 0


def padding(step: Step, func, input, pad, *args, **kwargs) -> Seen:
    """Zeros around the map: see `padded`."""
    return func(input, pad, *args, **kwargs), padded(input, pad), 0


def splitting(step: Step, func, input, *args, **kwargs) -> Seen:
    """Parts of the map; those along an axis of positions are not followed."""
    outputs = func(input, *args, **kwargs)
    return outputs, input.fields if keeps_positions(input, outputs[0]) else UNKNOWN, 0


def transposing(step: Step, func, input, *args, **kwargs) -> Seen:
    """Axes in another order; the positions are followed where their axes stay in place."""
    output = func(input, *args, **kwargs)
    dims = len(input.fields or ())
    still = keeps_positions(input, output) and output.stride()[-dims:] == input.stride()[-dims:]
    return output, input.fields if still else UNKNOWN, 0


def reshaping(step: Step, func, input, *args, **kwargs) -> Seen:
    """Another shape, or a mean or sum; where the positions do not stay, each value sees the whole image."""
    output = func(input, *args, **kwargs)
    if keeps_positions(input, output):
        return output, input.fields, 0
    step.end_map(input)
    return output, ALL, 0


def keeps_positions(x: Tensor, output: Tensor) -> bool:
    """Whether the axes of the positions, the last ones, are as long in `output` as in `x`, which has any."""
    dims = len(x.fields or ())
    return not dims or (output.dim() > dims and output.shape[-dims:] == x.shape[-dims:])


def sliced(x: Tensor, index) -> Fields | None:
    """Fields of `x[index]`: slices of an axis of positions move them and thin them out; other indices are not known.

    A list of channels picks among them and leaves the positions as they are.
    """
    index = index if isinstance(index, tuple) else (index,)
    dims = len(x.fields or ())
    if not dims:
        return x.fields
    if Ellipsis in index:
        before = index.index(Ellipsis)
        index = (*index[:before], *[slice(None)] * (x.dim() + 1 - len(index)), *index[before + 1 :])
    leading, positions = index[: x.dim() - dims], index[x.dim() - dims :]
    if not all(isinstance(item, int | slice | list) for item in leading) or not all(
        isinstance(i, slice) for i in positions
    ):
        return UNKNOWN
    steps = [item.indices(size)[::2] for item, size in zip(positions, x.shape[-dims:], strict=False)]
    steps += [(0, 1)] * (dims - len(steps))
    return tuple(field.shift(*step) for field, step in zip(x.fields, steps, strict=True))


def padded(x: Tensor, pad: tuple[int, ...]) -> Fields | None:
    """Fields of `F.pad(x, pad)`: zeros in front of an axis move position 0 out of the image. `pad`: last axis first."""
    if not x.fields:
        return x.fields
    before = list(pad[::2][: len(x.fields)])
    before += [0] * (len(x.fields) - len(before))
    return tuple(field.shift(-zeros) for field, zeros in zip(x.fields, reversed(before), strict=True))


RULES = {
    "slice": slicing,
    "pad": padding,
    **dict.fromkeys(SPLITS, splitting),
    **dict.fromkeys(TRANSPOSES, transposing),
    **dict.fromkeys(SILENT | REDUCTIONS, reshaping),
}
