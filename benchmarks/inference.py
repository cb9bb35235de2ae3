"""A forward pass of our networks beside torchvision's and timm's own, with the same weights on the CPU, one image at a time."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.timing import Row, aligned, below, clock, side_by_side, table
from cnnlib import create_model, load_weights

BUDGET = 1.05  # times the peer
TURNS, SECONDS = 25, 6  # as many turns as fill so many seconds of ours, at least so many: quick networks scatter more
ROUNDING = 1e-5  # of the largest output: what another order of additions may change


class Pair(NamedTuple):
    """One network twice, both freshly made. `order` brings the peer's weights into the order of ours."""

    name: str
    library: str
    ours: Callable[[], nn.Module]
    theirs: Callable[[], nn.Module]
    order: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda state: state


def torchvisions(name: str, **options) -> Pair:
    """A network that torchvision has under our name."""
    return Pair(name, "torchvision", lambda: create_model(name), lambda: torchvision.models.get_model(name, **options))


def timms(name: str) -> Pair:
    """A network that timm has under our name."""
    return Pair(name, "timm", lambda: create_model(name), lambda: timm.create_model(name))


def projections_last(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """timm's projections come first in their unit (stages.0.blocks.0), ours after the residual."""
    unit = {name: tuple(name.split(".")[:4]) for name in state}
    units = list(dict.fromkeys(unit.values()))
    names = sorted(state, key=lambda name: (units.index(unit[name]), "downsample" in name))
    return {name: state[name] for name in names}


PAIRS = (
    torchvisions("alexnet"),
    torchvisions("vgg16"),
    torchvisions("googlenet", init_weights=False),
    torchvisions("inception_v3", init_weights=False),
    torchvisions("resnet18"),
    torchvisions("resnet50"),
    torchvisions("resnext50_32x4d"),
    torchvisions("wide_resnet50_2"),
    torchvisions("densenet121"),
    torchvisions("squeezenet1_1"),
    timms("inception_v4"),
    timms("inception_resnet_v2"),
    Pair(
        "preact_resnet, depth=50",
        "timm",
        lambda: create_model("preact_resnet", depth=50),
        lambda: timm.create_model("resnetv2_50"),
        projections_last,
    ),
)


def report() -> str:
    """A row a network; below, how far the outputs are apart and which operations only one of the two runs.

    Raises ValueError where outputs differ by more than rounding: two functions would be compared, not two programs.
    """
    rows, notes = [], [("network", "largest difference of outputs", "ours alone", "the peer's alone")]
    for pair in PAIRS:
        row, difference, mine, yours = compare(pair)
        rows.append(row)
        notes.append((pair.name, f"{difference:.1e}" if difference else "none", mine, yours))
    how = (
        f"One image, contiguous, on the CPU in `torch.inference_mode`; median of at least {TURNS} turns, and of "
        f"{SECONDS} seconds. The weights are the peer's, its batch norms' statistics those of four random images."
    )
    notes_say = (
        "The outputs, beside the largest of them, and the operations that only one runs "
        "(`relu_` and `add_` write over what they read):"
    )
    return below(how, table(rows), notes_say, aligned(notes, right={1}))


def compare(pair: Pair) -> tuple[Row, float, str, str]:
    """One network's row, how far the outputs are apart, and what ours and the peer's each run alone."""
    torch.manual_seed(0)
    ours, theirs = pair.ours(), with_statistics(pair.theirs(), pair.ours().input_size)
    load_weights(ours, pair.order(theirs.state_dict()))
    ours.eval(), theirs.eval()
    image = torch.randn(1, *ours.input_size)
    with torch.inference_mode():
        difference = apart(ours(image), theirs(image), pair)
        times = max(TURNS, round(SECONDS / clock(lambda: ours(image))))
        seconds = side_by_side(lambda: ours(image), lambda: theirs(image), times)
        kept = seconds[0] <= BUDGET * seconds[1]
        computing = (
            (1, 1) if kept else side_by_side(lambda: ours(image), lambda: theirs(image), times, time.process_time)
        )
    mine, yours = operations(ours, image), operations(theirs, image)
    alone = [", ".join(f"{count} {name}" for name, count in counts.items()) for counts in (mine - yours, yours - mine)]
    why = (
        f"In processor time, in as many turns again, it is {computing[0] / computing[1]:.2f}×. Ours alone runs "
        f"{alone[0] or 'nothing'}, the peer alone {alone[1] or 'nothing'}; all else is the same"
    )
    row = Row(pair.name, seconds[0], pair.library, seconds[1], f"{BUDGET}× {pair.library}", kept, why)
    return row, difference, *[text or "–" for text in alone]


def with_statistics(model: nn.Module, size: tuple[int, int, int]) -> nn.Module:
    """The model with batch norms that know what their maps are like: as they are made, deep ones let signals die out."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches seen: here one
    with torch.no_grad():
        model.train()(torch.randn(4, *size))
    return model


def apart(ours: Tensor, theirs: Tensor, pair: Pair) -> float:
    """The largest difference beside the largest output. Raises ValueError for more than rounding."""
    difference = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    if not difference <= ROUNDING:  # not: NaN is no rounding either
        raise ValueError(
            f"{pair.name}: with the same weights our outputs and {pair.library}'s differ by {difference:.1e} of the "
            f"largest, and rounding explains at most {ROUNDING:.0e}: the two are not the same function"
        )
    return difference


class Seen(TorchDispatchMode):
    """Counts the operations that run, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def operations(model: nn.Module, image: Tensor) -> Counter:
    """How often a forward pass runs each operation, by name."""
    with torch.inference_mode(), Seen() as seen:
        model(image)
    return seen.calls
