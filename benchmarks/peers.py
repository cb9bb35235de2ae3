"""`python -m benchmarks.peers NETWORK TOOL DEVICE`: one tool counts one network in a process of its own; prints JSON.

Seconds are the median of several runs after a first one. Megabytes are how far the first run pushes the process's peak
resident memory (`ru_maxrss`) above what it was once the network was built and all was imported.
"""

import contextlib
import io
import json
import logging
import resource
import statistics
import sys
import warnings

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
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count(model, model.input_size, device)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = statistics.median(clock(lambda: count(model, model.input_size, device)) for _ in range(TIMES))
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS says bytes, Linux kilobytes
    return {"seconds": seconds, "megabytes": (after - before) / unit}


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
