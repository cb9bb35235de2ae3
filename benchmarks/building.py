"""Building the book in a scratch copy of what git has, so that nothing in the working tree is touched."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import Row, Unavailable, alone, below, table
from book.repository import ROOT

BUDGET = 60  # seconds
ALL = ("--all", "-W", "--keep-going", "-q")  # as `make book`, which builds every page every time


def report() -> str:
    """Cold and warm: as `make book` builds, and as Jupyter Book does where it is left to build only what has changed."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        raise Unavailable("what is built is a copy of what git tracks, and this is no clone with a git beside it")
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder, "book")
        subprocess.run(["git", "checkout-index", "--all", f"--prefix={book}/"], cwd=ROOT, check=True)
        chapter = book / "chapters" / "04_resnet.ipynb"
        rows = [
            row("make book, cold (no _build)", lambda: build(book, *ALL)),
            row("make book again, nothing changed", lambda: build(book, *ALL)),
            row("only what changed: nothing", lambda: build(book, "-q")),
            row(f"only what changed: {chapter.stem} touched", lambda: (chapter.touch(), build(book, "-q"))),
        ]
    return below("Once each; the installation is not in it.", table(rows))


def row(what: str, function: Callable[[], object]) -> Row:
    """One build beside the budget."""
    return alone(what, function, BUDGET, f"{BUDGET} s")


def build(book: Path, *options: str) -> Path:
    """Builds a book with this environment's Jupyter Book; returns the folder of its pages.

    Raises Unavailable where there is no Jupyter Book, and RuntimeError with its last words where it fails.
    """
    command = Path(sys.executable).with_name("jupyter-book")
    if not command.exists():
        raise Unavailable(f"there is no {command}: pip install -r requirements-book.txt")
    surroundings = {**os.environ, "PYTHONPATH": str(book)}  # the copy's own book.extension
    done = subprocess.run(
        [command, "build", book, *options], cwd=book, env=surroundings, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"jupyter-book build {book} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return book / "_build" / "html"
