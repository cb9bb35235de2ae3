"""Chapter 5's exercises as readers write them; our own solutions and the known mistakes: test_known_mistakes.py."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.chapters.after_resnet import checks


class PreAct(nn.Module):
    """The block as the exercise asks for it."""

    bias, padding, norms = False, 1, 2

    def __init__(self, channels):
        super().__init__()
        self.bns = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(self.norms))
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=self.padding, bias=self.bias) for _ in range(2)
        )

    def forward(self, x):
        out = x
        for bn, conv in zip(self.bns, self.convs, strict=False):
            out = conv(F.relu(bn(out)))
        return out + x


class InPlace(PreAct):
    """A ReLU that changes what the shortcut adds."""

    def forward(self, x):
        bn1, bn2 = self.bns
        return self.convs[1](F.relu(bn2(self.convs[0](bn1(x.relu_()))))) + x


class MyFire(nn.Module):
    """The module as the exercise asks for it, the layers named otherwise."""

    padding, bias = 1, True

    def __init__(self, in_channels, squeeze, one, three):
        super().__init__()
        self.b = nn.Conv2d(squeeze, three, 3, padding=self.padding, bias=self.bias)
        self.a = nn.Conv2d(squeeze, one, 1, bias=self.bias)
        self.s = nn.Conv2d(in_channels, squeeze, 1, bias=self.bias)

    def forward(self, x):
        x = F.relu(self.s(x))
        return F.relu(torch.cat([self.a(x), self.b(x)], 1))


class Narrow(MyFire):
    """Only one expand layer."""

    def __init__(self, in_channels, squeeze, one, three):
        super().__init__(in_channels, squeeze, one, three)
        del self.a


def test_solutions_are_right():
    for verdict in (
        checks.preact_block(PreAct),
        checks.fire_module(MyFire),
        checks.expected_blocks(lambda depth, p: (depth - 2) // 2 - ((depth - 2) // 2 + 1) * (1 - p) / 2),
        checks.dense_channels(lambda c, layers, k: (c + layers * k, (c + layers * k) // 2)),
    ):
        assert verdict.status == "right", verdict


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        (lambda: checks.preact_block(type("B", (PreAct,), {"bias": True})), "leave it out"),
        (lambda: checks.preact_block(type("N", (PreAct,), {"norms": 3})), "none after the sum"),
        (lambda: checks.preact_block(type("P", (PreAct,), {"padding": 0})), "padding=1"),
        (lambda: checks.fire_module(type("P", (MyFire,), {"padding": 0})), "padding=1"),
        (lambda: checks.fire_module(type("B", (MyFire,), {"bias": False})), "each has a bias"),
        (lambda: checks.fire_module(Narrow), "side by side"),
        (lambda: checks.expected_blocks(lambda depth, p: p * (depth - 2) / 2), "Only the last one|only the last one"),
        (lambda: checks.dense_channels(lambda c, layers, k: (c + k, (c + k) // 2)), "not only one of them"),
    ],
)
def test_mistakes_get_their_reason(verdict, message):
    found = verdict()
    assert found.status == "wrong"
    assert re.search(message, str(found)), found


def test_a_block_that_changes_its_input_is_not_right():
    assert checks.preact_block(InPlace).status == "wrong"


def test_unfinished_is_no_mistake():
    def blocks(depth, p):
        raise NotImplementedError("your turn")

    assert checks.expected_blocks(blocks).status == "unfinished"
