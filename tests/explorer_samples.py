"""What tests of explorers share: the network that a setting's Python makes, and settings that reach all ends of all knobs."""

import torch
from torch import nn

import cnnlib


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
