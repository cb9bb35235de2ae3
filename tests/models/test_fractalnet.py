"""FractalNet: its tables summed by another route, the expansion rule, joins, and columns as networks of their own."""

import itertools
import math

import pytest
import torch
from expected import MODELS, VARIANTS, label
from model_checks import assert_spread, on_meta
from torch import nn

from cnnlib import create_model, list_models
from cnnlib.models.fractalnet import FractalBlock, Join

NAMES = list_models("cifar_fractalnet") + list_models("fractalnet")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]
SMALL = {"columns": 3, "blocks": 2, "width": 1 / 16}  # 4 and 8 channels
CONVS = 2 * (1 + 2 + 4)


def images(side=8):
    return torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(1))


def convs_of(model):
    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]


# ------------------------------------------------------------------------------------------------------- the table


def sum_over_the_paper(widths, columns, side, *, channels=3, num_classes, stem=False, pool_last=True):
    """Parameters, running statistics, MACs and receptive field of blocks of these widths, with no model built.

    A block has 2^C - 1 convolutions, of which the first of each column reads what the block reads.
    """
    params = statistics = macs = 0
    field, jump = 1, 1
    if stem:  # that of ResNet-34: no bias
        params, statistics, macs = 49 * 3 * channels + 2 * channels, 2 * channels, 112 * 112 * 49 * 3 * channels
        field, jump = 7 + 2 * 2, 4
    for number, width in enumerate(widths):
        convs = 2**columns - 1
        weights = 9 * width * (columns * channels + (convs - columns) * width)
        params += weights + convs * 3 * width  # a bias, and batch norm's scale and shift
        statistics += convs * 2 * width
        macs += side * side * weights
        field += 2 ** (columns - 1) * 2 * jump
        channels = width
        if pool_last or number < len(widths) - 1:
            side, field, jump = side // 2, field + jump, 2 * jump
    return params + (channels + 1) * num_classes, statistics, macs + channels * num_classes, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_paper(row):
    if row.name.startswith("cifar"):
        found = sum_over_the_paper((64, 128, 256, 512, 512), 3, 32, num_classes=row.options.get("num_classes", 10))
    else:
        widths = (128, 256, 512, 1024)
        found = sum_over_the_paper(widths, 4, 56, channels=64, num_classes=1000, stem=True, pool_last=False)
    assert found == (row.params, row.fixed, row.macs, row.receptive_field)


@pytest.mark.parametrize(
    "columns, depth, millions, params",
    [
        (1, 5, 0.3, 258_660),
        (2, 10, 0.8, 848_820),
        (3, 20, 2.1, 2_127_780),
        (4, 40, 4.8, 4_784_340),
        (5, 80, 10.2, 10_196_100),
        (6, 160, 21.1, 21_118_260),
    ],
)
def test_table_3(columns, depth, millions, params):
    """16 to 128 channels, CIFAR-100: the paper's parameters in millions, and ours."""
    assert sum_over_the_paper((16, 32, 64, 128, 128), columns, 32, num_classes=100)[0] == params
    for size in ({"depth": depth}, {"columns": columns}, {"depth": depth, "columns": columns}):
        model = on_meta("cifar_fractalnet", width=0.25, num_classes=100, **size)
        assert sum(parameter.numel() for parameter in model.parameters()) == params
        assert round(params / 1e6, 1) == millions


@pytest.mark.parametrize("name, layers", [("cifar_fractalnet20", 20), ("fractalnet34", 34 - 1)])
def test_the_name_says_how_long_the_deepest_column_is(name, layers):
    """On CIFAR the convolutions alone (Fig. 1), on ImageNet with the softmax layer, as ResNet-34 counts."""
    model = on_meta(name)
    columns = [model.column(number) for number in range(model.columns)]
    stem = len(convs_of(model.stem))
    blocks = len(model.blocks)
    assert len(convs_of(columns[-1])) == layers
    assert [len(convs_of(column)) for column in columns] == [stem + blocks * 2**c for c in range(model.columns)]


# ---------------------------------------------------------------------------------------------- the expansion rule


def test_the_expansion_rule_by_hand():
    """Eq. 1 and Fig. 1: three columns, joins that meet are one join, pooling before the last."""
    torch.manual_seed(0)
    block = FractalBlock(3, 2, 4, dropout=0.0, drop_path=0.0, pool=True).eval()
    f3 = block.fractal
    first, second = f3.first, f3.second
    x = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    shallow = f3.conv(x)
    middle, deep = first.conv(x), first.second.conv(first.first.conv(x))
    met = (middle + deep) / 2
    middle, deep = second.conv(met), second.second.conv(second.first.conv(met))
    pooled = [nn.functional.max_pool2d(y, 2) for y in (shallow, middle, deep)]
    torch.testing.assert_close(block(x), (pooled[0] + pooled[1] + pooled[2]) / 3)


def test_a_convolution_is_followed_by_batch_norm_and_relu_with_dropout_before():
    unit = on_meta("cifar_fractalnet20").blocks.block5.fractal.conv
    kinds = [nn.Conv2d, nn.Dropout, nn.BatchNorm2d, nn.ReLU]
    assert [type(module) for module in unit] == kinds
    assert unit.conv.kernel_size == (3, 3) and unit.conv.bias is not None


@pytest.mark.parametrize(
    "name, options, rates",
    [
        ("cifar_fractalnet20", {}, [0, 0.1, 0.2, 0.3, 0.4]),
        ("cifar_fractalnet20", {"dropout": 0}, [0, 0, 0, 0, 0]),
        ("cifar_fractalnet20", {"dropout": 0.25}, [0.25] * 5),
        ("fractalnet34", {}, [0, 0, 0, 0]),
        ("fractalnet34", {"dropout": 0.5}, [0.5] * 4),
    ],
)
def test_dropout_of_each_block(name, options, rates):
    for block, rate in zip(on_meta(name, **options).blocks, rates, strict=True):
        layers = [module for module in block.modules() if isinstance(module, nn.Dropout)]
        assert len(layers) == (len(convs_of(block)) if rate else 0)
        assert all(layer.p == rate for layer in layers)


def test_every_layer_starts_by_glorots_rule():
    torch.manual_seed(0)
    model = create_model("cifar_fractalnet20", width=0.25)

    def spread(path, layer):
        outputs, inputs = layer.weight.shape[:2]
        return math.sqrt(2 / ((inputs + outputs) * layer.weight[0, 0].numel()))

    assert_spread(model, spread)
    assert not any(module.bias.any() for module in [*convs_of(model), model.fc])


# ------------------------------------------------------------------------------------------------------------ joins


def test_a_join_is_the_mean_and_of_equal_maps_the_map():
    join = Join(0.15).eval()
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for inputs in (1, 2, 3, 5):
        torch.testing.assert_close(join([x] * inputs), x)
        torch.testing.assert_close(join.train()([x] * inputs), x)  # whichever of them are dropped
        join.eval()
    torch.testing.assert_close(join([x, 3 * x]), 2 * x)
    assert join([x]) is x


@pytest.mark.parametrize("drop_path", [0.15, 0.9])
def test_local_drop_path_drops_each_input_with_its_probability_and_never_all(drop_path):
    join = Join(drop_path).train()
    maps = [torch.eye(3)[i].reshape(1, 3, 1, 1) for i in range(3)]
    torch.manual_seed(0)
    batches = 2000
    kept = torch.stack([join(maps).flatten() for _ in range(batches)])
    counts = kept.ne(0).sum(1)
    assert counts.min() >= 1
    torch.testing.assert_close(kept.sum(1), torch.ones(batches))  # the mean of those that are left
    dropped = drop_path - drop_path**3 / 3  # of three that all fall, one stays
    error = 4 * math.sqrt(dropped * (1 - dropped) / batches)
    assert (kept.eq(0).float().mean(0) - dropped).abs().max() < error


# ----------------------------------------------------------------------------------------------------- one column


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_column_is_the_network_whose_joins_let_it_alone_pass(column, monkeypatch):
    torch.manual_seed(0)
    model = create_model("cifar_fractalnet", **SMALL).eval()
    alone = model.column(column)(images())
    everything = model(images())
    # A join of k maps joins the k deepest of three columns. One that the column does not reach gives what it likes.
    monkeypatch.setattr(Join, "forward", lambda self, maps: maps[max(0, column - (3 - len(maps)))])
    torch.testing.assert_close(model(images()), alone)
    assert not torch.allclose(everything, alone)


def test_a_column_shares_the_weights_of_the_network():
    model = create_model("cifar_fractalnet", **SMALL)
    own = {id(parameter) for parameter in model.parameters()}
    for number in range(3):
        assert {id(parameter) for parameter in model.column(number).parameters()} < own
    together = itertools.chain.from_iterable(model.column(number).parameters() for number in range(3))
    assert {id(parameter) for parameter in together} == own


def convolutions_that_run(model, batches):
    """For each of some mini-batches in training, how many convolutions ran; and the logits."""
    ran = []
    for conv in convs_of(model):
        conv.register_forward_pre_hook(lambda module, args: ran.append(module))
    counts = []
    for _ in range(batches):
        ran.clear()
        model(images())
        counts.append(len(ran))
    return counts


def test_half_of_the_mini_batches_run_through_one_column_and_each_as_often():
    torch.manual_seed(0)
    model = create_model("cifar_fractalnet", **SMALL).train()
    batches = 400
    with torch.no_grad():
        counts = convolutions_that_run(model, batches)
    assert set(counts) == {2, 4, 8, CONVS}
    for count, share in ((CONVS, 1 / 2), (2, 1 / 6), (4, 1 / 6), (8, 1 / 6)):
        assert abs(counts.count(count) / batches - share) < 4 * math.sqrt(share * (1 - share) / batches)


def test_without_drop_path_training_runs_everything_every_time():
    torch.manual_seed(0)
    model = create_model("cifar_fractalnet", drop_path=0, dropout=0, **SMALL).train()
    with torch.no_grad():
        assert set(convolutions_that_run(model, 20)) == {CONVS}
        assert torch.equal(model(images()), model(images()))


def test_evaluation_runs_everything_and_draws_nothing():
    model = create_model("cifar_fractalnet", **SMALL).eval()
    state = torch.get_rng_state()
    assert torch.equal(model(images()), model(images()))
    assert torch.equal(torch.get_rng_state(), state)


def test_training_mode_runs_on_the_meta_device():
    model = on_meta("cifar_fractalnet20").train()
    for _ in range(4):
        with torch.device("meta"):
            assert model(torch.empty(2, 3, 32, 32)).shape == (2, 10)


# --------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("cifar_fractalnet", {}, "needs depth or columns; the paper has depth=20, which is columns=3"),
        ("cifar_fractalnet30", {}, r"depth=30 is not blocks · 2 \*\* .* blocks=5; the nearest depths are 20 and 40"),
        ("cifar_fractalnet3", {}, "nearest depths are 5 and 10"),
        ("cifar_fractalnet20", {"columns": 2}, "depth=20 with blocks=5 has columns=3 and not 2; give one of the two"),
        ("cifar_fractalnet", {"columns": 0}, "columns=0 is no network; give at least 1"),
        ("cifar_fractalnet", {"columns": 2, "blocks": 6}, "blocks=6 is not one of 1, 2, 3, 4, 5"),
        ("cifar_fractalnet20", {"drop_path": 1}, "drop_path=1 is no probability below 1; 0 drops nothing, 0.15"),
        ("fractalnet34", {"drop_path": -0.1}, "drop_path=-0.1 is no probability"),
        ("cifar_fractalnet20", {"width": 0.01}, "width=0.01 makes 64 channels"),
        ("fractalnet50", {}, "depth=50 is not one of 34"),
        ("fractalnet34", {"blocks": 3}, "fractalnet has no option 'blocks'; it takes depth, num_classes"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says), torch.device("meta"):
        create_model(name, **options)


@pytest.mark.parametrize("number", [-1, 3])
def test_a_column_that_there_is_not(number):
    with pytest.raises(ValueError, match=f"number={number} is not one of 0, 1, 2"):
        on_meta("cifar_fractalnet20").column(number)


@pytest.mark.parametrize(
    "name, options, side", [("cifar_fractalnet20", {}, 32), ("cifar_fractalnet", SMALL, 4), ("fractalnet34", {}, 32)]
)
def test_the_smallest_images(name, options, side):
    model = on_meta(name, **options).eval()
    with pytest.raises(ValueError, match=f"too small: .* at least {side}×{side} pixels"):
        model(torch.empty(1, 3, side, side - 1, device="meta"))
    assert model(torch.empty(1, 3, side, side, device="meta")).shape == (1, model.fc.out_features)


def test_width_scales_all_channels_but_those_of_images_and_classes():
    half, full = (on_meta("fractalnet34", width=width).state_dict() for width in (0.5, 1))
    for entry, value in full.items():
        free = {0} if entry.startswith("fc") else {1} if entry == "stem.conv1.weight" else set()
        expected = [size if axis in free or axis > 1 else size // 2 for axis, size in enumerate(value.shape)]
        assert list(half[entry].shape) == expected, entry
