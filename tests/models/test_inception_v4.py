"""Inception-v4 and the Inception-ResNets: the paper's figures, timm's models and the scaled residual."""

import math

import pytest
import timm
import torch
from expected import MODELS, VARIANTS, label
from figure_sums import FigureSum
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import anatomy, create_model
from cnnlib.models.inception_v4 import LastResidualInception, ResidualInception, average_path

NAMES = ("inception_v4", "inception_resnet_v1", "inception_resnet_v2")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]
PAPER = {"variant": "paper"}


def some(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------------------------------------ the figures

# Szegedy et al. 2016, figure by figure.
FIRST_CONVS = ["3x3/2V:32", "3x3V:32", "3x3:64"]
FIG_3 = [
    *FIRST_CONVS,
    "max/2V | 3x3/2V:96",
    "1x1:64 3x3V:96 | 1x1:64 7x1:64 1x7:64 3x3V:96",
    "3x3/2V:192 | max/2V",
]
FIG_4 = "avg 1x1:96 | 1x1:96 | 1x1:64 3x3:96 | 1x1:64 3x3:96 3x3:96"
FIG_5 = "avg 1x1:128 | 1x1:384 | 1x1:192 1x7:224 7x1:256 | 1x1:192 1x7:192 7x1:224 1x7:224 7x1:256"
FIG_6 = "avg 1x1:256 | 1x1:256 | 1x1:384 {1x3:256 3x1:256} | 1x1:384 1x3:448 3x1:512 {3x1:256 1x3:256}"
FIG_8 = "max/2V | 1x1:192 3x3/2V:192 | 1x1:256 1x7:256 7x1:320 3x3/2V:320"
FIG_10 = "+ 1x1:32 | 1x1:32 3x3:32 | 1x1:32 3x3:32 3x3:32"
FIG_11 = "+ 1x1:128 | 1x1:128 1x7:128 7x1:128"
FIG_12 = "max/2V | 1x1:256 3x3/2V:384 | 1x1:256 3x3/2V:256 | 1x1:256 3x3:256 3x3/2V:256"
FIG_13 = "+ 1x1:192 | 1x1:192 1x3:192 3x1:192"
FIG_14 = [*FIRST_CONVS, "max/2V", "1x1:80", "3x3V:192", "3x3/2V:256"]
FIG_16 = "+ 1x1:32 | 1x1:32 3x3:32 | 1x1:32 3x3:48 3x3:64"
FIG_17 = "+ 1x1:192 | 1x1:128 1x7:160 7x1:192"
FIG_18 = "max/2V | 1x1:256 3x3/2V:384 | 1x1:256 3x3/2V:288 | 1x1:256 3x3:288 3x3/2V:320"
FIG_19 = "+ 1x1:192 | 1x1:192 1x3:224 3x1:256"


def fig_7(k, l, m, n):
    return f"max/2V | 3x3/2V:{n} | 1x1:{k} 3x3:{l} 3x3/2V:{m}"


RELEASED_STEM = [
    *FIRST_CONVS,
    "max/2V",
    "1x1:80",
    "3x3V:192",
    "max/2V",
    "1x1:96 | 1x1:48 5x5:64 | 1x1:64 3x3:96 3x3:96 | avg 1x1:64",
]
V2_TO_17 = fig_7(256, 256, 384, 384)
FIGURES = {
    "inception_v4": [
        *FIG_3,
        *[FIG_4] * 4,
        fig_7(192, 224, 256, 384),
        *[FIG_5] * 7,
        FIG_8,
        *[FIG_6] * 3,
    ],
    "inception_resnet_v1": [*FIG_14, *[FIG_10] * 5, fig_7(192, 192, 256, 384), *[FIG_11] * 10, FIG_12, *[FIG_13] * 5],
    "inception_resnet_v2": [
        *RELEASED_STEM,
        *[FIG_16] * 10,
        V2_TO_17,
        *[FIG_17] * 20,
        FIG_18,
        *[FIG_19] * 10,
        "1x1:1536",
    ],
    "inception_resnet_v2, paper": [*FIG_3, *[FIG_16] * 5, V2_TO_17, *[FIG_17] * 10, FIG_18, *[FIG_19] * 5],
}
CONVS = {"inception_v4": 149, "inception_resnet_v2": 244, "inception_resnet_v2, paper": 132}  # facts/architectures.json


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_figures(row):
    name = ", ".join([row.name, *row.options.values()])
    figures = FigureSum(FIGURES[name])
    assert (figures.params, figures.statistics, figures.macs) == (row.params, row.fixed, row.macs)
    assert (figures.last.channels, figures.last.side, figures.last.side) == row.last_map
    assert figures.last.field == (row.receptive_field,) * 2
    assert figures.convs == CONVS.get(name, figures.convs)


@pytest.mark.parametrize(
    "name, options, stages",
    [  # (channels, side, receptive field) after each stage: facts/architectures.json
        (
            "inception_v4",
            {},
            [(384, 35, 55), (384, 35, 183), (1024, 17, 215), (1024, 17, 1559), (1536, 8, 1687), (1536, 8, 2071)],
        ),
        (
            "inception_resnet_v2",
            {},
            [(320, 35, 63), (320, 35, 383), (1088, 17, 415), (1088, 17, 2335), (2080, 8, 2399), (2080, 8, 2975)],
        ),
        (
            "inception_resnet_v2",
            PAPER,
            [(384, 35, 55), (384, 35, 215), (1152, 17, 247), (1152, 17, 1207), (2144, 8, 1271), (2144, 8, 1591)],
        ),
        (
            "inception_resnet_v1",
            {},
            [(256, 35), (256, 35), (896, 17), (896, 17), (1792, 8), (1792, 8)],
        ),
    ],
)
def test_the_stages_of_figures_9_and_15(name, options, stages):
    last = {row.name.split(".")[0]: row for row in anatomy(on_meta(name, **options)).layers}
    names = ["stem", "inception_a", "reduction_a", "inception_b", "reduction_b", "inception_c"]
    for stage, (channels, side, *field) in zip(names, stages, strict=True):
        assert last[stage].out_shape == (channels, side, side), stage
        assert not field or last[stage].receptive_field == (*field, *field), stage


def test_the_filters_that_two_figures_print_could_not_be_added():
    """Fig. 17 and 19 have 1154 and 2048; what they are added to has 1152 and 2144."""
    model = on_meta("inception_resnet_v2", **PAPER)
    rows = {row.name: row.out_shape[0] for row in anatomy(model).layers}
    assert [rows["reduction_a.cat"], rows["reduction_b.cat"]] == [1152, 2144]
    assert [model.inception_b[0].linear.out_channels, model.inception_c[0].linear.out_channels] == [1152, 2144]


# ------------------------------------------------------------------------------------------------------------- timm


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2"])
def test_timms_weights_give_timms_outputs(name):
    theirs = with_drawn_weights(lambda: timm.create_model(name, pretrained=False))
    assert_same_as(theirs, name, size=(75, 107), train=True)


# --------------------------------------------------------------------------------------------- the scaled residual

A = [[(3, 1)], [(2, 1), (4, 3)]]  # two paths of 3 and 4 channels


def test_a_module_whose_residual_is_zero_is_the_identity_on_what_a_relu_gives():
    x = some(2, 5, 6, 6)
    for module, expected in [(ResidualInception(5, A, 0.0), x.relu()), (LastResidualInception(5, A), x)]:
        nn.init.zeros_(module.linear.weight)
        nn.init.zeros_(module.linear.bias)
        assert torch.equal(module(x), expected)


@pytest.mark.parametrize("scale", [0.1, 0.3])
def test_the_residual_is_scaled_before_it_is_added(scale):
    """Fig. 20: relu(x + scale · F(x)); F ends in a 1×1 convolution of all paths that has a bias and no batch norm."""
    module = ResidualInception(5, A, scale).eval()
    x = some(2, 5, 6, 6)
    features = torch.cat([module.paths.path1(x), module.paths.path2(x)], dim=1)
    assert features.shape == (2, 7, 6, 6)
    residual = torch.einsum("oc,nchw->nohw", module.linear.weight[:, :, 0, 0], features)
    residual = residual + module.linear.bias.reshape(1, 5, 1, 1)
    torch.testing.assert_close(module(x), (x + scale * residual).relu())


def scales(**options):
    """What each grid of Inception-ResNet-v1 multiplies its residuals by."""
    model = on_meta("inception_resnet_v1", **options)
    return [{block.scale for block in getattr(model, f"inception_{grid}")} for grid in "abc"]


def test_residual_scale_is_for_each_grid_or_for_all():
    assert scales() == [{0.17}, {0.1}, {0.2}]
    assert scales(residual_scale=(0.3, 0.2, 0.1)) == [{0.3}, {0.2}, {0.1}]
    assert scales(residual_scale=[1, 1, 0.5]) == [{1}, {1}, {0.5}]
    assert scales(residual_scale=1) == [{1}] * 3


def test_only_the_release_ends_with_an_unscaled_module_and_a_convolution():
    released = on_meta("inception_resnet_v2", residual_scale=0.3)
    last, conv = released.end
    assert type(last) is LastResidualInception and last.scale == 1
    assert conv[0].weight.shape == (1536, 2080, 1, 1)
    for paper in (on_meta("inception_resnet_v2", **PAPER), on_meta("inception_resnet_v1")):
        assert isinstance(paper.end, nn.Identity)


# --------------------------------------------------------------------------------------------- pooling and dropout


def test_average_pooling_leaves_out_what_lies_behind_the_border():
    pool = average_path(1, 1)[0]
    assert torch.allclose(pool(torch.ones(1, 1, 5, 4)), torch.ones(1, 1, 5, 4))


@pytest.mark.parametrize("name", NAMES)
def test_dropout_keeps_four_features_of_five(name):
    assert [module.p for module in on_meta(name).modules() if isinstance(module, nn.Dropout)] == [0.2]


# -------------------------------------------------------------------------------------- initialisation, arguments


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v1"])
def test_initial_spreads_are_those_of_slim(name):
    def spread(path, layer):
        return math.sqrt(2 / sum(layer.weight.shape)) if path == "fc" else math.sqrt(2 / layer.weight[0].numel())

    torch.manual_seed(0)
    model = create_model(name)
    assert_spread(model, spread)
    assert all(not m.bias.any() for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d) and m.bias is not None)
    assert all(m.eps == 1e-3 and m.weight.eq(1).all() for m in model.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize("name, options", [(name, {}) for name in NAMES] + [("inception_resnet_v2", PAPER)])
def test_images_and_classes_of_another_number(name, options):
    model = on_meta(name, num_classes=7, in_channels=1, **options)
    assert model.input_size == (1, 299, 299)
    assert model(torch.empty(2, 1, 75, 90, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name, options", [("inception_v4", {}), ("inception_resnet_v1", {})])
@pytest.mark.parametrize(
    "shape, says",
    [
        ((2, 1, 99, 99), r"images has 1 channels and this network reads 3; .*in_channels=1"),
        ((3, 99, 99), r"images has shape \(3, 99, 99\); give a batch \(N, 3, H, W\)"),
        ((2, 3, 74, 99), "images of 74×99 are too small: .* at least 75×75 pixels"),
    ],
)
def test_images_that_the_network_cannot_read(name, options, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, **options)(torch.empty(shape, device="meta"))


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("inception_resnet_v2", {"variant": "v1"}, "variant='v1' is not one of 'released', 'paper'"),
        (
            "inception_resnet_v2",
            {"residual_scale": (0.1, 0.2)},
            r"residual_scale=\(0.1, 0.2\) has 2 numbers; .* one number",
        ),
        (
            "inception_resnet_v1",
            {"residual_scale": ()},
            r"residual_scale=\(\) has 0 numbers; .* such as \(0.17, 0.1, 0.2\)",
        ),
        (
            "inception_resnet_v1",
            {"variant": "paper"},
            "has no option 'variant'; it takes num_classes, .*residual_scale",
        ),
        ("inception_v4", {"residual_scale": 0.1}, "has no option 'residual_scale'; it takes num_classes, in_channels"),
        ("inception_v4", {"width": 0.5}, "has no option 'width'"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, **options)
