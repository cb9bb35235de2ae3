"""What the papers of chapter 1 print against what cnnlib computes; where they differ, the difference is the known one."""

import math

import pytest

from cnnlib import anatomy, create_model
from cnnlib.course import reported


@pytest.mark.parametrize(
    "row", [r for r in reported("lenet") if r["quantity"] == "params"], ids=lambda row: row["model"]
)
def test_lenets_parameters_are_those_of_the_paper(row):
    lenet5 = create_model("lenet5")
    part = lenet5 if row["model"] == "lenet5" else getattr(lenet5, row["model"])
    assert sum(p.numel() for p in part.parameters()) == row["value"]


def test_lenets_connections_are_printed_right_for_c1_and_wrong_for_c3():
    printed = {row["model"]: row["value"] for row in reported("lenet") if row["quantity"] == "connections"}
    assert printed["c1"] == 156 * 28 * 28
    assert (printed["c3"], 1516 * 10 * 10) == (156_000, 151_600)


def test_alexnets_neurons_are_those_of_the_caption_but_in_conv1():
    printed = {row["model"]: row["value"] for row in reported("alexnet") if row["quantity"] == "neurons"}
    counted = {row.name: math.prod(row.out_shape) for row in anatomy(create_model("alexnet_2012")).layers if row.params}
    assert counted.pop("conv1") == 290_400 and printed.pop("conv1") == 253_440
    assert counted == printed


@pytest.mark.parametrize("paper", ["lenet", "alexnet", "zfnet"])
def test_every_number_is_cited_and_printed_as_its_value(paper):
    for row in reported(paper):
        assert row["where"].startswith(("Table", "Sec.", "Fig."))
        assert float(row["printed"].replace(",", "")) == row["value"]
