"""Chapter 3's explorers say what `anatomy`, torch and the records say."""

import pytest
import torch
import torch.nn.functional as F

import cnnlib
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.inception_bottleneck import explorers
from cnnlib.chapters.inception_bottleneck.explorers import COMPARED
from cnnlib.course.curves import select

EXPERIMENT = [f"inception_bottleneck/{suite}" for suite in ("reductions", "deeper", "wider")]


def test_bars_are_the_branches_of_the_module_that_their_python_makes():
    for result in explorers.inception_module().table.values():
        with torch.device("meta"):
            whole = cnnlib.anatomy(eval(result["python"], {"cnnlib": cnnlib}))
        for cost, total in result["totals"].items():
            assert total == getattr(whole, cost) == sum(row[cost] for row in result["rows"])
        assert f"{whole.layers[-1].out_shape[0]:,} out. {whole.params:,} parameters" in result["sentence"]


def test_without_any_1x1_it_is_the_naive_module():
    shown = explorers.inception_module().at(reduce3x3=None, reduce5x5=None, pool_proj=None)
    naive = cnnlib.anatomy(cnnlib.create_model("naive_inception_module"))
    assert (shown["totals"]["params"], shown["totals"]["macs"]) == (naive.params, naive.macs)
    assert "256 channels in, 672 out" in shown["sentence"]


def test_a_width_that_makes_no_whole_channels_is_refused():
    with pytest.raises(ValueError, match=r"0\.3 × 256 channels"):
        explorers.inception_module(widths=(0.3, 1)).table  # noqa: B018


@pytest.mark.parametrize(("epsilon", "classes"), [(0.1, 1000), (0.4, 2), (0.05, 10)])
def test_smoothed_labels_are_those_of_torch(epsilon, classes):
    shown = explorers.label_smoothing().at(epsilon=epsilon, classes=classes)
    value = {row["Quantity"]: row["Value"] for row in shown["rows"]}
    logits = torch.zeros(1, classes, requires_grad=True)
    lead = float(value["best lead of the right logit"])
    best = logits + lead * F.one_hot(torch.tensor([0]), classes)
    loss = F.cross_entropy(best, torch.tensor([0]), label_smoothing=epsilon)
    (slope,) = torch.autograd.grad(loss, logits)
    assert loss.item() == pytest.approx(float(value["lowest loss that can be reached"]), rel=0.01)
    assert slope.abs().max() < 0.003  # nothing to be gained by another lead


def test_without_smoothing_no_lead_is_enough():
    assert "no lead of the right logit is enough" in explorers.label_smoothing().at(epsilon=0.0)["sentence"]


def test_the_comparison_draws_the_records():
    runs = [run for suite in EXPERIMENT for run in recorded_runs(suite)]
    explorer = explorers.reductions(runs)
    shown = explorer.at(error="test_error", compare="cost")
    assert [one["label"] for one in shown["series"]] == [name for name in COMPARED if name != "1×1, 32 wide"]
    for one in shown["series"]:
        ends = [run["curves"]["test_error"][-1] for run in select(runs, **COMPARED[one["label"]])]
        assert one["runs"] == len(ends) == 5
        assert one["mean"][-1] == pytest.approx(sum(ends) / 5, abs=0.006)
        assert (one["low"][-1], one["high"][-1]) == pytest.approx((min(ends), max(ends)), abs=0.006)


def test_gradients_are_drawn_as_measured_and_as_multiples():
    measured = {"no heads": [{"conv1": 1.0, "fc": 4.0}], "with heads": [{"conv1": 3.0, "fc": 4.0}]}
    explorer = explorers.layer_gradients(measured)
    assert [one["mean"] for one in explorer.at(show="norm")["series"]] == [[1, 4], [3, 4]]
    assert [one["mean"] for one in explorer.at(show="ratio")["series"]] == [[1, 1], [3, 1]]
    assert "with heads 3" in explorer.at(show="ratio")["sentence"]
