"""Recorded runs: a suite's grid, resumed where it stopped, each record telling how it came about."""

import datetime
import json
import platform
import subprocess
import sys

import pytest
import torch

from cnnlib.training import record as recording

TINY = {
    "seed": [0, 1],
    "learning_rate": [0.1],
    "depth": [8],
    "model": ["cifar_plain", "cifar_resnet"],
    "width": [0.125],
    "epochs": [1],
}


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
    told_apart = ("model", "depth", "width", "epochs", "learning_rate", "seed")  # what the file's name holds
    assert len({tuple(config[key] for key in told_apart) for config in grid}) == len(grid)


@pytest.mark.parametrize(
    "call", [recording.record, recording.recorded_runs, lambda s: list(recording.configurations(s))]
)
def test_an_unknown_suite_is_refused_with_those_there_are(call):
    with pytest.raises(ValueError, match="no suite is called 'resnets'; there is resnet_degradation"):
        call("resnets")


def test_a_suite_is_recorded_once_and_read_in_the_order_of_its_grid(tiny, monkeypatch, capsys):
    recording.record("tiny")
    assert len(capsys.readouterr().out.splitlines()) == 4
    written = {path: path.read_bytes() for path in tiny.iterdir()}
    assert sorted(path.name for path in written) == [
        f"{model}-8-width0.125-epochs1-rate0.1-seed{seed}.json"
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
    assert made["config"]["recipe"] == {
        "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, "batch_size": 128, "milestones": [0.5, 0.75],
    }  # fmt: skip
    assert made["device"] == f"CPU ({platform.machine()})" and made["threads"] >= 1
    assert made["versions"] == {"torch": torch.__version__, "python": platform.python_version()}
    assert abs((datetime.date.today() - datetime.date.fromisoformat(made["date"])).days) <= 1
    assert made["seconds"] >= 0
    assert set(made["curves"]) == {"train_error", "test_error", "train_loss"}
    assert all(len(curve) == config["epochs"] for curve in made["curves"].values())
    assert 0 <= made["curves"]["train_error"][0] <= 100


def test_a_run_that_was_interrupted_is_run_again(tiny, monkeypatch):
    """What an interrupted run leaves is a .part file or nothing; the records before it stay."""
    done = []

    def stop_at_third(config, device):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(config)
        return {"config": config, "seconds": 0.0, "curves": {"train_error": [1.0]}}

    monkeypatch.setattr(recording, "run", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        recording.record("tiny")
    (tiny / "cifar_plain-8-width0.125-epochs1-rate0.1-seed1.json.part").write_text('{"config": {"se')
    assert len(recording.recorded_runs("tiny")) == 2
    done.clear()
    recording.record("tiny")
    assert [(config["seed"], config["model"]) for config in done] == [(1, "cifar_plain"), (1, "cifar_resnet")]
    assert len(recording.recorded_runs("tiny")) == 4
    assert not list(tiny.glob("*.part"))


def test_the_records_lie_inside_the_package():
    assert recording.folder("tiny").parts[-4:] == ("cnnlib", "course", "runs", "tiny")


def test_the_command_line():
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "cnnlib", *arguments], capture_output=True, text=True)

    shown = run("record", "--help")
    assert shown.returncode == 0 and "suite" in shown.stdout
    refused = run("record", "nothing")
    assert refused.returncode == 2 and "resnet_degradation" in refused.stderr
