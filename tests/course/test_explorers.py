"""The ready-made explorers say what `anatomy` says of the very network that they name, and what the records hold."""

import base64

import numpy
import pytest
import torch
from PIL import Image
from torch import nn

import cnnlib
from cnnlib.course import explorers
from cnnlib.course.curves import best_rate, final_errors, select
from cnnlib.course.explorers.resnet import SHORTCUTS, cifar_resnet_setting
from cnnlib.course.rows import built, by_part
from cnnlib.training.record import configurations, recorded_runs


@pytest.mark.parametrize("shortcut", SHORTCUTS)
@pytest.mark.parametrize(("depth", "width"), [(8, 0.5), (20, 1), (20, 2)])
def test_the_residual_explorer_shows_the_network_that_its_python_makes(depth, width, shortcut):
    shown = cifar_resnet_setting(depth, width, shortcut)
    whole = cnnlib.anatomy(eval(shown["python"], {"cnnlib": cnnlib}))
    assert shown["totals"] == {
        "params": whole.params,
        "macs": whole.macs,
        "output_bytes": whole.output_bytes,
        "receptive_field": whole.receptive_field[0],
    }
    for cost in ("params", "macs", "output_bytes"):
        assert sum(stage[cost] for stage in shown["stages"]) == shown["totals"][cost]
    assert sum(stage["blocks"] for stage in shown["stages"]) == (depth - 2) // 2
    assert f"{whole.params:,} parameters" in shown["sentence"]


def evaluate(python: str, device: str = "meta") -> nn.Module:
    with torch.device(device):
        return eval(python, {"cnnlib": cnnlib, "nn": nn})


def every(explorer) -> list[tuple[dict, dict]]:
    """A sample over the grid: the ends of each knob with the others at their defaults, and what is shown there."""
    names = [knob.name for knob in explorer.knobs]
    defaults = {knob.name: knob.default for knob in explorer.knobs}
    settings = [defaults] + [
        defaults | {knob.name: value} for knob in explorer.knobs for value in (knob.values[0], knob.values[-1])
    ]
    assert all(list(setting) == names for setting in settings)
    return [(setting, explorer.at(**setting)) for setting in settings]


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet50", "densenet121", "squeezenet1_1", "cifar_wrn_16_8"])
def test_parts_are_the_modules_of_the_network_and_add_up(name):
    whole, python = built(name)
    assert evaluate(python).input_size == whole.input_size
    rows = by_part(whole)
    for cost in ("params", "macs", "output_bytes"):
        assert sum(row[cost] for row in rows) == getattr(whole, cost)
    counted = {row["name"]: 0 for row in rows}
    part = rows[0]["name"]
    for name, module in whole.module.named_children():
        part = name if name in counted else part  # a last normalisation goes with the part before it
        counted[part] += sum(parameter.numel() for parameter in module.parameters())
    assert counted == {row["name"]: row["params"] for row in rows}


@pytest.mark.parametrize("make", [explorers.alexnet_costs, explorers.vgg_costs, explorers.inception_module])
def test_bars_add_up_to_the_network_that_their_python_makes(make):
    for _, shown in every(make()):
        whole = cnnlib.anatomy(evaluate(shown["python"]))
        for cost, total in shown["totals"].items():
            assert total == getattr(whole, cost) == sum(row[cost] for row in shown["rows"])
        assert f"{whole.params:,} parameters" in shown["sentence"]


@pytest.mark.parametrize("make", [explorers.lenet_pipeline, explorers.alexnet_pipeline])
def test_pipelines_show_every_layer_with_weights_of_the_network_that_their_python_makes(make):
    for _, shown in every(make()):
        model = evaluate(shown["python"])
        whole = cnnlib.anatomy(model)
        weighted = [layer.out_shape for layer in whole.layers if layer.params]
        assert [one["shape"] for one in shown["layers"] if one["op"] in ("conv", "linear")] == weighted
        assert shown["layers"][0]["shape"] == model.input_size
        assert f"{whole.macs:,} MACs" in shown["sentence"]


def test_lenet_at_its_own_size_goes_through_the_shapes_of_the_paper():
    shapes = [one["shape"] for one in explorers.lenet_pipeline().at()["layers"]]
    assert shapes == [(1, 32, 32), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]


def test_a_convolution_is_what_torch_computes():
    shown = explorers.convolution(sizes=(5, 8), kernels=(1, 3, 6), paddings=(0, 1), strides=(1, 3), out_channels=4)
    for (n, f, p, s), result in shown.table.items():
        layer = evaluate(result["python"], "cpu")
        values = {row["Quantity"]: row["Value"] for row in result["rows"]}
        assert values["parameters"] == sum(parameter.numel() for parameter in layer.parameters())
        if f > n + 2 * p:
            assert values["output size"] is None and "does not fit" in result["sentence"]
            continue
        out = layer(torch.zeros(1, 3, n, n))[0]
        assert (values["output size"], values["output values"]) == (out.shape[1], out.numel())
        assert values["MACs"] == out.numel() * f * f * 3
        assert values["left over"] == (n + 2 * p - f) % s


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


def test_a_bitmap_is_read_back_as_it_was(tmp_path):
    image = torch.arange(3 * 5 * 7).reshape(3, 5, 7) / 104
    kind, data = explorers.bitmap(image).split(",")
    assert kind == "data:image/bmp;base64"
    (tmp_path / "image.bmp").write_bytes(base64.b64decode(data))
    pixels = numpy.asarray(Image.open(tmp_path / "image.bmp"))
    assert (pixels.transpose(2, 0, 1) == (image * 255).round().numpy()).all()


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


def test_points_are_the_networks_own_figures():
    shown = explorers.model_costs({"alexnet": "AlexNet", "squeezenet1_1": "SqueezeNet"})
    seen = {name: cnnlib.anatomy(evaluate(f"cnnlib.create_model({name!r})")) for name in ("alexnet", "squeezenet1_1")}
    for (x, y), result in shown.table.items():
        points = {point["name"]: (point["x"], point["y"]) for point in result["points"]}
        assert points == {name: (getattr(whole, x), getattr(whole, y)) for name, whole in seen.items()}


@pytest.mark.parametrize(
    "make",
    [
        explorers.convolution, explorers.receptive_fields, explorers.lenet_pipeline, explorers.alexnet_pipeline,
        explorers.alexnet_costs, explorers.vgg_costs, explorers.inception_module, explorers.cifar_resnet,
        lambda: explorers.model_costs({"alexnet": "AlexNet", "vgg16": "VGG"}),
    ],
)  # fmt: skip
def test_a_ready_made_explorer_is_small(make):
    assert len(make()._repr_html_().encode()) < 60_000


@pytest.mark.parametrize("suite", ["resnet_degradation", "resnet_slow_fitting", "resnet_bench"])
def test_a_suite_is_recorded_whole_and_each_run_says_where_it_is_from(suite):
    runs = recorded_runs(suite)
    assert len(runs) == len(list(configurations(suite)))
    for run in runs:
        assert {"config", "device", "versions", "date", "seconds", "curves"} <= run.keys()
        assert all(len(curve) == run["config"]["epochs"] for curve in run["curves"].values())


def test_the_best_rate_is_the_one_with_the_lowest_mean_error():
    runs = recorded_runs("resnet_degradation")
    means = {
        rate: sum(errors) / len(errors)
        for rate in (0.01, 0.03, 0.1)
        for errors in [final_errors(runs, model="cifar_plain", depth=56, learning_rate=rate)]
    }
    assert means[best_rate(runs, "cifar_plain", 56)] == min(means.values())


def test_the_degradation_explorer_draws_the_records():
    runs = recorded_runs("resnet_degradation")
    shown = explorers.degradation(runs).at(rate=0.1, error="test_error")
    plain56 = next(one for one in shown["series"] if one["label"].startswith("plain-56"))
    recorded = [run["curves"]["test_error"] for run in select(runs, model="cifar_plain", depth=56, learning_rate=0.1)]
    assert plain56["runs"] == len(recorded) == 3
    assert plain56["high"][-1] == pytest.approx(max(curve[-1] for curve in recorded), abs=0.006)
    assert plain56["low"][0] == pytest.approx(min(curve[0] for curve in recorded), abs=0.006)


def test_lesions_show_what_was_measured():
    errors = {
        "one": {"plain": [[80.0, 90.0], [86.0, 88.0]], "residual": [[5.0, 4.0], [7.0, 4.0]]},
        "several": {"plain": [[80.0, 91.0], [82.0, 90.0]], "residual": [[5.0, 30.0], [4.0, 50.0]]},
    }
    explorer = explorers.lesions(errors, {"plain": [3.0, 4.0], "residual": [2.0, 2.0]}, ["stage1.0", "stage1.1"])
    shown = explorer.at(taken="several", kind="residual")
    assert [(one["mean"], one["low"], one["high"]) for one in shown["series"]] == [
        ([4.5, 40.0], [4.0, 30.0], [5.0, 50.0])
    ]
    assert shown["sentence"] == "Up to 2 blocks taken out. Highest test error, mean over seeds: residual 40%."
    both = explorer.at(taken="one", kind="both")
    assert [one["label"] for one in both["series"]] == ["plain (whole: 3.5%)", "residual (whole: 2.0%)"]
    assert "2 is stage1.1" in both["note"]
