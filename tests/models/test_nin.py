"""Network in network: the released definitions, the sliding perceptron, and the mean that gives the scores."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from expected import MODELS, VARIANTS, label
from model_checks import assert_spread, on_meta
from torch import nn

from cnnlib import anatomy, create_model
from cnnlib.models.nin import MLPConv

NAMES = ("nin", "cifar_nin")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]


def some(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# ------------------------------------------------------------------------------------------------------- the table

# Layer by layer as released: (filters, window, stride, side of the map); an odd one out is the side after a pooling.
CIFAR_10_DEF = [  # mavenlin/cuda-convnet, NIN/cifar-10_def
    *[(192, 5, 1, 32), (160, 1, 1, 32), (96, 1, 1, 32), 16],
    *[(192, 5, 1, 16), (192, 1, 1, 16), (192, 1, 1, 16), 8],
    *[(192, 3, 1, 8), (192, 1, 1, 8), (10, 1, 1, 8)],
]
NIN_IMAGENET = [  # Caffe's model zoo: conv1, cccp1, cccp2, pool0, conv2, …, cccp8-1024
    *[(96, 11, 4, 54), (96, 1, 1, 54), (96, 1, 1, 54), 27],
    *[(256, 5, 1, 27), (256, 1, 1, 27), (256, 1, 1, 27), 13],
    *[(384, 3, 1, 13), (384, 1, 1, 13), (384, 1, 1, 13), 6],
    *[(1024, 3, 1, 6), (1024, 1, 1, 6), (1000, 1, 1, 6)],
]
TABLES = {"cifar_nin": CIFAR_10_DEF, "nin": NIN_IMAGENET}


def sum_over_the_release(name, *, num_classes=None):
    """Parameters, MACs and receptive field from the released definition alone: no model is built."""
    channels, params, macs, field, jump = 3, 0, 0, 1, 1
    for place, layer in enumerate(TABLES[name]):
        if isinstance(layer, int):
            field, jump = field + 2 * jump, 2 * jump
            continue
        out, window, stride, side = layer
        if num_classes and place == len(TABLES[name]) - 1:
            out = num_classes
        weights = window * window * channels * out
        params, macs = params + weights + out, macs + weights * side * side
        field, jump, channels = field + (window - 1) * jump, jump * stride, out
    return params, macs, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_release(row):
    assert sum_over_the_release(row.name, **row.options) == (row.params, row.macs, row.receptive_field)


@pytest.mark.parametrize("name", NAMES)
def test_the_maps_are_as_large_as_released(name):
    seen = [row.out_shape[1] for row in anatomy(on_meta(name)).layers if row.op in ("conv2d", "max_pool2d")]
    assert seen == [layer if isinstance(layer, int) else layer[-1] for layer in TABLES[name]]


@pytest.mark.parametrize("name, dropped", [("cifar_nin", ["mlpconv2", "mlpconv3"]), ("nin", ["mlpconv4"])])
def test_dropout_of_a_half_stands_in_front_of_the_released_layers(name, dropped):
    model = on_meta(name)
    rows = anatomy(model).layers
    assert model.dropout.p == 0.5
    assert [after.name.split(".")[0] for row, after in pairwise(rows) if row.op == "dropout"] == dropped


# ------------------------------------------------------------------------------------------- its two ideas


@pytest.mark.parametrize("window, stride, padding", [(5, 1, 2), (3, 1, 1), (11, 4, 0)])
def test_an_mlpconv_layer_is_a_perceptron_that_slides_over_the_image(window, stride, padding):
    """Eq. 2: the same three linear layers with ReLUs read each window alone."""
    torch.manual_seed(0)
    block = MLPConv(3, (8, 7, 6), window, stride, padding)
    x = some(2, 3, 16, 13)
    windows = F.unfold(x, window, padding=padding, stride=stride).mT  # (N, positions, values of a window)
    for layer in (block.conv, block.cccp1, block.cccp2):
        windows = F.linear(windows, layer.weight.flatten(1), layer.bias).relu()
    out = block(x)
    torch.testing.assert_close(out, windows.mT.reshape(out.shape), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name, last", [("cifar_nin", "mlpconv3"), ("nin", "mlpconv4")])
def test_a_classes_score_is_the_mean_of_its_map(name, last):
    torch.manual_seed(0)
    model = create_model(name, width=1 / 16, num_classes=5).eval()
    maps = []
    model.get_submodule(last).register_forward_hook(lambda module, args, out: maps.append(out))
    scores = model(some(2, 3, 64, 80))
    assert scores.shape == (2, 5) and (scores >= 0).all() and scores.any()
    torch.testing.assert_close(scores, maps[0].flatten(2).sum(2) / maps[0][0, 0].numel())


def test_global_pooling_adds_no_weights_and_no_linear_layer_is_left():
    for name in NAMES:
        layers = [m for m in on_meta(name).modules() if next(m.parameters(recurse=False), None) is not None]
        assert {type(layer) for layer in layers} == {nn.Conv2d}


# --------------------------------------------------------------------------------------------- initialisation, width

CONV_DEVIATIONS = {"cifar_nin": [0.05] * 9, "nin": [0.01, *[0.05] * 5, 0.01, *[0.05] * 4, 0.01]}  # in their order


@pytest.mark.parametrize("width", [1.0, 0.25])
@pytest.mark.parametrize("name", NAMES)
def test_weights_start_with_the_released_deviations(name, width):
    """A layer that reads a quarter of the channels has twice the deviation: n · deviation² is as released."""
    torch.manual_seed(0)
    model = create_model(name, width=width)
    paths = [path for path, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    deviations = dict(zip(paths, CONV_DEVIATIONS[name], strict=True))
    assert_spread(model, lambda path, layer: deviations[path] / (1 if path == "mlpconv1.conv" else math.sqrt(width)))
    assert not any(p.any() for path, p in model.named_parameters() if path.endswith("bias"))


@pytest.mark.parametrize("name, last", [("cifar_nin", "mlpconv3"), ("nin", "mlpconv4")])
def test_width_scales_all_layers_but_image_and_classes(name, last):
    base, scaled = on_meta(name).state_dict(), on_meta(name, width=0.25).state_dict()
    ends = {"mlpconv1.conv.weight": {1}, f"{last}.cccp2.weight": {0}, f"{last}.cccp2.bias": {0}}
    for entry, value in base.items():
        free = ends.get(entry, set())
        kept = [size if axis in free or axis > 1 else size // 4 for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == kept, entry


# ------------------------------------------------------------------------------------- sizes of images, bad arguments


@pytest.mark.parametrize("name, side, last", [("cifar_nin", 4, "mlpconv3"), ("nin", 39, "mlpconv4")])
def test_the_smallest_images_leave_one_position(name, side, last):
    model = create_model(name, width=1 / 16).eval()
    assert model(some(1, 3, side, side)).isfinite().all()
    shapes = {row.name.split(".")[0]: row.out_shape for row in anatomy(model, (3, side, side)).layers}
    assert shapes[last][1:] == (1, 1)
    with pytest.raises(
        ValueError, match=f"images of {side}×{side - 1} are too small: .* at least {side}×{side} pixels"
    ):
        model(some(1, 3, side, side - 1))


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("cifar_nin", {"width": 0.1}, "width=0.1 makes 192 channels into 19.2"),
        ("cifar_nin", {"width": 1 / 64}, "width=0.015625 makes 160 channels into 2.5"),
        ("nin", {"width": 0}, "width=0 makes 96 channels into 0"),
        ("nin", {"depth": 4}, "nin has no option 'depth'; it takes num_classes, in_channels, width"),
        ("cifar_nin", {"image_size": 32}, "cifar_nin has no option 'image_size'; it takes"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, **options)


@pytest.mark.parametrize("name", NAMES)
def test_images_with_other_channels_are_refused(name):
    with pytest.raises(ValueError, match="images has 1 channels and this network reads 3"):
        on_meta(name)(torch.empty(1, 1, 64, 64, device="meta"))
