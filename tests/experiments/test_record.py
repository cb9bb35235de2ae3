"""Recorded runs: a suite's grid, a line of JSON a run, resumed where it stopped, each record telling how it came about."""

import datetime
import errno
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnlib import chapters
from cnnlib.experiments import record as recording
from cnnlib.experiments.record import Suite, name_of, read_runs, record
from cnnlib.training import History

TINY = Suite(
    {
        "seed": [0, 1],
        "learning_rate": [0.1],
        "depth": [8],
        "model": ["cifar_plain", "cifar_resnet"],
        "width": [0.125],
        "epochs": [1],
        "data": ["digits"],
        "size": [8],
    }
)
SCALES = Suite(
    {"measure": ["weight"], "size": [1, 3]}, measure=lambda config, device: {"kilograms": 2 * config["size"]}
)
CPU = torch.device("cpu")


def made(suite, config, device=CPU):
    """A record as a run of one epoch writes it."""
    curves = {"train_error": [1.0], "test_error": [1.0], "train_loss": [1.0]}
    return {"config": config | {"recipe": {}}} | recording.origin(device, 0.0) | {"curves": curves}


def write(file, *records):
    """A file of these records, a line each; a string is a line as it is."""
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in records]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def settings(runs):
    return [(run["config"]["seed"], run["config"]["model"]) for run in runs]


GRID = [made(TINY, config) for config in TINY.configurations()]
ALL = [(0, "cifar_plain"), (0, "cifar_resnet"), (1, "cifar_plain"), (1, "cifar_resnet")]


@pytest.fixture
def file(monkeypatch, tmp_path):
    """Where the runs of a suite go, in a folder that is not there yet; they are trained on the CPU."""
    monkeypatch.setattr(recording, "best_device", lambda: CPU)
    return tmp_path / "new" / "tiny.jsonl"


# ------------------------------------------------------------------------------------------------------------ the grid


def test_configurations_are_every_combination():
    grid = list(TINY.configurations())
    assert len(grid) == 4
    assert grid[0] == {
        "seed": 0, "learning_rate": 0.1, "depth": 8, "model": "cifar_plain", "width": 0.125, "epochs": 1,
        "data": "digits", "size": 8,
    }  # fmt: skip
    assert [(config["seed"], config["model"]) for config in grid] == ALL


def test_a_run_is_named_by_its_settings_and_not_by_its_recipe():
    first, second, *_ = TINY.configurations()
    assert name_of(first) == (
        "data='digits', depth=8, epochs=1, learning_rate=0.1, model='cifar_plain', seed=0, size=8, width=0.125"
    )
    assert name_of(first | {"recipe": {"momentum": 0.9}}) == name_of(first) != name_of(second)


# ------------------------------------------------------------------------------------------------------------- one run


@pytest.mark.slow
def test_a_recorded_run_that_is_run_again_lands_within_its_spread():
    """Of the bench's nets one with a learning curve to speak of: the spread is that of its seeds."""
    setting = {"model": "cifar_resnet", "depth": 8, "width": 1.0}
    runs = [run for run in chapters.recorded_runs("resnet/bench") if setting.items() <= run["config"].items()]
    config = {key: value for key, value in runs[0]["config"].items() if key != "recipe"}
    again = recording.run(chapters.named("resnet").suite("bench"), config, CPU)
    for epoch in (0, 2, 14):
        errors = [run["curves"]["train_error"][epoch] for run in runs]
        margin = max(errors) - min(errors) + 1
        assert min(errors) - margin <= again["curves"]["train_error"][epoch] <= max(errors) + margin


def test_a_record_says_how_it_came_about():
    config = next(TINY.configurations())
    found = json.loads(json.dumps(recording.run(TINY, config, CPU)))
    assert {key: found["config"][key] for key in config} == config
    recipe = found["config"]["recipe"]
    assert (recipe["learning_rate"], recipe["momentum"], recipe["weight_decay"]) == (0.1, 0.9, 1e-4)
    assert (recipe["batch_size"], recipe["steps"], recipe["augment"]) == (128, [[0.5, 0.1], [0.75, 0.01]], [])
    assert found["device"] == f"CPU ({platform.machine()})" and found["threads"] >= 1
    assert found["versions"] == {"torch": torch.__version__, "python": platform.python_version()}
    assert abs((datetime.date.today() - datetime.date.fromisoformat(found["date"])).days) <= 1
    assert found["seconds"] >= 0
    assert set(found["curves"]) == {"train_error", "test_error", "train_loss"}
    assert all(len(curve) == config["epochs"] for curve in found["curves"].values())
    assert 0 <= found["curves"]["train_error"][0] <= 100


def test_settings_go_to_the_data_the_training_or_the_network(monkeypatch):
    """`build` gets what neither the data set nor the training takes, and what follows from the images."""
    asked = {}

    def build(**options):
        asked["network"] = options
        return nn.Linear(1, 1)

    def fit(model, data, *, epochs, recipe, seed, device):
        asked["training"] = {"epochs": epochs, "learning_rate": recipe.learning_rate, "seed": seed}
        asked["images"] = (*data.train_images.shape[1:], len(data.train_images))
        return History(train_loss=[1.0], train_accuracy=[0.5], test_accuracy=[0.25])

    monkeypatch.setattr(recording, "fit", fit)
    grid = {
        "seed": [3],
        "learning_rate": [0.1],
        "kind": ["x"],
        "epochs": [1],
        "data": ["digits"],
        "size": [16],
        "train": [50],
    }
    suite = Suite(grid, build=build)
    (config,) = suite.configurations()
    found = recording.run(suite, config, CPU)
    assert asked["network"] == {"kind": "x", "in_channels": 1, "num_classes": 10}
    assert asked["training"] == {"epochs": 1, "learning_rate": 0.1, "seed": 3}
    assert asked["images"] == (1, 16, 16, 50)
    assert found["curves"] == {"train_error": [50.0], "test_error": [75.0], "train_loss": [1.0]}


# ------------------------------------------------------------------------------------------------------------ recording


def test_a_suite_is_recorded_once_and_read_in_the_order_of_its_grid(file, monkeypatch, capsys):
    record(TINY, file)
    assert len(capsys.readouterr().out.splitlines()) == 4
    written = file.read_bytes()
    lines = written.decode().splitlines()
    assert settings(json.loads(line) for line in lines) == ALL
    assert all(" " not in re.sub(r'"[^"]*"', "", line) for line in lines), "spaces between the parts of a line"
    assert list(file.parent.iterdir()) == [file]

    def again(suite, config, device):
        raise AssertionError(f"{config} is there already")

    monkeypatch.setattr(recording, "run", again)
    record(TINY, file)
    assert file.read_bytes() == written
    assert not capsys.readouterr().out
    assert settings(read_runs(TINY, file)) == ALL


def test_runs_in_another_order_are_read_in_that_of_the_grid(file):
    file.parent.mkdir()
    write(file, *reversed(GRID))
    assert settings(read_runs(TINY, file)) == ALL


def test_a_measurement_is_recorded_like_a_run(file, capsys):
    record(SCALES, file)
    runs = read_runs(SCALES, file)
    assert [run["kilograms"] for run in runs] == [2, 6]
    assert runs[1]["config"] == {"measure": "weight", "size": 3} and runs[1]["versions"]["torch"] == torch.__version__
    assert "1/2 measure='weight', size=1: measured in 0 s" in capsys.readouterr().out
    assert read_runs(SCALES, file.with_name("another.jsonl")) == []


def test_runs_that_are_there_keep_their_digits(file, monkeypatch):
    """What was recorded once is never written anew from what was read: 0.10 stays 0.10."""
    file.parent.mkdir()
    line = json.dumps(GRID[1]).replace("[1.0]", "[1.000]")
    write(file, line)
    monkeypatch.setattr(recording, "run", made)
    record(TINY, file)
    assert file.read_text(encoding="utf-8").splitlines()[0] == line
    assert settings(read_runs(TINY, file)) == ALL


def test_a_run_that_was_interrupted_is_run_again(file, monkeypatch):
    """What an interrupted run leaves is a .part file or nothing; the records before it stay."""
    done = []

    def stop_at_third(suite, config, device):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(config)
        return made(suite, config)

    monkeypatch.setattr(recording, "run", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        record(TINY, file)
    file.with_name("tiny.jsonl.part").write_text('{"config": {"se', encoding="utf-8")
    assert settings(read_runs(TINY, file)) == ALL[:2]
    done.clear()
    record(TINY, file)
    assert [(config["seed"], config["model"]) for config in done] == ALL[2:]
    assert settings(read_runs(TINY, file)) == ALL
    assert list(file.parent.iterdir()) == [file]


def test_a_run_that_was_stopped_by_hand_is_no_record(file, monkeypatch):
    def stopped(model, data, **settings):
        return History(train_loss=[1.0], train_accuracy=[0.5], interrupted=True)

    monkeypatch.setattr(recording, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        record(TINY, file)
    assert not list(file.parent.iterdir())


def test_a_full_disk_leaves_the_records_before_it_and_no_half_of_one(file, monkeypatch):
    monkeypatch.setattr(recording, "run", made)
    whole, written = Path.write_text, []

    def write(path, text, encoding):
        written.append(path)
        whole(path, text[:10] if len(written) == 2 else text, encoding=encoding)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(OSError, match="No space left on device"):
        record(TINY, file)
    assert list(file.parent.iterdir()) == [file]
    assert settings(read_runs(TINY, file)) == ALL[:1]


# -------------------------------------------------------------------------------------------------------------- reading


def without(entry, *path):
    """The record without one of its parts."""
    entry = json.loads(json.dumps(entry))
    inner = entry
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return entry


def with_curve(*values):
    return GRID[0] | {"curves": GRID[0]["curves"] | {"test_error": list(values)}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (json.dumps(GRID[0])[:40], "Unterminated string|Expecting"),
        ("", "Expecting value"),
        ("[1]", "it is no record: it has no config"),
        (without(GRID[0], "config"), "it is no record: it has no config"),
        (GRID[0] | {"config": GRID[0]["config"] | {"seed": 2}}, "the suite has no run with .*seed=2"),
        (GRID[0] | {"config": GRID[0]["config"] | {"seed": "0"}}, "the suite has no run with .*seed='0'"),
        (GRID[0] | {"config": GRID[0]["config"] | {"more": 1}}, "the suite has no run with .*more=1"),
        (without(GRID[0], "config", "width"), "the suite has no run with .*size=8\\)"),
        (GRID[1], "a line above is of the same run, .*model='cifar_resnet'"),
        (without(GRID[0], "device"), "device must be .*str.*, got None"),
        (GRID[0] | {"threads": "2"}, "threads must be .*int.*, got '2'"),
        (without(GRID[0], "versions", "torch"), "versions has no torch"),
        (without(GRID[0], "config", "recipe"), "its config has no recipe"),
        (without(GRID[0], "curves"), "curves must be train_error, test_error, train_loss, got None"),
        (without(GRID[0], "curves", "test_error"), "curves must be train_error, test_error, train_loss"),
        (with_curve(1.0, 2.0), "test_error must be 1 numbers, one an epoch"),
        (with_curve("1"), "test_error must be 1 numbers"),
        (with_curve(float("nan")), "it holds NaN, which no run measures"),
        (with_curve(float("inf")), "it holds Infinity"),
    ],
    ids=range(19),
)
def test_a_damaged_line_is_named_with_its_number(line, message, tmp_path):
    file = tmp_path / "tiny.jsonl"
    write(file, GRID[1], line, GRID[2])
    before = file.read_bytes()
    place = re.escape(f"{file}, line 2 is damaged (")
    with pytest.raises(ValueError, match=f"{place}({message}).*delete the line and record the suite again"):
        read_runs(TINY, file)
    with pytest.raises(ValueError, match=place):
        record(TINY, file)
    assert file.read_bytes() == before


def test_a_measurement_that_holds_nothing_is_damaged(tmp_path):
    write(tmp_path / "scales.jsonl", {"config": {"measure": "weight", "size": 3}} | recording.origin(CPU, 0.0))
    with pytest.raises(ValueError, match=r"scales\.jsonl, line 1 is damaged \(it has nothing that was measured\)"):
        read_runs(SCALES, tmp_path / "scales.jsonl")


def test_a_file_that_is_not_there_holds_no_runs_and_an_empty_one_is_damaged(tmp_path):
    assert read_runs(TINY, tmp_path / "nothing.jsonl") == []
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match=r"empty\.jsonl is damaged \(it is empty\); delete it and record"):
        read_runs(TINY, tmp_path / "empty.jsonl")


# --------------------------------------------------------------------------------------------------- the command line


def test_the_records_lie_inside_the_package():
    file = Path(str(chapters.named("resnet").file("runs", "degradation.jsonl")))
    assert file.is_file() and file.parts[-5:] == ("cnnlib", "chapters", "resnet", "runs", "degradation.jsonl")


def test_the_command_line(tmp_path):
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "cnnlib", *arguments], capture_output=True, text=True)

    shown = run("record", "--help")
    assert shown.returncode == 0 and "suite" in shown.stdout and "--to FILE" in shown.stdout
    refused = run("record", "resnet/nothing")
    assert refused.returncode == 2 and "resnet/degradation" in refused.stderr
    refused = run("record", "nothing/bench")
    assert refused.returncode == 2 and "choosing_a_network" in refused.stderr
    file = tmp_path / "runs.jsonl"
    file.write_bytes(chapters.named("resnet").file("runs", "degradation.jsonl").read_bytes())
    before = file.read_bytes()
    done = run("record", "resnet/degradation", "--to", str(file))  # it is whole: nothing is run
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and file.read_bytes() == before
