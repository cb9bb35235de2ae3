"""What an expression beside a number may use: in a chapter's prose, and as the proof of a quiz's answer."""

from contextlib import nullcontext
from typing import Any

import torch
import torchinfo
from torch import nn

import cnnlib
from cnnlib.analysis.roofline import work
from cnnlib.chapters import recorded_runs
from cnnlib.chapters.choosing_a_network.explorers import anatomy_of, costs_of, time_by_kind
from cnnlib.course import reported
from cnnlib.course.curves import best_rate, final_errors
from cnnlib.course.ranking import spearman
from cnnlib.experiments.small_inception import SmallInception
from cnnlib.experiments.transfer import with_new_head
from cnnlib.models import inception_v4, resnet
from cnnlib.probes import compress


def blocks(model: nn.Module) -> list[nn.Module]:
    """The residual blocks of a network, each of which has one shortcut."""
    return [module for module in model.modules() if isinstance(module, resnet.BasicBlock | resnet.Bottleneck)]


SCOPE = {name: getattr(cnnlib, name) for name in cnnlib.__all__} | {
    "BasicBlock": resnet.BasicBlock,
    "Bottleneck": resnet.Bottleneck,
    "PlainBlock": resnet.PlainBlock,
    "SmallInception": SmallInception,
    "anatomy_of": anatomy_of,
    "best_rate": best_rate,
    "blocks": blocks,
    "cnnlib": cnnlib,
    "costs_of": costs_of,
    "compress": compress,
    "final_errors": final_errors,
    "inception_v4": inception_v4,
    "nn": nn,
    "recorded_runs": recorded_runs,
    "reported": reported,
    "spearman": spearman,
    "time_by_kind": time_by_kind,
    "torch": torch,
    "torchinfo": torchinfo,
    "with_new_head": with_new_head,
    "work": work,
}


def evaluate(expression: str) -> Any:
    """An expression's value. What only counts needs no weights: drawing those of VGG-16 takes seconds each time."""
    with torch.device("meta") if "anatomy(" in expression else nullcontext():
        return eval(expression, dict(SCOPE))
