"""LeNet-5: the paper's counts layer by layer, its four kinds of unit, and the taught form against plain PyTorch."""

import math

import pytest
import torch
import torch.nn.functional as F
from expected import MODELS, VARIANTS, label
from model_checks import assert_spread, on_meta
from torch import nn

from cnnlib import anatomy, create_model
from cnnlib.models.lenet import C3_READS, DIGIT_CODES, LeNet5, RadialBasis, SparseConv, Subsampling, squash

ROWS = [row for row in MODELS + VARIANTS if row.name.startswith("lenet5")]


def some(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# ------------------------------------------------------------------------------------------------------- the table

# LeCun et al. 1998, Sec. II-B: trainable parameters and connections of each layer. C3's connections are those of its
# own table and of the authors' preprint; the journal prints 156,000.
SECTION_2B = {
    "c1": (156, 122_304),
    "s2": (12, 5_880),
    "c3": (1_516, 151_600),
    "s4": (32, 2_000),
    "c5": (48_120, 48_120),
    "f6": (10_164, 10_164),
}

# Table I by columns, as the text around it says: contiguous subsets of three and of four, some of four, and all.
TABLE_1 = [
    *[{i % 6, (i + 1) % 6, (i + 2) % 6} for i in range(6)],
    *[{i % 6, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6} for i in range(6)],
    *[{i % 6, (i + 1) % 6, (i + 3) % 6, (i + 4) % 6} for i in range(3)],
    set(range(6)),
]


def sum_over_the_paper(name, *, in_channels=1):
    """Parameters, MACs and receptive field from Sec. II-B alone: no model is built."""
    c3 = sum(map(len, TABLE_1)) if name == "lenet5" else 6 * 16
    layers = [  # planes of 5×5 weights, maps, positions
        (6 * in_channels, 6, 28 * 28),
        (c3, 16, 10 * 10),
        (16 * 120, 120, 1),
    ]
    params = sum(25 * planes + maps for planes, maps, _ in layers) + 121 * 84
    macs = sum(25 * planes * positions for planes, _, positions in layers) + 120 * 84
    if name == "lenet5":
        return params + 2 * 6 + 2 * 16, macs, 5 + 1 + 4 * 2 + 2 + 4 * 4  # C5 is a convolution: it sees 32 pixels
    return params + 85 * 10, macs + 84 * 10, 5 + 1 + 4 * 2 + 2


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_paper(row):
    assert sum_over_the_paper(row.name, **row.options) == (row.params, row.macs, row.receptive_field)


def test_every_layer_has_the_papers_parameters_and_connections():
    layers = anatomy(on_meta("lenet5")).layers
    for stage, (params, connections) in SECTION_2B.items():
        rows = [layer for layer in layers if layer.name.split(".")[0] == stage]
        assert sum(layer.params for layer in rows) == params
        maps, height, width = (*rows[-1].out_shape, 1, 1)[:3]
        if stage[0] == "s":  # four inputs and a bias a unit
            assert maps * height * width * 5 == connections
        else:  # a bias a unit
            assert sum(layer.macs for layer in rows) + maps * height * width == connections
    assert sum(params for params, _ in SECTION_2B.values()) == 60_000
    assert sum(connections for _, connections in SECTION_2B.values()) + 84 * 10 == 340_908


def test_the_connections_of_c3_are_table_1():
    assert [set(maps) for maps in C3_READS] == TABLE_1
    assert [sum(i in maps for maps in C3_READS) for i in range(6)] == [10] * 6  # ten crosses in each row


# ---------------------------------------------------------------------------------------------- the layers of 1998


def test_c3_is_a_full_convolution_without_the_weights_that_the_table_leaves_out():
    layer = SparseConv(C3_READS)
    full = torch.zeros(16, 6, 5, 5)
    weights = [weight for conv in layer.convs for weight in conv.weight.detach()]
    for number, weight in enumerate(weights):
        full[number, list(C3_READS[number])] = weight
    assert [conv.groups for conv in layer.convs] == [6, 9, 1]
    x = some(2, 6, 9, 11)
    expected = F.conv2d(x, full, torch.cat([conv.bias for conv in layer.convs]))
    torch.testing.assert_close(layer(x), expected)


def test_subsampling_adds_four_values_and_trains_a_coefficient_and_a_bias():
    layer = Subsampling(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, -1.0, 0.5]).view(3, 1, 1))
        layer.bias.copy_(torch.tensor([0.0, 1.0, 3.0]).view(3, 1, 1))
    x = some(2, 3, 6, 4)
    four = x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]
    torch.testing.assert_close(layer(x), four * layer.weight + layer.bias)


def test_the_squashing_function_keeps_one_and_minus_one():
    x = torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0])
    torch.testing.assert_close(squash(x), torch.tensor([-1.7159, -1, 0, 1, 1.7159]), rtol=1e-4, atol=1e-4)


def test_every_layer_up_to_f6_is_squashed():
    """Sec. II-B: "units in layers up to F6". The subsampling layers are no exception."""
    assert [layer.op for layer in anatomy(on_meta("lenet5")).layers].count("tanh") == 6


def test_the_class_whose_code_is_nearest_wins():
    distances = RadialBasis(DIGIT_CODES)(torch.tensor(DIGIT_CODES))
    assert torch.equal(distances.argmin(1), torch.arange(10)) and not distances.diagonal().any()
    x, y = some(4, 84), torch.tensor(DIGIT_CODES)
    torch.testing.assert_close(RadialBasis(DIGIT_CODES)(x), torch.cdist(x, y) ** 2, rtol=1e-4, atol=1e-3)


def test_the_codes_are_ten_bitmaps_of_seven_by_twelve_that_differ():
    codes = torch.tensor(DIGIT_CODES)
    assert codes.shape == (10, 7 * 12) and codes.abs().eq(1).all()
    differing = codes.unsqueeze(1).ne(codes).sum(2)
    assert differing[~torch.eye(10, dtype=bool)].min() >= 10
    one = codes[1].view(12, 7)
    assert one[:10, 3:5].eq(1).all() and one[10:].eq(-1).all()  # a stem; two rows stay free below the line


def test_cross_entropy_of_the_logits_is_equation_9_without_its_constant():
    torch.manual_seed(0)
    model = create_model("lenet5")
    images, digits = some(3, 1, 32, 32), torch.tensor([3, 1, 4])
    y = -model(images)
    expected = (y[range(3), digits] + (-y).exp().sum(1).log()).mean()
    torch.testing.assert_close(F.cross_entropy(model(images), digits), expected)
    assert y.ge(0).all()


def test_the_codes_are_saved_and_never_trained():
    model = on_meta("lenet5", num_classes=4)
    assert model.state_dict()["output.codes"].shape == (4, 84)
    assert "output.codes" not in dict(model.named_parameters())
    assert torch.equal(create_model("lenet5", num_classes=4).output.codes, torch.tensor(DIGIT_CODES[:4]))


# ------------------------------------------------------------------------------------------- LeNet-5 as taught

FUNCTIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
POOLINGS = {"max": F.max_pool2d, "average": F.avg_pool2d}


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_taught_form_is_its_seven_lines(activation, pooling):
    torch.manual_seed(0)
    model = create_model("lenet5_modern", activation=activation, pooling=pooling)
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = model.parameters()
    f, pool = FUNCTIONS[activation], POOLINGS[pooling]
    images = some(2, 1, 32, 32)
    x = pool(f(F.conv2d(images, w1, b1)), 2)
    x = pool(f(F.conv2d(x, w2, b2)), 2)
    x = f(F.linear(x.flatten(1), w3, b3))
    x = f(F.linear(x, w4, b4))
    torch.testing.assert_close(model(images), F.linear(x, w5, b5))


def test_width_scales_all_layers_but_image_and_classes():
    base, scaled = on_meta("lenet5_modern").state_dict(), on_meta("lenet5_modern", width=1.5).state_dict()
    for entry, value in base.items():
        free = {"conv1.weight": {1}, "fc3.weight": {0}, "fc3.bias": {0}}.get(entry, set())
        kept = [size if axis in free or axis > 1 else size * 1.5 for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == kept, entry


# ------------------------------------------------------------------------------------------- images, initialisation


@pytest.mark.parametrize("name", ["lenet5", "lenet5_modern"])
def test_image_sizes_from_16_to_64_leave_a_map_that_the_next_layer_covers(name):
    for size in range(16, 65):
        layers = anatomy(on_meta(name, image_size=size)).layers
        assert layers[-1].out_shape == (10,)
        last_map = next(layer.out_shape for layer in layers if layer.name in ("s4", "pool2") and layer.macs == 0)
        assert last_map == (16, ((size - 4) // 2 - 4) // 2, ((size - 4) // 2 - 4) // 2)
    assert on_meta("lenet5", image_size=16).c5.kernel_size == (1, 1)
    assert on_meta("lenet5", image_size=64).c5.kernel_size == (13, 13)


def test_weights_of_1998_are_uniform_with_a_bound_that_falls_with_fan_in():
    torch.manual_seed(0)
    model = create_model("lenet5")
    assert_spread(model, lambda path, layer: 2.4 / layer.weight[0].numel() / math.sqrt(3))
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear | Subsampling):
            fan_in = 4 if isinstance(module, Subsampling) else module.weight[0].numel()
            assert 0.5 * 2.4 / fan_in < module.weight.abs().max() <= 2.4 / fan_in, path
            assert not module.bias.any(), path


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_weights_of_the_taught_form_follow_he_or_glorot(activation):
    def spread(path, layer):
        fan_in, fan_out = layer.weight[0].numel(), layer.weight[:, 0].numel()
        return math.sqrt(2 / fan_in if activation == "relu" else 2 / (fan_in + fan_out))

    torch.manual_seed(0)
    model = create_model("lenet5_modern", activation=activation)
    assert_spread(model, spread)
    assert not any(value.any() for entry, value in model.state_dict().items() if entry.endswith("bias"))


# --------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("lenet5", {"image_size": 15}, "image_size=15 is outside 16 to 64, .* nearest is image_size=16"),
        ("lenet5_modern", {"image_size": 65}, "image_size=65 is outside 16 to 64, .* nearest is image_size=64"),
        ("lenet5", {"num_classes": 11}, "num_classes=11 has no codes: .* give 1 to 10, or take lenet5_modern"),
        ("lenet5", {"num_classes": 0}, "num_classes=0 has no codes"),
        ("lenet5", {"width": 2}, "lenet5 has no option 'width'; it takes num_classes, in_channels, image_size"),
        ("lenet5_modern", {"activation": "gelu"}, "activation='gelu' is not one of 'relu', 'tanh', 'sigmoid'"),
        ("lenet5_modern", {"pooling": "mean"}, "pooling='mean' is not one of 'max', 'average'"),
        ("lenet5_modern", {"width": 0.3}, "width=0.3 makes 6 channels into 1.8"),
        ("lenet5", {"depth": 5}, "lenet5 has no option 'depth'"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_modern"])
@pytest.mark.parametrize(
    "shape, says",
    [
        ((2, 3, 32, 32), "images has 3 channels and this network reads 1; .*in_channels=3"),
        ((2, 1, 28, 28), r"images of 28×28 do not fit: .* 32×32 pixels; .* create_model\(…, image_size=…\)"),
        ((1, 32, 32), r"images has shape \(1, 32, 32\)"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))


def test_more_channels_are_read_by_c1_alone():
    one, three = on_meta("lenet5").state_dict(), on_meta("lenet5", in_channels=3).state_dict()
    assert [entry for entry in one if one[entry].shape != three[entry].shape] == ["c1.weight"]
    assert isinstance(on_meta("lenet5"), LeNet5)
