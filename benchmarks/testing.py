"""`make test` in this folder beside the one that it had before issue 20, and where its time goes."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import Row, Unavailable, aligned, below, duration, table
from book.tools.repository import ROOT

BEFORE = "12b1ddf"  # the last commit that ran tests and notebooks one after the other, and a page once a check
TIMES = 2
TARGET = 0.5  # times the peer
LOG = ROOT / "_build" / "make-test.log"
ENDED = re.compile(r"^=+ (?P<what>\d+ passed.*?) in (?P<seconds>[\d.]+)s", re.MULTILINE)  # pytest's last line
DURATION = re.compile(r"^(?P<seconds>[\d.]+)s (?:call|setup|teardown) +(?P<file>[^:\s]+)::", re.MULTILINE)
SHOWN = 12  # files


class Run(NamedTuple):
    """One `make test`: seconds by the clock, seconds of processor time, the largest memory of a process in MB, what it said."""

    seconds: float
    computed: float
    peak: float
    said: str


def report() -> str:
    """Both in turns, each from a book that is not built, and the files that take longest in ours."""
    with before() as folder:
        ours, theirs = zip(*((tested(ROOT), tested(folder)) for _ in range(TIMES)), strict=True)
    mine, peer = (statistics.median(run.seconds for run in runs) for runs in (ours, theirs))
    why = "What takes longest stands below"
    row = Row("make test", mine, BEFORE, peer, f"{TARGET} times the peer", mine <= TARGET * peer, why)
    files = seconds_by_file(ours[-1].said)
    first = sorted(files, key=files.get, reverse=True)[:SHOWN]
    return below(
        f"Median of {TIMES}, in turns, on {os.cpu_count()} cores, when everything is installed; the book is built from nothing.",
        table([row]),
        "Seconds of processor time that were waited for (a browser's are not), and the largest memory of a process in MB:",
        aligned([("commit", "computing", "memory"), use("this one", ours), use(BEFORE, theirs)], right={1, 2}),
        "The runs of pytest in each:",
        aligned([("commit", "tests", "time"), *ended("this one", ours[-1]), *ended(BEFORE, theirs[-1])], right={2}),
        "The files that take longest here, in seconds of one core, with what their tests prepare:",
        aligned([("file", "time"), *((name, duration(files[name])) for name in first)], right={1}),
    )


def use(name: str, runs: tuple[Run, ...]) -> tuple[str, str, str]:
    """A line of the table of what the runs use: the median of their processor time, and their largest memory."""
    computed = statistics.median(run.computed for run in runs)
    return name, duration(computed), f"{max(run.peak for run in runs):.0f}"


def ended(name: str, run: Run) -> Iterator[tuple[str, str, str]]:
    """A line for each pytest of a run."""
    for found in ENDED.finditer(run.said):
        yield name, found["what"].partition(",")[0], duration(float(found["seconds"]))


def tested(folder: Path) -> Run:
    """Runs `make test` in a folder without a built book. Raises Unavailable where there is no make, RuntimeError where a test fails."""
    shutil.rmtree(folder / "_build", ignore_errors=True)
    surroundings = {**os.environ, "PYTEST_ADDOPTS": "--durations=0 --durations-min=0.05"}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(["make", "test"], cwd=folder, env=surroundings, stdout=out, stderr=out)
        except FileNotFoundError as error:
            raise Unavailable("make is not installed") from error
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode:
        LOG.parent.mkdir(exist_ok=True)  # the lint, which comes first, makes none
        LOG.write_text(said, encoding="utf-8")  # a test that fails once may not fail again
        raise RuntimeError(f"make test failed in {folder}; all that it said is in {LOG}:\n{said[-2000:]}")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes on Linux
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, said)


@contextmanager
def before() -> Iterator[Path]:
    """A folder with the commit before. Its environment is this one with what the commit has besides or in another version.

    Raises Unavailable where the clone does not have the commit, or what it asks for is not to be had.
    """
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "before")
        if not shutil.which("git") or subprocess.run([*git, "add", "--quiet", "--detach", folder, BEFORE]).returncode:
            raise Unavailable(f"the clone does not reach back to {BEFORE}: git fetch --unshallow")
        try:
            install(folder)
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", folder])


def install(folder: Path) -> None:
    """Makes the environment of the commit before: torch and all that is the same is read where it lies, not copied."""
    home = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [home / "bin/python", "-m", "pip", "install", "--quiet", "-c", "constraints.txt"]
    for what in (
        ["-r", "requirements.txt"],
        ["--ignore-installed", "--no-deps", "jupyter-book"],  # for its command
        ["--no-deps", "-e", "."],
    ):
        if subprocess.run([*pip, *what], cwd=folder).returncode:
            raise Unavailable(f"what {BEFORE} is tested with could not be installed")
    for stamp in (".book", ".all"):
        (home / stamp).touch()


def seconds_by_file(text: str) -> dict[str, float]:
    """Seconds of each file's tests, from what pytest says of the durations of tests."""
    files: dict[str, float] = defaultdict(float)
    for m in DURATION.finditer(text):
        files[m["file"]] += float(m["seconds"])
    return files
