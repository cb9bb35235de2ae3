"""Chapter 3's exercises as readers write them; what our own solutions and the known mistakes get: test_known_mistakes.py."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.chapters.inception_bottleneck import checks


class Mine(nn.Module):
    """An Inception module as the exercise asks for it."""

    padding, bias, reductions = 2, True, True

    def __init__(self, in_channels, conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj):
        super().__init__()
        self.alone = nn.Conv2d(in_channels, conv1x1, 1, bias=self.bias)
        self.proj = nn.Conv2d(in_channels, pool_proj, 1)
        self.five = nn.Conv2d(reduce5x5 if self.reductions else in_channels, conv5x5, 5, padding=self.padding)
        self.three = nn.Conv2d(reduce3x3 if self.reductions else in_channels, conv3x3, 3, padding=1)
        if self.reductions:
            self.reduce3 = nn.Conv2d(in_channels, reduce3x3, 1)
            self.reduce5 = nn.Conv2d(in_channels, reduce5x5, 1)

    def forward(self, x):
        paths = [
            self.alone(x),
            self.three(F.relu(self.reduce3(x))),
            self.five(F.relu(self.reduce5(x))),
            self.proj(F.max_pool2d(x, 3, 1, 1)),
        ]
        return F.relu(torch.cat(paths, dim=1))


def test_a_right_module_passes_in_whatever_order_its_layers_are_defined():
    assert checks.inception_module(Mine).status == "right"


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"padding": 0}, "All four maps need the same height and width"),
        ({"bias": False}, "has no bias"),
        ({"reductions": False}, "four convolutions. It looks as if the reductions"),
    ],
    ids=["padding", "bias", "reductions"],
)
def test_what_a_module_is_made_of_is_checked(changed, part):
    verdict = checks.inception_module(type("Changed", (Mine,), changed))
    assert verdict.status == "wrong"
    assert part in verdict.message


def test_smoothed_targets_are_those_of_torch():
    logits = torch.randn(1, 7)
    right, other = checks.SMOOTHED_TARGETS.reference(7, 0.3)
    targets = torch.full((1, 7), other)
    targets[0, 2] = right
    expected = F.cross_entropy(logits, torch.tensor([2]), label_smoothing=0.3)
    torch.testing.assert_close(F.cross_entropy(logits, targets), expected)
