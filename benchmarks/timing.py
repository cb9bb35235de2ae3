"""Timing two ways of doing one thing side by side, and the table that shows it."""

import gc
import statistics
import subprocess
import sys
import timeit
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One comparison: seconds of ours and of the peer, and what is allowed (seconds, or a share of the peer's)."""

    what: str
    ours: float
    peer: str
    theirs: float
    budget: str
    kept: bool


def side_by_side(ours: Callable[[], object], theirs: Callable[[], object], times: int) -> tuple[float, float]:
    """Median seconds of both, taken in turns so that a busy machine slows both alike. One warm-up each."""
    ours(), theirs()
    seconds = [(clock(ours), clock(theirs)) for _ in range(times)]
    return tuple(statistics.median(column) for column in zip(*seconds, strict=True))


def clock(function: Callable[[], object]) -> float:
    """Seconds that one call takes. Garbage is collected before and not meanwhile, as a peer's would be ours to clean."""
    gc.collect()
    return timeit.timeit(function, number=1)  # switches the collector off


def interpreter(code: str) -> Callable[[], object]:
    """A call that runs `code` in a fresh Python."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def table(rows: list[Row]) -> str:
    """The comparisons as text."""
    lines = [("what", "ours", "peer", "theirs", "ours / theirs", "budget", "kept")]
    lines += [
        (
            row.what,
            duration(row.ours),
            row.peer,
            duration(row.theirs),
            f"{row.ours / row.theirs:.2f}",
            row.budget,
            "yes" if row.kept else "NO",
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    right = {1, 3, 4}
    return "\n".join(
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )
