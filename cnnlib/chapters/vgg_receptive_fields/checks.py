"""The exercises of chapter 2: what a stack of layers sees, a stage of VGG, what a VGG writes, and where its dense form scores."""

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.analysis import anatomy
from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.modules import ModuleExercise, check_module
from cnnlib.course.checks.verdict import Verdict
from cnnlib.models import create_model
from cnnlib.models.vgg import CHANNELS, HIDDEN_UNITS, VGG, fully_convolutional

__all__ = [
    "dense_positions",
    "field_walk",
    "vgg_activations",
    "vgg_stage",
]

# --------------------------------------------------------------------------------------------- size, jump and start

Walk = tuple[int, int, float]
Layers = tuple[tuple[int, int, int], ...]


def last_row(layers: Layers) -> Walk:
    """(size, jump, start) behind convolutions of (kernel, stride, padding), as `anatomy` has them."""
    convolutions = [nn.Conv2d(1, 1, kernel, stride, padding, device="meta") for kernel, stride, padding in layers]
    row = anatomy(nn.Sequential(*convolutions), (1, 256, 256)).layers[-1]
    return row.receptive_field[0], row.jump[0], row.start[0]


def walked(
    layers: Layers,
    *,
    size: int = 1,
    jump_first: bool = False,
    grows: bool = True,
    padded: bool = True,
    scaled: bool = True,
) -> Walk:
    """The recurrence, as it should be or with one thing wrong."""
    jump, start = 1, 0.0
    for kernel, stride, padding in layers:
        step = jump * stride if jump_first else jump
        size += (kernel - 1) * (step if grows else 1)
        start += ((kernel - 1) / 2 - (padding if padded else 0)) * (step if scaled else 1)
        jump *= stride
    return size, jump, start


FIELD_WALK = FunctionExercise(
    reference=last_row,
    inputs=(
        (((3, 1, 1),),),
        (((3, 1, 1), (3, 1, 1), (3, 1, 1)),),
        (((3, 1, 1), (3, 1, 1), (2, 2, 0)),),
        (((2, 2, 0), (2, 2, 0), (2, 2, 0)),),
        (((11, 4, 2), (3, 2, 0), (5, 1, 2)),),
        (((7, 2, 3), (3, 2, 1), (3, 1, 0), (3, 2, 1)),),
    ),
    mistakes=(
        (
            lambda layers: walked(layers, jump_first=True),
            "You multiply the jump before you use it. A layer's window lies on the map that it reads: take the jump of that "
            "map for size and start, and multiply by the stride afterwards.",
        ),
        (
            lambda layers: walked(layers, grows=False, scaled=False),
            "The jump is computed and not used. Neighbours of a map lie `jump` pixels apart in the image, so a window of k "
            "adds (k - 1) · jump.",
        ),
        (
            lambda layers: walked(layers, grows=False),
            "The size grows by k - 1 at each layer, as if neighbours always lay one pixel apart. They lie `jump` pixels "
            "apart: add (k - 1) · jump.",
        ),
        (
            lambda layers: walked(layers, scaled=False),
            "Size and jump are right. The start moves in steps of the map that the layer reads: multiply by the jump.",
        ),
        (
            lambda layers: walked(layers, padded=False),
            "Size and jump are right. Padding moves the first window towards the outside: subtract it from (k - 1) / 2.",
        ),
        (
            lambda layers: walked(layers, size=0),
            "You start from a size of 0. Before any layer a position is a pixel and sees itself: 1.",
        ),
        (
            lambda layers: (*walked(layers)[:2], walked(layers)[2] + 0.5),
            "You count the centre of the first pixel as 0.5. Here it is 0: pixels are named by their centres.",
        ),
        (
            lambda layers: (*walked(layers)[:2], walked(layers)[2] - (walked(layers)[0] - 1) / 2),
            "This start is where the first window begins. Asked for is its centre.",
        ),
    ),
    hint="For each layer, in this order: size += (k - 1) · jump; start += ((k - 1) / 2 - p) · jump; jump *= s. Begin with "
    "size 1, jump 1, start 0.",
)


def field_walk(walk: Callable[[Layers], Walk]) -> Verdict:
    """Grades `walk(layers)`: the receptive field behind layers of (kernel, stride, padding), as (size, jump, start).

    Size is its side and jump the distance to the neighbour's, in pixels; start is the centre of the first position's
    field, 0 the centre of the first pixel (Araujo et al. 2019).
    """
    return check_function(walk, FIELD_WALK)


# ------------------------------------------------------------------------------------------------------------ a stage


class VGGStage(nn.Module):
    """Convolutions of 3×3 that keep the size, a ReLU behind each, and a pooling that halves it."""

    def __init__(self, in_channels: int, channels: int, layers: int) -> None:
        super().__init__()
        widths = [in_channels] + [channels] * layers
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.relu(conv(x))
        return F.max_pool2d(x, 2)


def through(stage: VGGStage, x: Tensor, *, last_relu: bool = True, relus: bool = True) -> Tensor:
    """The convolutions of a stage without its pooling, or with ReLUs left out."""
    for place, conv in enumerate(stage.convs, start=1):
        x = conv(x)
        x = F.relu(x) if (last_relu if place == len(stage.convs) else relus) else x
    return x


def pooled_each_time(stage: VGGStage, x: Tensor) -> Tensor:
    """A pooling behind every convolution."""
    for conv in stage.convs:
        x = F.max_pool2d(F.relu(conv(x)), 2)
    return x


VGG_STAGE = ModuleExercise(
    arguments=(3, 8, 3),
    reference=lambda: VGGStage(3, 8, 3),
    shape=(2, 3, 16, 16),
    parts="as many 3×3 convolutions as `layers` says",
    mistakes=(
        (lambda s, x: through(s, x), "The pooling is missing: a stage ends with a 2×2 max pooling of stride 2."),
        (
            lambda s, x: F.max_pool2d(through(s, x, relus=False), 2),
            "There is a ReLU behind the last convolution alone. Without the others the convolutions are one linear map.",
        ),
        (
            lambda s, x: F.max_pool2d(through(s, x, relus=False, last_relu=False), 2),
            "The ReLUs are missing: one follows each convolution (Sec. 2.1 of the paper).",
        ),
        (
            lambda s, x: F.max_pool2d(through(s, x, last_relu=False), 2),
            "The last convolution has no ReLU; one follows each convolution (Sec. 2.1 of the paper).",
        ),
        (lambda s, x: F.avg_pool2d(through(s, x), 2), "You pool by the mean. VGG takes the largest value of each 2×2."),
        (
            lambda s, x: F.max_pool2d(through(s, x), 3, stride=2, padding=1),
            "Your pooling has windows of 3×3. VGG's are 2×2 with stride 2: they do not overlap.",
        ),
        (lambda s, x: F.max_pool2d(through(s, x), 2, stride=1), "Your pooling has stride 1; it halves the map with stride 2."),
        (pooled_each_time, "You pool behind each convolution. The stage has one pooling, at its end."),
    ),
    hint="Go through the order: convolution and ReLU, `layers` times; then one 2×2 max pooling.",
    counts={
        (nn.Conv2d, 1): "`layers` says how many there are: here three.",
        (nn.Conv2d, 2): "`layers` says how many there are: here three.",
        (nn.BatchNorm2d, 3): "VGG has none: batch norm was published a year later.",
    },
    reasons={
        "kernel": "All windows of configurations A, B, D and E are 3×3.",
        "channels": "The first convolution makes the stage's channels, the others keep them.",
        "padding": "With `padding=1` a 3×3 convolution keeps height and width; only the pooling halves them.",
        "stride": "Convolutions keep the size here; only the pooling halves it.",
        "bias": "There is no batch norm that would take it away: keep the bias.",
    },
)  # fmt: skip


def vgg_stage(stage: Callable[[int, int, int], nn.Module]) -> Verdict:
    """Grades a stage of VGG (Simonyan, Zisserman 2014, Table 1): `stage(in_channels, channels, layers)` builds it.

    It should map (N, in_channels, H, W) to (N, channels, H/2, W/2): `layers` convolutions of 3×3 that keep the size,
    with biases and a ReLU behind each, then a 2×2 max pooling.
    """
    return check_module(stage, VGG_STAGE)


# ------------------------------------------------------------------------------------------------------- activations

LAYERS_OF = {(1, 1, 2, 2, 2): "A", (2, 2, 2, 2, 2): "B", (2, 2, 3, 3, 3): "D", (2, 2, 4, 4, 4): "E"}


def outputs(stages: tuple[int, ...]) -> int:
    """Values of the image and of what each convolution, pooling and linear layer of a VGG gives, from `anatomy`."""
    with torch.device("meta"):
        whole = anatomy(VGG(LAYERS_OF[stages]))
    given = [row for row in whole.layers if row.op in ("conv2d", "max_pool2d", "linear")]
    return 3 * 224 * 224 + sum(row.output_bytes for row in given) // whole.dtype.itemsize


def counted(
    stages: tuple[int, ...],
    *,
    image: bool = True,
    relu: int = 1,
    pools: bool = True,
    fc: bool = True,
    halved: bool = False,
) -> int:
    """The same by arithmetic, as it should be or with one thing wrong."""
    side, total = 224, 3 * 224 * 224 * image
    for layers, channels in zip(stages, CHANNELS, strict=True):
        side //= 2 if halved else 1
        total += relu * layers * channels * side**2
        side //= 1 if halved else 2
        total += pools * channels * side**2
    return total + fc * ((1 + (relu == 2)) * 2 * HIDDEN_UNITS + 1000)


VGG_ACTIVATIONS = FunctionExercise(
    reference=outputs,
    inputs=tuple((stages,) for stages in LAYERS_OF),
    mistakes=(
        (lambda s: counted(s, image=False), "The image is missing: 3 · 224 · 224 values are kept as well."),
        (
            lambda s: counted(s, pools=False),
            "The poolings are missing: each gives a map of its own, a quarter as large.",
        ),
        (lambda s: counted(s, fc=False), "The fully connected layers are missing: 4,096, 4,096 and 1,000 values."),
        (
            lambda s: counted(s, relu=2),
            "You count each ReLU's output besides that of its layer. It works in place and needs no memory of its own.",
        ),
        (
            lambda s: counted(s, halved=True),
            "You halve the map before a stage's convolutions. They run at the full size; the pooling comes behind them.",
        ),
        (lambda s: 4 * counted(s), "These are bytes. Asked for is how many values there are."),
        (
            lambda s: counted((1, 1, 1, 1, 1)),
            "You count one convolution a stage. `stages` says how many there are, and each gives a map.",
        ),
    ),
    hint="Begin with the image. For each stage: `layers` maps of channels · side², then halve the side and add the pooling's "
    "map. At the end 4,096 + 4,096 + 1,000.",
)


def vgg_activations(count: Callable[[tuple[int, ...]], int]) -> Verdict:
    """Grades `count(stages)`: how many values a VGG gives for one image of 224×224, the image among them.

    `stages` says how many 3×3 convolutions each of the five stages has. Counted is what each convolution, pooling and
    fully connected layer gives, once: ReLU and dropout work in place.
    """
    return check_function(count, VGG_ACTIVATIONS)


# --------------------------------------------------------------------------------------------------- dense evaluation


def score_map(height: int, width: int) -> tuple[int, int]:
    """Height and width of the map of scores of VGG-16 as a convolutional network."""
    with torch.device("meta"):
        dense = fully_convolutional(create_model("vgg16", width=1 / 16))
    return anatomy(dense, (3, height, width)).layers[-1].out_shape[1:]


DENSE_POSITIONS = FunctionExercise(
    reference=score_map,
    inputs=((224, 224), (256, 320), (384, 384), (512, 480), (255, 289)),
    mistakes=(
        (
            lambda h, w: (h // 32, w // 32),
            "This is the map of the last pooling. FC6 is a window of 7×7 on it, without padding: n positions leave n - 6.",
        ),
        (
            lambda h, w: (h // 32 - 7, w // 32 - 7),
            "One position is missing: a window of 7 fits into a map of 7 once, so there are n - 7 + 1.",
        ),
        (
            lambda h, w: (h - 223, w - 223),
            "You move the window by one pixel. From the image to the last map the strides multiply to 32.",
        ),
        (
            lambda h, w: (-(-(h - 224) // 32) + 1, -(-(w - 224) // 32) + 1),
            "You round up. Each pooling drops a last row that fills no window: round down.",
        ),
        (
            lambda h, w: (w // 32 - 6, h // 32 - 6),
            "Height and width are the wrong way round.",
        ),
        (
            lambda h, w: (h // 32 - 6) * (w // 32 - 6),
            "You return how many positions there are. Asked for are height and width, as a tuple.",
        ),
    ),
    hint="Five poolings halve the image, each rounding down; then FC6 slides its 7×7 window over what is left.",
)  # fmt: skip


def dense_positions(positions: Callable[[int, int], tuple[int, int]]) -> Verdict:
    """Grades `positions(height, width)`: the size of the map of scores that VGG-16 gives as a convolutional network.

    Five 2×2 poolings of stride 2, then FC6 as a 7×7 convolution without padding (Simonyan, Zisserman 2014, Sec. 3.2).
    """
    return check_function(positions, DENSE_POSITIONS)
