"""Explorers of chapter 2: receptive fields, VGG."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.course.curves import provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.rows import anatomy_and_call
from cnnlib.course.explorer.settings import bars_setting
from cnnlib.course.html import escape, style
from cnnlib.course.pictures.bitmap import bitmap
from cnnlib.probes import effective_size

__all__ = [
    "HeatMaps",
    "dense_scores",
    "effective_sizes",
    "heat",
    "initial_fields",
    "receptive_fields",
    "stacked_layers",
    "stacks_trained",
    "trained_fields",
    "vgg_costs",
    "vgg_fields",
]


def receptive_fields(
    layers: Sequence[int] = (1, 2, 3, 4),
    kernels: Sequence[int] = (3, 5, 7),
    strides: Sequence[int] = (1, 2),
    *,
    channels: int = 64,
    input_size: int = 32,
    image: Tensor | None = None,
) -> Explorer:
    """The field of one unit above a stack of equal convolutions, over an image, and the weights it takes.

    `stride` is that of the first layer. `image`, (H, W) or (3, H, W) with values in 0 to 1, lies under the squares.
    """
    picture = None if image is None else bitmap(image)
    knobs = [
        Knob("layers", "Layers", layers, default=layers[min(2, len(layers) - 1)]),
        Knob("kernel", "Kernel", kernels, default=kernels[0], format=lambda kernel: f"{kernel}×{kernel}"),
        Knob("stride", "First stride", strides, default=strides[0]),
        Knob("unit", "Unit", ("centre", "corner"), default="centre", format="in the {}"),
    ]

    def setting(layers: int, kernel: int, stride: int, unit: str) -> dict:
        return receptive_field_setting(layers, kernel, stride, unit, channels, input_size) | {"image": picture}

    return Explorer(setting, knobs, view="field", title="What one unit sees")


def receptive_field_setting(layers: int, kernel: int, stride: int, unit: str, channels: int, input_size: int) -> dict:
    """The result of `receptive_fields` for one setting; every figure is `anatomy`'s of the stack itself."""
    whole, code = stack(layers, kernel, stride, channels, input_size)
    fields = []
    for number, row in enumerate(whole.layers):
        position = tuple(0 if unit == "corner" else size // 2 for size in row.out_shape[1:])
        fields.append({"name": f"conv{number + 1}", "pixels": whole.pixels(number, position), "jump": row.jump[0]})
    size, jump = whole.receptive_field[0], fields[-1]["jump"]
    (first, last), _ = fields[-1]["pixels"]
    outside = max(-first, last - input_size + 1, 0)
    one, _ = stack(1, size, 1, channels, input_size)
    compared = f"; one layer of {size}×{size} takes {one.params:,}" if layers > 1 else ""
    return {
        "input": input_size,
        "fields": fields,
        "sentence": f"{'One layer' if layers == 1 else f'{layers} layers'} of {kernel}×{kernel}: a unit in the {unit} sees "
        f"{size}×{size} pixels, {f'{outside} of them a side' if outside else 'none'} outside the image; the next unit "
        f"sees {jump} {'pixel' if jump == 1 else 'pixels'} further on. {whole.params:,} weights{compared}.",
        "python": code,
    }


def stack(layers: int, kernel: int, stride: int, channels: int, input_size: int) -> tuple[Anatomy, str]:
    """The anatomy of equal convolutions in a row, without biases, the first with a stride; and the code that builds it."""
    strides = [stride] + [1] * (layers - 1)
    convolutions = [
        nn.Conv2d(channels, channels, kernel, step, padding=kernel // 2, bias=False, device="meta") for step in strides
    ]
    layer = f"nn.Conv2d({channels}, {channels}, {kernel}, stride={stride}, padding={kernel // 2}, bias=False)"
    others = f", *[{layer.replace(f'stride={stride}, ', '')} for _ in range({layers - 1})]" if layers > 1 else ""
    return anatomy(nn.Sequential(*convolutions), (channels, input_size, input_size)), f"nn.Sequential({layer}{others})"


def stacked_layers(
    layers: Sequence[int] = (1, 2, 3, 4, 5),
    kernels: Sequence[int] = (3, 5, 7),
    widths: Sequence[int] = (16, 64, 256, 512),
    *,
    input_size: int = 32,
) -> Explorer:
    """Layers, kernel and width of a stack: what one unit sees, its weights and MACs, and those of one window as large."""
    knobs = [
        Knob("layers", "Layers", layers, default=layers[min(2, len(layers) - 1)]),
        Knob("kernel", "Kernel", kernels, default=kernels[0], format=lambda kernel: f"{kernel}×{kernel}"),
        Knob("width", "Width (channels)", widths, default=widths[min(1, len(widths) - 1)]),
    ]

    def setting(layers: int, kernel: int, width: int) -> dict:
        return stacked_layers_setting(layers, kernel, width, input_size)

    return Explorer(setting, knobs, view="field", title="A stack against one window")


def stacked_layers_setting(layers: int, kernel: int, width: int, input_size: int) -> dict:
    """The result of `stacked_layers` for one setting; every figure is `anatomy`'s."""
    whole, code = stack(layers, kernel, 1, width, input_size)
    side = whole.receptive_field[0]
    one, _ = stack(1, side, 1, width, input_size)
    centre = (input_size // 2, input_size // 2)
    fields = [
        {"name": f"conv{number + 1}, {width} → {width}", "pixels": whole.pixels(number, centre), "jump": 1}
        for number in range(layers)
    ]
    compared = (
        f"One layer of {side}×{side} sees as much and takes {one.params:,} weights and {one.macs:,} MACs: "
        f"{one.params / whole.params:.2f} times as many."
        if layers > 1
        else "Add layers to compare them with one large window."
    )
    return {
        "input": input_size,
        "fields": fields,
        "sentence": f"{'One layer' if layers == 1 else f'{layers} layers'} of {kernel}×{kernel} with {width} channels: "
        f"{side}×{side} pixels, {whole.params:,} weights, {whole.macs:,} MACs on {input_size}×{input_size} positions. "
        f"{compared}",
        "python": code,
    }


VGG_MAPS = [name for stage in range(1, 6) for name in (f"conv{stage}_x", f"pool{stage}")]


def vgg_fields(image: Tensor, depths: Sequence[int] = (11, 13, 16, 19)) -> Explorer:
    """Which pixels of a photograph the central unit of a VGG's map sees, for each stage and pooling. `image` as in `receptive_fields`."""
    picture = bitmap(image)
    knobs = [
        Knob("layer", "Layer", VGG_MAPS, default="conv4_x"),
        Knob("depth", "Depth (layers with weights)", depths, default=16),
    ]

    def setting(layer: str, depth: int) -> dict:
        return vgg_fields_setting(layer, depth) | {"image": picture}

    return Explorer(setting, knobs, view="field", title="What a VGG sees of a photograph")


def vgg_fields_setting(layer: str, depth: int) -> dict:
    """The result of `vgg_fields` for one setting; every figure is `anatomy`'s."""
    whole, code = anatomy_and_call("vgg", depth=depth)
    fields = []
    for name in VGG_MAPS[: VGG_MAPS.index(layer) + 1]:
        row = whole.row(name)
        position = tuple(size // 2 for size in row.out_shape[1:])
        fields.append({"name": name, "pixels": whole.pixels(name, position), "jump": row.jump[0]})
    side, input_size = whole.row(layer).receptive_field[0], whole.input_size[1]
    seen = 1
    for first, last in fields[-1]["pixels"]:
        seen *= min(last, input_size - 1) - max(first, 0) + 1
    return {
        "input": input_size,
        "fields": fields,
        "sentence": f"VGG-{depth}, {layer}: the central unit sees {side}×{side} pixels, {seen / input_size**2:.1%} of the "
        f"image's area; its neighbour sees the same {fields[-1]['jump']} pixels further on.",
        "python": f"cnnlib.anatomy({code}).pixels({layer!r}, {position})",
    }


# ------------------------------------------------------------------------------------------- effective receptive fields

INKS = ((1.0, 1.0, 1.0), (0.0, 0.447, 0.698), (0.0, 0.12, 0.25))  # for the weights 0, a half and 1: white to dark blue


def heat(seen: Tensor, side: int | None = None) -> Tensor:
    """The picture (3, H, W) of an effective receptive field (H, W) of values in 0 to 1: white is 0, dark blue is 1.

    `side` averages it over squares of pixels, so that it has about that many a side.
    """
    if side and len(seen) > side:
        seen = nn.functional.avg_pool2d(seen[None], len(seen) // side)[0]
        seen = seen / seen.max()
    position = 2 * seen.clamp(0, 1)
    low, middle, high = (torch.tensor(ink).reshape(3, 1, 1) for ink in INKS)
    lower = low + (middle - low) * position.clamp(max=1)
    return (lower + (high - middle) * (position - 1).clamp(min=0)).clamp(0, 1)


class HeatMaps:
    """Effective receptive fields side by side: name of the row → title of the column → (picture, caption).

    `heat` makes the pictures. `about` describes the maps, also for readers who cannot see them.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, tuple[Tensor, str]]], about: str) -> None:
        self.rows, self.about = rows, about

    def __repr__(self) -> str:
        return f"HeatMaps({len(self.rows)} × {len(next(iter(self.rows.values())))} maps)"

    def _repr_html_(self) -> str:
        def figure(row: str, title: str, picture: Tensor, caption: str) -> str:
            return (
                f'<figure style="flex:0 1 calc(25% - 9px);min-width:120px"><img src="{bitmap(picture)}" '
                f'alt="{escape(f"{row}, {title}: {caption}")}" style="display:block;width:100%;'
                f'image-rendering:pixelated;border:1px solid var(--cnn-muted);background:none;padding:0;margin:0">'
                f'<figcaption style="font-size:13px"><strong>{escape(title)}</strong><br>{escape(caption)}</figcaption></figure>'
            )

        lines = "".join(
            f'<p style="margin-top:12px"><strong>{escape(row)}</strong></p><div style="display:flex;flex-wrap:wrap;gap:12px">'
            + "".join(figure(row, title, *shown) for title, shown in maps.items())
            + "</div>"
            for row, maps in self.rows.items()
        )
        return f'<div class="cnn-ui"><p>{escape(self.about)}</p>{lines}</div>\n' + style("base.css")


def initial_fields(fields: Mapping[str, Mapping[int, Tensor]]) -> HeatMaps:
    """Effective receptive fields of untrained stacks of 3×3: kind of weights → layers n → (2n + 1, 2n + 1)."""

    def shown(seen: Tensor) -> tuple[Tensor, str]:
        effect = f"{effective_size(seen):.0f}"
        return heat(seen), f"{len(seen)}×{len(seen)} in theory, {effect}×{effect} in effect"

    return HeatMaps(
        {f"Weights: {kind}": {f"{n} layers": shown(one) for n, one in maps.items()} for kind, maps in fields.items()},
        "How much each pixel of the theoretical field moves the unit, before any training: white not at all, dark blue most.",
    )


def trained_fields(fields: Mapping[str, Mapping[str, Tensor]], theory: Mapping[str, int]) -> HeatMaps:
    """Effective receptive fields of a network's layers: layer → "before training" and so on → (H, W)."""
    side = len(next(iter(next(iter(fields.values())).values())))
    return HeatMaps(
        {
            f"{layer}, {theory[layer]}×{theory[layer]} in theory": {
                when: (heat(seen, side=48), f"{effective_size(seen):.0f}×{effective_size(seen):.0f} in effect")
                for when, seen in maps.items()
            }
            for layer, maps in fields.items()
        },
        f"How much each pixel of images of {side}×{side} moves the central unit: white not at all, dark blue most.",
    )


def dense_scores(sheet: Tensor, scores: Tensor, classes: Sequence[str]) -> HeatMaps:
    """A sheet (3, H, W) of any values, and the probability of each class at each position: scores (classes, H', W')."""
    chances = scores.softmax(0)
    picture = (sheet - sheet.min()) / (sheet.max() - sheet.min())
    maps = {
        name: (heat(one), f"{one.min():.0%} to {one.max():.0%}") for name, one in zip(classes, chances, strict=True)
    }
    return HeatMaps(
        {"Dense evaluation": {"the sheet": (picture, "")} | maps},
        "The probability of each class at each position: white for 0, dark blue for 1.",
    )


def effective_sizes(measured: Mapping[str, Mapping[int, Sequence[float]]]) -> Explorer:
    """How the effective field grows with depth, measured: kind of weights → layers of 3×3 → one size a seed.

    Beside it the theoretical size, 2n + 1, and what a Gaussian would have (`gaussian_size`).
    """
    knobs = [Knob("weights", "Weights", tuple(measured), default=next(iter(measured)), kind="select")]

    def setting(weights: str) -> dict:
        layers = list(measured[weights])
        curves = spread(list(zip(*measured[weights].values(), strict=True)))
        theory = [2 * n + 1 for n in layers]
        gauss = [round(gaussian_size(n, random=weights != "equal"), 2) for n in layers]

        def line(label: str, values: list) -> dict:
            return {"label": label, "epochs": layers, "runs": 0, "mean": values, "low": values, "high": values}

        measured_line = curves | {"label": "measured", "epochs": layers, "runs": len(measured[weights][layers[0]])}
        return {
            "series": [line("in theory, 2n + 1", theory), measured_line, line("a Gaussian, ∝ √n", gauss)],
            "x_label": "layers of 3×3, n",
            "y_label": "side (pixels)",
            "sentence": f"Weights: {weights}. With {layers[-1]} layers a unit sees {theory[-1]} pixels a side in theory and "
            f"{curves['mean'][-1]:.1f} in effect; with {layers[0]}, {theory[0]} and {curves['mean'][0]:.1f}.",
            "note": "Measured here, before any training; the band is the spread over seeds.",
        }

    return Explorer(setting, knobs, view="curves", title="Effective and theoretical size")


def gaussian_size(layers: int, *, random: bool) -> float:
    """`effective_size` of the Gaussian that n layers of 3×3 tend to, in pixels a side.

    Equal weights: n box filters in a row, a variance of 2n/3 a side. Random weights of mean 0: their squares add up so,
    and the root of that Gaussian is wider by √2 (Luo et al. 2016, Sec. 2).
    """
    threshold = 1 - 0.9545  # of `effective_size`
    variance = layers * 2 / 3 * (2 if random else 1)
    radius = (-2 * variance * torch.tensor(threshold).log()).sqrt().item()
    return torch.pi**0.5 * radius  # the side of a square as large as the disc


# ------------------------------------------------------------------------------------------------- recorded: stacks

STACK_KINDS = {
    "stack": "three 3×3, a ReLU each",
    "linear": "three 3×3, one ReLU",
    "one": "one 7×7",
}


def stacks_trained(runs: Sequence[dict]) -> Explorer:
    """Training and test error of nets whose stages see 7×7 pixels by a stack or by one window, on each data set."""
    data = {run["config"]["data"]: run["config"]["size"] for run in runs}
    knobs = [
        Knob("data", "Images", tuple(data), default=next(iter(data)), format=lambda name: f"{name}, {data[name]}×{data[name]}"),
        Knob("error", "Error", ("test_error", "train_error"), default="test_error",
             format={"train_error": "on the training set", "test_error": "on the test set"}.get),
    ]  # fmt: skip

    def setting(data: str, error: str) -> dict:
        series, ends = [], []
        for kind, label in STACK_KINDS.items():
            chosen = select(runs, data=data, kind=kind)
            curve = spread([run["curves"][error] for run in chosen])
            series.append({"label": label, "runs": len(chosen)} | curve)
            ends.append(f"{label} {curve['mean'][-1]:.1f}% ({curve['low'][-1]:.1f} to {curve['high'][-1]:.1f})")
        name = "Training" if error == "train_error" else "Test"
        chosen = select(runs, data=data)
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": f"{name.lower()} error (%)",
            "sentence": f"{name} error on {data} after {len(curve['epochs'])} epochs, mean and spread over "
            f"{series[0]['runs']} seeds: {'; '.join(ends)}.",
            "note": f"{provenance(chosen)}. Rate {chosen[0]['config']['learning_rate']:g}, divided by 10 at a half and at "
            "three quarters; lines are means, bands the spread over seeds.",
        }

    return Explorer(setting, knobs, view="curves", title="Three small windows or a large one, trained")


# ------------------------------------------------------------------------------------------------------------- costs


def vgg_costs(depths: Sequence[int] = (11, 13, 16, 19), widths: Sequence[float] = (0.25, 0.5, 1, 2)) -> Explorer:
    """Where a VGG network has its parameters, MACs and bytes: depth and width."""
    knobs = [
        Knob("depth", "Depth (layers with weights)", depths, default=16),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
    ]
    return Explorer(lambda **options: bars_setting("vgg", **options), knobs, view="bars", title="What VGG costs")
