"""Executing each chapter in a fresh kernel, as a reader does: on all cores. Nothing is written."""

import os
from pathlib import Path

from benchmarks.timing import Row, alone, below, table
from book.tools.execute import executed
from book.tools.repository import ROOT

WISHED, BUDGET = 60, 90  # seconds
SURROUNDINGS = {
    "CNNLIB_QUIET": "1",
    "SOURCE_DATE_EPOCH": "0",
}  # the Makefile's QUIET; its one thread is for busy machines


def report() -> str:
    """Each chapter once, from starting its kernel to its last output."""
    os.environ.update(SURROUNDINGS)
    return below(
        "Once each, on as many threads as there are cores.",
        table([row(path) for path in sorted(ROOT.glob("chapters/*.ipynb"))]),
    )


def row(path: Path) -> Row:
    """The seconds of one chapter beside its budget."""
    return alone(path.stem, lambda: executed(path), BUDGET, f"{WISHED} s where it can, {BUDGET} s at most")
