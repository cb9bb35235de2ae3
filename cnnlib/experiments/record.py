"""Recorded runs: experiments too long for a chapter, run once by a plain resumable loop, a line of JSON a run.

    python -m cnnlib record resnet/degradation
    python -m cnnlib record choosing_a_network/times --to my_times.jsonl

A run whose line is in the file is not repeated, so that an interrupted suite goes on where it stopped.
"""

import datetime
import itertools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnnlib.models import create_model
from cnnlib.training.data import DATA_SETS, load_data
from cnnlib.training.loop import best_device, fit
from cnnlib.training.recipes import Recipe

OF_TRAINING = ("epochs", "learning_rate", "seed")
ORIGIN = {"device": str, "threads": int, "versions": dict, "date": str, "seconds": int | float}  # see `origin`
CURVES = ("train_error", "test_error", "train_loss")


@dataclass(frozen=True)
class Suite:
    """The runs of an experiment: every combination of the values in `grid`. Order matters only for what is there first.

    A setting is of the data set, of the training (`OF_TRAINING`), or, if it is neither, an option of the network:
    `build(**options)`, or without `build` the network of that name ("model") which `create_model` builds. With `measure`
    no network is trained: it takes the settings and the device, and what it returns joins the record.
    """

    grid: Mapping[str, Sequence[Any]]
    build: Callable[..., nn.Module] | None = None
    measure: Callable[[dict, torch.device], dict] | None = None

    def configurations(self) -> Iterator[dict]:
        """The runs as flat settings."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))


def run(suite: Suite, config: dict, device: torch.device) -> dict:
    """Trains or measures one configuration and returns its record: configuration, where and when it ran, its curves."""
    if suite.measure:
        started = time.perf_counter()
        measured = suite.measure(config, device)
        return {"config": config} | origin(device, time.perf_counter() - started) | measured
    of_data = signature(DATA_SETS[config["data"]]).parameters.keys() - {*OF_TRAINING}
    data = load_data(config["data"], **{key: config[key] for key in of_data if key in config})
    options = {k: v for k, v in config.items() if k not in ("model", "data", *of_data, *OF_TRAINING)}
    shape = {"in_channels": data.train_images.shape[1], "num_classes": len(data.classes)}
    torch.manual_seed(config["seed"])
    model = suite.build(**options, **shape) if suite.build else create_model(config["model"], **options, **shape)
    recipe = Recipe(learning_rate=config["learning_rate"])
    history = fit(model, data, epochs=config["epochs"], recipe=recipe, seed=config["seed"], device=device)
    if history.interrupted:
        raise KeyboardInterrupt  # a run that is not whole is no record
    curves = {
        "train_error": [round(value, 3) for value in history.train_error],
        "test_error": [round(value, 3) for value in history.test_error],
        "train_loss": [float(f"{value:.4g}") for value in history.train_loss],
    }
    return (
        {"config": config | {"recipe": recipe_as_dict(recipe)}} | origin(device, history.seconds) | {"curves": curves}
    )


def origin(device: torch.device, seconds: float) -> dict:
    """Where and when a run was made."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"
    return {
        "device": where,
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds, 1),
    }


def recipe_as_dict(recipe: Recipe) -> dict:
    """A recipe as a record has it: all that trains, less where it comes from."""
    words = {name: value for name, value in vars(recipe).items() if name not in ("epochs", "source", "notes")}
    return words | {"augment": [str(transform) for transform in recipe.augment]}


def record(suite: Suite, file: Path) -> None:
    """Runs what `file` lacks of a suite. After each run the file is replaced as a whole, so no half line is ever in it.

    Raises OSError when the file cannot be written, and ValueError for a damaged one; the runs in it stay.
    """
    todo = list(suite.configurations())
    done = {name_of(found["config"]): found for found in read_runs(suite, file)}
    lines = file.read_text(encoding="utf-8").splitlines() if done else []
    file.parent.mkdir(parents=True, exist_ok=True)
    for number, config in enumerate(todo, 1):
        name = name_of(config)
        if name in done:
            continue
        result = run(suite, config, best_device())
        lines.append(json.dumps(result, separators=(",", ":")))
        unfinished = file.with_name(file.name + ".part")
        try:
            unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError:
            unfinished.unlink(missing_ok=True)  # on a full disk what is half written helps nobody
            raise
        os.replace(unfinished, file)
        end = f"training error {result['curves']['train_error'][-1]:.2f}%" if "curves" in result else "measured"
        print(f"{number}/{len(todo)} {name}: {end} in {result['seconds']:.0f} s", flush=True)


def name_of(config: Mapping[str, Any]) -> str:
    """All settings of a run with their values: a run of another grid, or with a value of another type, has another name."""
    return ", ".join(f"{key}={value!r}" for key, value in sorted(config.items()) if key != "recipe")


def read_runs(suite: Suite, file: Path | Traversable) -> list[dict]:
    """The records of a suite in `file`, in the order of its grid; those not yet recorded are left out.

    Raises ValueError, naming the file and the line, for a record that is damaged, stands twice or is of no configuration
    of the grid, and for a file without a line.
    """
    if not file.is_file():
        return []
    lines = file.read_bytes().splitlines()
    if not lines:
        raise ValueError(f"{file} is damaged (it is empty); delete it and record the suite again")
    grid = {name_of(config): config for config in suite.configurations()}
    runs: dict[str, dict] = {}
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line, parse_constant=_refuse)
            if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
                raise ValueError("it is no record: it has no config")
            name = name_of(found["config"])
            if name not in grid:
                raise ValueError(f"the suite has no run with {name}")
            if name in runs:
                raise ValueError(f"a line above is of the same run, {name}")
            check_record(found, grid[name], suite)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{file}, line {number} is damaged ({error}); delete the line and record the suite again"
            ) from error
        runs[name] = found
    return [runs[name] for name in grid if name in runs]


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which no run measures")


def check_record(found: dict, config: dict, suite: Suite) -> None:
    """Checks that a record of the run `config` says where it comes from, and has its curves or measurements.

    Raises ValueError with what it lacks.
    """
    for name, kind in ORIGIN.items():
        if not isinstance(found.get(name), kind):
            raise ValueError(f"{name} must be {kind}, got {found.get(name)!r}")
    if "torch" not in found["versions"]:
        raise ValueError("versions has no torch")
    if suite.measure:
        if not found.keys() - ORIGIN.keys() - {"config"}:
            raise ValueError("it has nothing that was measured")
        return
    if not isinstance(found["config"].get("recipe"), dict):
        raise ValueError("its config has no recipe")
    curves = found.get("curves")
    if not isinstance(curves, dict) or curves.keys() != set(CURVES):
        raise ValueError(f"curves must be {', '.join(CURVES)}, got {curves!r:.60}")
    for name, curve in curves.items():
        numbers = isinstance(curve, list) and all(type(value) in (int, float) and abs(value) < 1e300 for value in curve)
        if not numbers or len(curve) != config["epochs"]:
            raise ValueError(f"{name} must be {config['epochs']} numbers, one an epoch, got {curve!r:.60}")
