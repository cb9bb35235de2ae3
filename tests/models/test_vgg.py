"""VGG: the paper's tables, torchvision's models, small images, and the dense evaluation of Sec. 3.2."""

import math
import re

import pytest
import timm
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from cnnlib import anatomy, create_model, list_models, load_weights
from cnnlib.models.layers import ResponseNorm
from cnnlib.models.vgg import VGG, as_convolution, fully_convolutional

NAMES = list_models("vgg")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]
SMALL = {"width": 1 / 16, "num_classes": 7}


def some(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# ------------------------------------------------------------------------------------------------------- the table

# Simonyan & Zisserman 2014, Table 1, its columns read downwards: "conv<window>-<channels>", | for a max pooling.
A = "3-64 | 3-128 | 3-256 3-256 | 3-512 3-512 | 3-512 3-512 |"
B = "3-64 3-64 | 3-128 3-128 | 3-256 3-256 | 3-512 3-512 | 3-512 3-512 |"
C = "3-64 3-64 | 3-128 3-128 | 3-256 3-256 1-256 | 3-512 3-512 1-512 | 3-512 3-512 1-512 |"
D = "3-64 3-64 | 3-128 3-128 | 3-256 3-256 3-256 | 3-512 3-512 3-512 | 3-512 3-512 3-512 |"
E = "3-64 3-64 | 3-128 3-128 | 3-256 3-256 3-256 3-256 | 3-512 3-512 3-512 3-512 | 3-512 3-512 3-512 3-512 |"
TABLE_1 = {"vgg11": A, "vgg11_lrn": A, "vgg13": B, "vgg16": D, "vgg16_c": C, "vgg19": E}
TABLE_2 = {"vgg11": 133, "vgg11_lrn": 133, "vgg13": 133, "vgg16_c": 134, "vgg16": 138, "vgg19": 144}  # millions


def sum_over_the_table(name, *, image_size=224):
    """Parameters, running statistics, MACs and receptive field from Table 1 alone: no model is built."""
    channels, side, field, jump, params, statistics, macs = 3, image_size, 1, 1, 0, 0, 0
    for layer in TABLE_1[name.removesuffix("_bn")].split():
        if layer == "|":
            side, field, jump = side // 2, field + jump, 2 * jump
            continue
        window, out = map(int, layer.split("-"))
        weights = window * window * channels * out
        norm = out if name.endswith("_bn") else 0
        params, statistics, macs = params + weights + out + 2 * norm, statistics + 2 * norm, macs + weights * side**2
        field, channels = field + (window - 1) * jump, out
    units = channels * side * side
    for out in (4096, 4096, 1000):
        params, macs, units = params + (units + 1) * out, macs + units * out, out
    return params, statistics, macs, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_table(row):
    assert sum_over_the_table(row.name, **row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


@pytest.mark.parametrize("name", TABLE_2)
def test_the_parameters_are_table_2s_millions(name):
    assert round(sum(p.numel() for p in on_meta(name).parameters()) / 1e6) == TABLE_2[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_says_how_many_layers_have_weights(name):
    layers = [m for m in on_meta(name).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == int(re.search(r"\d+", name)[0])


def test_two_3x3_convolutions_see_5x5_pixels_and_three_7x7():
    """Sec. 2.3; the first stage of D has two convolutions, and its third, at a jump of 4 pixels, three."""
    seen = {row.name: row.receptive_field[0] for row in anatomy(on_meta("vgg16")).layers if row.receptive_field}
    assert seen["conv1_x.conv1_2"] == 5
    assert (seen["conv3_x.conv3_3"] - seen["pool2"]) / 4 + 1 == 7


def test_the_lrn_of_a_lrn_is_alexnets_and_stands_between_the_first_relu_and_its_pooling():
    model = on_meta("vgg11_lrn")
    assert [type(layer) for layer in model.conv1_x] == [nn.Conv2d, nn.ReLU, ResponseNorm]
    assert [row.op for row in anatomy(model).layers].count("local_response_norm") == 1


# ------------------------------------------------------------------------------------------- torchvision and timm


def narrow(name):
    """torchvision's network with an eighth of the channels and hidden units."""
    channels = [c if c == "M" else c // 8 for c in cfgs[{"11": "A", "13": "B", "16": "D", "19": "E"}[name[3:5]]]]
    model = torchvision.models.VGG(make_layers(channels, batch_norm=name.endswith("_bn")))
    for place, layer in {0: nn.Linear(64 * 49, 512), 3: nn.Linear(512, 512), 6: nn.Linear(512, 1000)}.items():
        model.classifier[place] = layer
    return model


@pytest.mark.parametrize("size", [(64, 64), (33, 97)])
@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"])
def test_torchvisions_weights_give_torchvisions_outputs(name, size):
    assert_same_as(with_drawn_weights(lambda: narrow(name)), name, size=size, train=True, width=1 / 8)


def test_images_of_224_pixels_give_torchvisions_outputs():
    assert_same_as(with_drawn_weights(lambda: narrow("vgg11")), "vgg11", size=(224, 224), train=True, width=1 / 8)


@pytest.mark.parametrize("library", [torchvision.models, timm.models])
@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"])
def test_both_libraries_have_our_weights_in_our_order(name, library):
    with torch.device("meta"):
        theirs = getattr(library, name)()
    shapes = [[p.flatten(1).shape if p.dim() > 1 else p.shape for p in m.parameters()] for m in (theirs, on_meta(name))]
    assert shapes[0] == shapes[1]


@pytest.mark.slow
def test_timms_full_size_weights_give_timms_outputs():
    assert_same_as(with_drawn_weights(timm.models.vgg11), "vgg11", size=(224, 224), train=False)


# ------------------------------------------------------------------------------------------------- small images


@pytest.mark.parametrize("name", ["vgg11", "vgg16_bn"])
def test_image_sizes_from_16_to_64_leave_a_map_for_fc6(name):
    for size in range(16, 65):
        model = on_meta(name, image_size=size)
        layers = anatomy(model).layers
        poolings = [row.out_shape[1] for row in layers if row.op == "max_pool2d"]
        assert model.input_size == (3, size, size)
        assert poolings == [size // 2**n for n in range(1, 6) if size // 2**n]
        assert model.fc6.in_features == 512 * poolings[-1] ** 2
        assert layers[-1].out_shape == (1000,) and all(row.known for row in layers)


def test_the_form_for_images_of_32_pixels_has_the_convolutions_of_the_published_one():
    full, small = (on_meta("vgg16", **options).state_dict() for options in ({}, {"image_size": 32}))
    assert {name for name in full if full[name].shape != small[name].shape} == {"fc6.weight"}


@pytest.mark.parametrize("options, side", [({}, 32), ({"image_size": 16}, 16), ({"image_size": 40}, 32)])
def test_images_may_be_smaller_and_larger_down_to_one_position(options, side):
    model = create_model("vgg11", **SMALL, **options).eval()
    for size in ((side, side + 9), (70, 71)):
        assert model(some(1, 3, *size)).isfinite().all()
    shape = next(row.out_shape for row in reversed(anatomy(model, (3, side, side)).layers) if row.op == "max_pool2d")
    assert shape[1:] == (1, 1)
    with pytest.raises(
        ValueError, match=f"images of {side - 1}×{side} are too small: .* at least {side}×{side} pixels"
    ):
        model(some(1, 3, side - 1, side))


# -------------------------------------------------------------------------------------------- dense evaluation


def test_on_images_of_the_networks_size_the_dense_network_gives_its_logits():
    torch.manual_seed(0)
    model = create_model("vgg11", **SMALL).eval()
    images = some(2, 3, 224, 224)
    with torch.no_grad():
        scores = fully_convolutional(model)(images)
        assert scores.shape == (2, 7, 1, 1)
        torch.testing.assert_close(scores.flatten(1), model(images), rtol=1e-4, atol=1e-6)


def test_larger_images_get_a_map_of_scores_from_every_window_of_pool5():
    torch.manual_seed(0)
    model = create_model("vgg13", **SMALL, batch_norm=True).eval()
    dense = fully_convolutional(model)
    images = some(1, 3, 256, 320)
    with torch.no_grad():
        scores, last_map = dense(images), dense[: list(dict(dense.named_children())).index("fc6")](images)
        assert last_map.shape == (1, 32, 8, 10) and scores.shape == (1, 7, 2, 4)
        for row, column in ((0, 0), (1, 0), (1, 3)):
            window = last_map[:, :, row : row + 7, column : column + 7].flatten(1)
            expected = model.fc8(model.fc7(model.fc6(window).relu()).relu())
            torch.testing.assert_close(scores[:, :, row, column], expected, rtol=1e-4, atol=1e-6)


def test_the_dense_form_of_a_small_image_network_has_windows_of_its_last_map():
    model = create_model("vgg11", **SMALL, image_size=48)
    dense = fully_convolutional(model)
    assert dense.fc6.kernel_size == (1, 1)
    assert dense(some(2, 3, 96, 64)).shape == (2, 7, 3, 2)


def test_the_dense_network_shares_the_memory_of_its_weights():
    model = create_model("vgg11", **SMALL, image_size=32)
    dense = fully_convolutional(model)
    for mine, theirs in zip(dense.parameters(), model.parameters(), strict=True):
        assert mine.data_ptr() == theirs.data_ptr()
    assert anatomy(dense, (3, 32, 32)).macs == anatomy(model).macs


def test_a_linear_layer_is_a_convolution_whose_window_covers_the_map():
    fc = nn.Linear(3 * 4 * 4, 5)
    x = some(2, 3, 4, 4)
    torch.testing.assert_close(as_convolution(fc, 4)(x).flatten(1), fc(x.flatten(1)))


def test_the_weights_of_a_dense_network_load_into_the_network():
    """A kernel that covers the map fills a linear layer, as timm's weights need."""
    model, other = (create_model("vgg11", **SMALL, image_size=64) for _ in range(2))
    load_weights(other, fully_convolutional(model).state_dict())
    assert all(map(torch.equal, other.parameters(), model.parameters()))


# ------------------------------------------------------------------------------------- initialisation, width, dropout


@pytest.mark.parametrize("options", [{}, {"image_size": 32, "batch_norm": True}])
def test_glorots_initialisation_of_every_layer(options):
    torch.manual_seed(0)
    model = create_model("vgg16", width=0.25, num_classes=10, **options)
    fans = {nn.Conv2d: lambda w: (w[0].numel(), w[:, 0].numel()), nn.Linear: lambda w: (w.shape[1], w.shape[0])}
    assert_spread(model, lambda path, layer: math.sqrt(2 / sum(fans[type(layer)](layer.weight))))
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert not module.bias.any(), name


@pytest.mark.parametrize("name", ["vgg11", "vgg16_bn", "vgg16_c"])
def test_width_scales_all_layers_but_image_and_classes(name):
    base, scaled = on_meta(name).state_dict(), on_meta(name, width=0.25).state_dict()
    for entry, value in base.items():
        free = {"conv1_x.conv1_1.weight": {1}, "fc8.weight": {0}, "fc8.bias": {0}}.get(entry, set())
        kept = [size if axis in free or axis > 1 else size // 4 for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == kept, entry


def test_dropout_of_a_half_works_on_two_layers():
    model = on_meta("vgg16")
    assert model.dropout.p == 0.5
    assert [row.op for row in anatomy(model).layers].count("dropout") == 2


def test_no_pooling_is_left_out_at_the_published_size():
    assert [row.name for row in anatomy(on_meta("vgg19")).layers if row.op == "max_pool2d"] == [
        f"pool{n}" for n in range(1, 6)
    ]


# --------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("vgg17", {}, "depth=17 is not one of 11, 13, 16, 19"),
        ("vgg14_bn", {}, "depth=14 is not one of 11, 13, 16, 19"),
        ("vgg", {}, "'vgg' needs depth; the paper has vgg11, vgg13, vgg16, vgg19"),
        ("vgg16_bn", {"batch_norm": False}, "'vgg16_bn' says its batch_norm already"),
        ("vgg11", {"width": 0.01}, "width=0.01 makes 4096 channels into 40.96"),
        ("vgg11", {"width": 1 / 128}, "width=0.0078125 makes 64 channels into 0.5"),
        ("vgg11", {"image_size": 224}, "image_size=224 is outside 16 to 64"),
        ("vgg11_lrn", {"image_size": 15}, "image_size=15 is outside 16 to 64"),
        (
            "vgg16",
            {"lrn": True},
            "vgg has no option 'lrn'; it takes depth, num_classes, in_channels, width, batch_norm",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, **options)


def test_an_unknown_configuration_is_refused():
    with pytest.raises(ValueError, match="configuration='F' is not one of 'A', 'A-LRN', 'B', 'C', 'D', 'E'"):
        VGG("F")


def test_images_with_other_channels_are_refused():
    with pytest.raises(ValueError, match="images has 1 channels and this network reads 3"):
        on_meta("vgg11")(torch.empty(1, 1, 32, 32, device="meta"))
