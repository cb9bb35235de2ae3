"""The families at one size: near their budgets, of the family they say, and what is refused."""

import pytest
import torch

import cnnlib
from cnnlib.experiments import families
from cnnlib.experiments.families import BUDGETS, EQUAL_WRN, RACE, FireNet


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("family", RACE)
def test_a_racer_is_within_six_per_cent_of_its_budget(family, budget):
    with torch.device("meta"):
        whole = cnnlib.anatomy(families.race_net(family, budget), (1, 8, 8))
    cost = whole.params if budget == "parameters" else whole.macs
    assert abs(cost / BUDGETS[budget] - 1) < 0.06


def test_wide_and_thin_have_equal_parameters_and_macs():
    with torch.device("meta"):
        wholes = [cnnlib.anatomy(families.equal_wrn(depth), (1, 16, 16)) for depth in EQUAL_WRN]
    for cost in ("params", "macs"):
        values = [getattr(whole, cost) for whole in wholes]
        assert max(values) / min(values) < 1.03


@pytest.mark.parametrize("family", families.BENCH)
def test_both_knobs_of_the_bench_make_a_net_larger(family):
    def params(blocks, width):
        model = families.family_net(family, blocks, width)
        assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
        return sum(p.numel() for p in model.parameters())

    assert params(1, 0.5) < params(2, 0.5) < params(2, 1.0)


def test_shapes_of_the_fire_net_are_those_of_its_comments():
    maps = {layer.name.split(".")[0]: layer.out_shape for layer in cnnlib.anatomy(FireNet()).layers}
    assert (maps["stage1"], maps["stage2"], maps["stage3"]) == ((48, 32, 32), (96, 16, 16), (192, 8, 8))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FireNet(depth=0), "depth=0 leaves no Fire module"),
        (lambda: FireNet(channels=20), "channels=20 cannot be squeezed"),
        (lambda: families.race_net("vgg", "macs"), "family='vgg' is not one of"),
        (lambda: families.race_net("wide", "time"), "budget='time' is not one of"),
        (lambda: families.family_net("vgg", 1, 1.0), "family='vgg' is not one of"),
        (lambda: families.equal_wrn(11), "depth=11 is not one of"),
    ],
)
def test_what_cannot_be_built_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
