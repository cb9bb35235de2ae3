"""The explorers that more than one page shows, ready made."""

import base64
import struct
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.course.curves import best_rate, provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.rows import built, by_part, costs, shapes, totals
from cnnlib.models import create_model

# ----------------------------------------------------------------------------------- one layer, and a few in a row


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
    """What `convolution` shows for one setting; every figure is `anatomy`'s of the layer itself."""
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


def receptive_fields(
    layers: Sequence[int] = (1, 2, 3, 4),
    kernels: Sequence[int] = (3, 5, 7),
    strides: Sequence[int] = (1, 2),
    *,
    channels: int = 64,
    input_size: int = 32,
    image: Tensor | None = None,
) -> Explorer:
    """What one unit sees through a stack of equal convolutions, over an image: the field, and the weights it takes.

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
    """What `receptive_fields` shows for one setting; every figure is `anatomy`'s of the stack itself."""
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


def bitmap(image: Tensor) -> str:
    """An image (H, W) or (3, H, W) of values in 0 to 1 as a data URI: a BMP of 24 bits, the same on every machine.

    Raises ValueError for other shapes, and for values outside 0 to 1.
    """
    if image.dim() not in (2, 3) or (image.dim() == 3 and len(image) != 3):
        raise ValueError(f"image has the shape {tuple(image.shape)}; (H, W) and (3, H, W) can be shown")
    if not 0 <= image.min() <= image.max() <= 1:
        raise ValueError(f"image has values from {image.min():g} to {image.max():g}; 0 to 1 can be shown")
    pixels = (image.expand(3, *image.shape[-2:]) * 255).round().byte().flip(0, 1).permute(1, 2, 0)  # BGR, bottom first
    height, width, _ = pixels.shape
    row = nn.functional.pad(pixels.flatten(1), (0, -3 * width % 4))  # rows are multiples of four bytes
    header = struct.pack("<2sIII IiiHHIIiiII", b"BM", 54 + row.numel(), 0, 54, 40, width, height, 1, 24, *[0] * 6)
    return f"data:image/bmp;base64,{base64.b64encode(header + bytes(row.flatten().tolist())).decode()}"


# ----------------------------------------------------------------------------------------------- classic networks


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


def vgg_costs(depths: Sequence[int] = (11, 13, 16, 19), widths: Sequence[float] = (0.25, 0.5, 1, 2)) -> Explorer:
    """Where a VGG network has its parameters, MACs and bytes: depth and width."""
    knobs = [
        Knob("depth", "Depth (layers with weights)", depths, default=16),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
    ]
    return Explorer(lambda **options: bars_setting("vgg", **options), knobs, view="bars", title="What VGG costs")


def pipeline_setting(family: str, **options) -> dict:
    """The shapes of one network of a family, for the view "pipeline"."""
    whole, code = built(family, **options)
    layers = shapes(whole)
    last = next(layer["shape"] for layer in reversed(layers) if len(layer["shape"]) == 3)
    return {
        "layers": layers,
        "sentence": f"{whole.depth} layers with weights. The image, {by_map(whole.input_size)}, becomes a map of "
        f"{by_map(last)} and then {layers[-1]['shape'][0]:,} numbers. {whole.params:,} parameters, {whole.macs:,} MACs.",
        "python": code,
    }


def by_map(shape: tuple[int, ...]) -> str:
    """(C, H, W) as "H×W×C"."""
    return "×".join(map(str, (*shape[1:], shape[0])))


def bars_setting(family: str, **options) -> dict:
    """What the parts of one network of a family cost, for the view "bars"."""
    whole, code = built(family, **options)
    rows = by_part(whole)
    return {
        "rows": rows,
        "totals": totals(whole),
        "sentence": f"{whole.depth} layers with weights. {largest(rows, 'params', 'parameters')}, "
        f"{largest(rows, 'macs', 'MACs')} and {largest(rows, 'output_bytes', 'output bytes')}.",
        "python": code,
    }


def largest(rows: list[dict], cost: str, words: str) -> str:
    """Which row has most of a cost, and its share in words: "fc6 has 62% of 61,100,840 parameters"."""
    most, whole = max(rows, key=lambda row: row[cost]), sum(row[cost] for row in rows)
    return f"{most['name']} has {most[cost] / whole:.0%} of {whole:,} {words}"


BRANCHES = {"conv1x1": "1×1", "conv3x3": "3×3", "conv5x5": "5×5", "pool": "pooling", "cat": "concat"}


def inception_module(
    reductions: Sequence[int | None] = (None, 16, 32, 64, 128),
    in_channels: Sequence[int] = (128, 192, 256, 320),
    depths: Sequence[int] = (1, 2),
) -> Explorer:
    """Szegedy et al. 2014, Fig. 2: what the branches of Inception modules cost, with 1×1 reductions and without (None)."""
    knobs = [
        Knob("reduction", "Reductions to", reductions, default=64, kind="range",
             format=lambda channels: "none" if channels is None else f"{channels} channels"),
        Knob("in_channels", "Input channels", in_channels, default=256),
        Knob("depth", "Modules in a row", depths, default=depths[0]),
    ]  # fmt: skip
    return Explorer(inception_setting, knobs, view="bars", title="An Inception module by branch")


def inception_setting(reduction: int | None, in_channels: int, depth: int) -> dict:
    """What `inception_module` shows for one setting."""
    if reduction is None:
        whole, code = built("naive_inception_module", in_channels=in_channels, depth=depth)
    else:
        whole, code = built(
            "inception_module", in_channels=in_channels, reduce3x3=reduction, reduce5x5=reduction, depth=depth
        )
    ops = {"pool": "pool", "cat": "join"}
    rows = []
    for branch, name in BRANCHES.items():
        layers = [layer for layer in whole.layers if layer.name.split(".")[2] == branch]
        rows.append({"name": name, "op": ops.get(branch, "conv"), **costs(layers)})
    out = whole.layers[-1].out_shape[0]
    return {
        "rows": rows,
        "totals": totals(whole),
        "sentence": f"{'No reductions' if reduction is None else f'Reductions to {reduction} channels'}: {in_channels} "
        f"channels in, {out} out. {whole.params:,} parameters; {largest(rows, 'macs', 'MACs')}.",
        "python": code,
    }


NETWORKS = {
    "alexnet": "AlexNet", "vgg16": "VGG", "vgg19": "VGG", "googlenet": "Inception", "bn_inception": "Inception",
    "squeezenet1_1": "SqueezeNet", "resnet18": "ResNet", "resnet34": "ResNet", "resnet50": "ResNet", "resnet101": "ResNet",
    "resnet152": "ResNet", "wide_resnet50_2": "Wide ResNet, ResNeXt", "resnext50_32x4d": "Wide ResNet, ResNeXt",
    "densenet121": "DenseNet", "densenet169": "DenseNet",
}  # fmt: skip
QUANTITIES = {
    "params": ("parameters", ""),
    "macs": ("MACs", ""),
    "output_bytes": ("output bytes", "B"),
    "saved_bytes": ("bytes kept for training", "B"),
    "depth": ("layers with weights", ""),
}


def model_costs(networks: dict[str, str] | None = None) -> Explorer:
    """What the networks of the course cost for one image of 224×224 pixels, on axes to choose.

    `networks` has the names of models, each with the group that it is drawn as.
    """
    figures = []
    for name, group in (NETWORKS if networks is None else networks).items():
        with torch.device("meta"):
            model = create_model(name)
        whole = anatomy(model, (3, 224, 224))
        figures.append({"name": name, "group": group} | {key: getattr(whole, key) for key in QUANTITIES})
    across, up = ("params", "macs", "output_bytes"), ("macs", "output_bytes", "saved_bytes", "depth")
    knobs = [
        Knob("x", "Across", across, default="params", format=lambda key: QUANTITIES[key][0]),
        Knob("y", "Up", up, default="macs", format=lambda key: QUANTITIES[key][0]),
    ]

    def extremes(key: str) -> str:
        low, high = (end(figures, key=lambda one: one[key]) for end in (min, max))
        name = QUANTITIES[key][0]
        return f"{name[0].upper()}{name[1:]}: {low[key]:,} ({low['name']}) to {high[key]:,} ({high['name']})."

    def setting(x: str, y: str) -> dict:
        axes = {
            axis: {"label": QUANTITIES[key][0], "unit": QUANTITIES[key][1], "log": True}
            for axis, key in (("x", x), ("y", y))
        }
        points = [{"name": one["name"], "group": one["group"], "x": one[x], "y": one[y]} for one in figures]
        shown = " ".join(extremes(key) for key in dict.fromkeys((x, y)))
        return {"points": points, **axes, "sentence": f"{len(figures)} networks at 224×224. {shown}"}

    return Explorer(setting, knobs, view="scatter", title="What networks cost")


# ------------------------------------------------------------------------------------------------- residual networks

SHORTCUTS = {"none": "none (plain)", "A": "A: zero padding", "B": "B: projections"}


def cifar_resnet(
    depths: tuple[int, ...] = (8, 14, 20, 32, 44, 56, 110), widths: tuple[float, ...] = (0.5, 1, 2, 4)
) -> Explorer:
    """Depth, width and shortcut of the CIFAR networks of He et al. 2015 (Sec. 4.2): stages, parameters, MACs, field."""
    knobs = [
        Knob("depth", "Depth (6n + 2)", depths, default=20),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
        Knob("shortcut", "Shortcuts", tuple(SHORTCUTS), default="A", format=SHORTCUTS.get),
    ]
    return Explorer(cifar_resnet_setting, knobs, view="stages", title="A residual network for 32×32 images")


def cifar_resnet_setting(depth: int, width: float, shortcut: str) -> dict:
    """What `cifar_resnet` shows for one setting; every figure is `anatomy`'s."""
    plain = shortcut == "none"
    options = {"depth": depth, "width": width} | ({} if plain else {"shortcut": shortcut})
    whole, code = built("cifar_plain" if plain else "cifar_resnet", **options)
    stages = {
        "conv1": ("conv1", "bn1", "relu"),
        **{f"stage{i}": (f"stage{i}",) for i in (1, 2, 3)},
        "fc": ("avgpool", "fc"),
    }
    rows = []
    for name, parts in stages.items():
        layers = [layer for layer in whole.layers if layer.name.split(".")[0] in parts]
        shape, field = layers[-1].out_shape, layers[-1].receptive_field or whole.receptive_field
        rows.append(
            {
                "name": name,
                "blocks": len(getattr(whole.network, name)) if name.startswith("stage") else 0,
                "channels": shape[0],
                "size": shape[1] if len(shape) == 3 else 1,
                "receptive_field": field[0],
                **costs(layers),
            }
        )
    field, pixels = whole.receptive_field[0], whole.input_size[1]
    blocks = sum(row["blocks"] for row in rows)
    kind = (
        f"plain-{depth}: {blocks} blocks and no shortcut"
        if plain
        else f"ResNet-{depth}: {blocks} blocks and as many shortcuts"
    )
    seen = (
        "all of the image"
        if field >= 2 * pixels - 1
        else "more than the image's width"
        if field > pixels
        else "part of the image"
    )
    return {
        "stages": rows,
        "shortcuts": None if plain else shortcut,
        "totals": {**totals(whole), "receptive_field": field},
        "input": pixels,
        "sentence": f"{kind}. {whole.params:,} parameters, {whole.macs:,} MACs; "
        f"a position of the last map sees {field} pixels a side: {seen}.",
        "python": code,
    }


# ---------------------------------------------------------------------------------------- what training showed

NETS = (("cifar_plain", 20), ("cifar_plain", 56), ("cifar_resnet", 20), ("cifar_resnet", 56))


def degradation(runs: list[dict]) -> Explorer:
    """Training and test error of plain and residual nets of 20 and 56 layers, recorded at several learning rates."""
    rates = sorted({run["config"]["learning_rate"] for run in runs})
    knobs = [
        Knob("rate", "Learning rate", ("best", *rates), default="best", kind="select",
             format=lambda rate: "each net's best" if rate == "best" else f"{rate:g}"),
        Knob("error", "Error", ("train_error", "test_error"), default="train_error",
             format={"train_error": "on the training set", "test_error": "on the test set"}.get),
    ]  # fmt: skip

    def setting(rate, error: str) -> dict:
        series, ends = [], []
        for model, depth in NETS:
            used = best_rate(runs, model, depth) if rate == "best" else rate
            chosen = select(runs, model=model, depth=depth, learning_rate=used)
            curve = spread([run["curves"][error] for run in chosen])
            label = f"{'plain' if model == 'cifar_plain' else 'ResNet'}-{depth}"
            style = "plain" if model == "cifar_plain" else "residual"
            series.append({"label": f"{label} (rate {used:g})", "runs": len(chosen), "style": style} | curve)
            ends.append(f"{label} {curve['mean'][-1]:.1f}%")
        name = "Training" if error == "train_error" else "Test"
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": f"{name.lower()} error (%)",
            "sentence": f"{name} error after {len(curve['epochs'])} epochs, mean over seeds: {', '.join(ends)}.",
            "note": f"{provenance(runs)}. Digits of 8×8 pixels; lines are means, bands the spread over "
            f"seeds; the rate is divided by 10 at a half and at three quarters.",
        }

    return Explorer(setting, knobs, view="curves", title="Plain and residual nets, trained to the end")


def slow_fitting(short: list[dict], long: list[dict]) -> Explorer:
    """Plain-56 at its best learning rate, with the epochs of `short` and with those of `long`: training and test error."""
    recordings = {runs[0]["config"]["epochs"]: runs for runs in (short, long)}
    knobs = [Knob("epochs", "Epochs in all", tuple(recordings), default=min(recordings), kind="select")]

    def setting(epochs: int) -> dict:
        rate = best_rate(recordings[epochs], "cifar_plain", 56)
        chosen = select(recordings[epochs], model="cifar_plain", depth=56, learning_rate=rate)
        series = [
            {"label": f"{name} error", "runs": len(chosen)} | spread([run["curves"][curve] for run in chosen])
            for name, curve in (("training", "train_error"), ("test", "test_error"))
        ]
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": "error (%)",
            "sentence": f"plain-56, {epochs} epochs at rate {rate:g}, mean over seeds: training error "
            f"{series[0]['mean'][-1]:.1f}%, test error {series[1]['mean'][-1]:.1f}%.",
            "note": f"{provenance(chosen)}. The rate is divided by 10 at a half and at three quarters of the epochs.",
        }

    return Explorer(setting, knobs, view="curves", title="Plain-56 with more time")


LOWEST_NORM = 1e-9  # drawn as the lowest line: far below it, the other curves would be flat


def gradients(norms: dict[int, dict[str, list[list[float]]]]) -> Explorer:
    """Gradient norms by layer, measured: depth → kind of network → one list of norms (first layer first) a seed."""
    knobs = [Knob("depth", "Depth (layers with weights)", tuple(norms), default=max(norms))]

    def setting(depth: int) -> dict:
        series, firsts = [], []
        for kind, seeds in norms[depth].items():
            layers = list(zip(*seeds, strict=True))
            curves = {"mean": lambda values: sum(values) / len(values), "low": min, "high": max}
            shown = {
                name: [max(LOWEST_NORM, rounded(of(values), 3)) for values in layers] for name, of in curves.items()
            }
            series.append({"label": kind, "epochs": list(range(1, len(layers) + 1)), "runs": len(seeds)} | shown)
            firsts.append(f"{kind} {rounded(curves['mean'](layers[0]), 2):g}")
        return {
            "series": series,
            "x_label": "layer, from the input",
            "y_label": "norm of the gradient",
            "log_y": True,
            "sentence": f"{depth} layers. Norm at the first layer: {', '.join(firsts)}.",
            "note": f"Measured here, before any training. Norms under {LOWEST_NORM:g} lie on the lowest line.",
        }

    return Explorer(setting, knobs, view="curves", title="Gradients by layer, before training")


def rounded(value: float, digits: int) -> float:
    """`value` to so many significant digits."""
    return float(f"{value:.{digits}g}")
