"""What an expression beside a number may use: in a chapter's prose, and as the proof of a quiz's answer."""

import torch
import torchinfo
from torch import nn

import cnnlib
from cnnlib.course import reported
from cnnlib.course.curves import best_rate, final_errors
from cnnlib.models import inception_v4, resnet
from cnnlib.training import compress
from cnnlib.training.experiments import SmallInception
from cnnlib.training.record import recorded_runs


def blocks(model: nn.Module) -> list[nn.Module]:
    """The residual blocks of a network, each of which has one shortcut."""
    return [module for module in model.modules() if isinstance(module, resnet.BasicBlock | resnet.Bottleneck)]


SCOPE = {name: getattr(cnnlib, name) for name in cnnlib.__all__} | {
    "BasicBlock": resnet.BasicBlock,
    "Bottleneck": resnet.Bottleneck,
    "PlainBlock": resnet.PlainBlock,
    "SmallInception": SmallInception,
    "best_rate": best_rate,
    "blocks": blocks,
    "cnnlib": cnnlib,
    "compress": compress,
    "final_errors": final_errors,
    "inception_v4": inception_v4,
    "nn": nn,
    "recorded_runs": recorded_runs,
    "reported": reported,
    "torch": torch,
    "torchinfo": torchinfo,
}
