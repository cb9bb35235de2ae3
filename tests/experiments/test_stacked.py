"""The nets of the experiment with stacks: equal fields, the weights that arithmetic says, and the ReLUs where they belong."""

import pytest
import torch
from torch import nn

from cnnlib import anatomy
from cnnlib.experiments.stacked import KINDS, StackedConvs, convolutions, same_field


@pytest.mark.parametrize("field", [3, 5, 7, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_sees_the_field(kind, field):
    layers = same_field(kind, field, 4)
    assert anatomy(layers, (4, 16, 16)).receptive_field == (field, field)
    windows = sum(module.weight.numel() for module in layers.modules() if isinstance(module, nn.Conv2d))
    assert windows == 16 * (field**2 if kind == "one" else 9 * (field // 2))


def test_the_kinds_of_one_field_differ_in_their_windows_and_relus_alone():
    nets = {kind: StackedConvs(kind, field=7) for kind in KINDS}
    relus = {kind: sum(isinstance(m, nn.ReLU) for m in net.modules()) for kind, net in nets.items()}
    assert relus == {"stack": 7, "linear": 3, "one": 3}
    assert len({anatomy(net, (1, 16, 16)).receptive_field for net in nets.values()}) == 1
    assert anatomy(nets["stack"], (1, 16, 16)).params == anatomy(nets["linear"], (1, 16, 16)).params


def test_without_relus_between_the_layers_are_linear():
    layers = same_field("linear", 7, 2)[:-1].eval()
    x, y = torch.rand(2, 1, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layers(x) + layers(y), layers(x + y) + layers(torch.zeros_like(x)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_any_size_give_logits(kind):
    net = StackedConvs(kind, num_classes=3, in_channels=2)
    assert net(torch.zeros(4, 2, 8, 11)).shape == (4, 3)


def test_a_wrong_argument_is_named_with_what_would_do():
    with pytest.raises(ValueError, match="kind='two' is not one of 'stack', 'linear', 'one'"):
        StackedConvs("two")
    for field in (1, 6):
        with pytest.raises(ValueError, match=f"field={field}; layers of 3×3 in a row see 3, 5, 7"):
            StackedConvs("one", field=field)


@pytest.mark.parametrize("weights", ["equal", "random", "random, with ReLU"])
def test_convolutions_in_a_row_see_two_pixels_more_a_layer(weights):
    net = convolutions(4, weights, channels=3)
    assert anatomy(net, (1, 16, 16)).receptive_field == (9, 9)
    assert sum(isinstance(module, nn.ReLU) for module in net) == (4 if "ReLU" in weights else 0)
    if weights == "equal":
        constant = torch.ones(1, 1, 16, 16)
        torch.testing.assert_close(net(constant)[:, :, 8, 8], torch.ones(1, 3))


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match="weights='zero' is not one of 'equal', 'random'"):
        convolutions(2, "zero")
