"""Chapter 6's exercises as readers write them; what our own solutions and the known mistakes get: test_known_mistakes.py."""

import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.chapters.choosing_a_network import checks
from cnnlib.chapters.choosing_a_network.checks import fits
from cnnlib.experiments.transfer import with_new_head


def adapt(model, classes):
    model.requires_grad_(False)
    model.fc = nn.Linear(model.fc.in_features, classes)
    return model


def test_a_right_head_passes():
    verdict = checks.new_head(adapt)
    assert verdict.status == "right"
    assert f"{64 * 7 + 7} values learn" in verdict.message


def test_the_librarys_own_passes():
    assert checks.new_head(lambda model, classes: with_new_head(model, classes, frozen=True)).status == "right"


def frozen_after(model, classes):
    model = adapt(model, classes)
    return model.requires_grad_(False)


def not_frozen(model, classes):
    model.fc = nn.Linear(model.fc.in_features, classes)
    return model


def not_assigned(model, classes):
    model.requires_grad_(False)
    model.head = nn.Linear(model.fc.in_features, classes)
    return model


def begun_anew(model, classes):
    return adapt(cnnlib.create_model("cifar_resnet", depth=8), classes)


def without_bias(model, classes):
    model.requires_grad_(False)
    model.fc = nn.Linear(model.fc.in_features, classes, bias=False)
    return model


def another_network(model, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, classes))


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (frozen_after, "Nothing learns"),
        (not_frozen, "still learn"),
        (not_assigned, "not (2, 7)"),
        (begun_anew, "have changed"),
        (without_bias, "a weight and a bias"),
        (another_network, "is gone"),
        (lambda model, classes: model.fc, "is gone"),
        (lambda model, classes: "model", "returns a `str`"),
        (lambda model: model, "raised an error"),
        (nn.Linear(1, 1), "without calling it"),
    ],
)
def test_what_is_wrong_with_a_head_is_named(function, part):
    verdict = checks.new_head(function)
    assert verdict.status == "wrong"
    assert part in verdict.message


def stub(model, classes):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("function", [stub, lambda model, classes: None])
def test_a_head_that_is_not_written_is_unfinished(function):
    assert checks.new_head(function).status == "unfinished"


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "densenet121"])
def test_the_rule_for_the_largest_batch_is_close_to_a_real_step(name):
    """`Anatomy.memory` runs the step; the rule leaves out that gradients come while saved maps go."""
    with torch.device("meta"):
        whole = cnnlib.anatomy(cnnlib.create_model(name))
    for batch in (16, 64):
        peak = whole.memory(batch).peak
        assert fits(int(1.07 * peak), whole.params, whole.saved_bytes) >= batch - 1
        assert fits(int(0.85 * peak), whole.params, whole.saved_bytes) < batch
