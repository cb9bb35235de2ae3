"""ResNeXt: the paper's table summed by another route, its three equal forms, torchvision and timm as oracles."""

import math
import re

import pytest
import timm
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import create_model
from cnnlib.models.resnext import FORMS, GroupedBlock, in_form

ROWS = [row for row in MODELS + VARIANTS if "resnext" in row.name]
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # Table 1


def sum_over_table_1(name, form="c", num_classes=None):
    """Parameters, running statistics, MACs and receptive field from the table, path by path: eq. 3, whatever the form."""
    depth, cardinality, base_width = map(int, re.findall(r"\d+", name))
    if name.startswith("cifar"):
        blocks, side, field, jump, classes = [(depth - 2) // 9] * 3, 32, 3, 1, num_classes or 10
        params, macs = 27 * 64, 32 * 32 * 27 * 64
    else:
        blocks, side, field, jump, classes = BLOCKS[depth], 56, 7 + 2 * 2, 4, num_classes or 1000
        params, macs = 49 * 3 * 64, 112 * 112 * 49 * 3 * 64
    channels, norms = 64, 64
    for number, count in enumerate(blocks):
        d, out = base_width * 2**number, 256 * 2**number
        for block in range(count):
            stride = 2 if number and not block else 1
            field, jump, after = field + 2 * jump, jump * stride, side // stride
            for read, written, kernel, positions in (
                (channels, d, 1, side),
                (d, d, 3, after),
                (d, out, 1, after),
            ):
                params += cardinality * kernel**2 * read * written
                macs += cardinality * positions**2 * kernel**2 * read * written
            norms += 2 * cardinality * d + out
            if block == 0:
                params, macs, norms = params + channels * out, macs + after**2 * channels * out, norms + out
            side, channels = after, out
    return params + 2 * norms + (channels + 1) * classes, 2 * norms, macs + channels * classes, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_table_1(row):
    assert sum_over_table_1(row.name, **row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


@pytest.mark.parametrize(
    "library, name, train",
    [
        (torchvision.models, "resnext50_32x4d", True),
        (timm.models, "resnext101_32x4d", False),
        pytest.param(torchvision.models, "resnext101_32x8d", False, marks=pytest.mark.slow),
        pytest.param(torchvision.models, "resnext101_64x4d", False, marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_weights_of_others_give_their_outputs(library, name, train):
    assert_same_as(with_drawn_weights(getattr(library, name)), name, size=(64, 64), train=train)


def grouped_block(**options):
    torch.manual_seed(0)
    block = GroupedBlock(32, 16, **{"cardinality": 4, "base_width": 16} | options)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics and scales that an error in their order would show
            for value in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                value.uniform_(0.5, 1.5)
    return block


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"bias": True}], ids=str)
def test_the_three_forms_are_one_function(form, options):
    """Fig. 3: equal outputs, gradients and running statistics with the same weights, in evaluation and in training."""
    block = grouped_block(**options)
    other = in_form(block, form)
    assert type(other) is FORMS[form]
    assert sum(p.numel() for p in other.parameters()) == sum(p.numel() for p in block.parameters())
    x = torch.randn(3, 32, 6, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(other.eval()(x), block.eval()(x))
    results = []
    for module in (block.train(), other.train()):
        read = x.clone().requires_grad_()
        out = module(read)
        out.square().sum().backward()
        results.append((out, read.grad, sum(p.grad.square().sum() for p in module.parameters())))
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)
    statistics = [sum(b.double().sum() for n, b in m.named_buffers() if "running" in n) for m in (block, other)]
    torch.testing.assert_close(statistics[1], statistics[0])


def test_a_form_has_weights_of_its_own():
    block = grouped_block()
    before = block.state_dict()["residual.conv1.weight"].clone()
    for form in FORMS:
        with torch.no_grad():
            for parameter in in_form(block, form).parameters():
                parameter.zero_()
    assert torch.equal(block.residual.conv1.weight, before)


def test_networks_of_all_forms_can_be_built():
    shapes = [sum(p.numel() for p in on_meta("cifar_resnext29_8x64d", form=form).parameters()) for form in "abc"]
    assert len(set(shapes)) == 1


def test_the_groups_are_the_cardinality():
    """And not the width divided by it, as is sometimes seen."""
    for name in ("resnext101_32x8d", "cifar_resnext29_8x64d"):
        _, cardinality, base_width = map(int, re.findall(r"\d+", name))
        grouped = [m for m in on_meta(name).modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        grouped = [m for m in grouped if m.in_channels > 64]
        assert {m.groups for m in grouped} == {cardinality}
        assert grouped[0].out_channels == cardinality * base_width


def test_cardinality_at_equal_parameters():
    """Table 2: 1×64, 2×40, 4×24, 8×14 and 32×4 cost about 70 thousand parameters a block of conv2."""
    for cardinality, base_width in ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)):
        inner = cardinality * base_width
        weights = 256 * inner + 9 * inner * base_width + inner * 256
        assert 68_000 < weights < 73_000
        on_meta("resnext", depth=50, cardinality=cardinality, base_width=base_width)


def test_he_initialisation_of_every_layer():
    torch.manual_seed(0)
    model = create_model("resnext50_32x4d", width=0.5)
    assert_spread(model, lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("resnext34_32x4d", {}, "depth=34 is not one of 50, 101, 152"),
        ("cifar_resnext30_8x64d", {}, r"depth=30 is not 9n \+ 2 .* nearest depths are 29 and 38"),
        ("resnext50_32x4d", {"form": "d"}, "form='d' is not one of 'a', 'b', 'c'"),
        ("resnext50_0x4d", {}, "cardinality=0 and base_width=4 make no path; give 1 or more of each"),
        (
            "cifar_resnext29_8x3d",
            {"width": 1 / 16},
            "base_width=3 makes paths of 0.1875 .* block of 4, .* multiple of 16,",
        ),
        (
            "cifar_resnext29_2x5d",
            {"width": 1 / 4},
            "base_width=5 makes paths of 1.25 channels .* multiple of 64 channels",
        ),
        ("resnext", {"depth": 50}, "'resnext' needs cardinality and base_width"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


def test_the_widths_that_an_error_names_can_be_built():
    options = {"depth": 29, "cardinality": 2, "width": 3 / 16}
    with pytest.raises(ValueError) as error:
        create_model("cifar_resnext", base_width=6, **options)
    base_width, channels = map(int, re.findall(r"multiple of (\d+)", str(error.value)))
    on_meta("cifar_resnext", **options | {"base_width": base_width})
    on_meta("cifar_resnext", **options | {"base_width": 6, "width": channels / 64})


@pytest.mark.parametrize(
    "name, shape, says",
    [
        ("cifar_resnext29_8x64d", (2, 1, 8, 8), "images has 1 channels and this network reads 3"),
        ("cifar_resnext29_8x64d", (2, 3, 3, 8), "images of 3×8 are too small: .* at least 4×4 pixels"),
        ("resnext50_32x4d", (2, 3, 31, 64), "images of 31×64 are too small: .* at least 32×32 pixels"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))
