"""Recipes: what the papers say, in order and within bounds, and each trains a small set."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from cnnlib import Recipe, create_model, fit, load_data, paper_recipe
from cnnlib.models.registry import FAMILIES
from cnnlib.training.recipes import RECIPES, divided_by_10

# The paper's own words where a schedule is in steps or epochs: (recipe, done, of how many, the rate there).
SCHEDULES = [
    ("cifar_resnet", 31_999, 64_000, 0.1),
    ("cifar_resnet", 32_000, 64_000, 0.01),
    ("cifar_resnet", 48_000, 64_000, 0.001),
    ("cifar_resnet110", 399, 64_000, 0.01),
    ("cifar_resnet110", 400, 64_000, 0.1),
    ("cifar_preact_resnet", 399, 64_000, 0.01),
    ("preact_resnet", 30, 90, 0.01),
    ("preact_resnet", 60, 90, 0.001),
    ("cifar_wrn", 60, 200, 0.02),
    ("cifar_wrn", 120, 200, 0.004),
    ("cifar_wrn", 160, 200, 0.0008),
    ("cifar_resnext", 150, 300, 0.01),
    ("cifar_resnext", 225, 300, 0.001),
    ("cifar_stochastic_depth_resnet", 250, 500, 0.01),
    ("cifar_stochastic_depth_resnet", 375, 500, 0.001),
    *(("cifar_fractalnet", done, 400, 0.02 / 10**k) for k, done in enumerate((0, 200, 300, 350, 375))),
    ("densenet", 30, 90, 0.01),
    ("cifar_densenet", 150, 300, 0.01),
    ("squeezenet", 85_000, 170_000, 0.02),
    ("googlenet", 8, 250, 0.0015 * 0.96),
    ("googlenet", 80, 250, 0.0015 * 0.96**10),
    ("inception_v3", 2, 100, 0.045 * 0.94),
    ("inception_v3", 50, 100, 0.045 * 0.94**25),
    ("lenet5", 1, 20, 0.001),
    ("lenet5", 2, 20, 0.001 * 0.0002 / 0.0005),
    ("lenet5", 5, 20, 0.001 * 0.0001 / 0.0005),
    ("lenet5", 8, 20, 0.001 * 0.00005 / 0.0005),
    ("lenet5", 12, 20, 0.001 * 0.00001 / 0.0005),
]

# What the papers say beside the schedule: (recipe, images a step, momentum, weight decay).
SETTINGS = [
    ("alexnet", 128, 0.9, 0.0005),
    ("vgg", 256, 0.9, 0.0005),
    ("resnet", 256, 0.9, 0.0001),
    ("cifar_resnet", 128, 0.9, 0.0001),
    ("cifar_preact_resnet", 128, 0.9, 0.0001),
    ("cifar_wrn", 128, 0.9, 0.0005),
    ("resnext", 256, 0.9, 0.0001),
    ("cifar_resnext", 128, 0.9, 0.0005),
    ("cifar_stochastic_depth_resnet", 128, 0.9, 0.0001),
    ("cifar_fractalnet", 100, 0.9, 0.0),
    ("densenet", 256, 0.9, 0.0001),
    ("cifar_densenet", 64, 0.9, 0.0001),
    ("squeezenet", 512, 0.9, 0.0002),
]


@pytest.mark.parametrize(("name", "batch_size", "momentum", "weight_decay"), SETTINGS)
def test_batch_momentum_and_decay_are_those_of_the_paper(name, batch_size, momentum, weight_decay):
    recipe = RECIPES[name]
    assert (recipe.batch_size, recipe.momentum, recipe.weight_decay) == (batch_size, momentum, weight_decay)


@pytest.mark.parametrize(("name", "done", "of", "rate"), SCHEDULES)
def test_the_rate_is_that_of_the_paper(name, done, of, rate):
    assert RECIPES[name].rate_at(done / of) == pytest.approx(rate)


def test_epochs_are_the_steps_of_the_paper():
    assert RECIPES["cifar_resnet"].epochs == 64_000 * 128 // 45_000
    assert RECIPES["resnet"].epochs == 600_000 * 256 // 1_280_000
    assert RECIPES["squeezenet"].epochs == 170_000 * 512 // 1_280_000
    assert RECIPES["vgg"].epochs == round(370_000 * 256 / 1_281_167)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_where_it_comes_from_and_its_rate_only_falls(name):
    recipe = RECIPES[name]
    assert "Sec." in recipe.source or "Appendix" in recipe.source
    assert recipe.epochs >= 20
    begins = [begin for begin, _ in recipe.steps]
    assert begins == sorted(set(begins)) and all(0 < begin < 1 for begin in begins)
    rates = [recipe.rate_at(k / 1000) for k in range(math.ceil(1000 * recipe.warm_up), 1000)]
    assert rates[0] == recipe.learning_rate and all(a >= b > 0 for a, b in pairwise(rates))
    assert recipe.rate_at(0) == pytest.approx(recipe.learning_rate / (10 if recipe.warm_up else 1))


def test_recipes_are_called_as_the_families_of_networks_are():
    own = {"cifar_resnet110", "small_images"}
    assert RECIPES.keys() - own <= FAMILIES.keys()
    assert all(paper_recipe(name) is RECIPES[name] for name in RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_a_small_set(name):
    data = load_data("shapes", size=16, train=30, test=10, difficulty=0)
    torch.manual_seed(0)
    model = create_model("cifar_resnet", depth=8, width=0.125)
    before = [p.detach().clone() for p in model.parameters()]
    history = fit(model, data, epochs=2, recipe=RECIPES[name].scaled(15), device="cpu")
    assert len(history.train_loss) == 2 and all(map(math.isfinite, history.train_loss))
    assert any(not torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_a_scaled_recipe_takes_smaller_steps_in_proportion():
    whole = RECIPES["cifar_wrn"]
    small = whole.scaled(32, augment=False)
    assert (small.batch_size, small.learning_rate, small.augment) == (32, pytest.approx(0.025), ())
    assert small.rate_at(0.7) == pytest.approx(whole.rate_at(0.7) / 4)
    assert whole.scaled(32).augment == whole.augment != ()


def test_divided_by_10():
    assert divided_by_10(0.5, 0.75) == ((0.5, pytest.approx(0.1)), (0.75, pytest.approx(0.01)))


def model():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))


def test_weight_decay_spares_biases_and_batch_norm_where_it_is_for_weights():
    everything, weights = (
        Recipe(decays=decays, weight_decay=0.1).make_optimizer(model()) for decays in ("all", "weights")
    )
    assert [group["weight_decay"] for group in everything.param_groups] == [0.1]
    decaying, inert = weights.param_groups
    assert (decaying["weight_decay"], inert["weight_decay"]) == (0.1, 0)
    assert sorted(p.dim() for p in decaying["params"]) == [2, 4]
    assert [p.dim() for p in inert["params"]] == [1, 1, 1, 1]


def test_the_optimiser_is_the_one_that_the_recipe_names():
    sgd = RECIPES["cifar_wrn"].make_optimizer(model())
    assert isinstance(sgd, torch.optim.SGD) and sgd.defaults["nesterov"] and sgd.defaults["momentum"] == 0.9
    rms = RECIPES["inception_v3"].make_optimizer(model())
    assert isinstance(rms, torch.optim.RMSprop)
    assert (rms.defaults["alpha"], rms.defaults["eps"], rms.defaults["momentum"]) == (0.9, 1.0, 0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adam"}, "optimizer='adam'; give 'sgd' or 'rmsprop'"),
        ({"decays": "biases"}, "decays='biases'; give 'all' or 'weights'"),
        ({"learning_rate": 0}, "learning_rate=0, .* more than 0"),
        ({"batch_size": 0}, "batch_size=0; both are more than 0"),
    ],
)
def test_what_no_recipe_can_say_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**options)


def test_an_unknown_recipe_is_refused_with_near_ones():
    with pytest.raises(ValueError, match=r"no recipe is called 'resnets'; did you mean resnet or"):
        paper_recipe("resnets")
    with pytest.raises(ValueError, match="there is lenet5, alexnet"):
        paper_recipe("xyz")
