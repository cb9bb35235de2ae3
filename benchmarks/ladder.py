"""The training ladder: from the loop that everyone writes to the one of `fit`, one change a rung, measured in turns.

Each network's floor stands beside it: what a step would take if the machine did nothing but its multiplications at the
speed of a large matrix product, or nothing but move its maps and weights at the speed of a large copy, or nothing but
start its operations.
"""

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.timing import Row, aligned, below, clock, duration, table
from cnnlib import ImageData, anatomy, create_model, fit
from cnnlib.training import Recipe, best_device
from cnnlib.training.loop import half_precision

STEPS = 8  # a measurement: enough that what `fit` does once an epoch weighs as little as in a real one
CLASSES = 10


@dataclass(frozen=True)
class Rung:
    """What a loop does; the first is the usual one."""

    what: str = "usual loop: DataLoader, .item() a step"
    loader: bool = True
    channels_last: bool = False
    half: torch.dtype | None = None
    fused: bool = False
    compiled: bool = False


@dataclass(frozen=True)
class Network:
    """What climbs: a name, who builds it for the usual loop and for ours, and its images."""

    name: str
    usual: Callable[[], nn.Module]
    ours: Callable[[], nn.Module]
    side: int
    batch: dict[str, int]  # by type of device


NETWORKS = (
    Network(
        "cifar_resnet20", *[lambda: create_model("cifar_resnet20")] * 2, 32, {"cpu": 64, "cuda": 512}
    ),
    Network(
        "resnet18 at 32×32",
        lambda: torchvision.models.resnet18(num_classes=CLASSES),
        lambda: create_model("resnet18", num_classes=CLASSES),
        32,
        {"cpu": 64, "cuda": 512},
    ),
    Network(
        "resnet50",
        lambda: torchvision.models.resnet50(num_classes=CLASSES),
        lambda: create_model("resnet50", num_classes=CLASSES),
        224,
        {"cpu": 2, "cuda": 64},
    ),
)  # fmt: skip


def rungs(device: torch.device) -> Iterator[Rung]:
    """Each with one change to the one before. On a CPU half precision stands alone: few CPUs compute in it."""
    rung = Rung()
    yield rung
    changes = [("data on the device, no wait", {"loader": False}), ("channels_last", {"channels_last": True})]
    if half_precision(device):
        changes.append(("mixed precision", {"half": half_precision(device)}))
    changes += [("fused optimiser", {"fused": True}), ("torch.compile", {"compiled": True})]
    for what, change in changes:
        rung = replace(rung, what=f"+ {what}", **change)
        yield rung


def steps(rung: Rung, network: Network, data: TensorDataset, device: torch.device) -> Callable[[], object]:
    """A call that trains for STEPS steps as the rung does."""
    torch.manual_seed(0)
    model = (network.usual if rung.loader else network.ours)().to(device).train()
    if rung.channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, fused=rung.fused or None)
    net = torch.compile(model) if rung.compiled else model
    scaler = torch.amp.GradScaler(device.type, enabled=rung.half == torch.float16)
    batch = len(data) // STEPS
    images, labels = (tensor.to(device) for tensor in data.tensors)

    def step(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=rung.half, enabled=rung.half is not None):
            loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    def usual() -> float:
        return sum(step(x.to(device), y.to(device)).item() for x, y in DataLoader(data, batch, shuffle=True))

    def ours() -> float:
        order = torch.randperm(len(data)).to(device).split(batch)
        return sum(step(images[mine], labels[mine]) for mine in order).item()

    return usual if rung.loader else ours


def through_fit(network: Network, data: TensorDataset, device: torch.device) -> Callable[[], object]:
    """The same through `fit`, whose test after the epoch has one image."""
    torch.manual_seed(0)
    images, labels = data.tensors
    whole = ImageData("noise", images, labels, images[:1], labels[:1], tuple(map(str, range(CLASSES))))
    model, whole = network.ours(), whole.to(device)
    recipe = Recipe(0.01, batch_size=len(data) // STEPS)
    return lambda: fit(model, whole, epochs=1, recipe=recipe, device=device, on_epoch=lambda history: None)


class Floor(NamedTuple):
    """Seconds that a step takes at least, by what bounds it."""

    compute: float
    bytes: float
    launches: float


class Ceilings(NamedTuple):
    """What the machine does at best: multiply-adds and bytes a second, seconds to start an operation."""

    macs: float
    bytes: float
    launch: float


def best(function: Callable[[], object], device: torch.device, times: int = 10) -> float:
    """The least of some timings, each until the device is done."""
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    return min(clock(lambda: (function(), wait())) for _ in range(times))


def ceilings(device: torch.device) -> Ceilings:
    """Measured on a large matrix product (in half precision where a step is), a large copy, and an addition of nothing."""
    side = 8192 if device.type == "cuda" else 2048
    matrix = torch.randn(side, side, device=device, dtype=half_precision(device) or torch.float32)
    values = torch.randn(2**28 if device.type == "cuda" else 2**25, device=device)
    copy, tiny = torch.empty_like(values), torch.zeros(1, device=device)
    return Ceilings(
        side**3 / best(lambda: matrix @ matrix, device),
        2 * values.nbytes / best(lambda: copy.copy_(values), device),
        best(lambda: [tiny.add_(1) for _ in range(1000)], device) / 1000,
    )


def floor(model: nn.Module, side: int, batch: int, limits: Ceilings, half: bool) -> Floor:
    """Of a step forward and back, which multiplies three times as often as forward alone: weights and inputs get theirs.

    Bytes: each operation reads its inputs and writes its output, three times; the optimiser reads weight, gradient and
    momentum and writes two of them. Launches: an operation forward, two back.
    """
    seen = anatomy(model, (3, side, side))
    moved = 0
    for row in seen.layers:
        moved += row.output_bytes + sum(
            seen.layers[i].output_bytes if i >= 0 else 4 * 3 * side * side for i in row.inputs
        )
    maps = 3 * batch * moved / (2 if half else 1)
    return Floor(
        3 * batch * seen.macs / limits.macs,
        (maps + 5 * seen.weight_bytes) / limits.bytes,
        3 * len(seen.layers) * limits.launch,
    )


def climb(network: Network, device: torch.device, limits: Ceilings, times: int = 3) -> tuple[str, Row]:
    """One network's ladder in Markdown: images a second, each rung against the one before, and the part of the floor reached.

    And how a step of `fit` compares with the usual loop's: at most 0.8 of its time, on a GPU 0.33 for small images.
    """
    batch = network.batch[device.type]
    torch.manual_seed(0)
    data = TensorDataset(
        torch.randn(STEPS * batch, 3, network.side, network.side), torch.randint(CLASSES, (STEPS * batch,))
    )
    ladder = {rung.what: steps(rung, network, data, device) for rung in rungs(device)}
    ladder["fit"] = through_fit(network, data, device)
    warm = {what: clock(call) for what, call in ladder.items()}
    seconds: dict[str, list[float]] = {what: [] for what in ladder}
    for _ in range(times):
        for what, call in ladder.items():
            seconds[what].append(clock(call))
    medians = {what: statistics.median(found) / STEPS for what, found in seconds.items()}
    least = floor(network.ours(), network.side, batch, limits, half_precision(device) is not None)
    usual = before = next(iter(medians.values()))
    title = (
        f"{network.name}, {batch} images a step on {device.type}; floor: {duration(max(least))} "
        f"(compute {duration(least.compute)}, bytes {duration(least.bytes)}, launches {duration(least.launches)})"
    )
    lines = [("", "a step", "images/s", "× before", "× usual", "of floor")]
    for what, median in medians.items():
        compared = "" if what == "fit" else f"{median / before:.2f}"
        lines.append(
            (
                what,
                duration(median),
                f"{batch / median:.0f}",
                compared,
                f"{median / usual:.2f}",
                f"{max(least) / median:.0%}",
            )
        )
        before = median
    compiling = warm["+ torch.compile"] - STEPS * medians["+ torch.compile"]
    text = below(
        f"{title}:",
        aligned(lines, right=range(1, 6)),
        f"(torch.compile took {duration(compiling)} before its first step)",
    )
    share = 0.8 if device.type == "cpu" else 0.33 if network.side == 32 else None
    kept = share is None or medians["fit"] <= share * usual
    what = f"a step of {network.name} through fit, {device.type}"
    budget = f"{share:g}× the usual loop" if share else "–"
    why = "" if kept else reason(ladder[Rung().what], ladder["fit"], device)
    return text, Row(what, medians["fit"], "usual loop", usual, budget, kept, why)


def shares(call: Callable[[], object], device: torch.device) -> dict[str, float]:
    """The part of the time that each operation of torch takes itself, the largest first."""
    os.environ["KINETO_LOG_LEVEL"] = "99"  # the profiler has much to say about itself
    with torch.profiler.profile() as seen:
        call()
    kind = "device" if device.type == "cuda" else "cpu"
    seconds = {event.key: getattr(event, f"self_{kind}_time_total") for event in seen.key_averages()}
    total = sum(seconds.values())
    return {key: spent / total for key, spent in sorted(seconds.items(), key=lambda item: -item[1])}


def reason(usual: Callable[[], object], ours: Callable[[], object], device: torch.device) -> str:
    """Where a step's time goes in both loops, as the profiler sees it."""
    before, after = shares(usual, device), shares(ours, device)
    inside = [sum(part for key, part in found.items() if "conv" in key) for found in (before, after)]
    rest = [f"`{key.removeprefix('aten::')}` {part:.0%}" for key, part in after.items() if "conv" not in key][:3]
    kernels = f" ({torch.backends.cpu.get_cpu_capability()})" if device.type == "cpu" else ""
    return (
        f"Convolutions are {inside[0]:.0%} of the usual loop's step, and `fit` runs the same kernels{kernels}: they are "
        f"{inside[1]:.0%} of its own step, before {', '.join(rest)}"
    )


def report() -> str:
    """All ladders on the best device, with the machine's measured ceilings; and a comparison a network."""
    device = best_device()
    limits = ceilings(device)
    head = (
        f"Ceilings of the {device.type}: {limits.macs / 1e9:,.0f} G MACs/s, {limits.bytes / 1e9:,.1f} GB/s, "
        f"{1e6 * limits.launch:.1f} µs to start an operation."
    )
    texts, rows = zip(*(climb(network, device, limits) for network in NETWORKS), strict=True)
    return below(table(rows), f"One change after another. {head}", *texts)
