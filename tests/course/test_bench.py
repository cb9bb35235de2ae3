"""Benches: driven through their widgets as a reader would, and read through their recorded runs."""

import sys

import pytest
import torch
from torch import nn

from cnnlib import ImageData
from cnnlib.course.bench import Bench
from cnnlib.course.explorer import Knob

pytest.importorskip("ipywidgets")


def tiny_data() -> ImageData:
    draw = torch.Generator().manual_seed(0)
    images, labels = torch.randn(8, 1, 2, 2, generator=draw), torch.arange(8) % 2
    return ImageData("tiny", images, labels, images, labels, ("a", "b"))


def tiny_net(depth: int, model: str) -> nn.Module:
    return nn.Sequential(nn.Flatten(), *[nn.Linear(4, 4) for _ in range(depth - 1)], nn.Linear(4, 2))


def record(depth: int, seed: int, error: float, rate: float = 0.1, **extra) -> dict:
    config = {"model": "cifar_plain", "depth": depth, "seed": seed, "learning_rate": rate, "recipe": {"momentum": 0.9}}
    curves = {"train_error": [90.0, error], "test_error": [90.0, error + 2], "train_loss": [2.3, 0.1]}
    about = {"device": "a GPU", "date": "2026-11-21", "versions": {"torch": "2.15.0"}, "seconds": 3.0}
    return {"config": config | extra, "curves": curves, **about}


KNOBS = [
    Knob("depth", "Depth", (1, 2, 3), 1),
    Knob("model", "Kind", ("cifar_plain", "cifar_resnet"), "cifar_plain", format=lambda name: name[6:]),
]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("CNNLIB_QUIET", "1")


def bench(create=tiny_net, **options) -> Bench:
    return Bench(create, KNOBS, **({"data": tiny_data(), "epochs": 2} | options))


def press_train(ours: Bench, **setting) -> None:
    for name, value in setting.items():
        ours.widgets.knobs[name].value = value
    ours.widgets.train.click()
    ours.thread.join(60)
    assert not ours.thread.is_alive()


def test_train_trains_the_net_of_the_knobs():
    ours = bench()
    press_train(ours, depth=2)
    label, history = ours.trained[0]
    assert label == "depth 2, kind plain: 30 parameters"
    assert len(history.train_loss) == 2
    ui = ours.widgets
    assert ui.message.value.startswith("Epoch 2 of 2: training error") and "Done in" in ui.message.value
    assert (ui.progress.value, ui.progress.max) == (2, 2)
    assert (ui.train.disabled, ui.stop.disabled) == (False, True)


def test_earlier_nets_stay_in_the_picture():
    ours = bench()
    for depth in (1, 2, 3):
        press_train(ours, depth=depth)
    picture = ours.widgets.picture.value
    assert picture.count("cnn-dot cnn-") == 3
    for depth in (1, 2, 3):
        assert f"depth {depth}, kind plain" in picture


def test_the_picture_keeps_as_many_nets_as_it_can_tell_apart():
    ours = bench(epochs=1)
    for _ in range(6):
        press_train(ours)
    assert ours.widgets.picture.value.count("cnn-dot cnn-") == 4


def test_stop_ends_the_run_after_the_epoch():
    ours = bench(epochs=500)
    ui = ours.widgets
    ui.progress.observe(lambda change: ui.stop.click() if change["new"] == 3 else None, "value")
    press_train(ours)
    assert len(ours.trained[0][1].train_loss) == 3
    assert "Stopped" in ui.message.value


def test_an_error_is_shown_and_the_bench_goes_on():
    def create(depth: int, model: str) -> nn.Module:
        if depth == 3:
            raise ValueError("no <net> of 3")
        return tiny_net(depth, model)

    ours = bench(create)
    press_train(ours, depth=3)
    assert "ValueError: no &lt;net&gt; of 3" in ours.widgets.message.value
    assert not ours.trained and not ours.widgets.train.disabled
    press_train(ours, depth=1)
    assert len(ours.trained) == 1


def test_the_same_knobs_give_the_same_curve_and_leave_random_numbers_alone():
    before = torch.random.get_rng_state()
    ours = bench()
    press_train(ours)
    press_train(ours)
    assert ours.trained[0][1].train_loss == pytest.approx(ours.trained[1][1].train_loss)
    assert torch.equal(before, torch.random.get_rng_state())


def test_front_ends_get_a_widget_and_pages_get_recorded_runs():
    bundle = bench(recorded=[record(1, 0, 5.0)])._repr_mimebundle_()
    assert bundle["text/plain"] == "Bench('Train one yourself', depth × model, 1 recorded runs)"
    assert bundle["text/html"].startswith("<cnn-explorer")
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]


def test_without_ipywidgets_the_recorded_runs_are_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert bench()._repr_mimebundle_().keys() == {"text/plain", "text/html"}


def test_recorded_runs_are_grouped_by_knobs_and_spread_over_seeds():
    runs = [record(1, seed, error) for seed, error in enumerate((4.0, 5.0, 9.0))] + [record(2, 0, 50.0)]
    shown = bench(recorded=runs).recorded.at(depth=1)
    train, test = shown["series"]
    assert (train["mean"], train["low"], train["high"]) == ([90, 6], [90, 4], [90, 9])
    assert (train["runs"], train["style"], test["mean"]) == (3, "plain", [90, 8])
    assert shown["sentence"] == (
        "Depth 1, kind plain: after 2 epochs the training error is 6% (4 to 9% over 3 seeds), the test error 8%."
    )
    assert shown["note"] == "Recorded 2026-11-21 on a GPU, torch 2.15.0: learning rate 0.1."


def test_of_several_recipes_the_best_is_shown():
    shown = bench(recorded=[record(1, 0, 5.0), record(1, 0, 3.0, rate=0.01)]).recorded.at(depth=1)
    assert shown["series"][0]["mean"][-1] == 3
    assert "learning rate 0.01. The best of 2 recipes" in shown["note"]


def test_a_setting_nobody_recorded_says_so():
    shown = bench(recorded=[record(1, 0, 5.0)]).recorded.at(depth=3)
    assert shown["series"] == []
    assert shown["sentence"] == "No run was recorded for this setting (depth 3, kind plain)."
