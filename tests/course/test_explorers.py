"""The ready-made explorers say what `anatomy` says of the very network that they name, and what the records hold."""

import pytest

import cnnlib
from cnnlib.course import explorers
from cnnlib.course.curves import best_rate, final_errors, select
from cnnlib.training.record import configurations, recorded_runs


@pytest.mark.parametrize("shortcut", explorers.SHORTCUTS)
@pytest.mark.parametrize(("depth", "width"), [(8, 0.5), (20, 1), (20, 2)])
def test_the_residual_explorer_shows_the_network_that_its_python_makes(depth, width, shortcut):
    shown = explorers.cifar_resnet_setting(depth, width, shortcut)
    whole = cnnlib.anatomy(eval(shown["python"], {"cnnlib": cnnlib}))
    assert shown["totals"] == {
        "params": whole.params,
        "macs": whole.macs,
        "receptive_field": whole.receptive_field[0],
    }
    for cost in ("params", "macs"):
        assert sum(stage[cost] for stage in shown["stages"]) == shown["totals"][cost]
    assert sum(stage["blocks"] for stage in shown["stages"]) == (depth - 2) // 2
    assert f"{whole.params:,} parameters" in shown["sentence"]


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
