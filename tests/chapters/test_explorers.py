"""Explorers of all chapters: they stay small, and bars of costs add up to the network that their Python makes."""

import inspect

import pytest
from explorer_samples import evaluate, sampled_settings

import cnnlib
from cnnlib import chapters
from cnnlib.chapters import classic_networks, inception_bottleneck, vgg_receptive_fields
from cnnlib.course import Explorer

EXPLORERS = {
    f"{chapter.name}.{name}": made
    for chapter in chapters.in_order()
    for name, made in vars(chapter.part("explorers")).items()
    if inspect.isfunction(made)
    and made.__module__.startswith(chapter.package)
    and made.__annotations__.get("return") is Explorer
}
OF_MODELS = [
    name
    for name, made in EXPLORERS.items()
    if all(option.default is not option.empty for option in inspect.signature(made).parameters.values())
]


def test_the_explorers_of_every_chapter_are_found():
    assert {name.partition(".")[0] for name in EXPLORERS} == {chapter.name for chapter in chapters.in_order()}
    assert len(EXPLORERS) > len(OF_MODELS) > 12


@pytest.mark.parametrize("name", OF_MODELS)
def test_an_explorer_that_needs_no_records_is_small(name):
    assert len(EXPLORERS[name]()._repr_html_().encode()) < 60_000


@pytest.mark.parametrize(
    "make",
    [
        classic_networks.explorers.alexnet_costs,
        vgg_receptive_fields.explorers.vgg_costs,
        inception_bottleneck.explorers.inception_module,
    ],
)
def test_bars_add_up_to_the_network_that_their_python_makes(make):
    for _, shown in sampled_settings(make()):
        whole = cnnlib.anatomy(evaluate(shown["python"]))
        for cost, total in shown["totals"].items():
            assert total == getattr(whole, cost) == sum(row[cost] for row in shown["rows"])
        assert f"{whole.params:,} parameters" in shown["sentence"]
