"""Places in a ranking, and how far two rankings agree."""

from collections.abc import Sequence


def places(values: Sequence[float]) -> list[float]:
    """The place of each value, 1 for the least; equal values share the mean of their places."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation: 1 where both put things in one order, −1 where one turns the other round.

    It is Pearson's correlation of the places. Raises ValueError for fewer than two values, different numbers of them,
    and values that are all equal.
    """
    if len(one) != len(other) or len(one) < 2:
        raise ValueError(f"{len(one)} and {len(other)} values; give as many of both, at least two")
    middle = (len(one) + 1) / 2
    first, second = ([place - middle for place in places(values)] for values in (one, other))
    spread = sum(a * a for a in first) * sum(b * b for b in second)
    if not spread:
        raise ValueError("all values of one ranking are equal: there is no order to compare")
    return sum(a * b for a, b in zip(first, second, strict=True)) / spread**0.5
