"""Explorers of all chapters: they stay small, and bars of costs add up to the network that their Python makes."""

import pytest
from explorer_samples import evaluate, explorers_of_chapters, made_without_records, sampled_settings

import cnnlib
from cnnlib import chapters
from cnnlib.chapters import classic_networks, inception_bottleneck, vgg_receptive_fields

EXPLORERS = explorers_of_chapters()
OF_MODELS = made_without_records()


def test_the_explorers_of_every_chapter_are_found():
    assert {name.partition(".")[0] for name in EXPLORERS} == {chapter.name for chapter in chapters.in_order()}
    assert len(EXPLORERS) > len(OF_MODELS) > 12


@pytest.mark.parametrize("name", OF_MODELS)
def test_an_explorer_that_needs_no_records_is_small(name):
    assert len(OF_MODELS[name]()._repr_html_().encode()) < 60_000


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
