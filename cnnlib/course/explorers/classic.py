"""Explorers of chapter 1: one convolution, LeNet-5, AlexNet."""

from collections.abc import Sequence

from torch import nn

from cnnlib.analysis import anatomy
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorers.settings import bars_setting, pipeline_setting


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
