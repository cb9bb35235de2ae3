"""How long networks take: forward passes measured in turn, each operation on its own, and what the machine can do.

Times are wall-clock seconds. What is compared is measured interleaved, one call of each in every round, so that a slow
moment of the machine falls on all alike; the first call of each warms up and is not counted.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.analysis.rules import NO_ROW, QUESTIONS, SPELLINGS
from cnnlib.models import create_model
from cnnlib.training.loop import best_device

GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def waited(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that `call` takes; on a GPU until all of its work is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each call in each of so many rounds. Raises ValueError for `rounds` under 1."""
    if rounds < 1:
        raise ValueError(f"rounds={rounds}; give at least 1")
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(waited(call, device))
    return seconds


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Torch computes with `count` threads on the CPU for as long as the context lasts; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ready(network: str | nn.Module, batch: int, device: torch.device) -> tuple[nn.Module, Tensor]:
    """A network (a name: with random weights) in evaluation mode on `device`, and noise of the size it reads."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model = create_model(network) if isinstance(network, str) else network
        images = torch.randn(batch, *model.input_size)
    return model.eval().to(device), images.to(device)


def forward_times(
    networks: Iterable[str] | Mapping[str, nn.Module],
    batch: int = 1,
    *,
    rounds: int = 5,
    threads: int | None = None,
    device: torch.device | str | None = None,
) -> dict[str, list[float]]:
    """Seconds of a forward pass on `batch` images, in each round: a list for each network.

    `networks` are names that `create_model` knows, or modules by name, each with an `input_size`, which is the size of
    its images. The weights are random: they do not change the time. `threads` holds for a CPU; `device` None is the best
    there is. Modules are left in evaluation mode on that device. Raises ValueError for `rounds` under 1.
    """
    device = torch.device(device) if device else best_device()
    given = networks if isinstance(networks, Mapping) else {name: name for name in networks}
    prepared = {name: ready(network, batch, device) for name, network in given.items()}
    calls = {name: (lambda model=model, images=images: model(images)) for name, (model, images) in prepared.items()}
    with cpu_threads(threads), torch.no_grad():
        return interleaved(calls, rounds, device)


# ------------------------------------------------------------------------------------------- operation by operation


class Stopwatch(TorchFunctionMode):
    """Writes down the operations that run under it: name, shape of the output without the batch, seconds."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.calls: list[tuple[str, tuple[int, ...], float]] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        op = SPELLINGS.get(func.__name__, func.__name__)
        if op in NO_ROW or op in QUESTIONS:
            return func(*args, **(kwargs or {}))
        outputs = []
        seconds = waited(lambda: outputs.append(func(*args, **(kwargs or {}))), self.device)
        if isinstance(outputs[0], Tensor):
            self.calls.append((op, tuple(outputs[0].shape[1:]), seconds))
        return outputs[0]


def operation_times(
    network: str | nn.Module,
    batch: int = 1,
    *,
    rounds: int = 5,
    threads: int | None = None,
    device: torch.device | str | None = None,
) -> tuple[Anatomy, list[float]]:
    """The anatomy of a network, and for each of its rows the seconds of a forward pass on `batch` images.

    The median over so many rounds. Each operation is waited for, so that on a GPU their sum is more than the whole pass
    takes. Raises ValueError for `rounds` under 1, and where what ran was not what the anatomy has.
    """
    if rounds < 1:
        raise ValueError(f"rounds={rounds}; give at least 1")
    device = torch.device(device) if device else best_device()
    model, images = ready(network, batch, device)
    whole = anatomy(model)
    passes = []
    with cpu_threads(threads), torch.no_grad():
        model(images)
        for _ in range(rounds):
            with Stopwatch(device) as watch:
                model(images)
            passes.append(matched(whole, watch.calls))
    return whole, [median(seconds) for seconds in zip(*passes, strict=True)]


def matched(whole: Anatomy, calls: list[tuple[str, tuple[int, ...], float]]) -> list[float]:
    """The seconds of each row of an anatomy, out of what ran; calls that work on no image have no row."""
    left = iter(calls)
    seconds = []
    for row in whole.layers:
        found = next((took for op, shape, took in left if (op, shape) == (row.op, row.out_shape)), None)
        if found is None:
            raise ValueError(
                f"{row.name} ({row.op}, {row.out_shape}) is in the anatomy of {whole.name} and did not run"
            )
        seconds.append(found)
    return seconds


# ------------------------------------------------------------------------------------------- the machine


def machine(
    *, rounds: int = 5, threads: int | None = None, device: torch.device | str | None = None
) -> dict[str, float]:
    """The best figures of the machine in so many rounds: "peak", "bandwidth" and "overhead".

    The peak is in MACs a second, in a product of square float32 matrices; the bandwidth in bytes a second, in a copy too
    large for a CPU's caches, read and written. The overhead is the seconds that an operation takes on a single value.
    """
    device = torch.device(device) if device else best_device()
    side = 8192 if device.type == "cuda" else 1536
    matrix, source = torch.rand(side, side, device=device), torch.rand(2**26, device=device)
    target = torch.empty_like(source)
    value = torch.rand(1, device=device)
    calls = {
        "product": lambda: matrix @ matrix,
        "copy": lambda: target.copy_(source),
        "single": lambda: [F.relu(value) for _ in range(1000)],
    }
    with cpu_threads(threads), torch.no_grad():
        best = {name: min(seconds) for name, seconds in interleaved(calls, rounds, device).items()}
    return {
        "peak": side**3 / best["product"],
        "bandwidth": 2 * source.nbytes / best["copy"],
        "overhead": best["single"] / 1000,
    }


def grouped_times(
    batch: int = 1, *, rounds: int = 5, threads: int | None = None, device: torch.device | str | None = None
) -> dict[str, list[float]]:
    """Seconds of a 3×3 convolution of 256 channels on a map of 28×28, by its number of groups; 256 is depthwise."""
    device = torch.device(device) if device else best_device()
    maps = torch.rand(batch, 256, 28, 28, device=device)
    weights = {groups: torch.rand(256, 256 // groups, 3, 3, device=device) for groups in GROUPS}
    calls = {
        str(groups): (lambda weight=weight, groups=groups: F.conv2d(maps, weight, padding=1, groups=groups))
        for groups, weight in weights.items()
    }
    with cpu_threads(threads), torch.no_grad():
        return interleaved(calls, rounds, device)


def measure(
    config: dict, device: torch.device, *, networks: Sequence[str], by_operation: Sequence[str], rounds: int = 7
) -> dict:
    """The content of a recorded run of times, for the settings "batch" and "threads": medians and ranges in seconds.

    `networks` are timed as a whole, those of `by_operation` operation by operation.
    """
    batch, threads = config["batch"], config["threads"]
    settings = {"threads": threads, "device": device}
    operations = {}
    for name in by_operation:
        _, seconds = operation_times(name, batch, rounds=rounds, **settings)
        operations[name] = [float(f"{value:.3g}") for value in seconds]
    return {
        "threads": threads,  # those of the measurement, and not of the process
        "rounds": rounds,
        "machine": {name: float(f"{value:.3g}") for name, value in machine(**settings).items()},
        "times": {name: summary(s) for name, s in forward_times(networks, batch, rounds=rounds, **settings).items()},
        "groups": {name: summary(s) for name, s in grouped_times(batch, rounds=3 * rounds, **settings).items()},
        "operations": operations,
    }


def summary(seconds: list[float]) -> dict[str, float]:
    """Median, lowest and highest, to three digits."""
    found = {"median": median(seconds), "low": min(seconds), "high": max(seconds)}
    return {name: float(f"{value:.3g}") for name, value in found.items()}
