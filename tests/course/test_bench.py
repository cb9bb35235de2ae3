"""Benches: driven through their widgets as a reader would, and read through their recorded runs."""

import re
import sys
import threading
from dataclasses import replace
from html import escape

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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
    (net,) = ours.trained
    assert (net.name, net.parameters) == ("depth 2, kind plain", 30)
    assert len(net.history.train_loss) == 2
    ui = ours.widgets
    assert re.search(r">Done after 2 of 2 epochs and [\d.]+ s: training error [\d.]+%, test error", ui.message.value)
    assert (ui.progress.value, ui.progress.max) == (2, 2)
    assert (ui.train.disabled, ui.stop.disabled) == (False, True)


def test_earlier_nets_stay_in_the_picture():
    ours = bench()
    for depth in (1, 2, 3):
        press_train(ours, depth=depth)
    picture = ours.widgets.picture.value
    assert picture.count("cnn-dot cnn-") == 2 * 3  # training and test error
    for net in ours.trained:
        last = f"<td>{net.history.train_error[-1]:.1f}%</td><td>{net.history.test_error[-1]:.1f}%</td>"
        assert f"{net.name}</th><td>{net.parameters:,}</td><td>2</td>{last}" in picture


def test_the_picture_keeps_as_many_nets_as_it_can_tell_apart():
    ours = bench(epochs=1)
    for _ in range(6):
        press_train(ours)
    assert ours.widgets.picture.value.count("cnn-dot cnn-") == 2 * 4


def test_stop_ends_the_run_after_the_epoch():
    ours = bench(epochs=500)
    ui = ours.widgets
    ui.progress.observe(lambda change: ui.stop.click() if change["new"] == 3 else None, "value")
    press_train(ours)
    assert len(ours.trained[0].history.train_loss) == 3
    assert "Stopped after 3 of 500 epochs" in ui.message.value
    press_train(ours)  # and the next net is not stopped before its time
    assert len(ours.trained[1].history.train_loss) == 3


def test_the_curve_is_drawn_again_after_each_epoch_with_the_time_that_is_left():
    ours, pictures, messages = bench(epochs=3), [], []
    ours.widgets.picture.observe(lambda change: pictures.append(change["new"]), "value")
    ours.widgets.message.observe(lambda change: messages.append(change["new"]), "value")
    press_train(ours)
    assert [re.search(r"</td><td>(\d)</td>", picture)[1] for picture in pictures] == ["1", "2", "3"]
    assert [bool(re.search(r"; about [\d.]+ s left", message)) for message in messages] == [
        False,
        True,
        True,
        False,
        False,
    ]


class Held:
    """A net that waits while it is built, so that a test can do things while the bench is at work."""

    def __init__(self):
        self.building, self.go_on, self.built = threading.Event(), threading.Event(), []

    def __call__(self, depth: int, model: str) -> nn.Module:
        self.building.set()
        assert self.go_on.wait(60)
        self.built.append(depth)
        return tiny_net(depth, model)


def test_train_pressed_twice_trains_once():
    net = Held()
    ours = bench(net)
    ours.widgets.train.click()
    ours.widgets.train.click()
    net.go_on.set()
    ours.thread.join(60)
    assert len(ours.trained) == 1


def test_knobs_turned_while_a_net_trains_are_for_the_next_one():
    net = Held()
    ours = bench(net)
    ui = ours.widgets
    ui.train.click()
    assert net.building.wait(60)
    ui.knobs["depth"].value, ui.epochs.value = 3, 1
    net.go_on.set()
    ours.thread.join(60)
    assert (ours.trained[0].name, len(ours.trained[0].history.train_loss)) == ("depth 1, kind plain", 2)
    press_train(ours)
    assert (ours.trained[1].name, len(ours.trained[1].history.train_loss)) == ("depth 3, kind plain", 1)
    assert net.built == [1, 3]


def test_stop_before_the_first_epoch_ends_after_it():
    net = Held()
    ours = bench(net, epochs=50)
    ours.widgets.train.click()
    assert net.building.wait(60)
    ours.widgets.stop.click()
    assert "Stops at the end of this epoch" in ours.widgets.message.value and ours.widgets.stop.disabled
    net.go_on.set()
    ours.thread.join(60)
    assert len(ours.trained[0].history.train_loss) == 1


def test_stop_without_a_training_does_nothing():
    ours = bench(epochs=1)
    ours._stop()
    press_train(ours)
    assert len(ours.trained) == 1


def test_a_choice_of_data_is_one_more_knob_and_loads_once():
    loaded = []

    def load():
        loaded.append("coloured")
        data = tiny_data()
        return replace(
            data, train_images=data.train_images.repeat(1, 3, 1, 1), test_images=data.test_images.repeat(1, 3, 1, 1)
        )

    def create(depth, model, data):
        return nn.Sequential(nn.Flatten(), nn.Linear(data.train_images[0].numel(), len(data.classes)))

    ours = bench(create, data={"grey": tiny_data(), "coloured": load})
    press_train(ours)
    assert not loaded
    for _ in range(2):
        press_train(ours, data="coloured")
    assert loaded == ["coloured"]
    assert [net.parameters for net in ours.trained] == [4 * 2 + 2, 12 * 2 + 2, 12 * 2 + 2]
    assert ours.trained[1].name == "depth 1, kind plain, data coloured"


def test_recorded_runs_are_chosen_by_data_too():
    runs = [record(1, 0, 5.0, data="grey"), record(1, 0, 7.0, data="coloured")]
    ours = bench(data={"grey": tiny_data(), "coloured": tiny_data}, recorded=runs)
    assert ours.recorded.at(data="coloured")["series"][0]["mean"][-1] == 7


def test_data_that_cannot_be_loaded_is_said_and_asked_for_again():
    answers = [ConnectionError("no <network>"), tiny_data()]

    def load():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ours = bench(lambda depth, model, data: tiny_net(depth, model), data={"a": tiny_data(), "b": load})
    press_train(ours, data="b")
    assert "ConnectionError: no &lt;network&gt;" in ours.widgets.message.value
    press_train(ours, data="b")
    assert len(ours.trained) == 1


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"epochs": 0}, "epochs=0; give at least 1"),
        ({"data": {}}, "at least two"),
        ({"data": {"a": None}}, "at least two"),
    ],
)
def test_a_bench_that_cannot_work_is_refused(options, part):
    with pytest.raises(ValueError, match=part):
        bench(**options)


def test_a_knob_of_that_name_stays_the_authors_where_there_is_one_data_set():
    knob = Knob("data", "Seed", (1, 2), 1)
    ours = Bench(lambda data: tiny_net(data, ""), [knob], data=tiny_data(), epochs=1)
    press_train(ours, data=2)
    assert ours.trained[0].name == "seed 2"


@given(st.text(min_size=1, max_size=30))
@settings(max_examples=30)
def test_names_and_errors_are_text_in_the_bench(label):
    def create(depth: int) -> nn.Module:
        if depth == 2:
            raise ValueError(label)
        return tiny_net(depth, "")

    ours = Bench(
        create, [Knob("depth", "Depth", (1, 2), 1, format=lambda depth: label * depth)], data=tiny_data(), epochs=1
    )
    press_train(ours, depth=1)
    ours.widgets.knobs["depth"].index = 1
    assert escape(label) in ours.widgets.picture.value
    ours.widgets.train.click()
    ours.thread.join(60)
    assert escape(label) in ours.widgets.message.value


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


def test_a_net_that_breaks_off_leaves_the_earlier_ones_in_the_picture():
    ours = bench(lambda depth, model: tiny_net(depth, model) if depth == 1 else Breaking())
    press_train(ours, depth=1)
    kept = ours.widgets.picture.value
    press_train(ours, depth=2)
    assert "FloatingPointError" in ours.widgets.message.value
    assert ours.widgets.picture.value == kept


class Breaking(nn.Module):
    """Trains for an epoch; then its loss is not a number."""

    def __init__(self):
        super().__init__()
        self.fc, self.steps = nn.Linear(4, 2), 0

    def forward(self, x):
        self.steps += self.training
        return self.fc(x.flatten(1)) * (1 if self.steps < 2 else float("nan"))


def test_the_same_knobs_give_the_same_curve_and_leave_random_numbers_alone():
    before = torch.random.get_rng_state()
    ours = bench()
    press_train(ours)
    press_train(ours)
    one, other = (net.history.train_loss for net in ours.trained)
    assert one == pytest.approx(other)
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
