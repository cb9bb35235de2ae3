"""Chapter 5's explorers say what `anatomy`, the models and the records say."""

import math

import pytest
import torch

import cnnlib
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.after_resnet import explorers
from cnnlib.chapters.after_resnet.explorers import EQUAL_COST, FAMILIES, RACERS, STEPS, families_setting
from cnnlib.course.curves import select
from cnnlib.course.pictures.side_by_side import SideBySide
from cnnlib.experiments.families import EQUAL_WRN, RACE, race_net
from cnnlib.models.resnext import GroupedBlock
from cnnlib.models.stochastic_depth import linear_decay


def made(python: str):
    with torch.device("meta"):
        return eval(python, {"cnnlib": cnnlib})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("steps", [("low", "low"), ("middle", "high")])
def test_the_families_are_the_networks_that_their_python_makes(family, steps):
    shown = families_setting(family, *steps)
    whole = cnnlib.anatomy(made(shown["python"]))
    for cost in ("params", "macs", "output_bytes"):
        assert sum(stage[cost] for stage in shown["stages"]) == shown["totals"][cost]
        if (family, cost) != ("stochastic depth", "macs"):
            assert shown["totals"][cost] == getattr(whole, cost)
    assert shown["totals"]["receptive_field"] == whole.receptive_field[0]
    assert f"{whole.params:,} parameters, {whole.macs:,} MACs" in shown["sentence"]


@pytest.mark.parametrize(("family", "blocks"), [
    ("pre-activation", 9), ("wide", 6), ("ResNeXt", 6), ("stochastic depth", 9), ("FractalNet", 5), ("DenseNet", 9), ("SqueezeNet", 8),
])  # fmt: skip
def test_blocks_are_those_of_the_family(family, blocks):
    assert sum(stage["blocks"] for stage in families_setting(family, "low", "low")["stages"]) == blocks


def test_expected_macs_are_those_of_the_blocks_that_run():
    always, sometimes = (
        families_setting("stochastic depth", "low", step)["totals"]["macs"] for step in ("high", "low")
    )
    with torch.device("meta"):
        model = cnnlib.create_model("cifar_stochastic_depth_resnet", depth=20, survival_prob=0.2)
    whole = cnnlib.anatomy(model)
    blocks = [f"stage{stage}.{block}." for stage in (1, 2, 3) for block in range(3)]
    fixed = whole.macs - sum(layer.macs for layer in whole.layers if layer.name.startswith(tuple(blocks)))
    expected = fixed + sum(
        share * sum(layer.macs for layer in whole.layers if layer.name.startswith(block))
        for share, block in zip(linear_decay(0.2, 9), blocks, strict=True)
    )
    assert always == whole.macs
    assert sometimes == pytest.approx(expected, abs=5)


def test_steps_are_in_order():
    for family in FAMILIES:
        sizes = [families_setting(family, step, "low")["totals"]["params"] for step in STEPS]
        assert sizes == sorted(sizes)


@pytest.mark.parametrize("keep", ["cost", "total"])
@pytest.mark.parametrize("paths", EQUAL_COST)
def test_a_block_of_paths_costs_what_anatomy_says(paths, keep):
    shown = explorers.cardinality().at(paths=paths, keep=keep)
    whole = cnnlib.anatomy(made(shown["python"]), input_size=(256, 56, 56))
    for cost, total in shown["totals"].items():
        assert total == getattr(whole, cost) == sum(row[cost] for row in shown["rows"])


def test_cardinality_at_equal_cost_is_equal_within_three_per_cent():
    sizes = [explorers.cardinality().at(paths=paths)["totals"]["params"] for paths in EQUAL_COST]
    assert max(sizes) / min(sizes) < 1.03
    with torch.device("meta"):
        assert sum(p.numel() for p in GroupedBlock(256, 64, cardinality=32, base_width=4).parameters()) in sizes


@pytest.mark.parametrize(("depth", "final"), [(110, 0.5), (20, 0.1), (56, 1.0)])
def test_survival_is_that_of_the_network(depth, final):
    shown = explorers.survival().at(depth=depth, final=final)
    model = cnnlib.create_model("cifar_stochastic_depth_resnet", depth=depth, survival_prob=final, width=0.25)
    shares = [block.survival_prob for stage in (model.stage1, model.stage2, model.stage3) for block in stage]
    assert shown["series"][0]["mean"] == pytest.approx(shares, abs=1e-4)
    assert f"of {len(shares)} blocks {sum(shares):.2f} run on average" in shown["sentence"]
    if final == 1:
        assert "every mini-batch." in shown["sentence"]
    elif math.prod(shares) > 1e-6:
        assert f"one of {1 / math.prod(shares):,.0f}" in shown["sentence"]


def test_a_dense_block_reads_what_its_layers_read():
    shown = explorers.dense_block().at(layers=6, growth=12)
    assert "21 connections. The last layer reads 84 channels and adds 12; the block gives 96" in shown["sentence"]
    plain, narrow = shown["series"]
    assert plain["mean"] == [9 * 12 * (24 + 12 * i) / 1000 for i in range(6)]
    assert narrow["mean"] == [(4 * 12 * (24 + 12 * i) + 36 * 144) / 1000 for i in range(6)]


def test_the_race_shows_each_run_and_the_cost_that_is_free():
    runs = recorded_runs("after_resnet/race")
    for budget, free in (("parameters", "macs"), ("macs", "params")):
        shown = explorers.race(runs).at(budget=budget)
        assert len(shown["points"]) == len(select(runs, budget=budget)) == 3 * len(RACE)
        for family, label in RACERS.items():
            with torch.device("meta"):
                cost = getattr(cnnlib.anatomy(race_net(family, budget), (1, 8, 8)), free)
            mine = [point for point in shown["points"] if point["group"] == label]
            assert {point["x"] for point in mine} == {cost}
            ends = [run["curves"]["test_error"][-1] for run in select(runs, budget=budget, family=family)]
            assert [point["y"] for point in mine] == pytest.approx(ends, abs=0.01)
            assert f"{label} {min(ends):.1f} to {max(ends):.1f}" in shown["sentence"]


def test_width_or_depth_shows_the_records():
    runs = recorded_runs("after_resnet/width")
    for error in ("train_error", "test_error"):
        shown = explorers.width_or_depth(runs).at(error=error)
        for depth, one in zip(EQUAL_WRN, shown["series"], strict=True):
            ends = [run["curves"][error][-1] for run in select(runs, depth=depth)]
            assert one["mean"][-1] == pytest.approx(sum(ends) / len(ends), abs=0.01)
            assert (one["low"][-1], one["high"][-1]) == pytest.approx((min(ends), max(ends)), abs=0.01)


def test_signals_are_those_that_were_measured():
    measured = {
        kind: [{"gradient": [g, 2 * g], "signal": [g, g], "weights": [1.0, g]} for g in seeds]
        for kind, seeds in (("identity", (1.0, 3.0)), ("scaled", (4.0, 6.0)), ("gated", (1.0, 1.0)))
    }
    shown = explorers.signals(measured, "identity").at(kind="scaled", show="gradient")
    assert [one["label"] for one in shown["series"]] == ["identity", "scaled"]
    assert (shown["series"][1]["mean"], shown["series"][1]["low"], shown["series"][1]["high"]) == (
        [5, 10],
        [4, 8],
        [6, 12],
    )
    assert "identity 2 at the first unit and 4 at the last; scaled 5 at the first unit and 10" in shown["sentence"]


def test_diagrams_side_by_side_each_have_their_name():
    with torch.device("meta"):
        whole = cnnlib.anatomy(GroupedBlock(64, 16, cardinality=2, base_width=16), (64, 14, 14))
    shown = SideBySide({"one & two": whole, "three": whole})
    html = shown._repr_html_()
    assert html.count("<svg") == 2 == html.count("<figcaption")
    assert "one &amp; two" in html
    assert repr(shown) == "SideBySide(one & two, three)"
