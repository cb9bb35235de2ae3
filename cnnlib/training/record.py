"""Recorded runs: experiments too long for a chapter, run once by a plain resumable loop, one small JSON a run.

    python -m cnnlib record resnet_degradation
    python -m cnnlib record choosing_times --to my_times

A run that is on disk already is not repeated, so that an interrupted suite goes on where it stopped.
"""

import datetime
import itertools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from pathlib import Path

import torch

from cnnlib.models import create_model
from cnnlib.training import timing, transfer
from cnnlib.training.data import load_data
from cnnlib.training.experiments import EXPERIMENTS
from cnnlib.training.families import EQUAL_WRN, RACE
from cnnlib.training.loop import best_device, fit
from cnnlib.training.recipes import Recipe

DIGITS = {"data": ["digits"], "size": [8]}  # as scanned: 8×8 pixels
SMALL_INCEPTION = {
    "learning_rate": [0.1],
    "model": ["small_inception"],
    "epochs": [15],
    "data": ["textures"],
    "size": [16],
}
# What a suite varies: every combination of the lists is a run. Order matters only for what is there first. A setting
# is of the data, of the training, or, if it is neither, an option of the network.
SUITES = {
    # Chapter 1, LeNet-5: which activation and which pooling? Its own 32×32 pixels, the better of two rates, three seeds.
    "classic_lenet": {
        "seed": [0, 1, 2],
        "learning_rate": [0.03, 0.1],
        "activation": ["sigmoid", "tanh", "relu"],
        "pooling": ["average", "max"],
        "model": ["lenet5_modern"],
        "epochs": [30],
        "data": ["digits"],
        "size": [32],
    },
    # Chapter 1, ReLU against tanh: epochs to a training error, each at the best of three rates, on photographs.
    "classic_activations": {
        "seed": [0, 1, 2],
        "learning_rate": [0.01, 0.03, 0.1],
        "activation": ["sigmoid", "tanh", "relu"],
        "model": ["lenet5_modern"],
        "epochs": [20],
        "data": ["textures"],
        "size": [32],
    },
    # Chapter 1, the bench on the static page: AlexNets in one tower for digits of 16×16 pixels.
    "classic_bench": {
        "seed": [0, 1],
        "learning_rate": [0.01],
        "depth": [6, 8, 10],
        "width": [0.125, 0.25],
        "model": ["alexnet"],
        "image_size": [16],
        "epochs": [30],
        "data": ["digits"],
        "size": [16],
    },
    # Chapter 2, three 3×3 or one 7×7: the same field by a stack, by a stack without ReLUs between, and by one window.
    "vgg_stacks_digits": {
        "seed": [0, 1, 2],
        "learning_rate": [0.05],
        "kind": ["stack", "linear", "one"],
        "model": ["stacked_convs"],
        "epochs": [30],
        **DIGITS,
    },
    "vgg_stacks_textures": {
        "seed": [0, 1, 2],
        "learning_rate": [0.05],
        "kind": ["stack", "linear", "one"],
        "model": ["stacked_convs"],
        "epochs": [20],
        "data": ["textures"],
        "size": [16],
    },
    # Chapter 2, the bench on the static page: VGGs of three depths, as published and with batch norm.
    "vgg_bench": {
        "seed": [0, 1, 2],
        "learning_rate": [0.1],
        "depth": [11, 16, 19],
        "model": ["vgg"],
        "batch_norm": [False, True],
        "width": [0.0625, 0.125],
        "image_size": [16],
        "epochs": [12],
        "data": ["digits"],
        "size": [16],
    },
    # Chapter 3, does the 1×1 hurt? With reductions and without at the same widths; then with them and as costly as
    # without, by more modules or by more channels.
    "inception_reductions": {
        "seed": [0, 1, 2, 3, 4],
        "depth": [1],
        "channels": [32],
        "reduce": [False, True],
        **SMALL_INCEPTION,
    },
    "inception_deeper": {"seed": [0, 1, 2, 3, 4], "depth": [3], "channels": [32], "reduce": [True], **SMALL_INCEPTION},
    "inception_wider": {"seed": [0, 1, 2, 3, 4], "depth": [1], "channels": [56], "reduce": [True], **SMALL_INCEPTION},
    # Chapter 3, the bench on the static page.
    "inception_bench": {
        "seed": [0, 1],
        "depth": [1, 2],
        "channels": [16, 32],
        "reduce": [False, True],
        **SMALL_INCEPTION,
    },
    # Chapter 4, degradation: do deep plain nets fit worse when they have the time to? Best of three rates, three seeds.
    "resnet_degradation": {
        "seed": [0, 1, 2],
        "learning_rate": [0.03, 0.1, 0.01],
        "depth": [56, 20],
        "model": ["cifar_plain", "cifar_resnet"],
        "width": [1.0],
        "epochs": [60],
        **DIGITS,
    },
    # Chapter 4, slow or stuck: the deep plain net at the best of those rates, with four times the epochs.
    "resnet_slow_fitting": {
        "seed": [0, 1, 2],
        "learning_rate": [0.01],
        "depth": [56],
        "model": ["cifar_plain"],
        "width": [1.0],
        "epochs": [240],
        **DIGITS,
    },
    # Chapter 4, the bench on the static page: small nets, one rate.
    "resnet_bench": {
        "seed": [0, 1, 2],
        "learning_rate": [0.1],
        "depth": [8, 14, 20],
        "model": ["cifar_plain", "cifar_resnet"],
        "width": [0.5, 1.0, 2.0],
        "epochs": [15],
        **DIGITS,
    },
    # Chapter 5, the race: every family scaled to the same number of parameters, and to the same MACs.
    "after_resnet_race": {
        "seed": [0, 1, 2],
        "learning_rate": [0.1],
        "budget": ["parameters", "macs"],
        "family": [*RACE],
        "model": ["race_net"],
        "epochs": [8],
        **DIGITS,
    },
    # Chapter 5, width or depth: wide residual networks of equal parameters and MACs.
    "after_resnet_width": {
        "seed": [0, 1, 2],
        "learning_rate": [0.1],
        "depth": [*EQUAL_WRN],
        "model": ["equal_wrn"],
        "epochs": [8],
        "data": ["textures"],
        "size": [16],
    },
    # Chapter 5, the bench on the static page.
    "after_resnet_bench": {
        "seed": [0, 1],
        "learning_rate": [0.1],
        "family": ["preact", "stochastic_depth", "densenet"],
        "blocks": [1, 2],
        "width": [0.5, 1.0],
        "model": ["family_net"],
        "epochs": [5],
        **DIGITS,
    },
    # Chapter 6, seconds of forward passes on the machine that records them.
    "choosing_times": {"measure": ["times"], "batch": [1], "threads": [1, 2]},
    # Chapter 6, transfer: three ways to use few labels, for classes near to those learned before and for far ones.
    "choosing_transfer": {
        "measure": ["transfer"],
        "seed": [0, 1, 2],
        "target": ["shapes", "digits"],
        "labels": [10, 25, 50, 250],
    },
    # Chapter 6, the bench on the static page: how large a net for how many labels?
    "choosing_bench": {
        "seed": [0, 1],
        "learning_rate": [0.1],
        "depth": [8, 14],
        "width": [0.5, 1.0, 2.0],
        "train": [50, 800],
        "model": ["cifar_resnet"],
        "epochs": [15],
        **DIGITS,
    },
}
OF_DATA = ("size", "train")
OF_TRAINING = ("epochs", "learning_rate", "seed")
ORIGIN = {"device": str, "threads": int, "versions": dict, "date": str, "seconds": int | float}  # see `origin`
CURVES = ("train_error", "test_error", "train_loss")
# What a suite without a model measures: a function of the settings and the device, whose result joins the record.
MEASURES: dict[str, Callable[[dict, torch.device], dict]] = {"times": timing.measure, "transfer": transfer.measure}


def configurations(suite: str) -> Iterator[dict]:
    """The runs of a suite as flat settings. Raises ValueError for an unknown suite."""
    if suite not in SUITES:
        raise ValueError(f"no suite is called {suite!r}; there is {', '.join(SUITES)}")
    axes = SUITES[suite]
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def run(config: dict, device: torch.device) -> dict:
    """Trains or measures one configuration and returns its record: configuration, where and when it ran, its curves."""
    if "measure" in config:
        started = time.perf_counter()
        measured = MEASURES[config["measure"]](config, device)
        return {"config": config} | origin(device, time.perf_counter() - started) | measured
    data = load_data(config["data"], **{key: config[key] for key in OF_DATA if key in config})
    options = {key: value for key, value in config.items() if key not in ("model", "data", *OF_DATA, *OF_TRAINING)}
    torch.manual_seed(config["seed"])
    shape = {"in_channels": data.train_images.shape[1], "num_classes": len(data.classes)}
    build = EXPERIMENTS.get(config["model"]) or partial(create_model, config["model"])
    model = build(**options, **shape)
    recipe = Recipe(learning_rate=config["learning_rate"])
    history = fit(model, data, epochs=config["epochs"], recipe=recipe, seed=config["seed"], device=device)
    if history.interrupted:
        raise KeyboardInterrupt  # a run that is not whole is no record
    curves = {
        "train_error": [round(value, 3) for value in history.train_error],
        "test_error": [round(value, 3) for value in history.test_error],
        "train_loss": [float(f"{value:.4g}") for value in history.train_loss],
    }
    return {"config": config | {"recipe": said(recipe)}} | origin(device, history.seconds) | {"curves": curves}


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


def said(recipe: Recipe) -> dict:
    """A recipe as a record has it: all that trains, less where it comes from."""
    words = {name: value for name, value in vars(recipe).items() if name not in ("epochs", "source", "notes")}
    return words | {"augment": [str(transform) for transform in recipe.augment]}


def folder(suite: str) -> Path:
    """Where the runs of a suite lie: inside the package, so that a chapter on Colab has them."""
    return Path(str(resources.files("cnnlib") / "course" / "runs" / suite))


def record(suite: str, target: Path | None = None) -> None:
    """Runs what the suite lacks. Each record is written whole or not at all.

    `target` is the folder of the records; None is the book's own. Raises ValueError for an unknown suite, and OSError
    when a record cannot be written; those before it stay.
    """
    target = target or folder(suite)
    todo = list(configurations(suite))
    target.mkdir(parents=True, exist_ok=True)
    for number, config in enumerate(todo, 1):
        name = file_name(config)
        if (target / name).exists():
            continue
        result = run(config, best_device())
        unfinished = target / (name + ".part")
        try:
            unfinished.write_text(json.dumps(result, separators=(",", ":")) + "\n")
        except OSError:
            unfinished.unlink(missing_ok=True)  # on a full disk what is half written helps nobody
            raise
        os.replace(unfinished, target / name)
        end = f"training error {result['curves']['train_error'][-1]:.2f}%" if "curves" in result else "measured"
        print(f"{number}/{len(todo)} {name}: {end} in {result['seconds']:.0f} s", flush=True)


def file_name(config: dict) -> str:
    """The file of a run: all that a suite sets, so that a changed grid finds no run of the old one."""
    subject = "model" if "model" in config else "measure"
    settings = (f"{key}={value}" for key, value in sorted(config.items()) if key != subject)
    return f"{config[subject]}-{'-'.join(settings)}.json"


def recorded_runs(suite: str, source: Path | None = None) -> list[dict]:
    """The records of a suite, in the order of its grid; those not yet recorded are left out.

    `source` is the folder of the records; None is the book's own. Raises ValueError for an unknown suite and for a record
    that is damaged or of another configuration than its name says, naming its file.
    """
    runs = []
    for config in configurations(suite):
        path = (source or folder(suite)) / file_name(config)
        if path.exists():
            try:
                runs.append(json.loads(path.read_bytes(), parse_constant=_refuse))
                check_record(runs[-1], config)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path} is damaged ({error}); delete it and record the suite again") from error
    return runs


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which no run measures")


def check_record(found: object, config: dict) -> None:
    """That a record is of the run `config`, says where it comes from, and has its curves or what was measured.

    Raises ValueError with what it lacks.
    """
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise ValueError("it is no record: it has no config")
    for name, value in config.items():
        if found["config"].get(name) != value:
            raise ValueError(f"its config has {name}={found['config'].get(name)!r}, and its name says {value!r}")
    for name, kind in ORIGIN.items():
        if not isinstance(found.get(name), kind):
            raise ValueError(f"{name} must be {kind}, got {found.get(name)!r}")
    if "torch" not in found["versions"]:
        raise ValueError("versions has no torch")
    if "measure" in config:
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
