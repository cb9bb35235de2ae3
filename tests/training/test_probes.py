"""Gradient norms are those of a backward pass by hand, and the model does not notice."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib import create_model, gradient_norms

IMAGES = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 3, 7, 9])


def model(name="cifar_resnet", **options):
    torch.manual_seed(0)
    return create_model(name, depth=8, width=0.25, in_channels=1, **options)


def test_they_are_the_norms_of_a_backward_pass():
    probed, by_hand = model(), model()
    F.cross_entropy(by_hand.train()(IMAGES), LABELS).backward()
    expected = {
        name: module.weight.grad.norm().item()
        for name, module in by_hand.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    assert gradient_norms(probed, IMAGES, LABELS) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_stays_as_it_was(training):
    probed = model().train(training)
    probed.conv1.weight.grad = torch.full_like(probed.conv1.weight, 5)
    before = {name: value.clone() for name, value in probed.state_dict().items()}
    gradient_norms(probed, IMAGES, LABELS)
    assert probed.training is training and all(m.training is training for m in probed.modules())
    assert all(torch.equal(value, before[name]) for name, value in probed.state_dict().items())
    assert probed.conv1.weight.grad.eq(5).all()
    assert probed.fc.weight.grad is None


def test_the_model_stays_as_it_was_when_the_images_do_not_fit():
    probed = model().eval()
    before = {name: value.clone() for name, value in probed.state_dict().items()}
    with pytest.raises(ValueError, match="channels"):
        gradient_norms(probed, IMAGES.expand(-1, 3, -1, -1), LABELS)
    assert not probed.training
    assert all(torch.equal(value, before[name]) for name, value in probed.state_dict().items())


def test_layers_are_in_order_from_input_to_output_without_projections():
    layers = [f"stage{stage}.0.{part}" for stage in (1, 2, 3) for part in ("residual.conv1", "residual.conv2")]
    assert list(gradient_norms(model(shortcut="C"), IMAGES, LABELS)) == ["conv1", *layers, "fc"]
    plain = list(gradient_norms(model("cifar_plain"), IMAGES, LABELS))
    assert len(plain) == len(layers) + 2 == 8
    assert plain[0] == "conv1" and plain[-1] == "fc"
