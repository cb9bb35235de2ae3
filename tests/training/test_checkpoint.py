"""A run that was killed goes on where it was, or says why it cannot; its file is whole at any time."""

import errno
import subprocess
import sys

import pytest
import torch
from torch import nn

from cnnlib import ImageData, Recipe, fit, load_data
from cnnlib.training.augment import ShiftCrop

RECIPE = Recipe(learning_rate=0.05, batch_size=32, augment=(ShiftCrop(1),))


def few():
    data = load_data("digits", size=8)
    parts = (data.train_images[:96], data.train_labels[:96], data.test_images[:32], data.test_labels[:32])
    return ImageData("few", *parts, data.classes)


def model(hidden=16):
    """With batch norm's buffers and dropout's random numbers."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, hidden), nn.Linear(hidden, 10)
    )  # fmt: skip


def train(checkpoint=None, *, network=None, stop=None, epochs=5, **options):
    network = network or model()
    end = (lambda history: len(history.train_loss) == stop) if stop else (lambda history: None)
    settings = dict(recipe=RECIPE, seed=1, device="cpu") | options
    return network, fit(network, few(), epochs=epochs, checkpoint=checkpoint, on_epoch=end, **settings)


def test_a_run_that_goes_on_ends_as_one_that_was_not_stopped(tmp_path):
    whole, history = train()
    path = tmp_path / "runs" / "here.pt"
    train(path, stop=2)
    torch.rand(7)  # what happened in between
    resumed, rest = train(path)
    for curve in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert getattr(rest, curve) == getattr(history, curve)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
    assert [file.name for file in path.parent.iterdir()] == ["here.pt"]


def test_a_run_that_is_over_only_hands_out_its_history(tmp_path):
    first, history = train(tmp_path / "run.pt")
    again, same = train(tmp_path / "run.pt")
    assert same == history
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 6}, "of a run with epochs=5, and this one has 6; give the same settings, or another file"),
        ({"seed": 2}, "of a run with seed=1, and this one has 2"),
        ({"recipe": Recipe()}, r"of a run with recipe=Recipe\(learning_rate=0.05"),
        ({"network": model(hidden=8)}, "of a run with model=Sequential"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_and_nothing_is_changed(tmp_path, options, message):
    path = tmp_path / "run.pt"
    train(path, stop=1)
    before = path.read_bytes()
    network = options.pop("network", model())
    weights = [p.detach().clone() for p in network.parameters()]
    with pytest.raises(ValueError, match=message):
        train(path, network=network, **options)
    assert path.read_bytes() == before
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), weights, strict=True))


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    path = tmp_path / "run.pt"
    train(path, stop=1)
    path.write_bytes(path.read_bytes()[:1000] if damage is None else damage)
    with pytest.raises(ValueError, match=r"run.pt is no checkpoint that can be read; delete it to start anew"):
        train(path)


def test_a_checkpoint_that_would_run_code_is_not_loaded(tmp_path):
    class Code:
        def __reduce__(self):
            return print, ("this must not run",)

    path = tmp_path / "run.pt"
    torch.save({"settings": Code(), "history": {}}, path)
    with pytest.raises(ValueError, match="no checkpoint that can be read"):
        train(path)


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("file write failed")])
def test_a_full_disk_leaves_the_checkpoint_before_it_whole(tmp_path, monkeypatch, fault):
    path, save = tmp_path / "run.pt", torch.save
    train(path, stop=1)

    def full(state, file):
        save(state, file)
        file.write_bytes(file.read_bytes()[:100])
        raise fault

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"run.pt could not be written .* the one before it is whole"):
        train(path)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    assert train(path)[1].train_loss == train()[1].train_loss


def test_a_killed_run_goes_on(tmp_path):
    """Killed for real, in the middle of its third epoch."""
    path = tmp_path / "run.pt"
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(__file__.rsplit("/", 1)[0])!r})
import torch
import test_checkpoint as here
network, steps = here.model(), []
def kill(module, inputs):
    steps.append(module.training)
    if sum(steps) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
network.register_forward_pre_hook(kill)
here.train({str(path)!r}, network=network)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == -9, run.stderr
    history, whole = train(path)[1], train()[1]
    assert history.train_loss == pytest.approx(whole.train_loss, rel=1e-5)
