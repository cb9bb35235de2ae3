"""Explorers of chapter 3: the branches of Inception modules, and what trained ones showed."""

import math
from collections.abc import Sequence

import torch

from cnnlib.analysis import anatomy
from cnnlib.course.curves import provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.rows import costs, totals
from cnnlib.course.explorer.settings import largest_share
from cnnlib.models.googlenet import inception_module as build_module

__all__ = [
    "inception_module",
    "label_smoothing",
    "layer_gradients",
    "reductions",
]

BRANCHES = {"conv1x1": "1×1", "conv3x3": "3×3", "conv5x5": "5×5", "pool": "pooling", "cat": "concat"}
OPS = {"pool": "pool", "cat": "join"}
WIDTHS = {"in_channels": 256, "conv1x1": 128, "conv3x3": 192, "conv5x5": 96}  # those of 3b, as in many courses


def inception_module(
    reduce3x3: Sequence[int | None] = (None, 16, 64, 128),
    reduce5x5: Sequence[int | None] = (None, 16, 64),
    pool_proj: Sequence[int | None] = (None, 64),
    depths: Sequence[int] = (1, 3),
    widths: Sequence[float] = (0.5, 1, 2),
) -> Explorer:
    """Szegedy et al. 2014, Fig. 2: what each branch of Inception modules costs, with its 1×1 convolution or without (None).

    Raises ValueError where a width makes no whole channels.
    """

    def to(channels: int | None) -> str:
        return "no 1×1" if channels is None else f"{channels} channels"

    knobs = [
        Knob("reduce3x3", "1×1 before the 3×3", reduce3x3, default=64, kind="range", format=to),
        Knob("reduce5x5", "1×1 before the 5×5", reduce5x5, default=64, kind="range", format=to),
        Knob("pool_proj", "1×1 after the pooling", pool_proj, default=64, kind="range", format=to),
        Knob("depth", "Modules in a row", depths, default=depths[0]),
        Knob("width", "Width (all channels ×)", widths, default=1, format="{:g}×"),
    ]
    return Explorer(inception_setting, knobs, view="bars", title="An Inception module by branch")


def inception_setting(
    reduce3x3: int | None, reduce5x5: int | None, pool_proj: int | None, depth: int, width: float
) -> dict:
    """The result of `inception_module` for one setting; every figure is `anatomy`'s."""
    full = WIDTHS | {"reduce3x3": reduce3x3, "reduce5x5": reduce5x5, "pool_proj": pool_proj}
    options = {name: channels and scaled(channels, width) for name, channels in full.items()} | {"depth": depth}
    with torch.device("meta"):
        whole = anatomy(build_module(**options))
    rows = []
    for branch, name in BRANCHES.items():
        layers = [layer for layer in whole.layers if layer.name.split(".")[2] == branch]
        rows.append({"name": name, "op": OPS.get(branch, "conv"), **costs(layers)})
    code = ", ".join(f"{name}={value}" for name, value in options.items())
    return {
        "rows": rows,
        "shares": True,
        "totals": totals(whole),
        "sentence": f"{options['in_channels']} channels in, {whole.layers[-1].out_shape[0]:,} out. "
        f"{whole.params:,} parameters; {largest_share(rows, 'macs', 'MACs')}.",
        "python": f"cnnlib.models.googlenet.inception_module({code})",
    }


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`. Raises ValueError where that is no whole number."""
    if channels * width != int(channels * width):
        raise ValueError(f"{width} × {channels} channels is no whole number")
    return int(channels * width)


# What the experiment compares: the setting of a recorded net, and the words for it.
COMPARED = {
    "no 1×1, 32 wide": {"depth": 1, "channels": 32, "reduce": False},
    "1×1, 32 wide": {"depth": 1, "channels": 32, "reduce": True},
    "1×1, three modules for one": {"depth": 3, "channels": 32, "reduce": True},
    "1×1, 56 wide": {"depth": 1, "channels": 56, "reduce": True},
}


def reductions(runs: list[dict]) -> Explorer:
    """Training and test error of small nets of Inception modules with 1×1 reductions and without, recorded."""
    knobs = [
        Knob("error", "Error", ("train_error", "test_error"), default="test_error",
             format={"train_error": "on the training set", "test_error": "on the test set"}.get),
        Knob("compare", "Compared with the net without 1×1", ("width", "cost"), default="cost",
             format={"width": "at the same widths", "cost": "at about the same cost"}.get),
    ]  # fmt: skip

    def setting(error: str, compare: str) -> dict:
        names = list(COMPARED)
        shown = names[:2] if compare == "width" else [names[0], *names[2:]]
        series, ends = [], []
        for label in shown:
            curve = spread([run["curves"][error] for run in select(runs, **COMPARED[label])])
            seeds = len(select(runs, **COMPARED[label]))
            series.append({"label": label, "runs": seeds} | curve)
            ends.append(f"{label}: {curve['mean'][-1]:.1f}% ({curve['low'][-1]:.1f} to {curve['high'][-1]:.1f})")
        name = "Training" if error == "train_error" else "Test"
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": f"{name.lower()} error (%)",
            "sentence": f"{name} error after {len(curve['epochs'])} epochs, mean and range over {seeds} seeds. "
            + "; ".join(ends) + ".",
            "note": f"{provenance(runs)}. Textures of 16×16 pixels; the bands are the range over seeds.",
        }  # fmt: skip

    return Explorer(setting, knobs, view="curves", title="With 1×1 reductions and without")


def layer_gradients(norms: dict[str, list[dict[str, float]]]) -> Explorer:
    """Gradient norms by layer, measured: what the loss is made of → for each seed, layer → norm.

    One knob shows the norms or, for each kind, what they are as a multiple of the first kind's.
    """
    knobs = [Knob("show", "Show", ("norm", "ratio"), default="norm", kind="select",
                  format={"norm": "norms", "ratio": "as a multiple of the first"}.get)]  # fmt: skip
    base = next(iter(norms))
    layers = list(norms[base][0])

    def setting(show: str) -> dict:
        series, firsts = [], []
        for kind, seeds in norms.items():
            values = [
                [
                    one[name] / (first[name] if show == "ratio" else 1)
                    for one, first in zip(seeds, norms[base], strict=True)
                ]
                for name in layers
            ]
            means = [sum(column) / len(column) for column in values]
            curve = {"mean": means, "low": list(map(min, values)), "high": list(map(max, values))}
            shown = {name: [float(f"{value:.3g}") for value in column] for name, column in curve.items()}
            series.append({"label": kind, "epochs": list(range(1, len(layers) + 1)), "runs": len(seeds)} | shown)
            firsts.append(f"{kind} {means[0]:.2g}")
        unit = f"times that with {base}" if show == "ratio" else "norm of the gradient"
        return {
            "series": series,
            "x_label": "layer, from the input",
            "y_label": unit,
            "log_y": True,
            "sentence": f"At {layers[0]}, {unit}: {', '.join(firsts)}.",
            "note": f"1 is {layers[0]}, {len(layers)} is {layers[-1]}; between them the 3×3 of each module. Measured here, "
            "before any training.",
        }

    return Explorer(setting, knobs, view="curves", title="Gradients with auxiliary heads and without")


def label_smoothing(
    epsilons: Sequence[float] = (0.0, 0.05, 0.1, 0.2, 0.4), classes: Sequence[int] = (2, 10, 100, 1000)
) -> Explorer:
    """Szegedy et al. 2015, Sec. 7: the targets of smoothed labels, and what logits fit them best."""
    knobs = [
        Knob("epsilon", "Smoothing ε", epsilons, default=0.1),
        Knob("classes", "Classes K", classes, default=classes[-1]),
    ]
    return Explorer(smoothing_setting, knobs, view="table", title="Smoothed labels")


def smoothing_setting(epsilon: float, classes: int) -> dict:
    """The result of `label_smoothing` for one setting. The best softmax outputs are the targets themselves."""
    other = epsilon / classes
    right = 1 - epsilon + other
    gap = math.log(right / other) if other else None
    lowest = -right * math.log(right) - (classes - 1) * other * math.log(other) if other else 0.0
    rows = [
        ("target of the right class", f"{right:.4g}"),
        ("target of each other class", f"{other:.4g}"),
        ("lowest loss that can be reached", f"{lowest:.3g}"),
        ("best lead of the right logit", "∞" if gap is None else f"{gap:.2f}"),
    ]
    best = (
        "no lead of the right logit is enough" if gap is None else f"a lead of {gap:.2f} is best, and more is punished"
    )
    return {
        "rows": [{"Quantity": name, "Value": value} for name, value in rows],
        "sentence": f"ε = {epsilon:g}, {classes:,} classes: the right class should get {right:.4g}; {best}.",
        "python": f"F.cross_entropy(logits, labels, label_smoothing={epsilon:g})",
    }
