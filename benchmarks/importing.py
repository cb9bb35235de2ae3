"""All names of `cnnlib` beside `import torch`, each in a fresh interpreter: `import cnnlib` alone imports none of them."""

import subprocess
import sys

from benchmarks.timing import Row, duration, interpreter, side_by_side, table

NAMES = "from cnnlib import *"
AFTER_TORCH = f"import torch, time; began = time.perf_counter(); {NAMES}; print(time.perf_counter() - began)"


def report(times: int = 7) -> str:
    """One row: what importing the package adds should be lost in the noise."""
    ours, theirs = side_by_side(interpreter(NAMES), interpreter("import torch"), times)
    added = float(subprocess.check_output([sys.executable, "-c", AFTER_TORCH]))
    why = f"Once torch is imported, importing these takes {duration(added)} more; the rest is the machine's noise"
    return table([Row(NAMES, ours, "import torch", theirs, "1.1× torch", ours <= 1.1 * theirs, why)])
