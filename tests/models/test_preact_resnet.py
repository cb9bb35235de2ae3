"""Pre-activation networks: counts by another route, the clean path, and the variants of Fig. 2 and Fig. 4."""

import math
import re

import pytest
import timm
import torch
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import create_model, load_weights
from cnnlib.models.preact_resnet import (
    ORDERINGS,
    SHORTCUTS,
    ExclusiveGating,
    ProjectionUnit,
    ResidualUnit,
    ShortcutOnlyGating,
)

ROWS = [row for row in MODELS + VARIANTS if "preact" in row.name]
SMALL = {"depth": 20, "width": 0.25}
BOTTLENECKS = {200: (3, 24, 36, 3)}


def sum_over_the_paper(name, *, stride_in_1x1=None, num_classes=None):
    """Parameters, running statistics, MACs and receptive field, unit by unit; a batch norm before each convolution."""
    depth = int(re.search(r"\d+", name)[0])
    params = macs = norms = 0

    def conv(kernel, read, written, positions):
        nonlocal params, macs
        params += kernel**2 * read * written
        macs += positions**2 * kernel**2 * read * written

    if name.startswith("cifar"):
        basic = depth <= 110
        units, widths, side, field, jump = [(depth - 2) // (6 if basic else 9)] * 3, (16, 32, 64), 32, 3, 1
        conv(3, 3, 16, 32)
        channels, classes, strided = 16, num_classes or 10, 0 if stride_in_1x1 in (None, True) else 1
    else:
        basic, units, widths, side, field, jump = False, BOTTLENECKS[depth], (64, 128, 256, 512), 56, 7 + 2 * 2, 4
        conv(7, 3, 64, 112)
        channels, classes, strided = 64, num_classes or 1000, 0 if stride_in_1x1 else 1
    for number, (width, count) in enumerate(zip(widths, units, strict=True)):
        kernels = ((3, width), (3, width)) if basic else ((1, width), (3, width), (1, 4 * width))
        for unit in range(count):
            entering, before, stride = channels, side, 2 if number and not unit else 1
            for place, (kernel, written) in enumerate(kernels):
                norms += channels  # in the very first unit this is the one behind the first convolution
                field += (kernel - 1) * jump
                if place == (0 if basic else strided):
                    side, jump = side // stride, jump * stride
                conv(kernel, channels, written, side)
                channels = written
            if stride == 2 or entering != channels:
                conv(1, entering, channels, before // stride)
    norms += channels  # the last activation
    return params + 2 * norms + (channels + 1) * classes, 2 * norms, macs + channels * classes, field


@pytest.mark.parametrize("row", [row for row in ROWS if not {"ordering", "shortcut"} & set(row.options)], ids=label)
def test_the_row_is_the_sum_over_the_paper(row):
    assert sum_over_the_paper(row.name, **row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


def test_the_papers_count_leaves_batch_norm_out():
    """Table 4 says 10.2M for 1,001 layers; with the scales and shifts it is 10.3M."""
    model = on_meta("cifar_preact_resnet1001")
    scales = sum(p.numel() for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    total = sum(p.numel() for p in model.parameters())
    assert (total - scales, total) == (10_178_490, 10_327_706)


@pytest.mark.parametrize("name", ["cifar_preact_resnet110", "cifar_preact_resnet164", "preact_resnet200"])
def test_the_name_says_how_many_layers_have_weights(name):
    layers = [
        path
        for path, module in on_meta(name).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and ".shortcut." not in path
    ]
    assert len(layers) == int(re.search(r"\d+", name)[0])


def test_a_depth_that_both_blocks_have_is_read_as_in_the_paper():
    """110 = 6·18 + 2 = 9·12 + 2, and 164 = 6·27 + 2 = 9·18 + 2."""
    for name, block, units in [
        ("cifar_preact_resnet110", None, 18),
        ("cifar_preact_resnet110", "bottleneck", 12),
        ("cifar_preact_resnet164", None, 18),
        ("cifar_preact_resnet164", "basic", 27),
    ]:
        assert len(on_meta(name, block=block).stage1) == units


def test_200_layers_are_152_and_16_bottlenecks_on_maps_of_28x28():
    """Footnote 3."""
    longer, shorter = (on_meta("preact_resnet", depth=depth) for depth in (200, 152))
    more = [len(getattr(longer, s)) - len(getattr(shorter, s)) for s in ("conv2_x", "conv3_x", "conv4_x", "conv5_x")]
    assert more == [0, 16, 0, 0]


# ---------------------------------------------------------------------------------------------- the clean path


def image(channels=8, size=6):
    return torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))


CONVS = ((3, 8, 1), (3, 8, 1))


def zeroed(unit):
    """The unit with a residual path that gives zeros."""
    for parameter in unit.residual.parameters():
        nn.init.zeros_(parameter)
    return unit


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_where_nothing_stands_after_the_addition_a_zero_residual_is_the_identity(ordering):
    unit = zeroed(ResidualUnit(8, CONVS, ordering=ordering, shortcut="identity")).eval()
    clean = not ORDERINGS[ordering][3]
    assert torch.equal(unit(image()), image()) == clean
    assert clean == (ordering in ("relu_before_addition", "relu_only_preactivation", "full_preactivation"))


def test_the_gradient_reaches_every_unit_unchanged():
    """Eq. 5: the gradient of a sum through identity shortcuts has a term that no weight multiplies."""
    unit = zeroed(ResidualUnit(8, CONVS, ordering="full_preactivation", shortcut="identity"))
    x = image().requires_grad_()
    unit(unit(unit(x))).square().sum().backward()
    assert torch.equal(x.grad, 2 * x.detach())


# --------------------------------------------------------------------------------------------- Fig. 4 and Fig. 2

LAYERS = {
    "original": "Conv2d BatchNorm2d ReLU Conv2d BatchNorm2d | ReLU",
    "bn_after_addition": "Conv2d BatchNorm2d ReLU Conv2d | BatchNorm2d ReLU",
    "relu_before_addition": "Conv2d BatchNorm2d ReLU Conv2d BatchNorm2d ReLU |",
    "relu_only_preactivation": "ReLU Conv2d BatchNorm2d ReLU Conv2d BatchNorm2d |",
    "full_preactivation": "BatchNorm2d ReLU Conv2d BatchNorm2d ReLU Conv2d |",
}


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_the_layers_of_a_unit_stand_as_fig_4_draws_them(ordering):
    unit = ResidualUnit(8, CONVS, ordering=ordering, shortcut="identity")
    words = [type(m).__name__ for m in (*unit.activation, *unit.residual)]
    words += ["|", *(type(m).__name__ for m in unit.after)]
    assert " ".join(words) == LAYERS[ordering]


@pytest.mark.parametrize("ordering", ORDERINGS)
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_every_ordering_trains(ordering, block):
    torch.manual_seed(0)
    model = create_model("cifar_preact_resnet", ordering=ordering, block=block, **SMALL)
    model(torch.randn(4, 3, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_original_ordering_is_the_resnet():
    """The residual networks of 2015, with projections where shapes change (option B): one function of the same weights."""
    theirs = with_drawn_weights(lambda: create_model("cifar_resnet20", shortcut="B"))
    assert_same_as(theirs, "cifar_preact_resnet", size=(12, 8), train=True, depth=20, ordering="original")


def test_timms_weights_give_timms_outputs():
    """timm normalises after the first pooling and not before, which is one function where the scales are positive and
    the statistics given; its projections come first in their unit and read the activation.
    """
    theirs = with_drawn_weights(timm.models.resnetv2_50)
    state = theirs.state_dict()
    unit = {name: ".".join(name.split(".")[:4]) for name in state}  # stages.0.blocks.0
    units = list(dict.fromkeys(unit.values()))
    ordered = sorted(state, key=lambda name: (units.index(unit[name]), "downsample" in name))
    ours = on_meta("preact_resnet", depth=50).to_empty(device="cpu")
    load_weights(ours, {name: state[name] for name in ordered})
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=1e-4, atol=1e-4)


def test_the_first_activation_comes_before_the_paths_part_and_the_last_after_the_last_addition():
    model = on_meta("cifar_preact_resnet110")
    assert [type(m).__name__ for m in model.conv1] == ["Conv2d", "BatchNorm2d", "ReLU"]
    assert len(model.stage1[0].activation) == 0 and len(model.stage1[1].activation) == 2
    assert [type(m).__name__ for m in model.activation] == ["BatchNorm2d", "ReLU"]


def test_where_shapes_change_the_shortcut_reads_the_activation():
    unit = zeroed(ProjectionUnit(4, ((3, 8, 2), (3, 8, 1)), ordering="full_preactivation", shortcut="identity")).eval()
    x = image(channels=4)
    assert torch.equal(unit(x), unit.shortcut(unit.activation(x)))
    projections = [m for m in on_meta("cifar_preact_resnet164").modules() if isinstance(m, ProjectionUnit)]
    assert len(projections) == 3  # 16 → 64, 64 → 128, 128 → 256


@pytest.mark.parametrize(
    "shortcut, formula",
    [
        ("identity", lambda join, x, f: x + f),
        ("constant_scaling", lambda join, x, f: (x + f) / 2),
        ("exclusive_gating", lambda join, x, f: x + join.gate(x).sigmoid() * (f - x)),
        ("shortcut_only_gating", lambda join, x, f: x * join.gate(x).neg().sigmoid() + f),
        ("conv", lambda join, x, f: torch.einsum("oi,nihw->nohw", join.conv.weight[:, :, 0, 0], x) + f),
        ("dropout", lambda join, x, f: x + f),  # in evaluation
    ],
)
def test_the_shortcuts_of_fig_2(shortcut, formula):
    torch.manual_seed(0)
    join = SHORTCUTS[shortcut](8).eval()
    x, f = image(), image().flip(0)
    torch.testing.assert_close(join(x, f), formula(join, x, f), rtol=1e-4, atol=1e-5)


def test_half_of_a_dropped_shortcut_is_gone():
    torch.manual_seed(0)
    dropped = SHORTCUTS["dropout"](8).train()(torch.ones(64, 8, 8, 8), torch.zeros(64, 8, 8, 8))
    assert set(dropped.unique().tolist()) == {0.0, 2.0} and abs(dropped.mean() - 1) < 0.02


def test_gates_start_nearly_open():
    torch.manual_seed(0)
    for shortcut in ("exclusive_gating", "shortcut_only_gating"):
        model = create_model("cifar_preact_resnet", ordering="original", shortcut=shortcut, **SMALL)
        gates = [m.gate for m in model.modules() if isinstance(m, ExclusiveGating | ShortcutOnlyGating)]
        assert len(gates) == 9 - 2 and all(gate.bias.eq(-6).all() for gate in gates)


def test_he_initialisation_of_every_layer():
    torch.manual_seed(0)
    assert_spread(create_model("cifar_preact_resnet164"), lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("cifar_preact_resnet111", {}, r"depth=111 is not 9n \+ 2 .* nearest depths are 110 and 119"),
        ("cifar_preact_resnet109", {}, r"depth=109 is not 6n \+ 2 .* nearest depths are 104 and 110"),
        ("cifar_preact_resnet110", {"block": "wide"}, "block='wide' is not one of 'basic', 'bottleneck'"),
        (
            "cifar_preact_resnet110",
            {"ordering": "post"},
            "ordering='post' is not one of 'original', 'bn_after_addition'",
        ),
        ("cifar_preact_resnet110", {"shortcut": "B"}, "shortcut='B' is not one of 'identity', 'constant_scaling'"),
        (  # nothing but projections, which every shortcut has
            "cifar_preact_resnet11",
            {"shortcut": "B", "block": "bottleneck"},
            "shortcut='B' is not one of 'identity'",
        ),
        (
            "cifar_preact_resnet110",
            {"stride_in_1x1": False},
            "stride_in_1x1=False has no meaning for block='basic', .* leave it out",
        ),
        ("preact_resnet18", {}, "depth=18 is not one of 50, 101, 152, 200"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


@pytest.mark.parametrize(
    "name, shape, says",
    [
        ("cifar_preact_resnet164", (2, 1, 8, 8), "images has 1 channels and this network reads 3"),
        ("cifar_preact_resnet164", (2, 3, 3, 8), "images of 3×8 are too small: .* at least 4×4 pixels"),
        ("preact_resnet200", (2, 3, 31, 64), "images of 31×64 are too small: .* at least 32×32 pixels"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))
