"""Each tool's own figure, reproduced from our rows; and where a tool does otherwise than its rules say, by how much."""

import logging
from math import prod

import pytest
import torch
import torchinfo
import torchvision
from fvcore.nn import FlopCountAnalysis
from ptflops import get_model_complexity_info
from torch import nn

from cnnlib import anatomy
from cnnlib.analysis.conventions import CONVENTIONS, count, is_pooling, values

SIZES = {"resnet18": 64, "vgg11_bn": 32, "googlenet": 64, "squeezenet1_1": 64, "densenet121": 32, "mobilenet_v2": 64}


def network(name):
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    return torchvision.models.get_model(name, weights=None, num_classes=10, **options).eval()


@pytest.mark.parametrize("name, size", SIZES.items())
def test_the_figures_of_torchinfo_and_fvcore(name, size):
    model = network(name)
    seen = anatomy(model, (3, size, size))
    assert seen.operations("torchinfo") == torchinfo.summary(model, (1, 3, size, size), verbose=0).total_mult_adds
    logging.disable(logging.WARNING)  # fvcore lists each operation that it does not count
    try:
        theirs = FlopCountAnalysis(model, torch.zeros(1, 3, size, size)).total()
    finally:
        logging.disable(logging.NOTSET)
    assert seen.operations("fvcore") == theirs


@pytest.mark.parametrize("name, size", SIZES.items())
def test_the_figures_of_ptflops_and_what_it_counts_twice(name, size):
    model = network(name)
    seen = anatomy(model, (3, size, size))
    options = {"as_strings": False, "print_per_layer_stat": False}
    by_hooks, _ = get_model_complexity_info(model, (3, size, size), backend="pytorch", **options)
    modules = {path: module for path, module in model.named_modules()}
    twice = 0
    for row in seen.layers:
        module = modules.get(row.name)
        if isinstance(module, nn.ReLU):
            twice += values(row)
        elif is_pooling(row) and module is not None and not any(module.children()):
            twice += prod(row.in_shape)
    assert by_hooks == seen.operations("ptflops") + twice
    by_operators, _ = get_model_complexity_info(model, (3, size, size), backend="aten", **options)
    assert by_operators == seen.operations("macs and biases")


def test_five_totals_for_vgg16():
    with torch.device("meta"):
        seen = anatomy(torchvision.models.vgg16(), (3, 224, 224))
    figures = {name: seen.operations(name) for name in CONVENTIONS}
    assert figures["macs"] == seen.macs == 15_470_264_320
    assert figures["flops"] == 2 * seen.macs
    assert figures["macs and biases"] == figures["torchinfo"] == 15_483_821_032
    assert figures["fvcore"] == 15_470_289_408
    assert figures["ptflops"] == 15_503_523_304
    twice = figures["ptflops"] - figures["macs and biases"]  # ReLU and pooling
    assert figures["ptflops"] + twice == 15_523_225_576  # what ptflops 0.7.5 prints


def test_joins_are_counted_when_asked():
    with torch.device("meta"):
        seen = anatomy(torchvision.models.resnet18(), (3, 224, 224))
    joined = sum(values(row) for row in seen.layers if row.op == "add")
    assert seen.operations("macs and joins") == seen.macs + joined and joined > 0


def test_an_unknown_convention_is_told_what_there_is():
    with pytest.raises(ValueError, match="convention='gflops' is not one of 'macs', 'flops', "):
        count([], "gflops")
