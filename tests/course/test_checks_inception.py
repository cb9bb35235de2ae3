"""Chapter 3's exercises: what is right passes, and each typical mistake gets the message that names it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.course import checks
from cnnlib.course.checks import inception
from cnnlib.course.checks.functions import FunctionExercise
from cnnlib.course.checks.modules import ModuleExercise

EXERCISES = {
    name.lower(): one for name, one in vars(inception).items() if isinstance(one, ModuleExercise | FunctionExercise)
}
MISTAKES = [
    pytest.param(name, wrong, message, id=f"{name}: {message[:40]}")
    for name, exercise in EXERCISES.items()
    for wrong, message in exercise.mistakes
]


def handed_in(exercise, wrong=None):
    """Our own solution to an exercise as a reader would hand it in, or one of its known mistakes."""
    if isinstance(exercise, FunctionExercise):
        return wrong or exercise.reference

    def build(*_):
        module = exercise.reference()
        module.__class__ = type("Mine", (type(module),), {"forward": wrong} if wrong else {})
        return module

    return build


@pytest.mark.parametrize("name", EXERCISES)
def test_our_own_solution_is_right(name):
    assert getattr(checks, name)(handed_in(EXERCISES[name])).status == "right"


@pytest.mark.parametrize(("name", "wrong", "message"), MISTAKES)
def test_a_known_mistake_gets_its_own_message(name, wrong, message):
    verdict = getattr(checks, name)(handed_in(EXERCISES[name], wrong))
    assert (verdict.status, verdict.message) == ("wrong", message)


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


def stub(*_):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_is_answered_kindly(name):
    assert getattr(checks, name)(stub).status == "unfinished"


def test_smoothed_targets_are_those_of_torch():
    logits = torch.randn(1, 7)
    right, other = inception.SMOOTHED_TARGETS.reference(7, 0.3)
    targets = torch.full((1, 7), other)
    targets[0, 2] = right
    expected = F.cross_entropy(logits, torch.tensor([2]), label_smoothing=0.3)
    torch.testing.assert_close(F.cross_entropy(logits, targets), expected)
