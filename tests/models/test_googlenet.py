"""GoogLeNet and its modules: what Table 1 prints and what it gives, torchvision's model, heads, small images."""

import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights, without_dropout
from torch import nn

from cnnlib import anatomy, create_model, load_weights
from cnnlib.models.googlenet import INCEPTION, AveragePool4x4, Inception, NaiveInception, caffe_norm
from cnnlib.models.layers import Auxiliary

ROWS = [row for row in MODELS + VARIANTS if row.name == "googlenet"]
SMALL = {"width": 1 / 8, "image_size": 32, "num_classes": 7}


def some(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def layers_of(name, **options):
    """The layers with weights by path: their `anatomy` rows."""
    return {row.name: row for row in anatomy(on_meta(name, **options)).layers if row.macs}


# ------------------------------------------------------------------------------------------------------- the table

# Szegedy et al. 2014, Table 1: what each row prints, parameters in K and operations in M, next to what its shapes give:
# weights in K of 1024, which the rows that fit use, and multiplies in M. A row fits when both are less than 1.1 apart.
TABLE_1 = {
    #         prints        gives             parameters fit, operations fit
    "conv1": (2.7,   34,    9.2,    118.0,    False, False),  # what it prints is a separable convolution: see below
    "conv2": (112,   360,   112.0,  359.7,    True,  True),
    "3a":    (159,   128,   159.5,  128.0,    True,  True),
    "3b":    (380,   304,   379.0,  304.3,    True,  True),
    "4a":    (364,   73,    366.8,  73.6,     False, True),
    "4b":    (437,   88,    438.0,  87.9,     True,  True),
    "4c":    (463,   100,   497.5,  99.9,     False, True),
    "4d":    (580,   119,   590.5,  118.5,    False, True),
    "4e":    (840,   170,   847.0,  170.0,    False, True),
    "5a":    (1072,  54,    1018.0, 51.1,     False, False),
    "5b":    (1388,  71,    1409.0, 70.7,     False, True),
    "fc":    (1000,  1,     1000.0, 1.0,      True,  True),
}  # fmt: skip
MODULES = [row for row in TABLE_1 if row[0] in "345"]


@pytest.mark.parametrize("row", TABLE_1)
def test_what_a_row_of_table_1_prints_and_what_it_gives(row):
    params, ops, weights_k, macs_m, params_fit, ops_fit = TABLE_1[row]
    stage = f"inception{row}" if row in MODULES else row
    model = on_meta("googlenet", variant="paper")
    weights = sum(m.weight.numel() for m in getattr(model, stage).modules() if isinstance(m, nn.Conv2d | nn.Linear))
    macs = sum(seen.macs for name, seen in layers_of("googlenet", variant="paper").items() if name.startswith(stage))
    assert (round(weights / 1024, 1), round(macs / 1e6, 1)) == (weights_k, macs_m)
    assert (abs(params - weights_k) < 1.1, abs(ops - macs_m) < 1.1) == (params_fit, ops_fit)


def test_the_first_row_prints_a_separable_convolution():
    """7×7 over each of 3 channels to 8 maps, then a 1×1 of 64: what the paper of batch norm says of its conv1."""
    weights = 49 * 3 * 8 + 24 * 64
    assert (round(weights / 1000, 1), round(weights * 112 * 112 / 1e6)) == TABLE_1["conv1"][:2]


def test_the_output_of_a_row_is_the_input_of_the_next():
    """The column of outputs in Table 1, which poolings keep."""
    outputs = {"3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832, "5b": 1024}
    channels = 192
    for name, (before, conv1x1, _, conv3x3, _, conv5x5, pool_proj) in INCEPTION.items():
        assert before == channels
        channels = conv1x1 + conv3x3 + conv5x5 + pool_proj
        assert channels == outputs[name]


# Table 1 once more, read by hand: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj; "|" is a max pooling.
BY_HAND = """64 96 128 16 32 32, 128 128 192 32 96 64, |, 192 96 208 16 48 64, 160 112 224 24 64 64,
128 128 256 24 64 64, 112 144 288 32 64 64, 256 160 320 32 128 128, |, 256 160 320 32 128 128, 384 192 384 48 128 128"""


def sum_over_the_table(*, variant="torchvision", image_size=None):
    """Parameters, running statistics, MACs and receptive field from Table 1 alone: no model is built."""
    params = statistics = macs = 0
    fixed = 2 if variant == "torchvision" else 0  # the mean and the variance of a batch norm
    learned = 2 if variant == "torchvision" else 1  # its scale and shift, or a bias
    side, field, jump = (image_size, 3, 1) if image_size else (112, 7, 2)

    def conv(before, after, kernel):
        nonlocal params, statistics, macs
        weights = kernel * kernel * before * after
        params, statistics, macs = (
            params + weights + learned * after,
            statistics + fixed * after,
            macs + weights * side**2,
        )

    def pool(kernel):
        nonlocal side, field, jump
        side, field, jump = side // 2, field + (kernel - 1) * jump, 2 * jump

    conv(3, 64, 3 if image_size else 7)
    if not image_size:
        pool(3)
    conv(64, 64, 1)
    conv(64, 192, 3)
    field += 2 * jump
    pool(3)
    channels, poolings = 192, iter((3, 2 if variant == "torchvision" else 3))
    for row in BY_HAND.split(","):
        if row.strip() == "|":
            pool(next(poolings))
            continue
        conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj = map(int, row.split())
        window = 3 if variant == "torchvision" else 5
        for before, after, kernel in (
            (channels, conv1x1, 1),
            (channels, reduce3x3, 1),
            (reduce3x3, conv3x3, 3),
            (channels, reduce5x5, 1),
            (reduce5x5, conv5x5, window),
            (channels, pool_proj, 1),
        ):
            conv(before, after, kernel)
        field += (window - 1) * jump
        channels = conv1x1 + conv3x3 + conv5x5 + pool_proj
    return params + 1025 * 1000, statistics, macs + 1024 * 1000, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_table(row):
    assert sum_over_the_table(**row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


def test_22_layers_have_weights_and_27_with_the_poolings():
    """Sec. 5: conv1, two of conv2, two in each module, the linear layer; four max poolings and the average."""
    model = on_meta("googlenet", variant="paper")
    layers = [path for path, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    on_the_longest_path = [path for path in layers if "inception" not in path or ".conv5x5." in path]
    poolings = [m for m in model.children() if isinstance(m, nn.MaxPool2d | nn.AdaptiveAvgPool2d)]
    assert (len(layers), len(on_the_longest_path), len(poolings)) == (58, 22, 5)


def test_the_maps_that_a_layer_sees_grow_as_published():
    """Receptive fields of the paper's form at the end of each stage, counted from the table by other code than ours."""
    fields = "conv1 7 maxpool1 11 conv2 19 maxpool2 27 3a 59 3b 91 maxpool3 107 4a 171 4b 235 4c 299 4d 363 4e 427 "
    fields = (fields + "maxpool4 459 5a 587 5b 715").split()
    seen = {
        row.name.split(".")[0]: row.receptive_field for row in anatomy(on_meta("googlenet", variant="paper")).layers
    }
    for stage, field in zip(fields[::2], map(int, fields[1::2]), strict=True):
        assert seen[stage if stage in seen else f"inception{stage}"] == (field, field), stage


# -------------------------------------------------------------------------------------------------- torchvision


def theirs(heads=False):
    return torchvision.models.googlenet(init_weights=False, aux_logits=heads, transform_input=False)


@pytest.mark.parametrize("size, train", [((64, 64), True), ((33, 97), False), ((15, 15), False)])
def test_torchvisions_weights_give_torchvisions_outputs(size, train):
    assert_same_as(with_drawn_weights(theirs), "googlenet", size=size, train=train)


def test_torchvisions_weights_with_heads_give_the_outputs_of_the_heads():
    reference = without_dropout(with_drawn_weights(lambda: theirs(heads=True))).train()
    model = on_meta("googlenet", aux_heads=True).to_empty(device="cpu")
    model = without_dropout(load_weights(model, reference.state_dict())).train()
    images = some(2, 3, 64, 64)
    with torch.no_grad():
        ours, expected = model(images), reference(images)
        assert isinstance(ours, Auxiliary)
        torch.testing.assert_close(ours.logits, expected.logits, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(ours.auxiliary[0], expected.aux_logits1, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(ours.auxiliary[1], expected.aux_logits2, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(model.eval()(images), reference.eval()(images), rtol=1e-3, atol=1e-3)


def test_torchvisions_weights_with_heads_load_into_the_network_without():
    """The pretrained file has the heads, which are thrown away at test time (Sec. 5)."""
    reference = with_drawn_weights(lambda: theirs(heads=True))
    model = load_weights(on_meta("googlenet").to_empty(device="cpu"), reference.state_dict())
    images = some(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images), reference.eval()(images), rtol=1e-4, atol=1e-4)


# ----------------------------------------------------------------------------------------------------- the modules


def spelled_out(module, x, *, window):
    """Fig. 2 (b) with the weights of `module`, in functional calls."""

    def conv(layer, x, padding=0):
        return F.relu(F.conv2d(x, layer[0].weight, layer[0].bias, padding=padding))

    return torch.cat(
        [
            conv(module.conv1x1, x),
            conv(module.conv3x3[1], conv(module.conv3x3[0], x), 1),
            conv(module.conv5x5[1], conv(module.conv5x5[0], x), window // 2),
            conv(module.pool[1], F.max_pool2d(x, 3, 1, 1)),
        ],
        dim=1,
    )


@pytest.mark.parametrize("window", [3, 5])
def test_a_module_is_its_four_paths_stacked(window):
    module = Inception(6, 2, 3, 4, 5, 6, 7, window=window)
    x = some(2, 6, 7, 5)
    torch.testing.assert_close(module(x), spelled_out(module, x, window=window))
    assert module(x).shape == (2, module.out_channels, 7, 5) == (2, 2 + 4 + 6 + 7, 7, 5)


def test_a_naive_module_passes_its_pooled_input_on():
    module = NaiveInception(6, 2, 3, 4)
    x = some(2, 6, 7, 5)
    assert module.out_channels == 2 + 3 + 4 + 6
    assert torch.equal(module(x)[:, -6:], F.max_pool2d(x, 3, 1, 1))
    for path, layer in (("conv1x1", slice(0, 2)), ("conv3x3", slice(2, 5)), ("conv5x5", slice(5, 9))):
        conv = getattr(module, path)[0]
        expected = F.relu(F.conv2d(x, conv.weight, conv.bias, padding=conv.weight.shape[-1] // 2))
        torch.testing.assert_close(module(x)[:, layer], expected)


def test_the_example_of_the_courses():
    """28×28×256, filters 128, 192 and 96: 854M multiplies; with reductions of 64, 271M, which a slide sums to 358M."""
    naive = [28 * 28 * 256 * per_input for per_input in (128, 9 * 192, 25 * 96)]
    reductions = 3 * [28 * 28 * 256 * 64]
    reduced = [28 * 28 * 256 * 128, *reductions, 28 * 28 * 9 * 64 * 192, 28 * 28 * 25 * 64 * 96]
    macs = [[row.macs for row in layers_of(name).values()] for name in ("naive_inception_module", "inception_module")]
    assert (sorted(macs[0]), sorted(macs[1])) == (sorted(naive), sorted(reduced))
    assert (round(sum(naive) / 1e6), round(sum(reduced) / 1e6)) == (854, 271)
    assert round((sum(reduced) + reduced[4]) / 1e6) == 358  # the 3×3 counted twice


def sum_over_fig_2(name, *, depth=1):
    """Parameters, MACs and output channels of the courses' modules in a row, from Fig. 2 alone: no model is built."""
    channels, params, macs = 256, 0, 0
    for _ in range(depth):
        if name == "inception_module":
            weights, biases = channels * (128 + 3 * 64) + 9 * 64 * 192 + 25 * 64 * 96, 128 + 192 + 96 + 3 * 64
            after = 128 + 192 + 96 + 64
        else:
            weights, biases = channels * (128 + 9 * 192 + 25 * 96), 128 + 192 + 96
            after = channels + biases  # the pooling passes all its channels on
        channels, params, macs = after, params + weights + biases, macs + 28 * 28 * weights
    return params, macs, channels


@pytest.mark.parametrize("row", [row for row in MODELS + VARIANTS if row.name.endswith("inception_module")], ids=label)
def test_the_row_of_a_module_is_the_sum_over_fig_2(row):
    assert sum_over_fig_2(row.name, **row.options) == (row.params, row.macs, row.last_map[0])


def test_naive_modules_in_a_row_grow_and_the_others_do_not():
    """Sec. 4: naive modules "lead to an inevitable increase in the number of outputs from stage to stage"."""
    for name, widths in (("naive_inception_module", [672, 1088, 1504]), ("inception_module", [480, 480, 480])):
        model = on_meta(name, depth=3)
        assert [module.out_channels for module in model.stack] == widths
        assert model(torch.empty(1, 256, 9, 7, device="meta")).shape == (1, widths[-1], 9, 7)


def test_3b_alone_has_the_multiplies_of_table_1():
    widths = dict(zip(("reduce3x3", "reduce5x5", "pool_proj"), (128, 32, 64), strict=True))
    assert round(anatomy(on_meta("inception_module", **widths)).macs / 1e6) == TABLE_1["3b"][1]


# ------------------------------------------------------------------------------------------- the auxiliary classifiers


@pytest.mark.parametrize("variant, params", [("paper", 13_378_280), ("torchvision", 13_004_888)])
def test_the_heads_double_the_parameters(variant, params):
    """Counted by other code: 3,188,840 and 3,190,888 in the paper's form; the second is torchvision's own count."""
    model = on_meta("googlenet", variant=variant, aux_heads=True)
    without = sum(p.numel() for p in on_meta("googlenet", variant=variant).parameters())
    heads = [sum(p.numel() for p in head.parameters()) for head in (model.aux1, model.aux2)]
    assert sum(p.numel() for p in model.parameters()) == params == without + sum(heads)
    assert variant == "torchvision" or heads == [3_188_840, 3_190_888]


def test_a_head_of_the_paper_reads_the_map_as_sec_5_says():
    """5×5 averages at stride 3, a 1×1 of 128, 1024 units, 70% dropped."""
    head = create_model("googlenet", variant="paper", aux_heads=True, num_classes=3).aux1[0]
    x = some(2, 512, 14, 14)
    pooled = F.avg_pool2d(x, 5, 3)
    assert pooled.shape == (2, 512, 4, 4)
    conv = head.conv[0]
    hidden = F.relu(
        F.linear(F.relu(F.conv2d(pooled, conv.weight, conv.bias)).flatten(1), head.fc1.weight, head.fc1.bias)
    )
    assert hidden.shape == (2, 1024) and conv.out_channels == 128 and head.dropout.p == 0.7
    torch.testing.assert_close(head.eval()(x), F.linear(hidden, head.fc2.weight, head.fc2.bias))


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
def test_heads_speak_in_training_only_and_send_gradients_below_them(variant):
    torch.manual_seed(0)
    model = create_model("googlenet", variant=variant, aux_heads=True, **SMALL)
    images = some(2, 3, 32, 32)
    output = model.train()(images)
    assert isinstance(output, Auxiliary) and output.logits.shape == (2, 7)
    assert [logits.shape for logits in output.auxiliary] == [(2, 7), (2, 7)]
    output.auxiliary[0].sum().backward(retain_graph=True)
    reached = {path.split(".")[0] for path, p in model.named_parameters() if p.grad is not None}
    assert reached == {"conv1", "conv2", "inception3a", "inception3b", "inception4a", "aux1"}
    output.auxiliary[1].sum().backward()
    later = {path.split(".")[0] for path, p in model.named_parameters() if p.grad is not None} - reached
    assert later == {"inception4b", "inception4c", "inception4d", "aux2"}
    assert model.eval()(images).shape == (2, 7)


def test_heads_change_nothing_else():
    """The network with heads is the one without as soon as it is in evaluation mode."""
    model = create_model("googlenet", aux_heads=True, **SMALL).eval()
    without = load_weights(create_model("googlenet", **SMALL), model.state_dict()).eval()
    images = some(2, 3, 32, 32)
    assert torch.equal(model(images), without(images))
    assert not list(without.aux1.parameters()) and not list(without.aux2.parameters())


@pytest.mark.parametrize("size, ok", [(222, False), (223, True), (270, True), (271, False)])
def test_the_paper_s_heads_are_made_for_its_images(size, ok):
    model = on_meta("googlenet", variant="paper", aux_heads=True).train()
    images = torch.empty(1, 3, size, size, device="meta")
    if ok:
        assert len(model(images).auxiliary) == 2
    else:
        with pytest.raises(
            ValueError, match=r"aux_heads=True needs images of 224×224 .* with image_size=… or aux_heads"
        ):
            model(images)
    assert model.eval()(images).shape == (1, 1000)


# ------------------------------------------------------------------------------ normalisation, initialisation, width


def test_the_response_normalisation_is_caffes():
    """Caffe divides alpha by the number of maps in the window, as PyTorch does; k is 1."""
    x = some(2, 7, 3, 3) * 50
    squares = F.pad(x.square(), (0, 0, 0, 0, 2, 2))
    window = sum(squares[:, i : i + 7] for i in range(5))
    torch.testing.assert_close(caffe_norm()(x), x / (1 + 1e-4 / 5 * window) ** 0.75)


def test_response_normalisation_stands_in_the_paper_s_form_only():
    """Fig. 3: after the first pooling and before the second."""
    ops = [row.op for row in anatomy(on_meta("googlenet", variant="paper")).layers]
    assert [i for i, op in enumerate(ops) if op == "local_response_norm"] == [3, 8]
    assert (
        ops[:10]
        == "conv2d relu max_pool2d local_response_norm conv2d relu conv2d relu local_response_norm max_pool2d".split()
    )
    assert "local_response_norm" not in [row.op for row in anatomy(on_meta("googlenet")).layers]


def biases(model):
    """Each layer's bias by path, and whether a ReLU follows: all but the logits."""
    for path, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            yield layer.bias, not path.endswith(("fc", "fc2"))


def test_weights_of_the_paper_s_form_start_as_caffes():
    torch.manual_seed(0)
    model = create_model("googlenet", variant="paper", aux_heads=True, image_size=32)
    assert_spread(model, lambda path, layer: 1 / math.sqrt(layer.weight[0].numel()))
    largest = model.fc.weight.abs().max().item()
    assert math.isclose(largest, math.sqrt(3 / 1024), rel_tol=1e-3)  # uniform
    for bias, before_a_relu in biases(model):
        assert bias.eq(0.2 if before_a_relu else 0).all()
    alone = create_model("inception_module")
    assert_spread(alone, lambda path, layer: 1 / math.sqrt(layer.weight[0].numel()))


def test_weights_of_torchvisions_form_start_as_its_own():
    torch.manual_seed(0)
    model = create_model("googlenet", aux_heads=True, image_size=32)
    assert_spread(model, lambda path, layer: 0.01)
    assert not any(bias.any() for bias, _ in biases(model))
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 59 and all(norm.eps == 1e-3 and norm.weight.eq(1).all() for norm in norms)


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
@pytest.mark.parametrize("width", [0.25, 2])
def test_width_scales_all_channels_and_hidden_units(variant, width):
    options = {"variant": variant, "aux_heads": True}
    base, scaled = (on_meta("googlenet", width=w, **options).state_dict() for w in (1, width))
    for entry, value in base.items():
        free = {0} if entry.startswith("fc") or ".fc2." in entry else {1} if entry == "conv1.0.weight" else set()
        expected = [size if axis in free or axis > 1 else round(size * width) for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == expected, entry


# ------------------------------------------------------------------------------------------- images, bad arguments


@pytest.mark.parametrize(
    "options, smallest",
    [
        ({}, 15),
        ({"variant": "paper"}, 31),
        ({"image_size": 16}, 4),
        ({"image_size": 16, "variant": "paper"}, 8),
    ],
)
def test_the_smallest_images_that_the_error_names_pass_and_smaller_ones_do_not(options, smallest):
    model = create_model("googlenet", width=1 / 8, **options).eval()
    assert model(torch.zeros(1, 3, smallest, smallest + 1)).isfinite().all()
    with pytest.raises(ValueError, match=rf"too small: .* at least {smallest}×{smallest} pixels"):
        model(torch.zeros(1, 3, smallest + 1, smallest - 1))
    model.smallest = 1
    with pytest.raises(RuntimeError, match="too small"):  # a pooling fails, so that the limit is as low as it can be
        model(torch.zeros(1, 3, smallest - 1, smallest - 1))


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
@pytest.mark.parametrize("image_size", [16, 28, 32, 64])
def test_small_images_keep_their_size_up_to_the_second_pooling(variant, image_size):
    model = on_meta("googlenet", variant=variant, image_size=image_size, aux_heads=True, num_classes=10).train()
    assert model.input_size == (3, image_size, image_size)
    shapes = {row.name.split(".")[0]: row.out_shape for row in anatomy(model).layers}
    assert [shapes[stage][1] for stage in ("conv2", "inception3b", "inception4e")] == [
        image_size,
        image_size // 2,
        image_size // 4,
    ]
    output = model(torch.empty(2, *model.input_size, device="meta"))
    assert [logits.shape for logits in (output.logits, *output.auxiliary)] == [(2, 10)] * 3


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("googlenet", {"variant": "caffe"}, "variant='caffe' is not one of 'paper', 'torchvision'"),
        ("googlenet", {"width": 1 / 16}, "width=0.0625 makes 8 channels into 0.5, .* width=0.125 and width=0.25 do"),
        ("googlenet", {"image_size": 8}, "image_size=8 is outside 16 to 64, .* the nearest is image_size=16"),
        ("googlenet", {"depth": 22}, "googlenet has no option 'depth'; it takes variant, aux_heads, num_classes"),
        ("inception_module", {"depth": 0}, "depth=0 leaves no module; give at least 1"),
        ("naive_inception_module", {"depth": -1}, "depth=-1 leaves no module"),
        ("inception_module", {"reduce5x5": 0}, "reduce5x5=0 is no number of channels; give at least 1"),
        ("naive_inception_module", {"conv3x3": -2}, "conv3x3=-2 is no number of channels"),
        ("inception_module", {"in_channels": 0}, "in_channels=0 is no number of channels"),
        (
            "naive_inception_module",
            {"reduce3x3": 64},
            "naive_inception_module has no option 'reduce3x3'; it takes in_ch",
        ),
        ("inception_module", {"num_classes": 10}, "inception_module has no option 'num_classes'"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


@pytest.mark.parametrize(
    "name, shape, says",
    [
        ("googlenet", (2, 1, 64, 64), r"images has 1 channels and this network reads 3; .*in_channels=1"),
        ("googlenet", (3, 64, 64), r"images has shape \(3, 64, 64\); give a batch \(N, 3, H, W\)"),
        ("inception_module", (2, 192, 28, 28), "images has 192 channels and this network reads 256"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))


def test_averages_of_the_paper_s_heads_are_those_of_14_to_16_positions():
    for side in (14, 15, 16):
        assert AveragePool4x4()(torch.zeros(1, 2, side, side)).shape == (1, 2, 4, 4)
    with pytest.raises(ValueError, match="give them 17×14"):
        AveragePool4x4()(torch.zeros(1, 2, 17, 14))
