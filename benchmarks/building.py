"""Building the book beside the build that it had before issue 20, in scratch copies: nothing in the working tree is touched."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import Row, Unavailable, aligned, below, table
from book.tools.repository import ROOT

BEFORE = "12b1ddf"  # the last commit whose `make book` built every page every time
TIMES = 3
CHAPTER = "chapters/04_resnet.ipynb"
TARGETS = {"cold": 0.4, "one chapter changed": 0.25, "nothing changed": 0.1}
# Runs a command and says what it took, in a process of its own: a command that this one starts would be said to need
# at least the memory that this one has.
WATCH = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, done.returncode, done.stdout[-2000:]]))
"""


class Run(NamedTuple):
    """One build: seconds by the clock, seconds of processor time, and the largest memory of a process in MB."""

    seconds: float
    computed: float
    peak: float


class Book(NamedTuple):
    """A copy of the project and the command that builds it there."""

    folder: Path
    command: Sequence[str]

    def build(self, what: str, number: int) -> Run:
        """Brings the copy into one of the states of `TARGETS` and builds. Raises RuntimeError with its last words where that fails."""
        if what == "cold":
            shutil.rmtree(self.folder / "_build", ignore_errors=True)
        elif what == "one chapter changed":
            path = self.folder / CHAPTER
            notebook = json.loads(path.read_text(encoding="utf-8"))
            cell = [one for one in notebook["cells"] if one["cell_type"] == "markdown"][3]
            cell["source"] = [*cell["source"], f"\n\nThis sentence was not here before: {number}."]
            path.write_text(json.dumps(notebook), encoding="utf-8")
        surroundings = {**os.environ, "PYTHONPATH": str(self.folder)}  # the copy's own book.extension
        watched = [sys.executable, "-c", WATCH, *self.command]
        said = subprocess.run(
            watched, cwd=self.folder, env=surroundings, capture_output=True, text=True, check=True
        ).stdout
        seconds, computed, peak, status, words = json.loads(said)
        if status:
            raise RuntimeError(f"{' '.join(map(str, self.command))} failed:\n{words}")
        return Run(
            seconds, computed, peak / (1e6 if sys.platform == "darwin" else 1e3)
        )  # bytes there, kilobytes on Linux


def report() -> str:
    """Both builds in turns: from nothing, with one chapter changed, and with nothing changed."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        raise Unavailable("what is built is a copy of what git tracks, and this is no clone with a git beside it")
    with tempfile.TemporaryDirectory() as folder:
        books = (ours(Path(folder, "ours")), before(Path(folder, "before")))
        runs = {what: ([], []) for what in TARGETS}
        for number in range(TIMES):
            for what, both in runs.items():
                for book, its in zip(books, both, strict=True):
                    its.append(book.build(what, number))
    rows = [row(what, *both) for what, both in runs.items()]
    return below(
        f"Median of {TIMES}, in turns; the installation is not in it. The peer is {BEFORE}, whose `make book` made every "
        f"page every time; it makes no pages of source, as it can only where torch is installed.",
        table(rows),
        "The largest memory of a process, in MB, and the seconds of processor time:",
        aligned(
            [
                ("what", "memory", BEFORE, "computing", BEFORE),
                *((what, *memory(*both), *computing(*both)) for what, both in runs.items()),
            ],
            right={1, 2, 3, 4},
        ),
    )


def row(what: str, its: list[Run], theirs: list[Run]) -> Row:
    """The medians of both beside the target."""
    mine, peer = (statistics.median(run.seconds for run in runs) for runs in (its, theirs))
    target = TARGETS[what]
    return Row(f"make book, {what}", mine, BEFORE, peer, f"{target} times the peer", mine <= target * peer)


def memory(*both: list[Run]) -> list[str]:
    """The largest memory of each."""
    return [f"{max(run.peak for run in runs):.0f}" for runs in both]


def computing(*both: list[Run]) -> list[str]:
    """The median of each one's processor time."""
    return [f"{statistics.median(run.computed for run in runs):.1f} s" for runs in both]


def ours(folder: Path) -> Book:
    """What git has staged, built by this environment."""
    subprocess.run(["git", "checkout-index", "--all", f"--prefix={folder}/"], cwd=ROOT, check=True)
    return Book(folder, [sys.executable, "-m", "book.tools.build"])


def before(folder: Path) -> Book:
    """The commit before, with an environment that has what it asks for. Raises Unavailable where one of them is not to be had."""
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True)
    if packed.returncode:
        raise Unavailable(f"the clone does not reach back to {BEFORE}: git fetch --unshallow")
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=packed.stdout, check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    pip = [folder / ".venv/bin/pip", "install", "--quiet", "-r", "requirements-book.txt", "-c", "constraints.txt"]
    if subprocess.run(pip, cwd=folder).returncode:
        raise Unavailable(f"what {BEFORE} builds with could not be installed")
    command = [folder / ".venv/bin/jupyter-book", "build", ".", "--all", "-W", "--keep-going", "-q"]
    return Book(folder, command)
