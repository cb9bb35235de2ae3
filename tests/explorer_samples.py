"""What tests of explorers share: the network that a setting's Python makes, and settings that reach all ends of all knobs."""

import inspect
from collections.abc import Callable

import torch
from torch import nn

import cnnlib
from cnnlib import chapters
from cnnlib.course import Explorer


def explorers_of_chapters() -> dict[str, Callable[..., Explorer]]:
    """The functions of all chapters that make an explorer, by chapter and name."""
    return {
        f"{chapter.name}.{name}": make
        for chapter in chapters.in_order()
        for name, make in inspect.getmembers(chapter.part("explorers"), inspect.isfunction)
        if make.__module__.startswith(chapter.package) and make.__annotations__.get("return") is Explorer
    }


def made_without_records() -> dict[str, Callable[[], Explorer]]:
    """Those that show what a network is, and so need no argument."""
    return {
        name: make
        for name, make in explorers_of_chapters().items()
        if all(option.default is not option.empty for option in inspect.signature(make).parameters.values())
    }


def evaluate(python: str, device: str = "meta") -> nn.Module:
    with torch.device(device):
        return eval(python, {"cnnlib": cnnlib, "nn": nn})


def sampled_settings(explorer) -> list[tuple[dict, dict]]:
    """A sample over the grid: the ends of each knob with the others at their defaults, and what is shown there."""
    names = [knob.name for knob in explorer.knobs]
    defaults = {knob.name: knob.default for knob in explorer.knobs}
    settings = [defaults] + [
        defaults | {knob.name: value} for knob in explorer.knobs for value in (knob.values[0], knob.values[-1])
    ]
    assert all(list(setting) == names for setting in settings)
    return [(setting, explorer.at(**setting)) for setting in settings]
