"""Probes measure what a pass by hand gives, and the model does not notice."""

import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib import anatomy, create_model, gradient_norms, load_data
from cnnlib.probes import activation_norms, effective_receptive_field, effective_size, linear_probe, removed
from cnnlib.probes.features import features

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


def drop(model):
    with removed(model, "stage2.0"):
        model(IMAGES)


PROBES = {
    "gradient_norms": lambda model: gradient_norms(model, IMAGES, LABELS),
    "activation_norms": lambda model: activation_norms(model, IMAGES),
    "effective_receptive_field": lambda model: effective_receptive_field(model, IMAGES),
    "features": lambda model: features(model, IMAGES, "stage3"),
    "removed": lambda model: drop(model.eval()),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("probe", PROBES)
def test_the_model_stays_as_it_was(probe, training):
    probed = model().train(training)
    probed.stage1.eval()  # a part may be in another mode than the whole
    if probe == "removed":
        probed.eval()
    probed.conv1.weight.grad = torch.full_like(probed.conv1.weight, 5)
    before = {name: value.clone() for name, value in probed.state_dict().items()}
    modes = [module.training for module in probed.modules()]
    state = torch.get_rng_state()
    PROBES[probe](probed)
    assert [module.training for module in probed.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in probed.state_dict().items())
    assert probed.conv1.weight.grad.eq(5).all()
    assert probed.fc.weight.grad is None
    assert not any(module._forward_hooks for module in probed.modules())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("probe", ["gradient_norms", "activation_norms", "effective_receptive_field", "features"])
def test_the_model_stays_as_it_was_when_the_images_do_not_fit(probe, monkeypatch):
    probed = model().eval()
    before = {name: value.clone() for name, value in probed.state_dict().items()}
    monkeypatch.setattr(sys.modules[__name__], "IMAGES", IMAGES.expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match="channels"):
        PROBES[probe](probed)
    assert not probed.training
    assert not any(module._forward_hooks for module in probed.modules())
    assert all(torch.equal(value, before[name]) for name, value in probed.state_dict().items())


def test_layers_are_in_order_from_input_to_output_without_projections():
    layers = [f"stage{stage}.0.{part}" for stage in (1, 2, 3) for part in ("residual.conv1", "residual.conv2")]
    assert list(gradient_norms(model(shortcut="C"), IMAGES, LABELS)) == ["conv1", *layers, "fc"]
    plain = list(gradient_norms(model("cifar_plain"), IMAGES, LABELS))
    assert len(plain) == len(layers) + 2 == 8
    assert plain[0] == "conv1" and plain[-1] == "fc"


# ---------------------------------------------------------------------------------------------------- activations


def test_activation_norms_are_the_root_mean_squares_of_the_outputs():
    probed = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(72, 3))
    first = probed[0](IMAGES)
    last = probed[3](first.relu().flatten(1))
    expected = {"0": first.square().mean().sqrt().item(), "3": last.square().mean().sqrt().item()}
    assert activation_norms(probed, IMAGES) == pytest.approx(expected, rel=1e-5)


def test_activations_are_measured_where_gradients_are():
    assert (
        activation_norms(model(shortcut="C"), IMAGES).keys()
        == gradient_norms(model(shortcut="C"), IMAGES, LABELS).keys()
    )


# ---------------------------------------------------------------------------------------------------- what a unit sees


def test_heads_change_the_gradient_below_them_and_nowhere_else():
    def norms(weight, heads=True):
        torch.manual_seed(0)
        model = create_model("googlenet", variant="paper", image_size=32, width=0.125, num_classes=4, aux_heads=True)
        model.aux1, model.aux2 = (part if heads else type(part)([]) for part in (model.aux1, model.aux2))
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        return gradient_norms(model, images, torch.tensor([0, 3]), auxiliary_weight=weight)

    none, off, on = norms(0.3, heads=False), norms(0.0), norms(0.3)
    for name, value in none.items():
        assert off[name] == pytest.approx(value, rel=1e-4)
    changed = {name for name in none if on[name] != pytest.approx(off[name], rel=1e-4)}
    assert {"conv1.0", "inception3a.conv3x3.1.0", "inception4a.conv1x1.0", "inception4d.conv1x1.0"} <= changed
    assert not any(name.startswith(("inception4e", "inception5", "fc")) for name in changed)
    assert all(off[name] == 0 for name in off if name.startswith("aux"))


def test_of_one_convolution_it_is_the_size_of_its_weights():
    conv = nn.Conv2d(2, 3, 3, padding=1)
    seen = effective_receptive_field(conv, torch.randn(5, 2, 8, 8))
    weights = conv.weight.detach().sum(0).square().mean(0).sqrt()
    expected = torch.zeros(8, 8)
    expected[3:6, 3:6] = weights / weights.max()
    torch.testing.assert_close(seen, expected)


def test_of_stacked_averages_it_is_their_convolution():
    """Twice a 3×3 mean is a 5×5 pyramid, 1 2 3 2 1 along each axis."""
    twice = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(2)))
    for conv in twice:
        nn.init.constant_(conv.weight, 1 / 9)
    slope = torch.tensor([1.0, 2, 3, 2, 1]) / 3
    expected = torch.zeros(9, 9)
    expected[2:7, 2:7] = slope[:, None] * slope
    torch.testing.assert_close(effective_receptive_field(twice, torch.randn(2, 1, 9, 9)), expected)


@pytest.mark.parametrize("layer", [None, "stage1", "stage2.0.residual.conv1"])
def test_it_lies_inside_the_receptive_field(layer):
    images = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = effective_receptive_field(model(), images, layer)
    rows = anatomy(model(), (1, 64, 64)).layers
    last = [row for row in rows if row.receptive_field and row.name.startswith(layer or "stage3")][-1]
    (top, bottom), (left, right) = (
        (start + side // 2 * jump - (field - 1) / 2, start + side // 2 * jump + (field - 1) / 2)
        for start, side, jump, field in zip(
            last.start, last.out_shape[1:], last.jump, last.receptive_field, strict=True
        )
    )
    outside = torch.ones(64, 64, dtype=torch.bool)
    outside[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = False
    assert seen.max() == 1 and seen[~outside].gt(0).any()
    assert seen[outside].eq(0).all()
    assert effective_size(seen) <= last.receptive_field[0]


@pytest.mark.parametrize("side", [1, 4, 7])
def test_the_effective_size_of_a_flat_square_is_its_side(side):
    seen = torch.zeros(12, 12)
    seen[2 : 2 + side, 3 : 3 + side] = 0.7
    seen[0, 0] = 0.7 * 0.04  # less than two standard deviations: outside
    assert effective_size(seen) == side


@pytest.mark.parametrize("layer", ["fc", "avgpool"])
def test_a_layer_without_positions_has_no_effective_field(layer):
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(1, 2, 3))
    net.add_module("avgpool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc", nn.Linear(2, 2))
    with pytest.raises(ValueError, match=f"layer='{layer}' gives no map .* name a convolution or a stage"):
        effective_receptive_field(net, IMAGES, layer)


# ---------------------------------------------------------------------------------------------------- lesions


def test_a_residual_block_that_is_removed_keeps_its_shortcut():
    whole, cut = model().eval(), model().eval()
    nn.init.zeros_(cut.stage2[0].residual.bn2.weight)  # its bias is zero: the branch gives nothing
    with torch.no_grad():
        healthy = whole(IMAGES)
        with removed(whole, "stage2.0") as lesioned:
            torch.testing.assert_close(lesioned(IMAGES), cut(IMAGES))
            assert not torch.allclose(lesioned(IMAGES), healthy)
        assert torch.equal(whole(IMAGES), healthy)


def test_a_plain_block_that_is_removed_hands_its_input_on():
    torch.manual_seed(0)
    whole = create_model("cifar_plain", depth=14, width=0.25, in_channels=1).eval()
    with torch.no_grad():
        with removed(whole, "stage2.1"):
            lesioned = whole(IMAGES)
        whole.stage2[1] = nn.Identity()
        assert torch.equal(lesioned, whole(IMAGES))


def test_a_block_that_changes_the_shape_and_has_no_shortcut_cannot_be_removed():
    whole = model("cifar_plain")
    message = r"block='stage2.0' turns \(4, 8, 8\) into \(8, 4, 4\) and has no shortcut: .* remove another one"
    with removed(whole, "stage2.0"), pytest.raises(ValueError, match=message):
        whole(IMAGES)


def test_names_that_are_not_there_are_refused_with_near_ones():
    for probe in (
        lambda: effective_receptive_field(model(), IMAGES, "stge2"),
        lambda: features(model(), IMAGES, "stge2"),
        lambda: removed(model(), "stge2").__enter__(),
    ):
        with pytest.raises(ValueError, match="the model has no part named 'stge2'; there is stage2"):
            probe()
    with pytest.raises(ValueError, match="no part named ''; there is conv1"):
        features(model(), IMAGES, "")


# ---------------------------------------------------------------------------------------------------- features


def test_features_are_what_the_classifier_reads_or_the_mean_over_positions():
    probed = model().eval()
    with torch.no_grad():
        x = probed.stage1(F.relu(probed.bn1(probed.conv1(IMAGES))))
        last = probed.stage3(probed.stage2(x)).mean((2, 3))
    torch.testing.assert_close(torch.from_numpy(features(probed.train(), IMAGES, batch_size=3)), last)
    torch.testing.assert_close(torch.from_numpy(features(probed, IMAGES, "stage1")), x.mean((2, 3)))


def test_a_probe_tells_features_that_carry_the_label_from_those_that_do_not():
    data = load_data("digits", size=8)
    pixels = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))  # the pixels themselves
    assert linear_probe(pixels, data) > 0.9
    blind = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 10))  # how dark the image is
    assert linear_probe(blind, data) < 0.4


def test_a_model_without_a_linear_layer_needs_the_name_of_one():
    with pytest.raises(ValueError, match="no linear layer to read features before; name the layer"):
        features(nn.Sequential(nn.Conv2d(1, 2, 3)), IMAGES)


def test_without_scikit_learn_a_probe_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        linear_probe(model(), load_data("digits", size=8))
