"""The residual and plain networks: their table, the paper's blocks, and torchvision's models as the oracle."""

import math
import re

import pytest
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import create_model, list_models
from cnnlib.models.resnet import BasicBlock, Bottleneck, PadShortcut, make_shortcut

NARROW = {"width": 0.25}  # of the CIFAR nets: 4, 8, 16 channels
NAMES = [name for family in ("resnet", "plain", "cifar_resnet", "cifar_plain") for name in list_models(family)]
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]


# ------------------------------------------------------------------------------------------------------- the table

# He et al. 2015, Table 1: convolutions of a block as (kernel size, channels), and blocks in conv2_x … conv5_x.
BASIC, BOTTLENECK = ((3, 1), (3, 1)), ((1, 1), (3, 1), (1, 4))
TABLE_1 = {
    18: (BASIC, (2, 2, 2, 2)),
    34: (BASIC, (3, 4, 6, 3)),
    50: (BOTTLENECK, (3, 4, 6, 3)),
    101: (BOTTLENECK, (3, 4, 23, 3)),
    152: (BOTTLENECK, (3, 8, 36, 3)),
}


def sum_over_the_table(name, *, shortcut=None, stride_in_1x1=False, conv_bias=False, num_classes=None):
    """Parameters, running statistics, MACs and receptive field from the paper's table alone: no model is built."""
    family, depth = re.fullmatch(r"(\D+)(\d+)", name).groups()
    shortcut = shortcut or {"resnet": "B", "cifar_resnet": "A"}.get(family, "none")
    if family.startswith("cifar"):
        block, blocks, widths = BASIC, [(int(depth) - 2) // 6] * 3, (16, 32, 64)
        channels, side, field, jump = 16, 32, 3, 1
        params, macs, num_classes, statistics = 9 * 3 * 16 + 2 * 16, 32 * 32 * 9 * 3 * 16, num_classes or 10, 2 * 16
    else:
        block, blocks = TABLE_1[int(depth)]
        widths = (64, 128, 256, 512)
        channels, side, field, jump = 64, 56, 7 + 2 * 2, 4  # after the 7×7 convolution and the pooling
        params, macs, num_classes = 49 * 3 * 64 + 2 * 64, 112 * 112 * 49 * 3 * 64, num_classes or 1000
        statistics = 2 * 64
        params += 64 * conv_bias
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for number in range(count):
            stride = 2 if stage and number == 0 else 1
            strided = 0 if block is BASIC or stride_in_1x1 else 1  # which convolution of the block strides
            block_in, side_in = channels, side
            for place, (kernel, expansion) in enumerate(block):
                out = width * expansion
                weights = kernel * kernel * channels * out
                field += (kernel - 1) * jump
                if place == strided:
                    side, jump = side // stride, jump * stride
                params += weights + 2 * out + out * conv_bias  # batch norm has a scale and a shift …
                statistics += 2 * out  # … and a mean and a variance
                macs += side * side * weights
                channels = out
            changes = stride == 2 or block_in != channels
            if shortcut == "C" or (shortcut == "B" and changes):
                params += block_in * channels + 2 * channels + channels * conv_bias
                statistics += 2 * channels
                macs += (side_in // stride) ** 2 * block_in * channels
    return params + (channels + 1) * num_classes, statistics, macs + channels * num_classes, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_papers_table(row):
    assert sum_over_the_table(row.name, **row.options) == (
        row.params,
        row.fixed,
        row.macs,
        row.receptive_field,
    )


def test_the_closed_form_of_the_cifar_nets():
    for row in ROWS:
        if row.name.startswith("cifar") and not row.options:
            n = (int(re.search(r"\d+", row.name)[0]) - 2) // 6
            assert row.receptive_field == 28 * n - 3
            assert row.params == 97_216 * n - 21_926
            assert row.macs == 14_155_776 * n - 1_916_288


def test_keras_style_resnet50_and_its_running_statistics():
    model = on_meta("resnet50", conv_bias=True, stride_in_1x1=True, num_classes=6)
    statistics = sum(b.numel() for name, b in model.named_buffers() if not name.endswith("num_batches_tracked"))
    biases = sum(m.bias.numel() for m in model.modules() if isinstance(m, nn.Conv2d))
    without = sum(p.numel() for p in on_meta("resnet50", num_classes=6).parameters())
    learnable = sum(p.numel() for p in model.parameters())
    assert (learnable, statistics, learnable + statistics) == (23_546_886, 53_120, 23_600_006)
    assert (biases, learnable - without) == (26_560, 26_560)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_says_how_many_layers_have_weights(name):
    """Convolutions and FC on the longest path; projections on shortcuts are not counted (Sec. 3.3)."""
    layers = [
        module
        for path, module in on_meta(name).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and ".shortcut." not in path
    ]
    assert len(layers) == int(re.search(r"\d+", name)[0])


# -------------------------------------------------------------------------------------------------- torchvision


@pytest.mark.parametrize(
    "name, size, train",
    [
        ("resnet18", (64, 64), True),
        ("resnet34", (64, 64), True),
        ("resnet50", (64, 64), True),
        ("resnet50", (33, 97), False),
        ("resnet101", (64, 64), False),
        ("resnet152", (64, 64), False),
    ],
)
def test_torchvisions_weights_give_torchvisions_outputs(name, size, train):
    assert_same_as(with_drawn_weights(getattr(torchvision.models, name)), name, size=size, train=train)


# ---------------------------------------------------------------------------------------------- blocks, shortcuts


@pytest.mark.parametrize("block, channels", [(BasicBlock, 8), (Bottleneck, 2)])
def test_a_block_whose_residual_is_zero_is_the_identity_on_what_a_relu_gives(block, channels):
    """Sec. 3.1: "push the residual to zero"; "with ReLU after the addition" negative values do not pass."""
    block = block(8, channels)
    last = [m for m in block.residual if isinstance(m, nn.BatchNorm2d)][-1]
    nn.init.zeros_(last.weight)
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x.relu()), x.relu())
    assert torch.equal(block(x), x.relu())


@pytest.mark.parametrize("size", [(6, 6), (7, 5)])
def test_option_a_takes_every_second_position_and_pads_with_zero_channels(size):
    shortcut = make_shortcut("A", 3, 8, 2, False)
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    out = shortcut(x)
    assert isinstance(shortcut, PadShortcut) and not list(shortcut.parameters())
    assert torch.equal(out[:, :3], x[:, :, ::2, ::2])
    assert out.shape[1] == 8 and not out[:, 3:].any()


@pytest.mark.parametrize("option", "ABC")
def test_shortcuts_where_nothing_changes(option):
    shortcut = make_shortcut(option, 8, 8, 1, False)
    assert isinstance(shortcut, nn.Sequential if option == "C" else nn.Identity)


@pytest.mark.parametrize("option", "BC")
def test_a_projection_is_a_strided_1x1_convolution_and_its_batch_norm(option):
    conv, norm = make_shortcut(option, 4, 8, 2, False)
    assert (conv.kernel_size, conv.stride, conv.padding, conv.bias) == ((1, 1), (2, 2), (0, 0), None)
    assert norm.num_features == 8


@pytest.mark.parametrize(
    "name, shortcuts, projections",
    [
        ("resnet18", 8, {"A": 0, "B": 3, "C": 8}),
        ("resnet34", 16, {"A": 0, "B": 3, "C": 16}),
        ("resnet50", 16, {"A": 0, "B": 4, "C": 16}),  # conv2_1 changes the channels, if not the size
        ("cifar_resnet20", 9, {"A": 0, "B": 2, "C": 9}),
    ],
)
def test_how_many_shortcuts_there_are_and_how_many_project(name, shortcuts, projections):
    for option, expected in projections.items():
        blocks = [m for m in on_meta(name, shortcut=option).modules() if isinstance(m, BasicBlock | Bottleneck)]
        assert len(blocks) == shortcuts
        assert sum(isinstance(block.shortcut, nn.Sequential) for block in blocks) == expected


@pytest.mark.parametrize("plain, residual", [("plain18", "resnet18"), ("plain34", "resnet34"), ("cifar_plain56",) * 2])
def test_a_plain_net_has_the_layers_of_its_option_a_residual_net(plain, residual):
    residual = residual.replace("plain", "resnet")
    one, other = on_meta(plain), on_meta(residual, shortcut="A")
    shapes = [[value.shape for value in model.state_dict().values()] for model in (one, other)]
    assert shapes[0] == shapes[1]
    torch.manual_seed(0)
    one = create_model("cifar_plain20", **NARROW)
    torch.manual_seed(0)
    other = create_model("cifar_resnet20", **NARROW)
    assert all(map(torch.equal, one.parameters(), other.parameters()))  # so a comparison starts from the same weights


def test_stride_in_1x1_says_which_convolution_strides():
    for v1 in (True, False):
        block = on_meta("resnet50", stride_in_1x1=v1).conv3_x[0]
        assert (block.residual.conv1.stride[0], block.residual.conv2.stride[0]) == ((2, 1) if v1 else (1, 2))


# ------------------------------------------------------------------------------------------- initialisation, width


def test_he_initialisation_of_every_layer():
    torch.manual_seed(0)
    model = create_model("resnet18", conv_bias=True)
    assert_spread(model, lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert not module.bias.any(), name
        elif isinstance(module, nn.BatchNorm2d):
            assert module.weight.eq(1).all() and not module.bias.any(), name


@pytest.mark.parametrize("name, width", [("resnet50", 0.5), ("resnet50", 2.0), ("cifar_plain20", 0.25), ("plain18", 3)])
def test_width_scales_all_channels(name, width):
    base, scaled = on_meta(name).state_dict(), on_meta(name, width=width).state_dict()
    for entry, value in base.items():
        free = {0} if entry.startswith("fc") else {1} if entry == "conv1.weight" else set()  # classes, image channels
        expected = [size if axis in free or axis > 1 else round(size * width) for axis, size in enumerate(value.shape)]
        assert list(scaled[entry].shape) == expected, entry


@pytest.mark.parametrize("width", [0.3, 1.01, 0, -1, 0.001])
def test_a_width_that_makes_no_whole_channels_is_refused_with_two_that_do(width):
    with pytest.raises(ValueError, match=rf"width={width} makes 16 channels") as error:
        create_model("cifar_resnet20", width=width)
    suggestions = [float(found) for found in re.findall(r"width=([\d.]+)", str(error.value))[-2:]]
    for suggestion in suggestions:
        assert on_meta("cifar_resnet20", width=suggestion).conv1.out_channels == 16 * suggestion


# --------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("resnet51", {}, "depth=51 is not one of 18, 34, 50, 101, 152"),
        ("plain", {"depth": 50}, "depth=50 is not one of 18, 34"),
        ("cifar_resnet", {"depth": 57}, r"depth=57 is not 6n \+ 2 .* nearest depths are 56 and 62"),
        ("cifar_plain", {"depth": 2}, "depth=2 is not .* nearest depths are 8 and 14"),
        ("cifar_resnet21", {}, "depth=21 is not"),
        ("resnet18", {"shortcut": "D"}, "shortcut='D' is not one of 'A', 'B', 'C'"),
        ("cifar_resnet20", {"shortcut": "b"}, "shortcut='b' is not one of 'A', 'B', 'C'"),
        ("resnet34", {"stride_in_1x1": True}, "stride_in_1x1=True has no meaning at depth=34: .* no 1×1; leave it out"),
        ("resnet18", {"stride_in_1x1": False}, "stride_in_1x1=False has no meaning at depth=18"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


def test_the_depths_that_an_error_names_can_be_built():
    for depth in (3, 9, 57, 1201):
        with pytest.raises(ValueError) as error:
            create_model("cifar_resnet", depth=depth)
        for nearest in re.findall(r"\d+", str(error.value).rpartition("depths are")[2]):
            on_meta("cifar_resnet", depth=int(nearest))


@pytest.mark.parametrize(
    "name, shape, says",
    [
        ("resnet18", (2, 1, 64, 64), r"images has 1 channels and this network reads 3; .*in_channels=1"),
        ("resnet18", (3, 64, 64), r"images has shape \(3, 64, 64\); give a batch \(N, 3, H, W\)"),
        ("resnet18", (2, 3, 64, 31), "images of 64×31 are too small: .* at least 32×32 pixels"),
        ("cifar_resnet20", (2, 3, 3, 8), "images of 3×8 are too small: .* at least 4×4 pixels"),
        ("cifar_resnet20", (2, 3), r"images has shape \(2, 3\)"),
    ],
)
def test_images_that_the_network_cannot_read(name, shape, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name)(torch.empty(shape, device="meta"))


@pytest.mark.parametrize("name, side", [("resnet18", 32), ("cifar_resnet20", 4)])
def test_the_smallest_images_that_the_error_names_pass(name, side):
    width = 0.25
    assert create_model(name, width=width).eval()(torch.zeros(1, 3, side, side)).isfinite().all()
