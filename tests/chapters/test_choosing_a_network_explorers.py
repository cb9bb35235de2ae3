"""The explorers of chapter 6 say what `anatomy`, the records and the cited numbers hold."""

import pytest
import torch
from explorer_samples import evaluate

import cnnlib
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.choosing_a_network import explorers, networks
from cnnlib.course import reported
from cnnlib.course.curves import select
from cnnlib.course.ranking import spearman
from cnnlib.experiments.timing import Stopwatch, matched

TIMES = recorded_runs("choosing_a_network/times")
FEW = {"AlexNet, ZFNet": ("alexnet", "zfnet"), "ResNet": ("resnet18", "resnet50"), "VGG": ("vgg16",)}


@pytest.fixture
def few(monkeypatch):
    """Five networks for 27: what is shown of each is the same, and counted sooner."""
    monkeypatch.setattr(explorers, "FAMILIES", FEW)
    monkeypatch.setattr(explorers, "ALLOWED", (45, 31, 24))


def test_every_network_that_is_timed_is_compared_once():
    names = [name for group in networks.FAMILIES.values() for name in group]
    for record in TIMES:
        assert sorted(names) == sorted(record["times"])
        assert record["operations"].keys() == set(networks.BY_OPERATION) <= set(names)


def test_the_networks_that_are_timed_by_operation_match_their_anatomy():
    """Their rows by name; what would run is taken from a pass under the stopwatch without computing."""
    for name in networks.BY_OPERATION:
        with torch.device("meta"):
            model = cnnlib.create_model(name).eval()
            with Stopwatch(torch.device("cpu")) as watch, torch.no_grad():
                model(torch.empty(1, *model.input_size))
        whole = cnnlib.anatomy(model)
        assert len(matched(whole, watch.calls)) == len(whole.layers)


def test_a_row_has_the_networks_own_figures_and_its_recorded_time(few):
    published = {(row["model"], row["quantity"]): row["value"] for row in reported("single_crop")}
    rows = {row["name"]: row for row in explorers.compared(TIMES)}
    assert list(rows) == ["alexnet", "zfnet", "resnet18", "resnet50", "vgg16"]
    for name, row in rows.items():
        with torch.device("meta"):
            whole = cnnlib.anatomy(cnnlib.create_model(name))
        assert (row["params"], row["macs"], row["saved"]) == (whole.params, whole.macs, whole.saved_bytes)
        assert row["seconds"] == select(TIMES, batch=1, threads=1)[0]["times"][name]["median"]
        assert row["top1"] == published.get((name, "top-1 error"))
    assert rows["zfnet"]["top1"] is None


def test_the_sentence_has_the_correlation_of_the_axes_of_what_is_known(few):
    shown = explorers.scatter_of_networks(TIMES).at(x="macs", y="top1", size="params")
    known = [row for row in shown["points"] if row["top1"] is not None]
    rho = spearman([row["macs"] for row in known], [row["top1"] for row in known])
    assert len(known) == 4 and f"error: {rho:.2f}" in shown["sentence"] and shown["sentence"].startswith("4 networks")
    assert (shown["x"]["of"], shown["y"]["of"], shown["size"]["of"]) == ("macs", "top1", "params")
    assert "One quantity" in explorers.scatter_of_networks(TIMES).at(x="macs", y="macs")["sentence"]


def test_places_are_those_of_sorting_by_each_column(few):
    shown = explorers.rankings(TIMES).at(network="resnet50", other="nobody")
    rows = {row["name"]: row for row in explorers.compared(TIMES) if row["top1"] is not None}
    for k, key in enumerate(explorers.RANKED):
        in_order = sorted(rows, key=lambda name: rows[name][key])
        assert [row["name"] for row in sorted(shown["rows"], key=lambda row: row["places"][k])] == in_order
    assert shown["chosen"] == ["resnet50"] and "resnet50: 1st in top-1 error" in shown["sentence"]


def test_the_guide_names_the_cheapest_of_those_that_err_little_enough(few):
    guide = explorers.guide(TIMES)
    rows = [row for row in explorers.compared(TIMES) if row["top1"] is not None]
    for (limit, error), shown in guide.table.items():
        able = sorted((row for row in rows if row["top1"] <= error), key=lambda row: row[limit])
        assert [row["network"] for row in shown["rows"]] == [row["name"] for row in able[:4]]
        assert shown["sentence"].startswith(f"{len(able)} of {len(rows)}")
    assert guide.at(limit="saved", error=45)["rows"][0]["memory for training"] == "3.74\u202fMB"


@pytest.mark.parametrize(
    ("place", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_ordinals(place, said):
    assert explorers.ordinal(place) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(138357544, "", "138 M"), (4.29e6, "B", "4.29 MB"), (0.0594, "s", "59 ms"), (0.0021, "s", "2.1 ms"), (23.87, "%", "23.9%")],
)  # fmt: skip
def test_amounts_are_said_as_a_person_would(value, unit, said):
    assert explorers.amount(value, unit).replace("\u202f", " ") == said


def test_shares_of_time_add_up_and_every_operation_has_a_kind():
    for shares in explorers.time_by_kind(TIMES).values():
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["other"] < 0.02


def test_layers_lie_where_their_macs_bytes_and_times_put_them():
    record = select(TIMES, batch=1, threads=1)[0]
    shown = explorers.roofline(TIMES).at(network="alexnet", threads=1)
    whole = explorers.anatomy_of("alexnet")
    weighted = [
        (row, took) for row, took in zip(whole.layers, record["operations"]["alexnet"], strict=True) if row.macs
    ]
    assert len(shown["points"]) == len(weighted) == 8
    fc = next(point for point in shown["points"] if point["group"] == "linear")
    assert fc["x"] == pytest.approx(0.25, rel=0.01)  # each weight has four bytes and is used once
    row, took = next((row, took) for row, took in weighted if row.op == "linear")
    assert fc["y"] == pytest.approx(row.macs / took, rel=0.01)
    roof = dict(shown["lines"][0]["path"])
    assert max(roof.values()) == pytest.approx(record["machine"]["peak"], rel=0.01)


def test_grouped_convolutions_are_told_from_others():
    kinds = {explorers.window_of(row) for row in explorers.anatomy_of("resnext50_32x4d").layers if row.op == "conv2d"}
    assert kinds == {"1×1", "3×3, grouped", "larger window"}


def test_the_challenge_shows_cited_errors_and_counted_depths():
    shown = explorers.challenge()
    assert [point["error"] for point in shown.at()["points"]] == [row["value"] for row in reported("ilsvrc")]
    depths = {point["name"]: point["depth"] for point in shown.at(y="depth", show="one network")["points"]}
    assert depths == {"AlexNet": 8, "ZFNet": 8, "GoogLeNet": 22, "VGG": 19, "ResNet": 152, "ResNeXt": 101}
    assert "no depth" in shown.at(y="depth", show="no network")["sentence"]


def test_curves_of_transfer_are_means_over_the_recorded_seeds():
    runs = recorded_runs("choosing_a_network/transfer")
    shown = explorers.transfer(runs).at(target="digits")
    for series in shown["series"]:
        for labels, mean in zip(series["epochs"], series["mean"], strict=True):
            errors = [run["errors"][series["label"]] for run in select(runs, target="digits", labels=labels)]
            assert len(errors) == series["runs"] and mean == pytest.approx(sum(errors) / len(errors), abs=0.01)


def test_points_are_the_networks_own_figures():
    shown = explorers.model_costs({"alexnet": "AlexNet", "squeezenet1_1": "SqueezeNet"})
    seen = {name: cnnlib.anatomy(evaluate(f"cnnlib.create_model({name!r})")) for name in ("alexnet", "squeezenet1_1")}
    for (x, y), result in shown.table.items():
        points = {point["name"]: (point["x"], point["y"]) for point in result["points"]}
        assert points == {name: (getattr(whole, x), getattr(whole, y)) for name, whole in seen.items()}
