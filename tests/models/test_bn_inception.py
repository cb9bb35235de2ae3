"""BN-Inception: the figure of the paper, what it prints and what it gives, its modules, and the options."""

import math

import pytest
import torch
import torch.nn.functional as F
from expected import MODELS, VARIANTS, label
from model_checks import assert_spread, on_meta
from torch import nn

from cnnlib import anatomy, create_model
from cnnlib.models.bn_inception import AVG, MAX, PASS
from cnnlib.models.layers import conv_bn_relu

ROWS = [row for row in MODELS + VARIANTS if row.name == "bn_inception"]


def some(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# ------------------------------------------------------------------------------------------------------ the figure

# Ioffe & Szegedy 2015, Fig. 5: #1×1, #3×3 reduce, #3×3, double #3×3 reduce, double #3×3, pool + proj; then the side and
# the channels that the row prints, and those that its columns give. 3c and 4e print their size before the stride of 2.
FIG_5 = {
    "3a": (64,  64,  64,  64,  96,  "avg + 32",   28, 256,   28, 256),
    "3b": (64,  64,  96,  64,  96,  "avg + 64",   28, 320,   28, 320),
    "3c": (0,   128, 160, 64,  96,  "pass",       28, 576,   14, 576),
    "4a": (224, 64,  96,  96,  128, "avg + 128",  14, 576,   14, 576),
    "4b": (192, 96,  128, 96,  128, "avg + 128",  14, 576,   14, 576),
    "4c": (160, 128, 160, 128, 160, "avg + 128",  14, 576,   14, 608),
    "4d": (96,  128, 192, 160, 192, "avg + 128",  14, 576,   14, 608),
    "4e": (0,   128, 192, 192, 256, "pass",       14, 1024,  7,  1056),
    "5a": (352, 192, 320, 160, 224, "avg + 128",  7,  1024,  7,  1024),
    "5b": (352, 192, 320, 192, 224, "max + 128",  7,  1024,  7,  1024),
}  # fmt: skip


def sum_over_the_figure(*, conv_bias=True, separable_conv1=False):
    """Parameters, running statistics, MACs and receptive field from Fig. 5 alone: no model is built."""
    side, weights, macs, outputs = 112, 0, 0, 0

    def conv(before, after, kernel, at):
        nonlocal weights, macs, outputs
        weights, macs, outputs = (
            weights + kernel**2 * before * after,
            macs + (kernel * at) ** 2 * before * after,
            outputs + after,
        )

    if separable_conv1:
        weights, macs = 49 * 3 * 8, 49 * 3 * 8 * side**2
        conv(24, 64, 1, side)
    else:
        conv(3, 64, 7, side)
    conv(64, 64, 1, 56)
    conv(64, 192, 3, 56)
    channels, side = 192, 28
    field, jump = 7 + 2 * 2 + 2 * 4 + 2 * 4, 8  # conv1, its pooling, conv2, its pooling
    for conv1x1, reduce3x3, conv3x3, reduce_double, double3x3, pool, *_ in FIG_5.values():
        after = side // 2 if pool == "pass" else side
        conv(channels, conv1x1, 1, side)
        conv(channels, reduce3x3, 1, side)
        conv(reduce3x3, conv3x3, 3, after)
        conv(channels, reduce_double, 1, side)
        conv(reduce_double, double3x3, 3, side)
        conv(double3x3, double3x3, 3, after)
        passed = channels
        if pool != "pass":
            passed = int(pool.split()[-1])
            conv(channels, passed, 1, side)
        field, jump = field + 2 * 2 * jump, jump * side // after
        channels, side = conv1x1 + conv3x3 + double3x3 + passed, after
    params = weights + 2 * outputs + outputs * conv_bias + (channels + 1) * 1000  # batch norm has a scale and a shift …
    return params, 2 * outputs, macs + channels * 1000, field  # … and a mean and a variance


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_figure(row):
    assert sum_over_the_figure(**row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


@pytest.mark.parametrize("name", FIG_5)
def test_the_output_that_a_row_of_the_figure_prints_and_the_one_it_gives(name):
    *_, side, channels, true_side, true_channels = FIG_5[name]
    shapes = {row.name.split(".")[0]: row.out_shape for row in anatomy(on_meta("bn_inception")).layers}
    assert shapes[f"inception{name}"] == (true_channels, true_side, true_side)
    assert ((side, channels) == (true_side, true_channels)) == (name not in ("3c", "4c", "4d", "4e"))


def test_the_text_has_a_fifth_more_parameters_than_the_figure():
    params = sum(p.numel() for p in on_meta("bn_inception").parameters())
    assert round(params / 1e6, 1) == 11.3
    assert round(13.6e6 / params, 1) == 1.2


def test_69_convolutions_and_nine_more_on_the_longest_path_than_googlenet():
    """The appendix: two 3×3 for a 5×5 add nine layers, one a module. 3c, which GoogLeNet has not, adds three more."""
    convs = [path for path, m in on_meta("bn_inception").named_modules() if isinstance(m, nn.Conv2d)]
    longest = [path for path in convs if "inception" not in path or ".double3x3." in path]
    googlenet = [path for path, m in on_meta("googlenet").named_modules() if isinstance(m, nn.Conv2d)]
    shorter = [path for path in googlenet if "inception" not in path or ".conv5x5." in path]
    assert (len(convs), len(longest), len(shorter)) == (69, 33, 21)
    without_3c = [path for path in longest if "inception3c" not in path]
    assert len(without_3c) - len(shorter) == 9


# ----------------------------------------------------------------------------------------------------- the modules


def unit(layers, x, stride=1):
    """Convolution, batch norm by the batch, ReLU, with the weights of `layers`, in functional calls."""
    conv, norm, _ = layers
    x = F.conv2d(x, conv.weight, conv.bias, stride, padding=conv.weight.shape[-1] // 2)
    return F.relu(F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=1e-3))


def averages(x):
    """3×3 averages of what lies in the map."""
    inside = F.avg_pool2d(torch.ones_like(x), 3, 1, 1)
    return F.avg_pool2d(x, 3, 1, 1) / inside


@pytest.mark.parametrize("kind", [AVG, MAX])
def test_a_module_is_its_four_paths_stacked(kind):
    module = kind(6, 2, 3, 4, 5, 6, 7, conv=conv_bn_relu).train()
    x = some(3, 6, 7, 5)
    pooled = averages(x) if kind is AVG else F.max_pool2d(x, 3, 1, 1)
    double = unit(module.double3x3[2], unit(module.double3x3[1], unit(module.double3x3[0], x)))
    paths = [unit(module.conv1x1, x), unit(module.conv3x3[1], unit(module.conv3x3[0], x)), double]
    torch.testing.assert_close(module(x), torch.cat([*paths, unit(module.pool[1], pooled)], dim=1))
    assert module.out_channels == 2 + 4 + 6 + 7


@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
def test_a_strided_module_halves_all_paths_and_passes_the_pooled_input_on(size):
    module = PASS(6, 3, 4, 5, 7, conv=conv_bn_relu).train()
    x = some(3, 6, *size)
    short = unit(module.conv3x3[1], unit(module.conv3x3[0], x), 2)
    double = unit(module.double3x3[2], unit(module.double3x3[1], unit(module.double3x3[0], x)), 2)
    expected = torch.cat([short, double, F.max_pool2d(x, 3, 2, 1)], dim=1)
    torch.testing.assert_close(module(x), expected)
    assert expected.shape[1:] == (module.out_channels, *[(side + 1) // 2 for side in size])


def test_the_paths_of_a_strided_module_are_centred_on_the_same_pixels():
    rows = {row.name: row for row in anatomy(on_meta("bn_inception")).layers}
    last = ("conv3x3.1.0", "double3x3.2.0", "pool")
    for stage in ("inception3c", "inception4e"):
        assert len({rows[f"{stage}.{path}"].start for path in last}) == 1


# ------------------------------------------------------------------------------------------------------- the options


def test_a_separable_first_convolution_makes_8_maps_of_each_channel_and_mixes_them():
    depthwise, pointwise = on_meta("bn_inception", separable_conv1=True, in_channels=5).conv1
    assert (depthwise.weight.shape, depthwise.groups, depthwise.bias) == ((40, 1, 7, 7), 5, None)
    assert pointwise[0].weight.shape == (64, 40, 1, 1)


def test_batch_norm_makes_a_bias_idle():
    """Sec. 3.2: what a bias adds, the mean that is subtracted takes away."""
    torch.manual_seed(0)
    model = create_model("bn_inception", width=1 / 32, num_classes=5).train()
    images = some(4, 3, 32, 32)
    before = model(images)
    biases = [m.bias for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(biases) == 69
    with torch.no_grad():
        for bias in biases:
            bias.normal_()
    torch.testing.assert_close(model(images), before, rtol=1e-3, atol=1e-3)
    without = on_meta("bn_inception", conv_bias=False)
    assert not [m for m in without.modules() if isinstance(m, nn.Conv2d) and m.bias is not None]


def test_he_initialisation_of_every_layer():
    torch.manual_seed(0)
    model = create_model("bn_inception", separable_conv1=True)
    assert_spread(model, lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert module.eps == 1e-3 and module.weight.eq(1).all() and not module.bias.any()


@pytest.mark.parametrize("width", [1 / 32, 0.5, 2])
def test_width_scales_all_channels(width):
    base, scaled = on_meta("bn_inception").state_dict(), on_meta("bn_inception", width=width).state_dict()
    for entry, value in base.items():
        free = {0} if entry.startswith("fc") else {1} if entry == "conv1.0.weight" else set()
        expected = [size if axis in free or axis > 1 else round(size * width) for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == expected, entry


@pytest.mark.parametrize(
    "options, says",
    [
        ({"width": 1 / 64}, "width=0.015625 makes 32 channels into 0.5, .* width=0.03125 and width=0.0625 do"),
        ({"aux_heads": True}, "bn_inception has no option 'aux_heads'; it takes num_classes, in_channels, width"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(options, says):
    with pytest.raises(ValueError, match=says):
        create_model("bn_inception", **options)


@pytest.mark.parametrize(
    "shape, says",
    [
        ((2, 1, 64, 64), r"images has 1 channels and this network reads 3; .*in_channels=1"),
        ((3, 64, 64), r"images has shape \(3, 64, 64\); give a batch \(N, 3, H, W\)"),
        ((2, 3, 64, 31), "images of 64×31 are too small: .* at least 32×32 pixels"),
    ],
)
def test_images_that_the_network_cannot_read(shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta("bn_inception")(torch.empty(shape, device="meta"))
