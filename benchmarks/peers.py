"""`python -m benchmarks.peers NETWORK TOOL DEVICE`: one tool counts one network in a process of its own; prints JSON.

Seconds are the median of several runs after a first one. Megabytes are how far the first run pushes the process's peak
resident memory above what it was once the network was built and all was imported.
"""

import contextlib
import io
import json
import logging
import re
import resource
import statistics
import sys
import warnings
from pathlib import Path

import torch
from torch import nn

from benchmarks.timing import clock
from cnnlib import anatomy, create_model

TIMES = 5


def by_cnnlib(model: nn.Module, size: tuple[int, int, int], device: str) -> None:
    anatomy(model, size)


def by_torchinfo(model: nn.Module, size: tuple[int, int, int], device: str) -> None:
    import torchinfo

    torchinfo.summary(model, (1, *size), device=device, verbose=0)


def by_fvcore(model: nn.Module, size: tuple[int, int, int], device: str) -> None:
    from fvcore.nn import FlopCountAnalysis

    FlopCountAnalysis(model, torch.zeros(1, *size, device=device)).total()


def by_ptflops(model: nn.Module, size: tuple[int, int, int], device: str) -> None:
    from ptflops import get_model_complexity_info

    get_model_complexity_info(model, size, as_strings=False, print_per_layer_stat=False)


TOOLS = {"cnnlib": by_cnnlib, "torchinfo": by_torchinfo, "fvcore": by_fvcore, "ptflops": by_ptflops}


def peak_megabytes(*, from_now: bool = False) -> float:
    """The most memory that this process has had; `from_now`: forget what it had, where the system can (Linux).

    Not `ru_maxrss` there: a new process takes over that of the one which started it. Forgetting, because the weights
    that were drawn before would hide what counting adds.
    """
    status = Path("/proc/self/status")
    if not status.exists():  # macOS: ru_maxrss is in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if from_now:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))[1]) / 2**10


def measure(name: str, tool: str, device: str) -> dict[str, float]:
    """Seconds and megabytes of one tool on one network, whose weights lie on `device`."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    count = TOOLS[tool]
    with torch.device("meta"):
        small = create_model("cifar_resnet", depth=8).eval()
    with contextlib.redirect_stdout(io.StringIO()):
        if tool in ("cnnlib", "torchinfo"):
            count(small, small.input_size, "meta")  # imports all that the tool needs
        else:
            count(small.to_empty(device="cpu"), small.input_size, "cpu")
        with torch.device(device):
            model = create_model(name).eval()
        before = peak_megabytes(from_now=True)
        count(model, model.input_size, device)
        after = peak_megabytes()
        seconds = statistics.median(clock(lambda: count(model, model.input_size, device)) for _ in range(TIMES))
    return {"seconds": seconds, "megabytes": after - before}


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
