"""Two processes under `torchrun` are one process with their batches put together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnlib import Recipe, create_model, fit, load_data

EPOCHS = 2


class GroupNormed(nn.Sequential):
    """No batch norm: its statistics would be each process's own."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)
        )  # fmt: skip


def train(folder=None):
    torch.manual_seed(0)
    model = GroupNormed()
    checkpoint = folder and folder / "run.pt"
    history = fit(
        model, load_data("digits", size=8), epochs=EPOCHS, recipe=Recipe(0.05), device="cpu", checkpoint=checkpoint
    )
    return model, history


def stochastic():
    """Blocks that a step leaves out have no gradient."""
    torch.manual_seed(0)
    model = create_model("cifar_stochastic_depth_resnet", depth=14, width=0.25, in_channels=1)
    return fit(model, load_data("digits", size=8), epochs=1, device="cpu")


def main(folder):
    """What each process does."""
    import torch.distributed as dist

    model, history = train(Path(folder))
    record = {
        "world": dist.get_world_size(),
        "rank": dist.get_rank(),
        "loss": history.train_loss,
        "test": history.test_loss,
    }
    record["accuracy"] = history.train_accuracy
    record["weights"] = [p.detach().double().sum().item() for p in model.parameters()]
    record["stochastic"] = stochastic().train_loss
    (Path(folder) / f"{dist.get_rank()}.json").write_text(json.dumps(record), encoding="utf-8")
    dist.destroy_process_group()


def test_two_processes_equal_one(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", __file__]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    records = [json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    assert [(record["world"], record["rank"]) for record in records] == [(2, 0), (2, 1)]
    model, history = train()
    for record in records:
        assert record["loss"] == pytest.approx(history.train_loss, rel=1e-4)
        assert record["accuracy"] == pytest.approx(history.train_accuracy, abs=0.003)
        assert record["test"] == pytest.approx(history.test_loss, rel=1e-4)
        assert record["weights"] == pytest.approx([p.sum().item() for p in model.parameters()], rel=1e-3, abs=1e-4)
        assert record["stochastic"][0] > 0
    assert (tmp_path / "run.pt").exists()


if __name__ == "__main__":
    main(sys.argv[1])
