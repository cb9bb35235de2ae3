"""Executing each chapter in a fresh kernel, as `make execute` does, and writing nothing."""

import os
from pathlib import Path

from benchmarks.timing import Row, alone, below, table
from book.execute import executed
from book.repository import ROOT

WISHED, BUDGET = 60, 90  # seconds
SURROUNDINGS = {"CNNLIB_QUIET": "1", "SOURCE_DATE_EPOCH": "0", "OMP_NUM_THREADS": "1"}  # as the Makefile's NOTEBOOK


def report() -> str:
    """Each chapter once, from starting its kernel to its last output."""
    os.environ.update(SURROUNDINGS)
    return below("Once each, on one thread.", table([row(path) for path in sorted(ROOT.glob("chapters/*.ipynb"))]))


def row(path: Path) -> Row:
    """The seconds of one chapter beside its budget."""
    return alone(path.stem, lambda: executed(path), BUDGET, f"{WISHED} s where it can, {BUDGET} s at most")
