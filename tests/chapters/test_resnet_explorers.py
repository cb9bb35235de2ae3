"""Chapter 4's explorers say what `anatomy` says of the very network that they name, and what the records and measurements hold."""

import pytest

import cnnlib
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.resnet import explorers
from cnnlib.chapters.resnet.explorers import SHORTCUTS, cifar_resnet_setting
from cnnlib.course.curves import best_rate, final_errors, select


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


def test_the_best_rate_is_the_one_with_the_lowest_mean_error():
    runs = recorded_runs("resnet/degradation")
    means = {
        rate: sum(errors) / len(errors)
        for rate in (0.01, 0.03, 0.1)
        for errors in [final_errors(runs, model="cifar_plain", depth=56, learning_rate=rate)]
    }
    assert means[best_rate(runs, "cifar_plain", 56)] == min(means.values())


def test_the_degradation_explorer_draws_the_records():
    runs = recorded_runs("resnet/degradation")
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
