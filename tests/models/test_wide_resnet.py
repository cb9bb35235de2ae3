"""Wide residual networks: the paper's table summed by another route, its blocks, and torchvision as the oracle."""

import math
import re

import pytest
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import create_model
from cnnlib.models.wide_resnet import WideBlock, WideProjectionBlock

CIFAR_ROWS = [row for row in MODELS + VARIANTS if row.name.startswith("cifar_wrn")]


def sum_over_table_1(name, num_classes=10):
    """Parameters, running statistics, MACs and receptive field of WRN-d-k; B(3, 3), batch norm before each 3×3."""
    depth, k = map(int, re.findall(r"\d+", name))
    params, macs, norms, channels, side, field, jump = 27 * 16, 32 * 32 * 27 * 16, 0, 16, 32, 3, 1
    for number, width in enumerate((16 * k, 32 * k, 64 * k)):
        for block in range((depth - 4) // 6):
            stride = 2 if number and not block else 1
            weights = 9 * channels * width + 9 * width * width
            if block == 0:
                weights += channels * width  # the projection
            side, field = side // stride, field + 2 * jump + 2 * jump * stride
            jump *= stride
            params, macs, norms = params + weights, macs + side * side * weights, norms + channels + width
            channels = width
    norms += channels
    return params + 2 * norms + (channels + 1) * num_classes, 2 * norms, macs + channels * num_classes, field


@pytest.mark.parametrize("row", CIFAR_ROWS, ids=label)
def test_the_row_is_the_sum_over_table_1(row):
    assert sum_over_table_1(row.name, **row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


@pytest.mark.parametrize(
    "name, millions", [("cifar_wrn_40_4", 8.9), ("cifar_wrn_16_8", 11.0), ("cifar_wrn_28_10", 36.5)]
)
def test_the_papers_rounded_counts(name, millions):
    """Table 4."""
    assert abs(sum_over_table_1(name)[0] / 1e6 - millions) < 0.06


def test_the_depth_counts_projections_and_no_fc():
    for name in ("cifar_wrn_16_8", "cifar_wrn_40_4"):
        convolutions = sum(isinstance(module, nn.Conv2d) for module in on_meta(name).modules())
        assert convolutions == int(re.search(r"\d+", name)[0])


@pytest.mark.parametrize(
    "name, train", [("wide_resnet50_2", True), pytest.param("wide_resnet101_2", False, marks=pytest.mark.slow)]
)
def test_torchvisions_weights_give_torchvisions_outputs(name, train):
    assert_same_as(with_drawn_weights(getattr(torchvision.models, name)), name, size=(64, 64), train=train)


def test_only_the_3x3_of_a_bottleneck_is_widened():
    wide, usual = on_meta("wide_resnet50_2").conv4_x, on_meta("resnet50").conv4_x
    for one, other in zip(wide, usual, strict=True):
        assert (
            one.residual.conv2.in_channels == one.residual.conv2.out_channels == 2 * other.residual.conv2.out_channels
        )
        assert one.residual.conv3.out_channels == other.residual.conv3.out_channels
    same = [p.shape for p in on_meta("wide_resnet", depth=50, widen_factor=1).parameters()]
    assert same == [p.shape for p in on_meta("resnet50").parameters()]


def test_a_block_whose_residual_is_zero_is_the_identity():
    """Pre-activation: nothing stands on the shortcut, not even a ReLU."""
    block = WideBlock(8, 8, dropout=0.0)
    nn.init.zeros_(block.residual.conv2.weight)
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)


def test_where_shapes_change_the_shortcut_reads_the_activation():
    block = WideProjectionBlock(4, 8, 2, dropout=0.0).eval()
    nn.init.zeros_(block.residual.conv2.weight)
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), block.shortcut(block.norm(x).relu()))
    kinds = [
        [type(b) is WideProjectionBlock for b in group]
        for group in (m for m in on_meta("cifar_wrn_16_8").children() if isinstance(m, nn.Sequential))
    ]
    assert kinds == [[True, False]] * 3
    assert not any(isinstance(m, WideProjectionBlock) for m in on_meta("cifar_wrn_16_1").conv2)  # 16 channels stay 16


def test_dropout_stands_between_the_convolutions():
    model = on_meta("cifar_wrn_16_8", dropout=0.3)
    places = [list(block.residual._modules) for block in model.modules() if isinstance(block, WideBlock)]
    assert places == [["conv1", "norm2", "relu2", "dropout", "conv2"]] * 6
    assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.3}


def test_he_initialisation_of_every_layer():
    torch.manual_seed(0)
    assert_spread(create_model("cifar_wrn_16_4"), lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("cifar_wrn_27_10", {}, r"depth=27 is not 6n \+ 4 .* nearest depths are 22 and 28"),
        ("cifar_wrn", {"depth": 16, "widen_factor": 0.3}, "widen_factor=0.3 makes 16 channels into 4.8, .*widen_factor=0.25"),
        ("cifar_wrn_16_0", {}, "widen_factor=0 makes 16 channels into 0"),
        ("cifar_wrn_16_8", {"width": 2}, "cifar_wrn has no option 'width'; it takes depth, widen_factor, num_classes"),
        ("wide_resnet34_2", {}, "depth=34 is not one of 50, 101, 152"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


@pytest.mark.parametrize(
    "name, shape, says",
    [
        ("cifar_wrn_16_8", (2, 1, 8, 8), "images has 1 channels and this network reads 3"),
        ("cifar_wrn_16_8", (2, 3, 3, 8), "images of 3×8 are too small: .* at least 4×4 pixels"),
        ("wide_resnet50_2", (2, 3, 31, 64), "images of 31×64 are too small: .* at least 32×32 pixels"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))
