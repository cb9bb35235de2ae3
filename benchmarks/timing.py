"""Timing two ways of doing one thing side by side, and the table that shows it."""

import gc
import os
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class Unavailable(Exception):
    """Something that a part measures, or measures with, is not here; the message says what would do."""


class Row(NamedTuple):
    """One comparison: seconds of ours and of the peer (None: there is none), and what is allowed.

    `why` is shown where the budget is not kept: the reason as far as it is known.
    """

    what: str
    ours: float
    peer: str
    theirs: float | None
    budget: str
    kept: bool
    why: str = ""


def side_by_side(
    ours: Callable[[], object], theirs: Callable[[], object], times: int, timer: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Median seconds of both, taken in turns so that a busy machine slows both alike. One warm-up each."""
    ours(), theirs()
    seconds = [(clock(ours, timer), clock(theirs, timer)) for _ in range(times)]
    return tuple(statistics.median(column) for column in zip(*seconds, strict=True))


def clock(function: Callable[[], object], timer: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that one call takes. Garbage is collected before and not meanwhile, as a peer's would be ours to clean."""
    gc.collect()
    return timeit.timeit(function, number=1, timer=timer)  # switches the collector off


def alone(what: str, function: Callable[[], object], most: float, budget: str) -> Row:
    """A row without a peer: one call, which does its work in processes of its own, and at most `most` seconds.

    Its reason tells computing from waiting for what else runs on the machine.
    """
    before = computed()
    seconds = clock(function)
    why = f"{duration(computed() - before)} of it were spent computing, on any core; the rest is waiting"
    return Row(what, seconds, "–", None, budget, seconds <= most, why)


def computed() -> float:
    """Seconds of processor time of all processes that this one has started and seen end."""
    times = os.times()
    return times.children_user + times.children_system


def interpreter(code: str) -> Callable[[], object]:
    """A call that runs `code` in a fresh Python."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def duration(seconds: float | None) -> str:
    """Seconds in a unit that suits them; a dash for None."""
    if seconds is None:
        return "–"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def table(rows: Sequence[Row]) -> str:
    """The comparisons in Markdown, and below them each budget that is missed, with the reason."""
    lines = [("what", "ours", "peer", "theirs", "ours / theirs", "budget", "kept")]
    lines += [
        (
            row.what,
            duration(row.ours),
            row.peer,
            duration(row.theirs),
            f"{row.ours / row.theirs:.2f}" if row.theirs else "–",
            row.budget,
            "yes" if row.kept else "NO",
        )
        for row in rows
    ]
    missed = [miss(f"{row.what}: {duration(row.ours)}, allowed: {row.budget}", row.why) for row in rows if not row.kept]
    return below(aligned(lines, right={1, 3, 4}), "\n".join(missed))


def aligned(lines: Sequence[Sequence[str]], right: Iterable[int]) -> str:
    """Cells below each other, in the columns `right` at their right edge; as Markdown that keeps them so."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return fenced(
        "\n".join(
            "  ".join(
                cell.rjust(width) if i in right else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )
    )


def fenced(text: str) -> str:
    """Text as it is typed, in Markdown."""
    return f"```text\n{text}\n```"


def below(*parts: str) -> str:
    """Parts of a page below each other, those that are not empty."""
    return "\n\n".join(filter(None, parts))


MISSED = "- **Missed**: "


def miss(what: str, why: str) -> str:
    """The line about a budget that is not kept; the head of the results counts them."""
    return f"{MISSED}{what}. {why or 'Why is not known yet'}."
