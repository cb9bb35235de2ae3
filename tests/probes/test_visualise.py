"""Deconvnet and occlusion: held against autograd, against what a hand-made network must show, and refused where they fail."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib import create_model
from cnnlib.models.layers import ResponseNorm
from cnnlib.probes.visualise import deconvnet, occlusion, peaks, selective_map, unpooled


class Rectified(torch.autograd.Function):
    """A ReLU whose way back is a ReLU of what comes back, as in a deconvnet."""

    @staticmethod
    def forward(ctx, x):
        return x.relu()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.relu()


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_deconvnet_is_a_backward_pass_with_another_relu(stride, groups):
    torch.manual_seed(0)
    conv1, conv2 = nn.Conv2d(2, 4, 3, stride, 1), nn.Conv2d(4, 6, 3, padding=1, groups=groups)
    network = nn.Sequential(conv1, nn.ReLU(), nn.MaxPool2d(3, 2), conv2)
    x = images(3, 2, 20, 20).requires_grad_()
    maps = conv2(F.max_pool2d(Rectified.apply(conv1(x)), 3, 2))
    strongest = maps[:, 5].flatten(1).max(1).values
    (expected,) = torch.autograd.grad(strongest.relu().square().sum() / 2, x)
    torch.testing.assert_close(deconvnet(network, x.detach(), "3", 5), expected)


def test_what_two_overlapping_windows_send_to_one_place_adds_up():
    before = torch.tensor([[0.0, 0, 0], [0, 9, 0], [0, 0, 0]])[None, None]
    out, switches = F.max_pool2d(before, 2, stride=1, return_indices=True)
    assert torch.equal(unpooled(out, before, switches), 4 * before)


def test_response_normalisation_is_passed_by():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU())
    normed = nn.Sequential(*plain, ResponseNorm())
    x = images(2, 1, 8, 8)
    strongest = normed(x)[:, 2].flatten(1).max(1)
    back = deconvnet(normed, x, "2", 2)
    assert back.shape == x.shape
    scale = strongest.values / plain(x)[:, 2].flatten(1)[range(2), strongest.indices]
    if torch.equal(strongest.indices, plain(x)[:, 2].flatten(1).argmax(1)):
        torch.testing.assert_close(back, scale.view(-1, 1, 1, 1) * deconvnet(plain, x, "1", 2))


@pytest.mark.parametrize("name", ["zfnet", "alexnet_2012", "alexnet"])
@pytest.mark.parametrize("layer", ["conv1", "conv2", "pool2"])
def test_the_signal_stays_inside_the_receptive_field_and_the_model_as_it_was(name, layer):
    torch.manual_seed(0)
    model = create_model(name, width=1 / 8, in_channels=1, num_classes=5, image_size=32).train()
    before = [p.clone() for p in model.parameters()]
    back = deconvnet(model, images(2, 1, 32, 32), layer, 3)
    assert back.shape == (2, 1, 32, 32) and back.isfinite().all() and back.abs().amax() > 0
    if layer == "conv1":
        assert all((one != 0).any(0).any(0).sum() <= 5 for one in back)
    assert model.training and all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_map_that_responds_nowhere_gives_zeros():
    conv = nn.Conv2d(1, 1, 3)
    nn.init.zeros_(conv.weight)
    nn.init.constant_(conv.bias, -1)
    assert not deconvnet(nn.Sequential(conv), images(2, 1, 6, 6), "0", 0).any()


@pytest.mark.parametrize(
    ("model", "layer", "channel", "message"),
    [
        (lambda: create_model("cifar_resnet", depth=8), "stage1.0", 0, "this (adds two paths|has batch norm)"),
        (lambda: create_model("lenet5_modern", activation="tanh", in_channels=3), "conv2", 0, "this has tanh"),
        (lambda: create_model("lenet5_modern", pooling="average", in_channels=3), "conv2", 0, "pools by averages"),
        (lambda: create_model("lenet5_modern", in_channels=3), "conv2", 16, "it has no map 16"),
        (lambda: create_model("lenet5_modern", in_channels=3), "fc1", 0, "it has no map 0"),
        (lambda: create_model("lenet5_modern", in_channels=3), "conv9", 0, "no part named 'conv9'"),
    ],
)
def test_what_has_no_way_back_is_refused(model, layer, channel, message):
    with pytest.raises(ValueError, match=message):
        deconvnet(model(), images(1, 3, 32, 32), layer, channel)


def test_the_map_that_tells_a_class_apart_is_found():
    responses = images(40, 5).abs()
    labels = torch.arange(40) % 4
    responses[labels == 2, 3] += 10
    responses[:, 1] = 0
    assert selective_map(responses, labels, 2) == 3
    responses[:] = 0
    responses[labels == 0, 4] = 1
    assert selective_map(responses, labels, 0) == 4


def test_peaks_are_the_largest_values_of_each_map():
    model = create_model("lenet5_modern")
    x = images(3, 1, 32, 32)
    assert torch.equal(peaks(model, x, "conv1"), model.conv1(x).flatten(2).amax(2))


class Corner(nn.Module):
    """Decides by the upper left 4×4 pixels alone."""

    def forward(self, x):
        bright = x[:, 0, :4, :4].mean((1, 2))
        return torch.stack([torch.zeros_like(bright), 8 * bright], 1)


def test_occlusion_finds_the_place_that_decides():
    low = occlusion(Corner(), torch.ones(1, 12, 12), 1, side=4)
    assert low.shape == (9, 9)
    assert low.argmin() == 0 and low[0, 0] == pytest.approx(0.5)
    assert torch.allclose(low[4:, 4:], low.max())
    assert occlusion(Corner(), torch.ones(1, 12, 10), 1, side=4, step=2).shape == (5, 4)


@pytest.mark.parametrize("side", [0, 13])
def test_a_square_that_does_not_fit_is_refused(side):
    with pytest.raises(ValueError, match="the square has to fit into 12×12"):
        occlusion(Corner(), torch.ones(1, 12, 12), 1, side=side)
