"""Graded exercises: what is right passes, and each typical mistake gets the message that names it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.course import checks


class Right(nn.Module):
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


def variant(forward=None, **attributes):
    """`Right` with one thing changed."""
    return type("Variant", (Right,), attributes | ({"forward": forward} if forward else {}))


class NoLayers(nn.Module):
    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        raise NotImplementedError


class NoForward(Right):
    def forward(self, x):
        raise NotImplementedError


class Projection(Right):
    def __init__(self, channels):
        super().__init__(channels)
        self.shortcut = nn.Conv2d(channels, channels, 1, bias=False)


class OneConvolution(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)


class NoNorms(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)


class Wider(Right):
    def __init__(self, channels):
        super().__init__(channels)
        self.conv1 = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)


class Extra(Right):
    def __init__(self, channels):
        super().__init__(channels)
        self.scale = nn.Parameter(torch.ones(channels))


def broken(channels):
    raise TypeError("unexpected keyword")


def unwritten(channels):
    raise NotImplementedError


MISTAKES = [
    ("the ReLU before the addition", variant(lambda s, x: F.relu(s.branch(x)) + x), "before the addition"),
    ("no last ReLU", variant(lambda s, x: s.branch(x) + x), "last ReLU is missing"),
    ("no shortcut", variant(lambda s, x: F.relu(s.branch(x))), "shortcut is missing"),
    ("the branch alone", variant(lambda s, x: s.branch(x)), "residual branch F(x) alone"),
    ("norms not used", variant(lambda s, x: F.relu(s.conv2(F.relu(s.conv1(x))) + x)), "not used"),
    ("no ReLU inside", variant(lambda s, x: F.relu(s.bn2(s.conv2(s.bn1(s.conv1(x)))) + x)), "no ReLU between"),
    (
        "ReLU before the second norm",
        variant(lambda s, x: F.relu(s.bn2(F.relu(s.conv2(F.relu(s.bn1(s.conv1(x)))))) + x)),
        "between the second convolution and its batch norm",
    ),
    ("ReLU at the branch's end", variant(lambda s, x: F.relu(F.relu(s.branch(x)) + x)), "able to subtract"),
    ("branch added to itself", variant(lambda s, x: F.relu(s.branch(x) * 2)), "add the branch to itself"),
    ("the input changed in place", variant(lambda s, x: F.relu(s.branch(x) + x.mul_(3))), "in place"),
    ("biases", variant(bias=True), "use bias=False"),
    ("a 1×1 convolution", variant(kernel=1, padding=0), "both are 3×3"),
    ("no padding", variant(padding=0), "padding=1"),
    ("a projection", Projection, "needs no projection"),
    ("one convolution", OneConvolution, "1 convolutions"),
    ("no norms", NoNorms, "0 batch norms"),
    ("another width", Wider, "keep the 8"),
    ("a parameter too many", Extra, "8 too many"),
    ("no module", lambda channels: "block", "torch.nn.Module"),
    ("no tensor", variant(lambda s, x: [x]), "returns a list"),
    ("another shape", variant(lambda s, x: F.relu(s.branch(x) + x).flatten(1)), "keeps the shape"),
    ("an exception in __init__", broken, "raised TypeError: unexpected keyword"),
    ("an exception in forward", variant(lambda s, x: s.conv1(x[:, :2])), "Your forward raised RuntimeError"),
]


def test_the_right_block_passes():
    assert checks.identity_block(Right).status == "right"


@pytest.mark.parametrize(("block", "part"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_named(block, part):
    verdict = checks.identity_block(block)
    assert verdict.status == "wrong"
    assert part in verdict.message


@pytest.mark.parametrize("block", [NoLayers, NoForward, unwritten, variant(lambda s, x: None)])
def test_what_is_unfinished_is_not_called_wrong(block):
    assert checks.identity_block(block).status == "unfinished"


def test_a_verdict_escapes_what_the_reader_wrote():
    def block(channels):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in checks.identity_block(block)._repr_html_()


def test_grading_leaves_the_random_numbers_alone():
    mine = Right(checks.CHANNELS)
    state = torch.get_rng_state()
    assert checks.identity_block(lambda channels: mine).status == "right"
    assert torch.equal(torch.get_rng_state(), state)
