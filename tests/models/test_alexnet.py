"""AlexNet, its two devices and ZFNet: the papers' figures, torchvision's model, and the layers that they brought."""

import math
import re

import pytest
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import anatomy, create_model
from cnnlib.models.alexnet import AlexNet2012, AlexNet2012OnTwoDevices, InHalves
from cnnlib.models.layers import ResponseNorm

NAMES = ("alexnet", "alexnet_2012", "zfnet")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]
SMALL = {"width": 1 / 16, "image_size": 32, "num_classes": 7}


def some(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------------------------------------- the table

# fmt: off
# Each convolution: filters, window, stride, groups, side of its map. A number alone: side of the map after pooling.
# Krizhevsky et al. 2012, Sec. 3.5 and Fig. 2, with CONV1 of 55×55.
FIGURE_2 = [
    (96,  11, 4, 1, 55), 27,
    (256, 5,  1, 2, 27), 13,
    (384, 3,  1, 1, 13),
    (384, 3,  1, 2, 13),
    (256, 3,  1, 2, 13), 6,
]
# The author's cuda-convnet2, layers-imagenet-1gpu.cfg.
ONE_TOWER = [
    (64,  11, 4, 1, 55), 27,
    (192, 5,  1, 1, 27), 13,
    (384, 3,  1, 1, 13),
    (256, 3,  1, 1, 13),
    (256, 3,  1, 1, 13), 6,
]
# Zeiler & Fergus 2013, Fig. 3.
FIGURE_3 = [
    (96,  7,  2, 1, 110), 55,
    (256, 5,  2, 1, 26),  13,
    (384, 3,  1, 1, 13),
    (384, 3,  1, 1, 13),
    (256, 3,  1, 1, 13),  6,
]
# fmt: on


def sum_over_the_figure(name, *, groups=2, devices=None, variant="figure3"):
    """Parameters, MACs and receptive field from the papers' figures alone: no model is built."""
    table = {"alexnet": ONE_TOWER, "alexnet_2012": FIGURE_2, "zfnet": FIGURE_3}[name]
    filters = dict(enumerate((512, 1024, 512), start=4)) if variant == "table1" else {}
    channels, params, macs, field, jump = 3, 0, 0, 1, 1
    for place, layer in enumerate(table):
        if isinstance(layer, int):  # overlapping pooling
            side, field, jump = layer, field + 2 * jump, 2 * jump
            continue
        out, window, stride, share, side = layer
        out, share = filters.get(place, out), min(share, groups)
        weights = window * window * channels // share * out
        params, macs = params + weights + out, macs + weights * side * side
        field, jump, channels = field + (window - 1) * jump, jump * stride, out
    units = channels * side * side
    for out in (4096, 4096, 1000):
        params, macs, units = params + (units + 1) * out, macs + units * out, out
    return params, macs, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_figure(row):
    assert sum_over_the_figure(row.name, **row.options) == (row.params, row.macs, row.receptive_field)


@pytest.mark.parametrize("name, table", [("alexnet", ONE_TOWER), ("alexnet_2012", FIGURE_2), ("zfnet", FIGURE_3)])
def test_the_maps_are_as_large_as_in_the_papers_figure(name, table):
    seen = [row.out_shape[1] for row in anatomy(on_meta(name)).layers if row.op in ("conv2d", "max_pool2d")]
    assert seen == [layer if isinstance(layer, int) else layer[-1] for layer in table]


def test_two_facts_about_the_2012_paper():
    """Its neurons are 659,272 with a CONV1 of 55×55; CONV3 and CONV4 hold more than the 1% of the text (Sec. 7)."""
    layers = [row for row in anatomy(on_meta("alexnet_2012")).layers if row.macs]
    assert sum(math.prod(row.out_shape) for row in layers) == 659_272
    total = sum(row.params for row in layers)
    assert [row.name for row in layers if row.op == "conv2d" and row.params > total / 100] == ["conv3", "conv4"]


# ------------------------------------------------------------------------------------------------------ torchvision


def test_alexnet_has_torchvisions_weights_in_torchvisions_order():
    with torch.device("meta"):
        theirs = torchvision.models.alexnet()
    assert [p.shape for p in on_meta("alexnet").parameters()] == [p.shape for p in theirs.parameters()]


@pytest.mark.parametrize("size", [(224, 224), (63, 130)])
def test_torchvisions_weights_give_torchvisions_outputs(size):
    assert_same_as(with_drawn_weights(torchvision.models.alexnet), "alexnet", size=size, train=True)


# ------------------------------------------------------------------------------------------- response normalisation


def test_response_normalisation_is_the_formula_of_section_3_3():
    a = some(2, 7, 3, 4)
    expected = torch.empty_like(a)
    for i in range(7):
        neighbours = a[:, max(0, i - 2) : min(6, i + 2) + 1]
        expected[:, i] = a[:, i] / (2 + 1e-4 * neighbours.square().sum(1)) ** 0.75
    torch.testing.assert_close(ResponseNorm()(a), expected)
    torch.testing.assert_close(
        ResponseNorm()(1000 * a.double()).float(), nn.LocalResponseNorm(5, 5e-4, 0.75, 2)(1000 * a)
    )


def test_response_normalisation_stays_within_a_gpus_half():
    x = 100 * some(1, 8, 2, 2)
    changed = x.clone()
    changed[:, 4:] = 0
    halves, whole = InHalves(ResponseNorm()), ResponseNorm()
    assert torch.equal(halves(x)[:, :4], halves(changed)[:, :4])
    assert not torch.equal(whole(x)[:, :4], whole(changed)[:, :4])


@pytest.mark.parametrize("name, order", [("alexnet_2012", "relu norm pool"), ("zfnet", "relu pool norm")])
def test_order_of_the_first_two_layers(name, order):
    options = {"groups": 1} if name == "alexnet_2012" else {}
    short = {"local_response_norm": "norm", "max_pool2d": "pool"}
    ops = [short.get(row.op, row.op) for row in anatomy(on_meta(name, **options)).layers]
    assert ops[:9] == f"conv2d {order} conv2d {order} conv2d".split()


# ------------------------------------------------------------------------------------------------------ two devices


def grouped_and_split(devices=("cpu", "cpu"), **options):
    models = []
    for choice in ({}, {"devices": devices}):
        torch.manual_seed(0)
        models.append(create_model("alexnet_2012", **options, **choice).eval())
    return models


@pytest.mark.parametrize("options", [SMALL, {"width": 1 / 16, "num_classes": 7, "in_channels": 1}])
def test_on_two_devices_the_same_seed_gives_the_same_function_and_gradients(options):
    whole, split = grouped_and_split(**options)
    images = some(3, *whole.input_size)
    outputs = []
    for model in (whole, split):
        outputs.append(model(images))
        (outputs[-1] - some(3, 7, seed=1)).square().mean().backward()
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-4, atol=1e-6)
    for number, tower in enumerate(split.towers):
        for (path, mine), theirs in zip(tower.named_parameters(), whole.parameters(), strict=False):
            assert torch.equal(mine, theirs.chunk(2)[number]), path
            torch.testing.assert_close(mine.grad, theirs.grad.chunk(2)[number], rtol=1e-3, atol=1e-6, msg=path)
    torch.testing.assert_close(split.fc8.weight.grad, whole.fc8.weight.grad, rtol=1e-4, atol=1e-6)


def test_a_grouped_networks_weights_can_be_split():
    torch.manual_seed(1)
    whole = create_model("alexnet_2012", **SMALL).eval()
    before = {entry: value.clone() for entry, value in whole.state_dict().items()}
    split = AlexNet2012OnTwoDevices(whole, ("cpu", "cpu")).eval()
    images = some(2, 3, 32, 32)
    torch.testing.assert_close(split(images), whole(images), rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        for parameter in split.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[entry]) for entry, value in whole.state_dict().items())  # copies, not views


def test_each_tower_lies_on_its_device_and_fc8_on_the_first():
    split = create_model("alexnet_2012", **SMALL, devices=("cpu", "meta"))
    assert [{p.device.type for p in tower.parameters()} for tower in split.towers] == [{"cpu"}, {"meta"}]
    assert {p.device.type for p in split.fc8.parameters()} == {"cpu"}


def test_a_tower_reads_the_other_half_in_conv3_and_the_fully_connected_layers_alone():
    whole, split = on_meta("alexnet_2012"), on_meta("alexnet_2012", devices=("meta", "meta"))
    shapes = [tuple(p.shape) for p in split.towers[0].parameters() if p.dim() > 1]
    assert shapes == [
        *[(48, 3, 11, 11), (128, 48, 5, 5), (192, 256, 3, 3), (192, 192, 3, 3), (128, 192, 3, 3)],
        *[(2048, 9216), (2048, 4096)],
    ]
    assert sum(p.numel() for p in split.parameters()) == sum(p.numel() for p in whole.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("devices", [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_gpu_and_a_cpu_make_two_devices(devices):
    whole, split = grouped_and_split(devices, **SMALL)
    images = some(2, 3, 32, 32)
    output = split(images)
    assert output.device.type == devices[0]
    torch.testing.assert_close(output.cpu(), whole(images), rtol=1e-2, atol=1e-3)
    output.sum().backward()
    assert [tower.fc7[0].weight.grad.device.type for tower in split.towers] == list(devices)


# ------------------------------------------------------------------------------------- depth, stride, width, images


@pytest.mark.parametrize("depth", [6, 7, 8, 12])
def test_depth_counts_the_layers_with_weights(depth):
    layers = [m for m in on_meta("alexnet", depth=depth).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    channels = [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)]
    assert len(layers) == depth
    assert channels == [64, 192, 384, *[256] * (depth - 6)]


@pytest.mark.parametrize(
    "stride, conv1, last", [(1, 218, 26), (2, 109, 12), (3, 73, 8), (4, 55, 6), (8, 28, 2), (15, 15, 1)]
)
def test_first_stride_sets_the_maps_and_what_fc6_reads(stride, conv1, last):
    model = on_meta("alexnet", first_stride=stride)
    shapes = {row.name: row.out_shape for row in anatomy(model).layers}
    assert all(row.known for row in anatomy(model).layers)
    assert shapes["conv1"] == (64, conv1, conv1) and shapes["pool5"] == shapes["avgpool"] == (256, last, last)
    assert model.fc6.in_features == 256 * last * last


@pytest.mark.parametrize(
    "options", [{}, {"image_size": 32}, {"image_size": 32, "first_stride": 2}, {"first_stride": 2}]
)
def test_alexnet_takes_images_of_other_sizes_down_to_one_position(options):
    model = create_model("alexnet", **{"width": 1 / 16} | options).eval()
    side = model.smallest
    assert model(torch.zeros(1, 3, side, side + 9)).isfinite().all()
    with pytest.raises(ValueError, match=f"at least {side}×{side} pixels"):
        model(torch.zeros(1, 3, side - 1, side))
    shape = next(row.out_shape for row in anatomy(model, (3, side, side)).layers if row.name == "pool5")
    assert shape[1:] == (1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_image_sizes_from_16_to_64_leave_a_map_for_fc6(name):
    for size in range(16, 65):
        model = on_meta(name, image_size=size)
        layers = anatomy(model).layers
        assert model.input_size == (3, size, size)
        assert (
            next(row.out_shape for row in layers if row.name == "conv2")[1:] == ((size - (name != "zfnet")) // 2,) * 2
        )
        assert layers[-1].out_shape == (1000,) and all(row.known for row in layers)


@pytest.mark.parametrize("name", NAMES)
def test_width_scales_all_layers_but_image_and_classes(name):
    base, scaled = on_meta(name).state_dict(), on_meta(name, width=0.25).state_dict()
    for entry, value in base.items():
        free = {"conv1.weight": {1}, "fc8.weight": {0}, "fc8.bias": {0}}.get(entry, set())
        kept = [size if axis in free or axis > 1 else size // 4 for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == kept, entry


# --------------------------------------------------------------------------------------------------- initialisation


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_normal_and_biases_one_where_the_source_says(name):
    torch.manual_seed(0)
    model = create_model(name, width=0.25, num_classes=10)
    assert_spread(model, lambda path, layer: 0.03 if path.startswith("conv3_x") else 0.01)
    biases = {path.rsplit(".", 1)[0].rpartition(".")[2]: p for path, p in model.named_parameters() if "bias" in path}
    ones = set() if name == "zfnet" else {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert len(biases) == 8
    for layer, bias in biases.items():
        assert bias.eq(1 if layer in ones else 0).all(), layer


@pytest.mark.parametrize("name", NAMES)
def test_the_form_for_small_images_starts_by_hes_rule(name):
    torch.manual_seed(0)
    model = create_model(name, **SMALL)
    assert_spread(model, lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))
    assert not any(p.any() for path, p in model.named_parameters() if "bias" in path)


@pytest.mark.parametrize("name", NAMES)
def test_dropout_of_a_half_works_on_two_layers(name):
    model = on_meta(name)
    assert model.dropout.p == 0.5
    assert [row.op for row in anatomy(model).layers].count("dropout") == 2


# --------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("alexnet", {"depth": 5}, "depth=5 leaves no 3×3 convolution; the paper has 8 layers, and 6 is the fewest"),
        ("alexnet", {"first_stride": 16}, "first_stride=16 is outside 1 to 15, .* 224×224"),
        ("alexnet", {"first_stride": 0}, "first_stride=0 is outside 1 to 15"),
        ("alexnet", {"first_stride": 3, "image_size": 32}, "first_stride=3 is outside 1 to 2, .* 32×32"),
        ("alexnet", {"image_size": 224}, "image_size=224 is outside 16 to 64"),
        ("alexnet_2012", {"image_size": 8}, "image_size=8 is outside 16 to 64"),
        ("zfnet", {"image_size": 65}, "image_size=65 is outside 16 to 64"),
        ("alexnet", {"width": 0.01}, "width=0.01 makes 64 channels into 0.64"),
        ("alexnet_2012", {"width": 1 / 32}, "width=0.03125 gives 3 channels, which 2 groups cannot share"),
        ("alexnet_2012", {"groups": 3}, "groups=3 is not one of 1, 2"),
        ("alexnet_2012", {"groups": 1, "devices": ("meta", "meta")}, "groups=1 cannot be split"),
        ("alexnet_2012", {"devices": ("meta",)}, r"devices=\('meta',\) are not two; give a pair"),
        ("alexnet_2012", {"devices": "meta"}, "devices='meta' are not two"),
        ("alexnet_2012", {"depth": 8}, "alexnet_2012 has no option 'depth'; it takes groups, devices, num_classes"),
        ("zfnet", {"variant": "b"}, "variant='b' is not one of 'figure3', 'table1'"),
        ("zfnet", {"groups": 2}, "zfnet has no option 'groups'"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says), torch.device("meta"):
        create_model(name, **options)


@pytest.mark.parametrize(
    "name, options, shape, says",
    [
        ("alexnet_2012", {}, (1, 3, 224, 224), "images of 224×224 do not fit: .* made for 227×227 pixels"),
        ("alexnet_2012", {"devices": ("meta", "meta")}, (1, 3, 224, 224), "made for 227×227 pixels"),
        ("zfnet", {}, (1, 3, 225, 225), "images of 225×225 do not fit: .* made for 224×224 pixels"),
        ("zfnet", {"image_size": 32}, (1, 3, 16, 16), "made for 32×32 pixels"),
        ("alexnet", {}, (1, 3, 62, 64), "images of 62×64 are too small: .* at least 63×63 pixels"),
        ("alexnet", {}, (1, 1, 64, 64), "images has 1 channels and this network reads 3"),
    ],
)
def test_images_that_the_network_cannot_read(name, options, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, **options)(torch.empty(shape, device="meta"))


def test_the_largest_stride_that_an_error_names_can_be_built():
    for options in ({}, {"image_size": 16}, {"image_size": 64}):
        with pytest.raises(ValueError) as error:
            on_meta("alexnet", first_stride=100, **options)
        on_meta("alexnet", first_stride=int(re.search(r"1 to (\d+)", str(error.value))[1]), **options)


def test_a_split_network_is_no_whole_one():
    with pytest.raises(ValueError, match="groups=1 cannot be split"):
        AlexNet2012OnTwoDevices(AlexNet2012(1, **SMALL), ("cpu", "cpu"))
