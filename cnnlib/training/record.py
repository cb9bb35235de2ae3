"""Recorded runs: experiments too long for a chapter, run once by a plain resumable loop, one small JSON a run.

    python -m cnnlib record resnet_degradation

A run that is on disk already is not repeated, so that an interrupted suite goes on where it stopped.
"""

import datetime
import itertools
import json
import os
import platform
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import torch

from cnnlib.models import create_model
from cnnlib.training.data import load_data
from cnnlib.training.loop import Recipe, best_device, fit

# What a suite varies: every combination of the lists is a run. Order matters only for what is there first.
SUITES = {
    # Chapter 4, degradation: do deep plain nets fit worse when they have the time to? Best of three rates, three seeds.
    "resnet_degradation": {
        "seed": [0, 1, 2],
        "learning_rate": [0.03, 0.1, 0.01],
        "depth": [56, 20],
        "model": ["cifar_plain", "cifar_resnet"],
        "width": [1.0],
        "epochs": [60],
    },
    # Chapter 4, slow or stuck: the deep plain net at the best of those rates, with four times the epochs.
    "resnet_slow_fitting": {
        "seed": [0, 1, 2],
        "learning_rate": [0.01],
        "depth": [56],
        "model": ["cifar_plain"],
        "width": [1.0],
        "epochs": [240],
    },
    # Chapter 4, the bench on the static page: small nets, one rate.
    "resnet_bench": {
        "seed": [0, 1, 2],
        "learning_rate": [0.1],
        "depth": [8, 14, 20],
        "model": ["cifar_plain", "cifar_resnet"],
        "width": [0.5, 1.0, 2.0],
        "epochs": [15],
    },
}
DATA = {"data": "digits", "size": 8}  # as scanned: 8×8 pixels


def configurations(suite: str) -> Iterator[dict]:
    """The runs of a suite as flat settings. Raises ValueError for an unknown suite."""
    if suite not in SUITES:
        raise ValueError(f"no suite is called {suite!r}; there is {', '.join(SUITES)}")
    axes = SUITES[suite]
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True)) | DATA


def run(config: dict, device: torch.device) -> dict:
    """Trains one configuration and returns its record: configuration, where and when it ran, and its curves."""
    torch.manual_seed(config["seed"])
    model = create_model(config["model"], depth=config["depth"], width=config["width"], in_channels=1)
    data = load_data(config["data"], size=config["size"])
    recipe = Recipe(learning_rate=config["learning_rate"])
    history = fit(model, data, epochs=config["epochs"], recipe=recipe, seed=config["seed"], device=device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"
    return {
        "config": config | {"recipe": vars(recipe)},
        "device": where,
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "date": datetime.date.today().isoformat(),
        "seconds": round(history.seconds, 1),
        "curves": {
            "train_error": [round(value, 3) for value in history.train_error],
            "test_error": [round(value, 3) for value in history.test_error],
            "train_loss": [float(f"{value:.4g}") for value in history.train_loss],
        },
    }


def folder(suite: str) -> Path:
    """Where the runs of a suite lie: inside the package, so that a chapter on Colab has them."""
    return Path(str(resources.files("cnnlib") / "course" / "runs" / suite))


def record(suite: str) -> None:
    """Runs what the suite lacks. Each record is written whole or not at all. Raises ValueError for an unknown suite."""
    target = folder(suite)
    todo = list(configurations(suite))
    target.mkdir(parents=True, exist_ok=True)
    for number, config in enumerate(todo, 1):
        name = file_name(config)
        if (target / name).exists():
            continue
        result = run(config, best_device())
        unfinished = target / (name + ".part")
        unfinished.write_text(json.dumps(result, separators=(",", ":")) + "\n")
        os.replace(unfinished, target / name)
        last = result["curves"]["train_error"][-1]
        print(f"{number}/{len(todo)} {name}: training error {last:.2f}% in {result['seconds']:.0f} s", flush=True)


def file_name(config: dict) -> str:
    """The file of a run: all that a suite varies, so that a changed grid finds no run of the old one."""
    return "{model}-{depth}-width{width}-epochs{epochs}-rate{learning_rate}-seed{seed}.json".format(**config)


def recorded_runs(suite: str) -> list[dict]:
    """The records of a suite, in the order of its grid; those not yet recorded are left out.

    Raises ValueError for an unknown suite.
    """
    paths = [folder(suite) / file_name(config) for config in configurations(suite)]
    return [json.loads(path.read_text()) for path in paths if path.exists()]
