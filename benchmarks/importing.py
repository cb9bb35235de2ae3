"""`import cnnlib` beside `import torch`, each in a fresh interpreter."""

import subprocess
import sys

from benchmarks.timing import Row, duration, interpreter, side_by_side, table

AFTER_TORCH = "import torch, time; began = time.perf_counter(); import cnnlib; print(time.perf_counter() - began)"


def report(times: int = 7) -> str:
    """One row: what importing the package adds should be lost in the noise."""
    ours, theirs = side_by_side(interpreter("import cnnlib"), interpreter("import torch"), times)
    added = float(subprocess.check_output([sys.executable, "-c", AFTER_TORCH]))
    why = f"Once torch is imported, importing cnnlib takes {duration(added)} more; the rest is the machine's noise"
    return table([Row("import cnnlib", ours, "import torch", theirs, "1.1× torch", ours <= 1.1 * theirs, why)])
