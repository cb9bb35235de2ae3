"""`anatomy` beside torchinfo, fvcore and ptflops: time and memory, on tensors of the CPU and on the meta device."""

import json
import math
import statistics
import subprocess
import sys

import torch
import torchinfo
from torch import nn

from benchmarks.timing import Row, aligned, below, clock, duration, side_by_side, table
from cnnlib import anatomy, create_model

NETWORKS = ("lenet5", "vgg16", "resnet152", "densenet201", "inception_v4", "cifar_resnet1202")
# fvcore traces real tensors only; ptflops makes its own image on the CPU.
SETTINGS = (("cnnlib", "meta"), ("torchinfo", "meta"), ("cnnlib", "cpu"), ("torchinfo", "cpu"), ("fvcore", "cpu"), ("ptflops", "cpu"))  # fmt: skip
DEPTHS = (20, 56, 110, 302, 602, 1202)


def report() -> str:
    """The budgets, how the time grows with the layers, and all tools side by side."""
    counting = "Counting a network: median time and added peak memory, one process each:"
    return below(budgets(), growth(), counting, peers())


def budgets(times: int = 15) -> str:
    """One row a network. The budgets of VGG-16 and ResNet-152 are 3 and 20 ms, and an eighth of torchinfo's time."""
    with torch.device("meta"):
        networks = [
            ("VGG-16", create_model("vgg16"), 0.003, None),
            ("ResNet-50", create_model("resnet50"), None, None),
            ("ResNet-152", create_model("resnet152"), 0.020, 8),
        ]
    rows = []
    for name, model, budget, factor in networks:
        ours, theirs = compare(model, times)
        quickest = min(clock(lambda m=model: anatomy(m)) for _ in range(times))
        kept = (budget is None or ours <= budget) and (factor is None or factor * ours <= theirs)
        texts = [f"{1000 * budget:.0f} ms"] if budget else []
        texts += [f"{factor}× under torchinfo"] if factor else []
        why = (
            f"It is Python on one thread, {1e6 * ours / len(anatomy(model).layers):.0f} µs for each operation of the "
            f"network; the quickest of {times} more runs took {duration(quickest)}"
        )
        rows.append(Row(f"anatomy of {name}", ours, "torchinfo", theirs, ", ".join(texts) or "–", kept, why))
    return table(rows)


def compare(model: nn.Module, times: int) -> tuple[float, float]:
    """Median seconds of `anatomy` and of torchinfo."""
    return side_by_side(
        lambda: anatomy(model),
        lambda: torchinfo.summary(model, (1, *model.input_size), device="meta", verbose=0),
        times,
    )


def peers() -> str:
    """Time and memory of each tool on each network, one process a measurement."""
    lines = [("network", *(f"{tool}, {device}" for tool, device in SETTINGS))]
    for name in NETWORKS:
        cells = [name]
        for tool, device in SETTINGS:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.peers", name, tool, device], capture_output=True, text=True
            )
            if done.returncode:
                cells.append("fails")
                continue
            seen = json.loads(done.stdout)
            cells.append(f"{duration(seen['seconds'])} {seen['megabytes']:6.0f} MB")
        lines.append(tuple(cells))
    return aligned(lines, right=range(1, len(SETTINGS) + 1))


def growth() -> str:
    """Time of `anatomy` against the number of layers of a CIFAR ResNet, and the exponent that fits it."""
    points = []
    for depth in DEPTHS:
        with torch.device("meta"):
            model = create_model("cifar_resnet", depth=depth)
        anatomy(model)
        points.append((depth, statistics.median(clock(lambda m=model: anatomy(m)) for _ in range(7))))
    slope, _ = statistics.linear_regression(*zip(*[(math.log(d), math.log(s)) for d, s in points], strict=True))
    times = ", ".join(f"{depth} layers {duration(seconds)}" for depth, seconds in points)
    return f"The anatomy of `cifar_resnet`: {times}; time grows as layers^{slope:.2f}."
