"""Chapter 4's exercises as readers write them; what our own solutions and the known mistakes get: test_known_mistakes.py."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.chapters.resnet import checks


class Identity(nn.Module):
    """An identity block as the exercise asks for it."""

    bias, kernel, padding = False, 3, 1

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, self.kernel, padding=self.padding, bias=self.bias)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, self.kernel, padding=self.padding, bias=self.bias)
        self.bn2 = nn.BatchNorm2d(channels)

    def branch(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))

    def forward(self, x):
        return F.relu(self.branch(x) + x)


class Projection(nn.Module):
    """A block with a projection as the exercise asks for it, the shortcut defined first."""

    bias, strides, kernel, norms, middle = False, (2, 1, 2), 1, 3, 1

    def __init__(self, in_channels, channels):
        super().__init__()
        first, second, around = self.strides
        self.project = nn.Conv2d(in_channels, channels, self.kernel, around, self.kernel // 2, bias=self.bias)
        self.bns = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(self.norms))
        self.conv1 = nn.Conv2d(in_channels, channels, 3, first, padding=1, bias=self.bias)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, padding=1, bias=self.bias)

    def forward(self, x):
        out = F.relu(self.bns[0](self.conv1(x)))
        return F.relu(self.bns[1](self.conv2(out)) + self.bns[2](self.project(x)))


def without(name, base=Projection):
    """`base` without one of its layers."""

    def build(self, *channels):
        base.__init__(self, *channels)
        delattr(self, name)

    return type("Without", (base,), {"__init__": build})


def plus(base, **parts):
    """`base` with something more in it."""

    def build(self, *channels):
        base.__init__(self, *channels)
        for name, part in parts.items():
            setattr(self, name, part())

    return type("Plus", (base,), {"__init__": build})


def change(base, forward=None, **attributes):
    return type("Changed", (base,), attributes | ({"forward": forward} if forward else {}))


@pytest.mark.parametrize("block", [Identity, lambda channels: Identity(channels)], ids=["class", "function"])
def test_a_right_identity_block_passes(block):
    assert checks.identity_block(block).status == "right"


def test_a_right_projection_block_passes_in_whatever_order_its_layers_are_defined():
    assert checks.projection_block(Projection).status == "right"


STRUCTURE = [
    (
        "biases",
        change(Identity, bias=True),
        "Two convolutions of yours have a bias, which makes 16 parameters too many",
    ),
    ("a 1×1 convolution", change(Identity, kernel=1, padding=0), "Convolution 1 is 1×1; it should be 3×3"),
    ("no padding", change(Identity, padding=0), "has padding 0; it should have padding 1"),
    ("a projection", plus(Identity, shortcut=lambda: nn.Conv2d(8, 8, 1, bias=False)), "needs no projection"),
    ("one convolution", without("conv2", Identity), "one convolution"),
    ("a norm too few", without("bn2", Identity), "has one batch norm. Each convolution has one of its own"),
    (
        "another width",
        plus(Identity, conv1=lambda: nn.Conv2d(8, 16, 3, padding=1, bias=False)),
        "maps 8 channels to 16",
    ),
    ("a norm of another width", plus(Identity, bn1=lambda: nn.BatchNorm2d(4)), "is for 4 channels; it should be for 8"),
    ("a parameter too many", plus(Identity, scale=lambda: nn.Parameter(torch.ones(8))), "8 too many"),
    ("no module", lambda *channels: "block", "torch.nn.Module"),
    ("no tensor", change(Identity, lambda s, x: [x]), "returns a `list`"),
    ("another shape", change(Identity, lambda s, x: s.branch(x).flatten(1)), "it should give (4, 8, 6, 6)"),
    ("the input changed", change(Identity, lambda s, x: F.relu(s.branch(x) + x.mul_(3))), "changes its input in place"),
    ("right, but in place", change(Identity, lambda s, x: x.add_(s.branch(x)).relu_()), "changes its input in place"),
]
PROJECTION_STRUCTURE = [
    ("no projection", without("project"), "The projection is missing"),
    ("no norm on it", change(Projection, norms=2), "also on the shortcut"),
    ("no stride on it", change(Projection, strides=(2, 1, 1)), "Convolution 1 has stride 1; it should have stride 2"),
    ("the stride in the second 3×3", change(Projection, strides=(1, 2, 2)), "Convolution 2 has stride 1; it should"),
    ("no stride", change(Projection, strides=(1, 1, 1)), "take every second position"),
    ("a 3×3 projection", change(Projection, kernel=3), "it should be 1×1"),
    ("biases", change(Projection, bias=True), "Three convolutions of yours have a bias, which makes 36 parameters"),
]


@pytest.mark.parametrize(("block", "part"), [s[1:] for s in STRUCTURE], ids=[s[0] for s in STRUCTURE])
def test_what_an_identity_block_is_made_of_is_checked(block, part):
    verdict = checks.identity_block(block)
    assert verdict.status == "wrong"
    assert part in verdict.message


@pytest.mark.parametrize(
    ("block", "part"), [s[1:] for s in PROJECTION_STRUCTURE], ids=[s[0] for s in PROJECTION_STRUCTURE]
)
def test_what_a_projection_block_is_made_of_is_checked(block, part):
    verdict = checks.projection_block(block)
    assert verdict.status == "wrong"
    assert part in verdict.message


def stub(*_):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("forward", [stub, lambda s, x: None], ids=["raises", "nothing"])
def test_layers_without_a_forward_are_unfinished(forward):
    assert checks.identity_block(change(Identity, forward)).status == "unfinished"
    assert checks.projection_block(change(Projection, forward)).status == "unfinished"
