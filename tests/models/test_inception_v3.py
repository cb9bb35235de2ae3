"""Inception-v2 and -v3: Table 1 of the paper, its figures, torchvision's model and its auxiliary head."""

import pytest
import timm
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from figure_sums import FigureSum
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights, without_dropout
from torch import nn

from cnnlib import anatomy, create_model, load_weights
from cnnlib.models.inception_v3 import (
    average_path,
    inception_fig5,
    inception_fig6,
    inception_fig7,
    path,
    reduction_fig10,
)
from cnnlib.models.layers import Auxiliary

NAMES = ("inception_v2", "inception_v3")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]


def some(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------------------------------------- the table


def figure_7():
    return "1x1:320 | 1x1:384 {1x3:384 3x1:384} | 1x1:448 3x3:384 {1x3:384 3x1:384} | avg 1x1:192"


def figure_6(inner):
    longer = f"1x1:{inner} 7x1:{inner} 1x7:{inner} 7x1:{inner} 1x7:192"
    return f"1x1:192 | 1x1:{inner} 1x7:{inner} 7x1:192 | {longer} | avg 1x1:192"


# Szegedy et al. 2015, Table 1, its stem and its 3, 5 and 2 modules.
TABLE_1 = [
    "3x3/2V:32",
    "3x3V:32",
    "3x3:64",
    "max/2V",
    "3x3V:80",
    "3x3/2V:192",
    "3x3:288",
    *["1x1:64 | 1x1:48 3x3:64 | 1x1:64 3x3:96 3x3:96 | avg 1x1:64"] * 3,
    "1x1:192 3x3/2V:384 | 1x1:64 3x3:96 3x3/2V:96 | max/2V",
    *[figure_6(inner) for inner in (128, 160, 160, 160, 192)],
    "1x1:192 3x3/2V:320 | 1x1:192 3x3:192 3x3/2V:192 | max/2V",
    *[figure_7()] * 2,
]
# The names and filters of Google's inception_model.py.
RELEASED = [
    "3x3/2V:32",
    "3x3V:32",
    "3x3:64",
    "max/2V",
    "1x1:80",
    "3x3V:192",
    "max/2V",
    *[f"1x1:64 | 1x1:48 5x5:64 | 1x1:64 3x3:96 3x3:96 | avg 1x1:{pool}" for pool in (32, 64, 64)],
    "3x3/2V:384 | 1x1:64 3x3:96 3x3/2V:96 | max/2V",
    *[figure_6(inner) for inner in (128, 160, 160, 192)],
    "1x1:192 3x3/2V:320 | 1x1:192 1x7:192 7x1:192 3x3/2V:192 | max/2V",
    *[figure_7()] * 2,
]
HEAD = 128 * 768 + 25 * 768 * 128 + 2 * (128 + 768) + 769 * 1000  # its convolutions, their batch norms, its last layer


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_table(row):
    figures = FigureSum(TABLE_1 if row.name == "inception_v2" else RELEASED)
    head, statistics = (HEAD, 2 * (128 + 768)) if row.options else (0, 0)
    assert (figures.params + head, figures.statistics + statistics, figures.macs) == (row.params, row.fixed, row.macs)
    assert (figures.last.channels, figures.last.side, figures.last.side) == row.last_map
    assert figures.last.field == (row.receptive_field,) * 2


def test_the_maps_of_table_1():
    """Its column "input size", from the second row on; the modules of a grid share a row."""
    column = [(149, 32), (147, 32), (147, 64), (73, 64), (71, 80), (35, 192), (35, 288), (17, 768), (8, 1280)]
    maps = [(m.side, m.channels) for m in FigureSum(TABLE_1).maps[1:]]
    layers = anatomy(on_meta("inception_v2")).layers
    traced = [
        (layer.out_shape[1], layer.out_shape[0]) for layer in layers if layer.op in ("conv2d", "max_pool2d", "cat")
    ]
    for seen in (maps, traced):
        assert [m for m in dict.fromkeys(seen) if m in column] == column
    assert maps[-1] == (8, 2048)


def test_the_stages_of_inception_v3_see_what_its_released_form_does():
    """facts/architectures.json: receptive fields counted from torchvision's model."""
    stages = {layer.name.split(".")[0]: layer for layer in anatomy(on_meta("inception_v3")).layers}
    fields = {"stem": 11, "pool1": 15, "stem73": 23, "pool2": 31, "grid35": 127, "to17": 159, "grid17": 927}
    for stage, field in (fields | {"to8": 1055, "grid8": 1311}).items():
        assert stages[stage].receptive_field == (field, field), stage
    assert FigureSum(RELEASED).convs == 94


# -------------------------------------------------------------------------------------------- torchvision and timm


def torchvisions(**options):
    return with_drawn_weights(lambda: torchvision.models.inception_v3(init_weights=False, **options))


@pytest.mark.parametrize("size", [(75, 107)])
def test_torchvisions_weights_give_torchvisions_outputs(size):
    assert_same_as(torchvisions(aux_logits=False), "inception_v3", size=size, train=True)


def test_torchvisions_auxiliary_head_gives_torchvisions_outputs():
    theirs = torchvisions(aux_logits=True)
    ours = load_weights(on_meta("inception_v3", aux_heads=True).to_empty(device="cpu"), theirs.state_dict())
    images = some(2, 3, 299, 299)
    with torch.no_grad():
        expected = without_dropout(theirs).train()(images)
        logits, (auxiliary,) = without_dropout(ours).train()(images)
    torch.testing.assert_close(logits, expected.logits, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(auxiliary, expected.aux_logits, rtol=1e-3, atol=1e-3)


def test_timms_model_has_the_same_weights_in_the_same_order():
    with torch.device("meta"):
        theirs = timm.create_model("inception_v3", pretrained=False)
    assert [p.shape for p in on_meta("inception_v3").parameters()] == [p.shape for p in theirs.parameters()]


# --------------------------------------------------------------------------------------------- the auxiliary head


def test_the_head_speaks_in_training_mode_only():
    model = on_meta("inception_v3", aux_heads=True, num_classes=7)
    images = torch.empty(2, 3, 299, 299, device="meta")
    output = model(images)
    assert isinstance(output, Auxiliary)
    assert [logits.shape for logits in (output.logits, *output.auxiliary)] == [(2, 7), (2, 7)]
    assert model.eval()(images).shape == (2, 7)
    assert on_meta("inception_v3", num_classes=7)(images).shape == (2, 7)


def test_without_the_head_the_logits_are_the_same():
    torch.manual_seed(0)
    trained = create_model("inception_v3", aux_heads=True, num_classes=7).eval()
    plain = load_weights(on_meta("inception_v3", num_classes=7).to_empty(device="cpu"), trained.state_dict()).eval()
    images = some(1, 3, 75, 75)
    with torch.no_grad():
        assert torch.equal(plain(images), trained(images))


def test_the_head_reads_images_of_299_and_larger_ones():
    model = on_meta("inception_v3", aux_heads=True)
    assert model(torch.empty(2, 3, 310, 400, device="meta")).auxiliary[0].shape == (2, 1000)
    with pytest.raises(ValueError, match=r"aux_heads=True needs images of at least 299×299 .* give it 16×17"):
        model(torch.empty(2, 3, 298, 299, device="meta"))
    assert model.eval()(torch.empty(2, 3, 75, 75, device="meta")).shape == (2, 1000)


# -------------------------------------------------------------------------------------------------------- modules


def seen_by(module, channels):
    """The receptive field of a module's output."""
    return anatomy(module, (channels, 35, 35)).receptive_field


@pytest.mark.parametrize(
    "module, path, channels, field",
    [
        (inception_fig5(8, 16), "shorter", 8, (3, 3)),
        (inception_fig5(8, 16, window=5), "shorter", 8, (5, 5)),
        (inception_fig5(8, 16), "longer", 8, (5, 5)),  # two 3×3 for a 5×5
        (inception_fig6(8), "shorter", 768, (7, 7)),  # 1×7 and 7×1 for a 7×7
        (inception_fig6(8), "longer", 768, (13, 13)),  # two of 7×7
        (inception_fig7(8), "shorter", 8, (3, 3)),
        (inception_fig7(8), "longer", 8, (5, 5)),
    ],
)
def test_a_window_taken_apart_sees_what_the_whole_one_saw(module, path, channels, field):
    assert seen_by(getattr(module, path), channels) == field


def test_what_taking_apart_saves():
    """Sec. 3.1: 28% with two 3×3 for a 5×5. Sec. 3.2: 33% with 3×1 and 1×3 for a 3×3; 1×7 and 7×1 cost 2/7 of a 7×7."""

    def weights(*windows):
        convs = path(16, *[(16, window) for window in windows]).modules()
        return sum(conv.weight.numel() for conv in convs if isinstance(conv, nn.Conv2d))

    assert weights(3, 3) / weights(5) == 1 - 0.28
    assert weights((3, 1), (1, 3)) / weights(3) == 2 / 3
    assert weights((1, 7), (7, 1)) / weights(7) == 2 / 7


def test_figure_7_reads_one_map_with_a_row_and_a_column():
    module = inception_fig7(8).eval()
    x = some(1, 8, 5, 5)
    features = module.longer[0](x)
    expected = [module.conv1x1(x), module.shorter(x), *[w(features) for w in module.longer[1].children()]]
    expected.append(module.average(x))
    assert [part.shape[1] for part in expected] == [320, 768, 384, 384, 192]
    assert torch.equal(module(x), torch.cat(expected, dim=1))


def test_a_grid_reduction_pools_all_that_it_gets_beside_its_strided_paths():
    """Sec. 5: nothing is squeezed before it is pooled."""
    module = reduction_fig10(4, [(6, 3, 2, 0)], [(2, 1), (3, 3), (5, 3, 2, 0)]).eval()
    x = some(2, 4, 17, 35)
    out = module(x)
    assert out.shape == (2, 6 + 5 + 4, 8, 17)
    assert torch.equal(out[:, -4:], nn.functional.max_pool2d(x, 3, 2))


def test_average_pooling_counts_the_zeros_at_the_border():
    pool = average_path(1, 1)[0]
    out = pool(torch.ones(1, 1, 5, 5))[0, 0]
    assert torch.allclose(out[1:-1, 1:-1], torch.ones(3, 3))
    assert out[0, 0].item() == pytest.approx(4 / 9) and out[0, 2].item() == pytest.approx(6 / 9)


def test_dropout_keeps_four_features_of_five_in_v3_and_table_1_has_none():
    dropped = {name: [m.p for m in on_meta(name).modules() if isinstance(m, nn.Dropout)] for name in NAMES}
    assert dropped == {"inception_v2": [], "inception_v3": [0.2]}


# -------------------------------------------------------------------------------------- initialisation, arguments


@pytest.mark.parametrize("name, options", [("inception_v2", {}), ("inception_v3", {"aux_heads": True})])
def test_initial_spreads_are_those_of_the_release(name, options):
    torch.manual_seed(0)
    model = create_model(name, **options)
    spreads = {"fc": 0.01, "aux.0.conv5x5.0": 0.01, "aux.0.fc": 0.001}
    assert_spread(model, lambda path, layer: spreads.get(path, 0.1))
    assert not model.fc.bias.any()
    assert all(m.eps == 1e-3 and m.weight.eq(1).all() for m in model.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize("name", NAMES)
def test_images_and_classes_of_another_number(name):
    model = on_meta(name, num_classes=7, in_channels=1)
    assert model.input_size == (1, 299, 299)
    assert model(torch.empty(2, 1, 75, 90, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "shape, says",
    [
        ((2, 1, 99, 99), r"images has 1 channels and this network reads 3; .*in_channels=1"),
        ((3, 99, 99), r"images has shape \(3, 99, 99\); give a batch \(N, 3, H, W\)"),
        ((2, 3, 99, 74), "images of 99×74 are too small: .* at least 75×75 pixels"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))


@pytest.mark.parametrize(
    "name, option",
    [("inception_v2", {"aux_heads": True}), ("inception_v3", {"width": 0.5}), ("inception_v3", {"depth": 3})],
)
def test_options_that_there_are_not(name, option):
    with pytest.raises(
        ValueError, match=f"{name} has no option '{next(iter(option))}'; it takes num_classes, in_channels"
    ):
        create_model(name, **option)
