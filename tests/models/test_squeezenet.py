"""SqueezeNet: the paper's Table 1 layer by layer, its metaparameters and bypasses, and torchvision's models."""

import math

import pytest
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import anatomy, create_model, load_weights
from cnnlib.models.squeezenet import BypassFire, Fire

NAMES = ("squeezenet1_0", "squeezenet1_1")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]
SMALL = {"width": 1 / 16, "num_classes": 7}


def some(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# ------------------------------------------------------------------------------------------------------- the table

# Iandola et al. 2016, Table 1: s1x1, e1x1, e3x3 and "#parameter before pruning".
TABLE_1 = {
    "fire2": (16, 64, 64, 11_920),
    "fire3": (16, 64, 64, 12_432),
    "fire4": (32, 128, 128, 45_344),
    "fire5": (32, 128, 128, 49_440),
    "fire6": (48, 192, 192, 104_880),
    "fire7": (48, 192, 192, 111_024),
    "fire8": (64, 256, 256, 188_992),
    "fire9": (64, 256, 256, 197_184),
}
POOLED_BEFORE = {"squeezenet1_0": ("fire2", "fire5", "fire9"), "squeezenet1_1": ("fire2", "fire4", "fire6")}


def sum_over_the_table(name, *, bypass=None, squeeze_ratio=None):
    """Parameters, MACs and receptive field from Table 1 alone: no model is built."""
    channels, window = (96, 7) if name == "squeezenet1_0" else (64, 3)
    side, field, jump = (224 - window) // 2 + 1, window, 2
    weights = 3 * window * window * channels
    params, macs = weights + channels, weights * side * side
    for fire, (s1x1, e1x1, e3x3, _) in TABLE_1.items():
        out = e1x1 + e3x3
        if squeeze_ratio:
            s1x1 = int(squeeze_ratio * out)
        if fire in POOLED_BEFORE[name]:
            side, field, jump = side // 2, field + 2 * jump, 2 * jump  # 3×3 windows, and sides round up
        weights = channels * s1x1 + s1x1 * e1x1 + 9 * s1x1 * e3x3
        params += s1x1 + out
        if bypass == "complex" and channels != out:
            weights, params = weights + channels * out, params + out
        params, macs, field, channels = params + weights, macs + weights * side * side, field + 2 * jump, out
    return params + 513_000, macs + 512_000 * side * side, field  # conv10


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_table(row):
    assert sum_over_the_table(row.name, **row.options) == (row.params, row.macs, row.receptive_field)


def fires(model):
    return {path.split(".")[1]: m for path, m in model.named_modules() if isinstance(m, Fire)}


def test_each_layer_has_table_1s_filters_and_parameters():
    model = on_meta("squeezenet1_0")
    seen = {
        name: (*(layer.out_channels for layer in fire.children()), sum(p.numel() for p in fire.parameters()))
        for name, fire in fires(model).items()
    }
    assert seen == TABLE_1
    assert [sum(p.numel() for p in layer.parameters()) for layer in (model.conv1, model.conv10)] == [14_208, 513_000]


def test_maps_of_227_pixels_are_table_1s():
    """111, 55, 27 and 13 from 227 pixels; the table says 224."""
    rows = anatomy(on_meta("squeezenet1_0"), (3, 227, 227)).layers
    assert [row.out_shape[1] for row in rows if row.name == "conv1" or row.op == "max_pool2d"] == [111, 55, 27, 13]


def test_a_padded_conv10_explains_the_releases_gflops():
    """Its README has 1.72 for version 1.0, a multiply and an add counted as two; conv10's map is then 15×15."""
    macs = anatomy(on_meta("squeezenet1_0"), (3, 227, 227)).macs
    assert macs == 832_667_936
    assert round(2 * (macs + (15**2 - 13**2) * 512_000) / 1e9, 2) == 1.72


@pytest.mark.parametrize("name", NAMES)
def test_pooling_stands_where_the_release_has_it(name):
    rows = [row for row in anatomy(on_meta(name)).layers if row.op in ("max_pool2d", "conv2d")]
    behind = [rows[place + 1].name.split(".")[1] for place, row in enumerate(rows) if row.op == "max_pool2d"]
    assert tuple(behind) == POOLED_BEFORE[name]


# ----------------------------------------------------------------------------------------------------- torchvision


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(64, 64), (33, 97)])
def test_torchvisions_weights_give_torchvisions_outputs(name, size):
    assert_same_as(with_drawn_weights(getattr(torchvision.models, name)), name, size=size, train=True)


# ---------------------------------------------------------------------------------- metaparameters: Sec. 5


@pytest.mark.parametrize("squeeze_ratio, megabytes", [(0.125, 4.8), (0.75, 19)])
def test_the_squeeze_ratio_gives_the_papers_sizes(squeeze_ratio, megabytes):
    """Sec. 5.2, in 4-byte values: between binary and decimal megabytes, since the paper does not say which it means."""
    size = 4 * sum(p.numel() for p in on_meta("squeezenet1_0", squeeze_ratio=squeeze_ratio).parameters())
    assert size / 2**20 < megabytes < size / 10**6


@pytest.mark.parametrize("squeeze_ratio", [0.125, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("pct_3x3", [0.01, 0.125, 0.5, 0.75, 0.99])
def test_the_metaparameters_set_each_fire_modules_filters(squeeze_ratio, pct_3x3):
    """s1x1 = SR · e and e3x3 = pct_3x3 · e, to whole filters, with e as in Table 1."""
    for name, fire in fires(on_meta("squeezenet1_1", squeeze_ratio=squeeze_ratio, pct_3x3=pct_3x3)).items():
        _, e1x1, e3x3, _ = TABLE_1[name]
        assert fire.squeeze.out_channels == squeeze_ratio * (e1x1 + e3x3)
        assert abs(fire.expand3x3.out_channels - pct_3x3 * (e1x1 + e3x3)) <= 0.5
        assert fire.expand1x1.out_channels + fire.expand3x3.out_channels == e1x1 + e3x3


def test_a_narrow_network_keeps_a_filter_of_each_kind():
    for fire in fires(on_meta("squeezenet1_1", width=1 / 64, squeeze_ratio=0.01, pct_3x3=0.01)).values():
        assert all(layer.out_channels >= 1 for layer in fire.children())


# ---------------------------------------------------------------------------------------- bypasses: Sec. 6


def test_a_fire_module_has_its_1x1_filters_first_and_relus_behind_both_layers():
    torch.manual_seed(0)
    fire = Fire(5, 3, 4, 2)
    x = some(2, 5, 6, 7)
    squeezed = fire.squeeze(x).relu()
    out = fire(x)
    assert torch.equal(out[:, :4], fire.expand1x1(squeezed).relu())
    assert torch.equal(out[:, 4:], fire.expand3x3(squeezed).relu())


@pytest.mark.parametrize("in_channels, bypass", [(8, nn.Identity), (5, nn.Conv2d)])
def test_a_bypass_adds_the_input_to_what_the_fire_module_gives(in_channels, bypass):
    torch.manual_seed(0)
    fire = BypassFire(in_channels, 3, 4, 4)
    x = some(2, in_channels, 6, 7)
    assert type(fire.bypass) is bypass
    torch.testing.assert_close(fire(x), Fire.forward(fire, x) + fire.bypass(x))
    for layer in (fire.expand1x1, fire.expand3x3):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert torch.equal(fire(x), fire.bypass(x))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "bypass, identities, convolutions",
    [(None, "", ""), ("simple", "3579", ""), ("complex", "3579", "2468")],
)
def test_bypasses_go_around_the_modules_of_figure_2(name, bypass, identities, convolutions):
    modules = fires(on_meta(name, bypass=bypass))
    around = {int(name[4:]): type(fire.bypass) for name, fire in modules.items() if isinstance(fire, BypassFire)}
    assert around == {int(n): nn.Identity for n in identities} | {int(n): nn.Conv2d for n in convolutions}


def test_simple_bypasses_cost_no_parameters_so_published_weights_load_all_the_same():
    theirs = with_drawn_weights(torchvision.models.squeezenet1_1)
    ours = load_weights(create_model("squeezenet1_1", bypass="simple"), theirs.state_dict())
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


# ------------------------------------------------------------------------------------------ initialisation, width


@pytest.mark.parametrize("options", [{}, {"bypass": "complex", "image_size": 32}])
def test_weights_start_as_in_the_release(options):
    """Caffe's "xavier" divides by the fan-in; conv10 has a deviation of 0.01."""
    torch.manual_seed(0)
    model = create_model("squeezenet1_0", **options)
    assert_spread(model, lambda path, layer: 0.01 if path == "conv10" else 1 / math.sqrt(layer.weight[0].numel()))
    bound = math.sqrt(3 / model.conv1.weight[0].numel())
    assert 0.95 * bound < model.conv1.weight.abs().max() <= bound  # uniform
    assert not any(p.any() for path, p in model.named_parameters() if path.endswith("bias"))


@pytest.mark.parametrize("name", NAMES)
def test_width_scales_all_layers_but_image_and_classes(name):
    base, scaled = (on_meta(name, bypass="complex", **options).state_dict() for options in ({}, {"width": 0.25}))
    for entry, value in base.items():
        free = {"conv1.weight": {1}, "conv10.weight": {0}, "conv10.bias": {0}}.get(entry, set())
        kept = [size if axis in free or axis > 1 else size // 4 for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == kept, entry


def test_dropout_of_a_half_stands_behind_fire9():
    model = on_meta("squeezenet1_0")
    names = [row.name for row in anatomy(model).layers]
    assert model.dropout.p == 0.5
    assert names[names.index("dropout") - 1].startswith("stage3.fire9")
    assert names[names.index("dropout") + 1] == "conv10"


# ------------------------------------------------------------------------------------- sizes of images, bad arguments


@pytest.mark.parametrize("name", NAMES)
def test_image_sizes_from_16_to_64_change_conv1_alone(name):
    published = on_meta(name).state_dict()
    for size in range(16, 65):
        model = on_meta(name, image_size=size)
        layers = anatomy(model).layers
        maps = [row.out_shape[1] for row in layers if row.name == "conv1" or row.op == "max_pool2d"]
        assert model.input_size == (3, size, size)
        assert maps == [size, size // 2, size // 4, size // 8]
        assert layers[-1].out_shape == (1000,)
    own = model.state_dict()
    assert {entry for entry in own if own[entry].shape != published[entry].shape} <= {"conv1.weight"}


@pytest.mark.parametrize(
    "name, options, side",
    [("squeezenet1_0", {}, 21), ("squeezenet1_1", {}, 17), ("squeezenet1_1", {"image_size": 32}, 8)],
)
def test_the_smallest_images_leave_one_position(name, options, side):
    model = create_model(name, **SMALL, **options).eval()
    assert model(some(1, 3, side, side + 9)).isfinite().all()
    shapes = {row.name: row.out_shape for row in anatomy(model, (3, side, side)).layers}
    assert shapes["conv10"][1:] == (1, 1)
    with pytest.raises(
        ValueError, match=f"images of {side}×{side - 1} are too small: .* at least {side}×{side} pixels"
    ):
        model(some(1, 3, side, side - 1))


@pytest.mark.parametrize(
    "options, says",
    [
        ({"bypass": "both"}, "bypass='both' is not one of None, 'simple', 'complex'"),
        ({"squeeze_ratio": 0}, "squeeze_ratio=0 is outside 0 to 1; the paper has 0.125"),
        ({"squeeze_ratio": 1.5}, "squeeze_ratio=1.5 is outside 0 to 1"),
        ({"pct_3x3": 1.0}, "pct_3x3=1.0 is not between 0 and 1; the paper has 0.5"),
        ({"pct_3x3": 0.0}, "pct_3x3=0.0 is not between 0 and 1"),
        ({"pct_3x3": 50}, "pct_3x3=50 is not between 0 and 1"),
        ({"width": 0.3}, "width=0.3 makes 96 channels into 28.8"),
        ({"image_size": 65}, "image_size=65 is outside 16 to 64"),
        ({"version": "1.1"}, "'squeezenet1_0' says its version already"),
        ({"depth": 18}, "squeezenet has no option 'depth'; it takes version, bypass, squeeze_ratio, pct_3x3"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(options, says):
    with pytest.raises(ValueError, match=says):
        on_meta("squeezenet1_0", **options)


def test_the_bare_name_is_version_1_0_and_takes_another():
    assert on_meta("squeezenet").conv1.out_channels == 96
    assert on_meta("squeezenet", version="1.1").conv1.out_channels == 64
    with pytest.raises(ValueError, match=r"version='1_1' is not one of '1\.0', '1\.1'"):
        on_meta("squeezenet", version="1_1")


def test_images_with_other_channels_are_refused():
    with pytest.raises(ValueError, match="images has 1 channels and this network reads 3"):
        on_meta("squeezenet1_0")(torch.empty(1, 1, 64, 64, device="meta"))
