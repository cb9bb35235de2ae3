"""The book's own small Inception nets and the modules they are made of."""

import pytest
import torch

import cnnlib
from cnnlib.experiments.small_inception import SmallInception
from cnnlib.models.googlenet import Inception


@pytest.mark.parametrize("reduce", [True, False])
@pytest.mark.parametrize(("depth", "channels"), [(1, 16), (2, 32), (1, 56)])
def test_every_module_keeps_the_channels(depth, channels, reduce):
    model = SmallInception(depth=depth, channels=channels, reduce=reduce, in_channels=1, num_classes=8)
    modules = [module for module in model.modules() if isinstance(module, Inception)]
    assert [module.out_channels for module in modules] == [channels] * 2 * depth
    assert model(torch.zeros(2, 1, 16, 16)).shape == (2, 8)


def test_shapes_are_those_of_the_comments():
    maps = {layer.name.split(".")[0]: layer.out_shape for layer in cnnlib.anatomy(SmallInception()).layers}
    assert (maps["pool1"], maps["stage1"], maps["stage2"]) == ((32, 16, 16), (32, 16, 16), (32, 8, 8))


def test_reductions_leave_all_else_as_it_was():
    shapes = [
        sorted(tuple(p.shape) for name, p in SmallInception(reduce=reduce).named_parameters() if "conv1x1" in name or "pool" in name)
        for reduce in (True, False)
    ]  # fmt: skip
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth=0 leaves no module"),
        ({"channels": 20}, "channels=20 cannot be split by eighths"),
        ({"channels": 8}, "at least 16"),
    ],
)
def test_what_cannot_be_built_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SmallInception(**options)


def test_a_module_without_its_1x1_convolutions_is_the_naive_one():
    module = Inception(16, 4, None, 6, None, 5, None)
    assert module(torch.zeros(1, 16, 5, 5)).shape == (1, module.out_channels, 5, 5) == (1, 4 + 6 + 5 + 16, 5, 5)
    assert len([p for p in module.parameters() if p.dim() > 1]) == 3
