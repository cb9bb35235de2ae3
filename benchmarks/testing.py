"""`make test` in this folder, and where its time goes."""

import os
import re
import subprocess
from collections import defaultdict

from benchmarks.timing import Unavailable, aligned, alone, below, duration, table
from book.tools.repository import ROOT

BUDGET = 15 * 60  # seconds
LOG = ROOT / "_build" / "make-test.log"
ENDED = re.compile(r"^=+ (?P<what>\d+ passed.*?) in (?P<seconds>[\d.]+)s", re.MULTILINE)  # pytest's last line
DURATION = re.compile(r"^(?P<seconds>[\d.]+)s (?:call|setup|teardown) +(?P<file>[^:\s]+)::", re.MULTILINE)
SHOWN = 12  # files


def report() -> str:
    """The command once, its two runs of pytest, and the files that take longest."""
    said: list[str] = []
    row = alone("make test", lambda: said.append(tested()), BUDGET, f"{BUDGET // 60} min")
    text = said[-1]
    runs = [(m["what"].partition(",")[0], float(m["seconds"])) for m in ENDED.finditer(text)]
    files = seconds_by_file(text)
    first = sorted(files, key=files.get, reverse=True)[:SHOWN]
    return below(
        f"Once, on {os.cpu_count()} cores, when everything is installed.",
        table([row]),
        "Its two runs of pytest, the tests and then the notebooks; the rest is the lint and the book's build:",
        aligned([("tests", "time"), *((what, duration(seconds)) for what, seconds in runs)], right={1}),
        "The files that take longest, in seconds of one core, with what their tests prepare:",
        aligned([("file", "time"), *((name, duration(files[name])) for name in first)], right={1}),
    )


def tested() -> str:
    """Runs `make test` and returns what it says. Raises Unavailable where there is no make, RuntimeError where a test fails."""
    surroundings = {**os.environ, "PYTEST_ADDOPTS": "--durations=0 --durations-min=0.05"}
    try:
        done = subprocess.run(["make", "test"], cwd=ROOT, env=surroundings, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Unavailable("make is not installed") from error
    if done.returncode:
        LOG.parent.mkdir(exist_ok=True)  # the lint, which comes first, makes none
        LOG.write_text(done.stdout + done.stderr, encoding="utf-8")  # a test that fails once may not fail again
        raise RuntimeError(f"make test failed; all that it said is in {LOG}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def seconds_by_file(text: str) -> dict[str, float]:
    """Seconds of each file's tests, from what pytest says of the durations of tests."""
    files: dict[str, float] = defaultdict(float)
    for m in DURATION.finditer(text):
        files[m["file"]] += float(m["seconds"])
    return files
