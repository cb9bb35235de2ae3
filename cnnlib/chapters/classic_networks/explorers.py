"""Explorers of chapter 1: one convolution, LeNet-5 and its training, AlexNet."""

from collections.abc import Sequence

import torch
from torch import nn

from cnnlib.analysis import anatomy
from cnnlib.course.curves import final_errors, provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.settings import bars_setting, pipeline_setting

__all__ = [
    "alexnet_costs",
    "alexnet_pipeline",
    "convolution",
    "lenet_pipeline",
    "lenet_training",
    "rate_of",
    "relu_against_tanh",
    "response_norm",
]


def convolution(
    sizes: Sequence[int] = (28, 32, 224, 227),
    kernels: Sequence[int] = (1, 3, 5, 7, 11),
    paddings: Sequence[int] = (0, 1, 2, 3),
    strides: Sequence[int] = (1, 2, 4),
    *,
    in_channels: int = 3,
    out_channels: int = 96,
) -> Explorer:
    """Convolution arithmetic: input n, filter f, padding p, stride s → size, parameters and MACs of one layer."""
    knobs = [
        Knob("n", "Input n", sizes, default=sizes[-1]),
        Knob("f", "Filter f", kernels, default=kernels[-1]),
        Knob("p", "Padding p", paddings, default=paddings[0]),
        Knob("s", "Stride s", strides, default=strides[-1]),
    ]

    def setting(n: int, f: int, p: int, s: int) -> dict:
        return convolution_setting(n, f, p, s, in_channels, out_channels)

    return Explorer(
        setting, knobs, view="table", title=f"One convolution, from C = {in_channels} to C′ = {out_channels} channels"
    )


def convolution_setting(n: int, f: int, p: int, s: int, in_channels: int, out_channels: int) -> dict:
    """The result of `convolution` for one setting; every figure is `anatomy`'s of the layer itself."""
    layer = nn.Conv2d(in_channels, out_channels, f, s, p, device="meta")
    padded, params = n + 2 * p, sum(parameter.numel() for parameter in layer.parameters())
    if f <= padded:
        row = anatomy(layer, (in_channels, n, n)).layers[0]
        side, left = row.out_shape[1], padded - f - (row.out_shape[1] - 1) * s
        values, macs = row.out_shape[0] * side**2, row.macs
        sentence = (
            f"⌊({n} + 2·{p} − {f}) / {s}⌋ + 1 = {side}: the output is {side}×{side}×{out_channels}. "
            f"{left or 'None'} of the {padded} rows and columns {'is' if left == 1 else 'are'} left over."
        )
    else:
        side = left = values = macs = None
        sentence = f"A filter of {f} does not fit into {n} + 2·{p} = {padded} pixels: there is no output."
    rows = (
        ("output size", "⌊(n + 2p − f) / s⌋ + 1", side),
        ("left over", "(n + 2p − f) mod s", left),
        ("output values", "size² · C′", values),
        ("parameters", "(f² · C + 1) · C′", params),
        ("MACs", "size² · C′ · f² · C", macs),
    )
    return {
        "rows": [dict(zip(("Quantity", "Rule", "Value"), row, strict=True)) for row in rows],
        "sentence": sentence,
        "python": f"nn.Conv2d({in_channels}, {out_channels}, kernel_size={f}, stride={s}, padding={p})",
    }


def lenet_pipeline(
    image_sizes: Sequence[int] = (20, 28, 32, 48, 64), widths: Sequence[float] = (0.5, 1, 2, 4)
) -> Explorer:
    """Shapes through LeNet-5 as it is taught: image size and width."""
    knobs = [
        Knob("image_size", "Image", image_sizes, default=32, format=lambda side: f"{side}×{side}"),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
    ]
    return Explorer(
        lambda **options: pipeline_setting("lenet5_modern", **options),
        knobs,
        view="pipeline",
        title="Shapes through LeNet-5",
    )


def alexnet_knobs(depths: Sequence[int], widths: Sequence[float], strides: Sequence[int]) -> list[Knob]:
    """The knobs of an AlexNet."""
    return [
        Knob("depth", "Depth (layers with weights)", depths, default=8),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
        Knob("first_stride", "Stride of conv1", strides, default=4),
    ]


def alexnet_pipeline(
    depths: Sequence[int] = (6, 7, 8, 9, 10),
    widths: Sequence[float] = (0.25, 0.5, 1, 2),
    strides: Sequence[int] = (2, 3, 4, 8),
) -> Explorer:
    """Shapes through an AlexNet in one tower: depth, width and the stride of its first layer."""
    knobs = alexnet_knobs(depths, widths, strides)
    return Explorer(
        lambda **options: pipeline_setting("alexnet", **options), knobs, view="pipeline", title="Shapes through AlexNet"
    )


def alexnet_costs(
    depths: Sequence[int] = (6, 7, 8, 9, 10),
    widths: Sequence[float] = (0.25, 0.5, 1, 2),
    strides: Sequence[int] = (2, 3, 4, 8),
) -> Explorer:
    """Where an AlexNet in one tower has its parameters, MACs and bytes: depth, width, stride of its first layer."""
    knobs = alexnet_knobs(depths, widths, strides)
    return Explorer(
        lambda **options: bars_setting("alexnet", **options), knobs, view="bars", title="What AlexNet costs"
    )


# ------------------------------------------------------------------------------------------- recorded training

ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU"}
ERRORS = {"train_error": "on the training set", "test_error": "on the test set"}


def rate_of(runs: list[dict], **config) -> float:
    """The learning rate at which the mean final training error of a configuration is lowest."""
    chosen = select(runs, **config)
    means = {}
    for rate in sorted({run["config"]["learning_rate"] for run in chosen}):
        ends = final_errors(chosen, learning_rate=rate)
        means[rate] = sum(ends) / len(ends)
    return min(means, key=means.get)


def epochs_to(runs: list[dict], error: float) -> list[int | None]:
    """The first epoch, counted from 1, that ends with a training error under `error` per cent, run by run; None: never."""
    return [
        next((epoch for epoch, value in enumerate(run["curves"]["train_error"], 1) if value < error), None)
        for run in runs
    ]


def epochs_in_words(epochs: list[int | None]) -> str:
    """The epochs that `epochs_to` finds, in words: "2 to 3", "never", "4 (2 of 3 runs)"."""
    reached = sorted(epoch for epoch in epochs if epoch is not None)
    if not reached:
        return "never"
    span = f"{reached[0]}" if reached[0] == reached[-1] else f"{reached[0]} to {reached[-1]}"
    return span if len(reached) == len(epochs) else f"{span} ({len(reached)} of {len(epochs)} runs)"


def activation_setting(runs: list[dict], rate, error: str, threshold: float, note: str, **config) -> dict:
    """Curves of the three activations at one rate, or each at its best, and the epochs each takes to `threshold`."""
    series, ends = [], []
    for activation, name in ACTIVATIONS.items():
        used = rate_of(runs, activation=activation, **config) if rate == "best" else rate
        chosen = select(runs, activation=activation, learning_rate=used, **config)
        curve = spread([run["curves"][error] for run in chosen])
        series.append({"label": f"{name} (rate {used:g})", "runs": len(chosen)} | curve)
        ends.append(f"{name} {epochs_in_words(epochs_to(chosen, threshold))}")
    kind = "training" if error == "train_error" else "test"
    lasts = ", ".join(f"{one['label'].split()[0]} {one['mean'][-1]:.1f}%" for one in series)
    return {
        "series": series,
        "x_label": "epoch",
        "y_label": f"{kind} error (%)",
        "sentence": f"Epochs until the training error is under {threshold:g}%: {', '.join(ends)}. "
        f"Mean {kind} error at the end: {lasts}.",
        "note": f"{provenance(runs)}. {note} Lines are means, bands the spread over seeds.",
    }


def rate_knob(runs: list[dict]) -> Knob:
    """Each at its best learning rate, or all at one of those that were recorded."""
    rates = sorted({run["config"]["learning_rate"] for run in runs})
    return Knob("rate", "Learning rate", ("best", *rates), default="best", kind="select",
                format=lambda rate: "each at its best" if rate == "best" else f"{rate:g}")  # fmt: skip


ERROR_KNOB = Knob("error", "Error", tuple(ERRORS), default="train_error", format=ERRORS.get)


def lenet_training(runs: list[dict]) -> Explorer:
    """LeNet-5 on digits with three activations and two poolings, recorded at several learning rates."""
    poolings = {"average": "average", "max": "maximum"}
    knobs = [
        Knob("pooling", "Pooling", tuple(poolings), default="max", format=poolings.get),
        rate_knob(runs),
        ERROR_KNOB,
    ]
    note = "Digits enlarged to 32×32 pixels; LeNet-5 as taught."
    return Explorer(
        lambda pooling, rate, error: activation_setting(runs, rate, error, 10, note, pooling=pooling),
        knobs,
        view="curves",
        title="LeNet-5 with other activations and poolings",
    )


def relu_against_tanh(runs: list[dict]) -> Explorer:
    """LeNet-5 on crops of photographs with three activations, recorded at several learning rates."""
    note = "Crops of 32×32 pixels of eight photographs; LeNet-5 as taught, max pooling."
    return Explorer(
        lambda rate, error: activation_setting(runs, rate, error, 25, note),
        [rate_knob(runs), ERROR_KNOB],
        view="curves",
        title="ReLU against tanh",
    )


# ------------------------------------------------------------------------------------------- response normalisation


def response_norm(
    own: Sequence[int] = (1, 10, 30, 100, 300), neighbours: Sequence[int] = (0, 10, 30, 100, 300)
) -> Explorer:
    """AlexNet's response normalisation of one value and its four neighbours in other maps."""
    knobs = [
        Knob("own", "Value of map i", own, default=10),
        Knob("around", "Values of the maps beside it", neighbours, default=0),
    ]
    return Explorer(response_norm_setting, knobs, view="table", title="Response normalisation at one position")


def response_norm_setting(own: int, around: int) -> dict:
    """The result of `response_norm` for one setting, computed by the layer itself."""
    values = [around, around, own, around, around]
    maps = torch.tensor(values, dtype=torch.float64).view(1, 5, 1, 1)
    normed = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)(maps).flatten().tolist()
    names = ("i − 2", "i − 1", "i", "i + 1", "i + 2")
    rows = [
        {"Map": name, "Before": before, "After": f"{after:.2f}", "Kept": f"{after / before:.0%}" if before else "–"}
        for name, before, after in zip(names, values, normed, strict=True)
    ]
    return {
        "rows": rows,
        "sentence": f"Map i goes from {own} to {normed[2]:.2f}: {normed[2] / own:.0%} of it is left, where "
        f"{2**-0.75:.0%} would be left of a small value without neighbours.",
    }
