"""Chapter 1's explorers say what `anatomy` and torch say, what the records hold and what the layer computes."""

import pytest
import torch
from explorer_samples import evaluate, sampled_settings

import cnnlib
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.classic_networks import explorers
from cnnlib.chapters.classic_networks.explorers import epochs_in_words, epochs_to, rate_of
from cnnlib.course.curves import select
from cnnlib.models.layers import ResponseNorm


@pytest.mark.parametrize(
    ("make", "suite", "config"),
    [
        (explorers.lenet_training, "classic_networks/lenet", {"pooling": "max"}),
        (explorers.relu_against_tanh, "classic_networks/activations", {}),
    ],
)
@pytest.mark.parametrize("error", ["train_error", "test_error"])
def test_curves_are_those_of_the_records(make, suite, config, error):
    runs = recorded_runs(suite)
    shown = make(runs).at(rate=0.03, error=error)
    assert [one["label"] for one in shown["series"]] == [f"{n} (rate 0.03)" for n in ("sigmoid", "tanh", "ReLU")]
    tanh = [run["curves"][error] for run in select(runs, activation="tanh", learning_rate=0.03, **config)]
    assert shown["series"][1]["runs"] == len(tanh) == 3
    assert shown["series"][1]["high"][-1] == pytest.approx(max(curve[-1] for curve in tanh), abs=0.006)
    assert shown["series"][1]["low"][0] == pytest.approx(min(curve[0] for curve in tanh), abs=0.006)


def test_the_best_rate_has_the_lowest_mean_final_training_error():
    runs = recorded_runs("classic_networks/activations")
    best = rate_of(runs, activation="relu")
    means = {
        rate: sum(run["curves"]["train_error"][-1] for run in select(runs, activation="relu", learning_rate=rate))
        for rate in (0.01, 0.03, 0.1)
    }
    assert means[best] == min(means.values())


def test_epochs_to_an_error_and_their_words():
    runs = [{"curves": {"train_error": curve}} for curve in ([50, 20, 5], [50, 9.9, 5], [50, 40, 30])]
    assert epochs_to(runs, 10) == [3, 2, None]
    assert epochs_in_words([3, 2, None]) == "2 to 3 (2 of 3 runs)"
    assert epochs_in_words([4, 4, 4]) == "4"
    assert epochs_in_words([None, None]) == "never"


@pytest.mark.parametrize(("own", "around"), [(1, 0), (10, 300), (300, 0), (300, 300)])
def test_response_normalisation_is_the_networks_own_layer(own, around):
    shown = explorers.response_norm().at(own=own, around=around)
    maps = torch.tensor([around, around, own, around, around], dtype=torch.float32).view(1, 5, 1, 1)
    normed = ResponseNorm()(maps).flatten().tolist()
    assert [float(row["After"]) for row in shown["rows"]] == pytest.approx(normed, abs=0.006)
    by_hand = own / (2 + 1e-4 * (own**2 + 4 * around**2)) ** 0.75
    assert float(shown["rows"][2]["After"]) == pytest.approx(by_hand, abs=0.006)


@pytest.mark.parametrize(
    "make",
    [
        lambda: explorers.lenet_training(recorded_runs("classic_networks/lenet")),
        lambda: explorers.relu_against_tanh(recorded_runs("classic_networks/activations")),
    ],
)
def test_an_explorer_of_records_is_small(make):
    assert len(make()._repr_html_().encode()) < 60_000


@pytest.mark.parametrize("make", [explorers.lenet_pipeline, explorers.alexnet_pipeline])
def test_pipelines_show_every_layer_with_weights_of_the_network_that_their_python_makes(make):
    for _, shown in sampled_settings(make()):
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
