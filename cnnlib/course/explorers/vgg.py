"""Explorers of chapter 2: receptive fields, VGG."""

from collections.abc import Sequence

from torch import Tensor, nn

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorers.image import bitmap
from cnnlib.course.explorers.settings import bars_setting


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


def vgg_costs(depths: Sequence[int] = (11, 13, 16, 19), widths: Sequence[float] = (0.25, 0.5, 1, 2)) -> Explorer:
    """Where a VGG network has its parameters, MACs and bytes: depth and width."""
    knobs = [
        Knob("depth", "Depth (layers with weights)", depths, default=16),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
    ]
    return Explorer(lambda **options: bars_setting("vgg", **options), knobs, view="bars", title="What VGG costs")
