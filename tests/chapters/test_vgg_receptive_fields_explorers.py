"""The explorers of chapter 2 say what `anatomy` says, and what was measured or recorded."""

import math

import pytest
import torch
from explorer_samples import evaluate
from torch import nn

import cnnlib
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.vgg_receptive_fields import explorers
from cnnlib.chapters.vgg_receptive_fields.explorers import STACK_KINDS, VGG_MAPS, gaussian_size, stacked_layers_setting
from cnnlib.probes import effective_size


@pytest.mark.parametrize(("layers", "kernel", "width"), [(1, 3, 16), (3, 3, 64), (2, 5, 64), (5, 7, 512)])
def test_a_stack_is_compared_with_one_window_that_sees_as_much(layers, kernel, width):
    shown = stacked_layers_setting(layers, kernel, width, 32)
    whole = cnnlib.anatomy(evaluate(shown["python"]), (width, 32, 32))
    side = whole.receptive_field[0]
    assert side == layers * (kernel - 1) + 1 and f"{side}×{side} pixels" in shown["sentence"]
    assert f"{whole.params:,} weights" in shown["sentence"] and f"{whole.macs:,} MACs" in shown["sentence"]
    assert [field["pixels"][0][1] - field["pixels"][0][0] + 1 for field in shown["fields"]] == [
        n * (kernel - 1) + 1 for n in range(1, layers + 1)
    ]
    if layers > 1:
        assert f"{side**2 * width**2:,} weights" in shown["sentence"]
        assert f"{side**2 / layers / kernel**2:.2f} times" in shown["sentence"]


def test_a_vgg_sees_of_a_photograph_what_anatomy_says():
    explorer = explorers.vgg_fields(torch.zeros(3, 8, 8), depths=(11, 16))
    for (layer, depth), shown in explorer.table.items():
        assert evaluate(shown["python"]) == shown["fields"][-1]["pixels"]
        whole = cnnlib.course.explorer.rows.anatomy_and_call("vgg", depth=depth)[0]
        assert shown["fields"][-1]["jump"] == whole.row(layer).jump[0]
        assert [field["name"] for field in shown["fields"]] == VGG_MAPS[: VGG_MAPS.index(layer) + 1]
    assert "212×212 pixels, 89.6% of the image's area" in explorer.at(layer="pool5")["sentence"]
    assert "5×5 pixels, 0.0% of" in explorer.at(layer="conv1_x")["sentence"]


def test_pictures_of_fields_say_what_was_measured():
    seen = torch.zeros(7, 7)
    seen[2:5, 2:5] = 1
    html = explorers.initial_fields({"equal": {3: seen}})._repr_html_()
    assert "7×7 in theory, 3×3 in effect" in html and "Weights: equal" in html
    maps = {"conv1": {"before": seen, "after": seen}}
    html = explorers.trained_fields(maps, {"conv1": 5})._repr_html_()
    assert "conv1, 5×5 in theory" in html and html.count("3×3 in effect") == 4  # caption and text of either picture
    scores = torch.tensor([[[100.0, -100.0]], [[-100.0, 100.0]]])
    html = explorers.dense_scores(torch.randn(3, 4, 8), scores, ("star", "ring"))._repr_html_()
    assert html.count("0% to 100%") == 4 and html.count("<img") == 3


def test_heat_goes_from_white_to_dark_blue_and_keeps_its_order():
    red, green, blue = explorers.heat(torch.linspace(0, 1, 11).expand(11, 11))
    assert (red[0, 0], green[0, 0], blue[0, 0]) == (1, 1, 1)
    for channel in (red, green, blue):
        assert (channel[0].diff() <= 0).all()
    assert green[0, -1] < 0.2 and red.min() >= 0
    assert explorers.heat(torch.rand(96, 96), side=24).shape == (3, 24, 24)


def test_heat_maps_name_each_picture_for_those_who_do_not_see_it():
    maps = explorers.HeatMaps({"Row <1>": {"left": (torch.zeros(3, 2, 2), "a & b")}}, about="What they show.")
    html = maps._repr_html_()
    assert 'alt="Row &lt;1&gt;, left: a &amp; b"' in html and "What they show." in html
    assert html.count("<img") == 1 and repr(maps) == "HeatMaps(1 × 1 maps)"


def test_the_gaussian_is_the_limit_of_equal_weights():
    """Boxes of three convolved n times, in exact arithmetic, against the formula; and its mark is `effective_size`'s."""
    row = torch.ones(1, dtype=torch.float64)
    for _ in range(40):
        row = nn.functional.conv1d(row[None, None], torch.ones(1, 1, 3, dtype=torch.float64) / 3, padding=2)[0, 0]
    assert effective_size(torch.outer(row, row)) == pytest.approx(gaussian_size(40, random=False), rel=0.02)
    root = torch.outer(row, row).sqrt()
    assert effective_size(root / root.max()) == pytest.approx(gaussian_size(40, random=True), rel=0.02)
    assert gaussian_size(8, random=True) == pytest.approx(math.sqrt(2) * gaussian_size(8, random=False))


def test_effective_sizes_shows_what_was_measured_beside_theory():
    measured = {"equal": {1: [3.0, 3.0], 4: [7.0, 7.4]}, "random": {1: [3.0, 3.0], 4: [9.0, 9.0]}}
    shown = explorers.effective_sizes(measured).at(weights="equal")
    theory, mean, gauss = shown["series"]
    assert theory["mean"] == [3, 9] and mean["mean"] == [3.0, 7.2] and mean["high"] == [3.0, 7.4]
    assert mean["epochs"] == [1, 4] and mean["runs"] == 2 and theory["runs"] == gauss["runs"] == 0
    assert "4 layers a unit sees 9 pixels a side in theory and 7.2 in effect" in shown["sentence"]


def test_the_trained_stacks_are_those_of_the_records():
    runs = recorded_runs("vgg_receptive_fields/stacks_digits") + recorded_runs("vgg_receptive_fields/stacks_textures")
    explorer = explorers.stacks_trained(runs)
    for (data, error), shown in explorer.table.items():
        for series, (kind, label) in zip(shown["series"], STACK_KINDS.items(), strict=True):
            curves = [r["curves"][error] for r in runs if (r["config"]["data"], r["config"]["kind"]) == (data, kind)]
            assert series["label"] == label and series["runs"] == len(curves) == 3
            assert series["mean"][-1] == pytest.approx(sum(curve[-1] for curve in curves) / 3, abs=0.006)


def test_what_autograd_keeps_of_a_narrow_vgg_is_what_a_real_step_allocates():
    """The profiler counts every allocation of a real forward pass: what was saved, and the logits."""
    model = cnnlib.create_model("vgg16", width=1 / 32).train()
    with torch.profiler.profile(profile_memory=True) as profile:
        image = torch.zeros(1, 3, 224, 224)
        output = model(image)
    allocated = sum(event.self_cpu_memory_usage for event in profile.key_averages())
    assert allocated == cnnlib.anatomy(model).saved_bytes + output.nbytes


def test_the_square_of_a_unit_is_where_its_gradient_is():
    shown = explorers.receptive_fields(channels=1, input_size=9)
    for (_, _, _, unit), result in shown.table.items():
        network = evaluate(result["python"], "cpu")
        for weight in network.parameters():
            nn.init.ones_(weight)
        image = torch.zeros(1, 1, 9, 9, requires_grad=True)
        out = network(image)[0, 0]
        position = tuple(0 if unit == "corner" else size // 2 for size in out.shape)
        out[position].backward()
        (top, bottom), (left, right) = result["fields"][-1]["pixels"]
        seen = torch.zeros(9, 9, dtype=bool)
        seen[max(0, top) : bottom + 1, max(0, left) : right + 1] = True
        assert torch.equal(image.grad[0, 0] != 0, seen)
        assert f"{sum(weight.numel() for weight in network.parameters()):,} weights" in result["sentence"]


def test_three_small_layers_see_as_much_as_a_large_one_with_fewer_weights():
    fields = explorers.receptive_fields()
    small, large = fields.at(layers=3, kernel=3), fields.at(layers=1, kernel=7)
    assert small["fields"][-1]["pixels"] == large["fields"][-1]["pixels"]
    assert "110,592 weights; one layer of 7×7 takes 200,704" in small["sentence"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 5, 5), r"shape \(1, 5, 5\); \(H, W\) and"),
        (torch.full((5, 5), 255.0), "values from 255 to 255; 0 to 1"),
        (torch.full((5, 5), float("nan")), "values from nan"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        explorers.receptive_fields(image=image)
