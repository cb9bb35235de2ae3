"""`python -m benchmarks [PART …]`: cnnlib and its peers side by side on this machine, with the budget beside each.

Each part (none named: all) runs in a process of its own, prints what it measured and keeps it in `benchmarks/RESULTS.md`,
which is committed, under its own heading: with the day and the machine, and without a change to the other parts. A part
that cannot be measured here says why, keeps nothing, and makes the exit status 1.
"""

import argparse
import datetime
import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.timing import MISSED, Unavailable
from cnnlib.training import best_device

RESULTS = Path(__file__).with_name("RESULTS.md")
TRAINING = "Training on the "  # and the kind of device: a GPU's figures stand beside those of a CPU
PARTS = {  # module: its heading, in the order of the page
    "importing": "Import",
    "analysis": "Analysis",
    "inference": "Inference",
    "ladder": TRAINING + best_device().type,
    "chapters": "Executing the chapters",
    "building": "Building the book",
    "pages": "Pages in the browser",
    "testing": "Testing",
}


def main() -> int:
    """Measures the parts that are named; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (none: all)")
    names = parser.parse_args().parts or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    os.environ["CNNLIB_QUIET"] = "1"
    if len(names) == 1:
        return measure(names[0])
    # Apart: training leaves threads and memory behind that slow what comes after, and a part that fails is alone in it.
    done = {name: subprocess.run([sys.executable, "-m", "benchmarks", name]).returncode for name in names}
    failed = [name for name, code in done.items() if code]
    print(f"\nNot measured: {', '.join(failed) or 'nothing'}.")
    return bool(failed)


def measure(name: str) -> int:
    """Runs one part, prints it and keeps it; returns the exit status."""
    print(f"\n{PARTS[name]}\n", flush=True)
    try:
        text = importlib.import_module(f"benchmarks.{name}").report()
    except (ImportError, Unavailable) as error:
        print(f"{name} is not measured: {error}")
        return 1
    print(text)
    keep(PARTS[name], f"{measured(name)}\n\n{text}")
    return 0


def keep(heading: str, text: str) -> None:
    """Puts a section into the results in the place of the one with its heading; those of the other parts stay as they are."""
    kept = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:] if RESULTS.exists() else []
    sections = {**dict(section.split("\n", 1) for section in kept), heading: f"\n{text.strip()}\n"}
    elsewhere = [other for other in sections if other.startswith(TRAINING) and other not in PARTS.values()]
    order = [*filter(sections.get, PARTS.values()), *elsewhere]
    missed = {other: sections[other].count(f"\n{MISSED}") for other in order}
    head = [
        "# Benchmarks",
        "Written by `make bench`; `python -m benchmarks PART` measures one part anew and leaves the others as they are. "
        "Medians; ours and the peer's are measured in turns, so that a busy machine slows both.",
        "Budgets missed: "
        + ("; ".join(f"{count} in “{other}”" for other, count in missed.items() if count) or "none")
        + ". Each stands below its table with the reason.",
    ]
    whole = "\n\n".join(head) + "\n" + "".join(f"\n## {other}\n{sections[other]}" for other in order)
    RESULTS.write_text(whole, encoding="utf-8")


def measured(name: str) -> str:
    """When and on what a part was measured, and how to do it again."""
    return (
        f"{datetime.date.today().isoformat()}, torch {torch.__version__}, Python {platform.python_version()}, "
        f"{machine()}: `python -m benchmarks {name}`"
    )


def machine() -> str:
    """What the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = {line.split(":")[1].strip() for line in lines if line.startswith("model name")}
    cpu = ", ".join(sorted(names)) or platform.processor() or platform.machine()
    gpu = f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
    return f"{gpu}{cpu} ({os.cpu_count()} cores, {torch.get_num_threads()} threads), {platform.system()}"


if __name__ == "__main__":
    sys.exit(main())
