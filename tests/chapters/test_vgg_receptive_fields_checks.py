"""Chapter 2's exercises as readers write them; what our own solutions and the known mistakes get: test_known_mistakes.py."""

import pytest
from torch import nn

from cnnlib.chapters.vgg_receptive_fields import checks


class Stage(nn.Module):
    """A stage as the exercise asks for it."""

    kernel, padding, bias, stride = 3, 1, True, 1

    def __init__(self, in_channels, channels, layers):
        super().__init__()
        parts = []
        for place in range(layers):
            before = channels if place else in_channels
            conv = nn.Conv2d(before, channels, self.kernel, self.stride, self.padding, bias=self.bias)
            parts += [conv, nn.ReLU()]
        self.parts = nn.Sequential(*parts, nn.MaxPool2d(2))

    def forward(self, x):
        return self.parts(x)


def test_a_right_stage_passes():
    assert checks.vgg_stage(Stage).status == "right"


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"kernel": 5, "padding": 2}, "All windows of configurations"),
        ({"padding": 0}, "keeps height and width"),
        ({"bias": False}, "keep the bias"),
        ({"stride": 2}, "only the pooling halves it"),
    ],
)
def test_what_a_stage_is_made_of_is_checked(settings, part):
    verdict = checks.vgg_stage(type("Changed", (Stage,), settings))
    assert verdict.status == "wrong" and part in verdict.message


def test_one_convolution_is_not_a_stage_of_three():
    verdict = checks.vgg_stage(lambda before, channels, layers: Stage(before, channels, 1))
    assert verdict.status == "wrong" and "`layers` says how many" in verdict.message


def test_the_recurrence_is_what_anatomy_follows():
    for (layers,) in checks.FIELD_WALK.inputs:
        assert checks.walked(layers) == checks.last_row(layers)


def test_the_arithmetic_of_the_activations_is_what_anatomy_sums():
    for (stages,) in checks.VGG_ACTIVATIONS.inputs:
        assert checks.counted(stages) == checks.outputs(stages)
    assert checks.outputs((2, 2, 3, 3, 3)) == 15_237_608  # the rows of the widely copied table of VGG-16
