"""`python -m benchmarks`: cnnlib and its peers side by side, in one run on this machine, with the budget beside each.

Writes what it prints to `benchmarks/RESULTS.md`, which is committed.
"""

import datetime
import os
import platform
from pathlib import Path

import torch

from benchmarks import analysis, importing, ladder, pages, timing

RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """What the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = {line.split(":")[1].strip() for line in lines if line.startswith("model name")}
    cpu = ", ".join(sorted(names)) or platform.processor() or platform.machine()
    gpu = f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
    return f"{gpu}{cpu} ({os.cpu_count()} cores, {torch.get_num_threads()} threads), {platform.system()}"


def main() -> None:
    """Measures, prints the tables and keeps them."""
    os.environ["CNNLIB_QUIET"] = "1"
    kept = [
        "# Benchmarks",
        "Written by `make bench`. Medians; ours and the peer's are measured in turns, so that a busy machine slows both.",
        f"{datetime.date.today().isoformat()}, torch {torch.__version__}, Python {platform.python_version()}, {machine()}",
    ]
    print(kept[-1])
    counting = list(analysis.rows())  # first: training leaves threads and memory behind that slow what comes after
    ladders, steps = ladder.report()
    budgets = timing.table([*counting, *importing.rows(), *steps, *pages.rows()])
    for title, text in (
        ("Budgets", budgets),
        ("Training: one change after another", ladders),
        ("Analysis against the number of layers", analysis.growth()),
        ("Counting a network: median time and added peak memory, one process each", analysis.peers()),
    ):
        print(f"\n{title}\n\n{text}")
        kept.append(f"## {title}\n\n```text\n{text}\n```")
    RESULTS.write_text("\n\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
