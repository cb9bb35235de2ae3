"""What passes residual units, held against what can be worked out."""

import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.probes.units import unit_signals


class Scaled(nn.Module):
    """λ x + 0: a unit whose residual path gives nothing."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.residual = factor, nn.Sequential(nn.Conv2d(4, 4, 1, bias=False))
        nn.init.zeros_(self.residual[0].weight)

    def forward(self, x):
        return self.factor * x + self.residual(x)


def network(factor: float, units: int = 6) -> nn.Module:
    torch.manual_seed(0)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)]
    return nn.Sequential(nn.Conv2d(1, 4, 3), *[Scaled(factor) for _ in range(units)], *head)


@pytest.mark.parametrize("factor", [1.0, 0.5, 2.0])
def test_a_shortcut_that_scales_does_it_once_a_unit(factor):
    found = unit_signals(network(factor), torch.randn(8, 1, 8, 8), torch.arange(8))
    for here, there in zip(found["signal"], found["signal"][1:], strict=False):
        assert there == pytest.approx(factor * here, rel=1e-4)
    for here, there in zip(found["gradient"], found["gradient"][1:], strict=False):
        assert here == pytest.approx(factor * there, rel=1e-4)
    assert len(found["weights"]) == 6


def test_weights_are_those_of_the_residual_path_and_the_model_stays_as_it_was():
    torch.manual_seed(0)
    model = cnnlib.create_model("cifar_preact_resnet", depth=20, in_channels=1, shortcut="dropout").eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
    state = torch.get_rng_state()
    found = unit_signals(model, images, labels)
    assert torch.equal(state, torch.get_rng_state())
    assert {len(values) for values in found.values()} == {9}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.training and all(p.grad is None for p in model.parameters())
    torch.set_rng_state(state)
    model.train()
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    last = [m for m in model.stage3[2].residual.modules() if isinstance(m, nn.Conv2d)]
    expected = torch.stack([conv.weight.grad.norm() for conv in last]).norm().item()
    assert found["weights"][-1] == pytest.approx(expected, rel=1e-3)


def test_a_network_without_units_is_refused():
    with pytest.raises(ValueError, match="no residual unit"):
        unit_signals(
            cnnlib.create_model("vgg11", image_size=32, width=0.125), torch.randn(2, 3, 32, 32), torch.arange(2)
        )
