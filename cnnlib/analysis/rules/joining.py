"""Operations that join maps: sums, products and concatenations."""

from functools import lru_cache

from cnnlib.analysis.receptive_field import ALL, UNKNOWN, Fields, join
from cnnlib.analysis.rules.step import Seen, Step, empty, on_meta, tensors_in

JOINS = frozenset("add sub mul div maximum minimum".split())


def joining(step: Step, func, *args, **kwargs) -> Seen:
    """A position sees what any of the joined maps sees there."""
    first, shape = step.images[0], step.images[0].shape
    fields, step.misaligned = joined(tuple([image.fields for image in step.images]))
    if all([tensor.shape == shape for tensor in tensors_in(args, kwargs)]):
        in_place = func.__name__.endswith("_") and args[0] is first  # x += y: who holds x sees it change
        return first if in_place else first.detach(), fields, 0
    return func(*on_meta(args), **on_meta(kwargs)), fields, 0


def concatenating(step: Step, func, tensors, dim=0, **rest) -> Seen:
    """Maps stacked along `dim`: a position sees what any of them sees there."""
    fields, step.misaligned = joined(tuple([image.fields for image in step.images]))
    first, dim = tensors[0], rest.pop("axis", dim)
    dim %= max(1, first.dim())
    alike = {(t.dtype, t.dim(), *t.shape[:dim], *t.shape[dim + 1 :]) for t in tensors}
    if rest or len(alike) > 1:  # torch allows more, and has its own errors
        return func(on_meta(tensors), dim, **on_meta(rest)), fields, 0
    # Torch's own rule on the meta device takes half a millisecond: most of the time of a DenseNet.
    shape = (*first.shape[:dim], sum([t.shape[dim] for t in tensors]), *first.shape[dim + 1 :])
    return empty(shape, first), fields, 0


@lru_cache(maxsize=4096)
def joined(branches: tuple[Fields | None, ...]) -> tuple[Fields | None, bool]:
    """The fields of a sum or concatenation: the union, axis by axis, of the branches that have positions.

    And whether these branches see windows with different centres, or step differently, along some axis.
    """
    maps = [fields for fields in branches if fields is not ALL]
    if not maps:
        return ALL, False
    apart = any(len({(f.jump, f.lo + f.hi) for f in axis}) > 1 for axis in zip(*filter(None, maps), strict=False))
    if len(set(map(len, maps))) != 1:
        return UNKNOWN, apart
    axes = [join(list(axis)) for axis in zip(*maps, strict=True)]
    return (UNKNOWN if None in axes else tuple(axes)), apart


RULES = {"cat": concatenating, **dict.fromkeys(JOINS, joining)}
