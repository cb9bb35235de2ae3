"""Recorded runs: a suite's grid, resumed where it stopped, each record telling how it came about."""

import datetime
import errno
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cnnlib.training import History
from cnnlib.training import record as recording

TINY = {
    "seed": [0, 1],
    "learning_rate": [0.1],
    "depth": [8],
    "model": ["cifar_plain", "cifar_resnet"],
    "width": [0.125],
    "epochs": [1],
    "data": ["digits"],
    "size": [8],
}


def made(config):
    """A record as a run of one epoch writes it."""
    curves = {"train_error": [1.0], "test_error": [1.0], "train_loss": [1.0]}
    return {"config": config | {"recipe": {}}} | recording.origin(torch.device("cpu"), 0.0) | {"curves": curves}


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A suite of four runs of one epoch each in a folder of its own; returns the folder."""
    monkeypatch.setitem(recording.SUITES, "tiny", TINY)
    monkeypatch.setattr(recording, "folder", lambda suite: tmp_path / suite)
    monkeypatch.setattr(recording, "best_device", lambda: torch.device("cpu"))
    return tmp_path / "tiny"


def test_configurations_are_every_combination(tiny):
    grid = list(recording.configurations("tiny"))
    assert len(grid) == 4
    assert grid[0] == {
        "seed": 0, "learning_rate": 0.1, "depth": 8, "model": "cifar_plain", "width": 0.125, "epochs": 1,
        "data": "digits", "size": 8,
    }  # fmt: skip
    assert [(config["seed"], config["model"]) for config in grid] == [
        (0, "cifar_plain"), (0, "cifar_resnet"), (1, "cifar_plain"), (1, "cifar_resnet"),
    ]  # fmt: skip


@pytest.mark.parametrize("suite", recording.SUITES)
def test_every_run_of_a_suite_has_a_name_of_its_own(suite):
    grid = list(recording.configurations(suite))
    assert len({recording.file_name(config) for config in grid}) == len(grid)


@pytest.mark.parametrize("suite", recording.SUITES)
def test_every_suite_is_recorded_whole_and_its_records_are_those_of_its_grid(suite):
    runs = recording.recorded_runs(suite)
    assert [run["config"] | {"recipe": None} for run in runs] == [
        config | {"recipe": None} for config in recording.configurations(suite)
    ]
    assert len(list(recording.folder(suite).iterdir())) == len(runs), "a file that no setting of the suite reads"
    for run in runs:
        assert run["device"] and run["versions"]["torch"] and datetime.date.fromisoformat(run["date"])
        assert all(len(curve) == run["config"]["epochs"] for curve in run.get("curves", {}).values())
        assert "curves" in run or "measure" in run["config"]


@pytest.mark.slow
def test_a_recorded_run_that_is_run_again_lands_within_its_spread():
    """Of the bench's nets one with a learning curve to speak of: the spread is that of its seeds."""
    setting = {"model": "cifar_resnet", "depth": 8, "width": 1.0}
    runs = [run for run in recording.recorded_runs("resnet/bench") if setting.items() <= run["config"].items()]
    config = {key: value for key, value in runs[0]["config"].items() if key != "recipe"}
    again = recording.run(config, torch.device("cpu"))
    for epoch in (0, 2, 14):
        errors = [run["curves"]["train_error"][epoch] for run in runs]
        margin = max(errors) - min(errors) + 1
        assert min(errors) - margin <= again["curves"]["train_error"][epoch] <= max(errors) + margin


@pytest.mark.parametrize(
    "call", [recording.record, recording.recorded_runs, lambda s: list(recording.configurations(s))]
)
def test_an_unknown_suite_is_refused_with_those_there_are(call):
    with pytest.raises(ValueError, match="no suite is called 'resnets'; there is classic_lenet, classic"):
        call("resnets")


def test_a_suite_is_recorded_once_and_read_in_the_order_of_its_grid(tiny, monkeypatch, capsys):
    recording.record("tiny")
    assert len(capsys.readouterr().out.splitlines()) == 4
    written = {path: path.read_bytes() for path in tiny.iterdir()}
    assert sorted(path.name for path in written) == [
        f"{model}-data=digits-depth=8-epochs=1-learning_rate=0.1-seed={seed}-size=8-width=0.125.json"
        for model in ("cifar_plain", "cifar_resnet")
        for seed in (0, 1)
    ]

    def again(config, device):
        raise AssertionError(f"{config} is there already")

    monkeypatch.setattr(recording, "run", again)
    recording.record("tiny")
    assert {path: path.read_bytes() for path in tiny.iterdir()} == written
    assert not capsys.readouterr().out
    runs = recording.recorded_runs("tiny")
    assert [(run["config"]["seed"], run["config"]["model"]) for run in runs] == [
        (config["seed"], config["model"]) for config in recording.configurations("tiny")
    ]


def test_a_record_says_how_it_came_about(tiny):
    config = next(recording.configurations("tiny"))
    made = json.loads(json.dumps(recording.run(config, torch.device("cpu"))))
    assert {key: made["config"][key] for key in config} == config
    recipe = made["config"]["recipe"]
    assert (recipe["learning_rate"], recipe["momentum"], recipe["weight_decay"]) == (0.1, 0.9, 1e-4)
    assert (recipe["batch_size"], recipe["steps"], recipe["augment"]) == (128, [[0.5, 0.1], [0.75, 0.01]], [])
    assert made["device"] == f"CPU ({platform.machine()})" and made["threads"] >= 1
    assert made["versions"] == {"torch": torch.__version__, "python": platform.python_version()}
    assert abs((datetime.date.today() - datetime.date.fromisoformat(made["date"])).days) <= 1
    assert made["seconds"] >= 0
    assert set(made["curves"]) == {"train_error", "test_error", "train_loss"}
    assert all(len(curve) == config["epochs"] for curve in made["curves"].values())
    assert 0 <= made["curves"]["train_error"][0] <= 100


def test_a_measurement_is_recorded_like_a_run_and_into_a_folder_of_ones_own(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(recording.MEASURES, "weight", lambda config, device: {"kilograms": 2 * config["size"]})
    monkeypatch.setitem(recording.SUITES, "scales", {"measure": ["weight"], "size": [1, 3]})
    recording.record("scales", tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["weight-size=1.json", "weight-size=3.json"]
    runs = recording.recorded_runs("scales", tmp_path)
    assert [run["kilograms"] for run in runs] == [2, 6]
    assert runs[1]["config"] == {"measure": "weight", "size": 3} and runs[1]["versions"]["torch"] == torch.__version__
    assert "weight-size=1.json: measured in 0 s" in capsys.readouterr().out
    assert not recording.recorded_runs("scales")


def test_a_run_that_was_interrupted_is_run_again(tiny, monkeypatch):
    """What an interrupted run leaves is a .part file or nothing; the records before it stay."""
    done = []

    def stop_at_third(config, device):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(config)
        return made(config)

    monkeypatch.setattr(recording, "run", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        recording.record("tiny")
    third = list(recording.configurations("tiny"))[2]
    (tiny / (recording.file_name(third) + ".part")).write_text('{"config": {"se', encoding="utf-8")
    assert len(recording.recorded_runs("tiny")) == 2
    done.clear()
    recording.record("tiny")
    assert [(config["seed"], config["model"]) for config in done] == [(1, "cifar_plain"), (1, "cifar_resnet")]
    assert len(recording.recorded_runs("tiny")) == 4
    assert not list(tiny.glob("*.part"))


def test_a_run_that_was_stopped_by_hand_is_no_record(tiny, monkeypatch):
    def stopped(model, data, **settings):
        return History(train_loss=[1.0], train_accuracy=[0.5], interrupted=True)

    monkeypatch.setattr(recording, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        recording.record("tiny")
    assert not list(tiny.iterdir())


def test_a_full_disk_leaves_the_records_before_it_and_no_half_of_one(tiny, monkeypatch):
    monkeypatch.setattr(recording, "run", lambda config, device: made(config))
    whole, written = Path.write_text, []

    def write(path, text):
        written.append(path)
        whole(path, text[:10] if len(written) == 2 else text)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(OSError, match="No space left on device"):
        recording.record("tiny")
    assert len(list(tiny.iterdir())) == len(recording.recorded_runs("tiny")) == 1


def test_a_damaged_record_is_named(tiny):
    recording.record("tiny")
    damaged = sorted(tiny.iterdir())[0]
    damaged.write_text(damaged.read_text(encoding="utf-8")[:40], encoding="utf-8")
    with pytest.raises(ValueError, match=f"{damaged.name} is damaged .* delete it and record the suite again"):
        recording.recorded_runs("tiny")


def test_the_records_lie_inside_the_package():
    assert recording.folder("tiny").parts[-4:] == ("cnnlib", "course", "runs", "tiny")


def test_the_command_line():
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "cnnlib", *arguments], capture_output=True, text=True)

    shown = run("record", "--help")
    assert shown.returncode == 0 and "suite" in shown.stdout and "--to FOLDER" in shown.stdout
    refused = run("record", "nothing")
    assert refused.returncode == 2 and "resnet_degradation" in refused.stderr
