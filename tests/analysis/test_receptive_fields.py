"""What positions see, against a brute-force search that puts NaN in one row or column of pixels at a time."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Net, pixels_seen, torchvision_on_meta
from torch import nn

from cnnlib import anatomy, create_model

CHANNELS = 2


def reach(row, axis):
    """First and last pixel that position 0 of a row's map sees, and the step from one position to the next."""
    half = (row.receptive_field[axis] - 1) / 2
    return int(row.start[axis] - half), int(row.start[axis] + half), row.jump[axis]


def check_against_brute_force(model, input_size):
    """Every position sees only what is said; where no border cuts it off, exactly from the first to the last pixel."""
    rows = anatomy(model, input_size).layers
    assert all(row.known for row in rows)
    exact = 0
    for axis in (0, 1):
        lo, hi, jump = reach(rows[-1], axis)
        reaches = [(*reach(row, axis), row.out_shape[axis - 2]) for row in rows]
        first = max(0, *(low for low, _, _, _ in reaches))  # below: some map on the way may begin later
        last = min(input_size[1 + axis] - 1, *(high + (count - 1) * step for _, high, step, count in reaches))
        seen = pixels_seen(model, input_size, axis)
        assert len(seen) == rows[-1].out_shape[axis - 2]
        for position, pixels in enumerate(seen):
            low, high = lo + position * jump, hi + position * jump
            assert not pixels or (low <= pixels[0] and pixels[-1] <= high), (axis, position)
            if low >= first and high <= last:
                assert (pixels[0], pixels[-1]) == (low, high), (axis, position)
                exact += 1
    return exact


def conv(kernel, stride=1, padding=0, **options):
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, **options)


def inception(net, x):
    return torch.cat([net.one(x), net.three(x), net.five(x), net.pool(x)], 1)


def shuffle(net, x):
    left, right = net.conv(x).chunk(2, 1)
    x = torch.cat((left, F.relu(right)), dim=1)
    n, c, h, w = x.shape
    return net.after(x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))


def option_a(net, x):
    return F.relu(net.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 0)))


def in_place(net, x):
    y = net.conv(x)
    y += x  # y sees what x sees, too
    y.add_(net.wide(x))
    return net.after(y)


NETS = {
    "conv": conv(3, 2, 1),
    "stack": nn.Sequential(conv(3), nn.BatchNorm2d(CHANNELS), nn.ReLU(), conv(3, 2), nn.MaxPool2d(2), conv(3, padding=1)),
    "asymmetric": nn.Sequential(conv((1, 7), padding=(0, 3)), conv((5, 1), (2, 1)), conv((2, 3), (1, 2))),
    "dilation": nn.Sequential(conv(3, padding=2, dilation=2), conv(3, 2, dilation=(1, 3))),
    "same": nn.Sequential(conv(4, padding="same"), conv(2, padding="same", dilation=3), conv(3, 2)),
    "ceil_mode": nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), conv(3), nn.MaxPool2d(2, 2, ceil_mode=True)),
    "dilated_max": nn.Sequential(nn.MaxPool2d(3, 2, 1, dilation=2), conv(3)),
    "average": nn.Sequential(nn.AvgPool2d(3, 2, 1), conv(3), nn.AvgPool2d((2, 3), ceil_mode=True)),
    "adaptive": nn.Sequential(conv(3, padding=1), nn.AdaptiveAvgPool2d((10, 20)), conv(3)),
    "groups": nn.Sequential(conv(3, groups=CHANNELS), conv(5, 3, groups=CHANNELS)),
    "norms": nn.Sequential(conv(3), nn.BatchNorm2d(CHANNELS), nn.LocalResponseNorm(2), nn.Dropout(), nn.PReLU(), nn.ReLU6()),
    "transposed": nn.Sequential(conv(3, 2), nn.ConvTranspose2d(CHANNELS, CHANNELS, (3, 4), padding=(1, 0), dilation=(2, 1)), conv(3)),
    "padding_mode": conv(3, padding=1, padding_mode="replicate"),
    "residual": Net(lambda net, x: F.relu(net.conv(x) + x), conv=nn.Sequential(conv(3, padding=1), conv(5, padding=2))),
    "option_a": Net(option_a, conv=conv(3, 2, 1)),
    "inception": nn.Sequential(
        conv(3, 2),
        Net(inception, one=conv(1), three=conv(3, padding=1), five=conv(5, padding=2), pool=nn.MaxPool2d(3, 1, 1)),
        nn.MaxPool2d(3, 2),
    ),
    "crooked_branches": Net(lambda net, x: net.one(x)[:, :, 1:, :-2] * net.other(x)[:, :, :-1, 2:], one=conv(3, 2), other=conv(3, 2)),
    "pad": Net(lambda net, x: net.conv(F.pad(x, (0, 1, 2, 0))), conv=conv(3, 2)),
    "crop": Net(lambda net, x: net.conv(F.pad(x, (-2, -1, -1, 3))), conv=conv(3, 2)),
    "slices": Net(lambda net, x: net.conv(x[:, :, 1::2, 3:])[..., 2:-1:3], conv=conv(3)),
    "one_channel": Net(lambda net, x: torch.cat([x[:, 0].unsqueeze(1), net.conv(x)[:, 1:]], 1), conv=conv(3, padding=1)),
    "shuffle": Net(shuffle, conv=conv(3), after=conv(3)),
    "in_place": Net(in_place, conv=conv(1), wide=conv(5, padding=2), after=conv(3)),
    "relu_in_place": nn.Sequential(conv(3), nn.ReLU(inplace=True), conv(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_every_kind_of_layer_and_join(name):
    assert check_against_brute_force(NETS[name], (CHANNELS, 40, 40)) > 0


@st.composite
def layers(draw, stride):
    """A layer of this stride, over maps of two channels."""
    kind = draw(st.sampled_from(["conv", "max", "average"]))
    kernel, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.integers(0, kernel // 2))
    if kind == "conv":
        return conv(kernel, stride, draw(st.sampled_from([padding, (padding, 0)])), dilation=dilation)
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=draw(st.booleans()))
    return nn.AvgPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans()))


def cropped_join(net, x):
    """Both branches cropped to the smaller map and joined; `shift` leaves out positions in front of one of them."""
    one, other = net.one(x)[:, :, net.shift :, :], net.other(x)
    height, width = (min(one.shape[axis], other.shape[axis]) for axis in (2, 3))
    one, other = one[:, :, :height, :width], other[:, :, :height, :width]
    return one + other if net.adds else torch.cat([one, other], 1)[:, ::2]


@st.composite
def branches(draw, stride):
    """Two stacks of this stride, joined."""
    stacks = [nn.Sequential(draw(layers(stride)), *draw(st.lists(layers(1), max_size=1))) for _ in range(2)]
    net = Net(cropped_join, one=stacks[0], other=stacks[1])
    net.shift, net.adds = draw(st.integers(0, 1)), draw(st.booleans())
    return net


@st.composite
def networks(draw):
    """Up to three stages, the first two of which may stride."""
    strides = draw(st.lists(st.integers(1, 2), min_size=1, max_size=3))
    return nn.Sequential(*(draw(st.one_of(layers(stride), branches(stride))) for stride in strides))


@settings(max_examples=60)
@given(networks())
def test_random_networks(model):
    assert check_against_brute_force(model, (CHANNELS, 32, 32)) > 0


def test_a_residual_network_of_ours():
    model = create_model("cifar_resnet", depth=8, width=0.125, in_channels=CHANNELS)
    trunk = nn.Sequential(model.conv1, model.bn1, model.stage1, model.stage2, model.stage3)
    size = (CHANNELS, 64, 64)
    assert check_against_brute_force(trunk, size) > 0
    assert anatomy(model, size).receptive_field == anatomy(trunk, size).receptive_field == (25, 25)


# Araujo, Norris, Sim 2019, https://distill.pub/2019/computing-receptive-fields, and the table of
# https://github.com/google-research/receptive_field; its ResNets stride in the 1×1.
PUBLISHED = {"resnet50": 483, "resnet101": 1027, "resnet152": 1507, "vgg16": 212, "alexnet": 195}


@pytest.mark.parametrize("name, pixels", PUBLISHED.items())
def test_published_receptive_fields(name, pixels):
    if name.startswith("resnet"):
        with torch.device("meta"):
            model = create_model(name, stride_in_1x1=True)
    else:
        model = torchvision_on_meta(name)
    seen = anatomy(model)
    assert seen.receptive_field == (pixels, pixels)
    assert [row.jump for row in seen.layers if row.jump][-1] == (32, 32)


# -------------------------------------------------------------------------------------------- where the map ends


def last_two():
    return {"conv": conv(3), "fc": nn.Linear(CHANNELS, 4)}


@pytest.mark.parametrize(
    "end",
    [
        lambda net, x: net.fc(F.adaptive_avg_pool2d(net.conv(x), 1).flatten(1)),
        lambda net, x: net.fc(F.adaptive_max_pool2d(net.conv(x), 1).flatten(1)),
        lambda net, x: net.fc(net.conv(x).mean((2, 3))),
        lambda net, x: net.fc(net.conv(x).mean((2, 3), keepdim=True).squeeze()[None]),
        lambda net, x: net.fc(F.avg_pool2d(net.conv(x), 6).view(-1, CHANNELS)),
        lambda net, x: net.fc(net.conv(x).reshape(1, CHANNELS, -1).mean(2)),
        lambda net, x: net.conv(x),  # no head at all
    ],
    ids=["adaptive", "adaptive max", "mean", "mean keepdim", "window", "reshape", "none"],
)
def test_the_last_map_is_the_one_before_the_head(end):
    seen = anatomy(Net(end, **last_two()), (CHANNELS, 8, 8))
    assert seen.receptive_field == (3, 3)
    assert all(row.known for row in seen.layers)


def test_a_gate_in_the_middle_is_not_the_end():
    """Squeeze and excitation pools globally and multiplies: positions after it still count."""

    def forward(net, x):
        x = net.conv(x)
        return net.after(x * torch.sigmoid(net.gate(F.adaptive_avg_pool2d(x, 1))))

    seen = anatomy(Net(forward, conv=conv(3), gate=conv(1), after=conv(5)), (CHANNELS, 16, 16))
    assert seen.receptive_field == (7, 7)
    assert [row.receptive_field for row in seen.layers] == [(3, 3), None, None, None, (3, 3), (7, 7)]


def test_rows_after_the_head_see_the_whole_image():
    seen = anatomy(create_model("cifar_resnet", depth=8, width=0.25))
    assert [(row.receptive_field, row.jump, row.start, row.known) for row in seen.layers[-2:]] == [
        (None, None, None, True)
    ] * 2


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, x: F.interpolate(x, scale_factor=2),
        lambda net, x: F.conv_transpose2d(x, torch.ones(CHANNELS, CHANNELS, 2, 2, device=x.device), stride=2),
        lambda net, x: torch.fft.fft2(x).real,
        lambda net, x: F.max_pool2d(x, 2, return_indices=True)[0],
        lambda net, x: x.permute(0, 2, 3, 1),
        lambda net, x: x[:, :, torch.tensor([0, 3])],
        lambda net, x: F.adaptive_avg_pool2d(x, 5),
        lambda net, x: x[:, :, ::2, ::2] + F.interpolate(x[:, :, :4, :4], scale_factor=1),
    ],
    ids=["interpolate", "transposed", "fft", "indices", "permute", "gather", "uneven adaptive", "join"],
)
def test_what_an_unknown_operation_sees_is_said_to_be_unknown(forward):
    model = Net(lambda net, x: net.fc(F.relu(forward(net, x)).flatten(1)[:, :8]), fc=nn.Linear(8, 3))
    seen = anatomy(model, (CHANNELS, 8, 8))
    assert seen.receptive_field is None
    relu, fc = (next(row for row in seen.layers if row.op == op) for op in ("relu", "linear"))
    assert (relu.known, relu.receptive_field) == (False, None)
    assert (fc.known, fc.params, fc.macs) == (True, 27, 24)
    assert "?" in seen.table()


def test_branches_whose_steps_differ_have_no_common_field():
    model = Net(lambda net, x: net.conv(x) + x[:, :, :4, :4], conv=conv(3, 2, 1))
    last = anatomy(model, (CHANNELS, 8, 8)).layers[-1]
    assert (last.known, last.misaligned) == (False, True)


@pytest.mark.parametrize(
    "function, misaligned",
    [
        (lambda net, x: net.conv(x) + x, False),
        (lambda net, x: net.conv(x)[:, :, 1:] + x[:, :, :-1], True),
        (lambda net, x: torch.cat([net.conv(x), x[:, :, :, [0]].expand_as(x)], 1), False),  # not known, so not judged
        (lambda net, x: torch.cat([F.max_pool2d(x, 2), F.avg_pool2d(x, 3, 2, 1)[:, :, :4, :4]], 1), True),
        (lambda net, x: x * torch.sigmoid(F.adaptive_avg_pool2d(x, 1)), False),  # a gate sees all
    ],
    ids=["aligned", "shifted", "unknown", "centres half a pixel apart", "gate"],
)
def test_joins_of_branches_with_different_centres_are_misaligned(function, misaligned):
    seen = anatomy(Net(function, conv=conv(3, padding=1)), (CHANNELS, 8, 8))
    assert seen.layers[-1].misaligned is misaligned
    assert sum(row.misaligned for row in seen.layers) == misaligned


# ------------------------------------------------------------------------------------------------ whole networks


DISTILL = {
    "vgg16": 212, "resnet50": 483, "resnet101": 1027, "resnet152": 1507, "inception_v3": 1311, "inception_v4": 2071,
    "inception_resnet_v2": 3039, "bn_inception": 699,
}  # fmt: skip


@pytest.mark.parametrize("name, pixels", DISTILL.items())
def test_the_published_fields_of_our_networks(name, pixels):
    """Araujo et al. 2019, their table: all networks of it that the course has."""
    with torch.device("meta"):
        model = create_model(name, **({"stride_in_1x1": True} if name.startswith("resnet") else {}))
    assert anatomy(model).receptive_field == (pixels, pixels)
