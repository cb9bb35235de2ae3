"""Scales and ticks of axes, for views and benches."""

import math


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that span low to high, about that many."""
    raw = (high - low) / about
    raw = raw if raw > 1e-9 else 1  # ticks have ten decimals
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
    first = math.floor(low / step)
    last = max(first + 1, math.ceil(high / step))
    return [round(i * step, 10) for i in range(first, last + 1)]


def power_below(value: float) -> int:
    """The exponent of the largest power of ten that is not above `value`."""
    power = math.floor(math.log10(value))  # just below a power of ten, the logarithm is rounded up to it
    return power - (10.0**power > value)


def decades(values: list[float]) -> list[float]:
    """At most about six powers of ten around the values; an exact zero is drawn on the lowest."""
    first = power_below(min(values, default=1))
    last = max(first + 1, math.ceil(math.log10(max(values, default=10))))
    stride = math.ceil((last - first) / 6)
    return [float(f"1e{power}") for power in range(first, last + stride, stride)]


def log_axis(values: list[float]) -> dict[str, list[float]]:
    """Where a logarithmic axis ends, at 1, 2 or 5 times a power of ten, and its ticks: all of those, if there are few."""
    low, high = min(values, default=1), max(values, default=10)
    powers = range(power_below(low), power_below(high) + 2)
    steps = [float(f"{m}e{power}") for power in powers for m in (1, 2, 5)]
    first = max(i for i, step in enumerate(steps) if step <= low)
    last = next(i for i, step in enumerate(steps) if step >= high and i > first)
    inside = steps[first : last + 1]
    ends = [inside[0], inside[-1]]
    ticks = inside if len(inside) <= 7 else [tick for tick in decades(values) if ends[0] <= tick <= ends[1]]
    return {"ends": ends, "ticks": ticks}


def linear_axis(values: list[float]) -> dict[str, list[float]]:
    """Where an axis ends and its ticks, both round; it need not begin at 0."""
    ticks = nice_ticks(min(values, default=0), max(values, default=1), 6)
    return {"ends": [ticks[0], ticks[-1]], "ticks": ticks}
