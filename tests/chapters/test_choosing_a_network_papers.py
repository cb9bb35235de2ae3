"""What is cited in chapter 6: torchvision's numbers are those of its weights, the rest is printed as it is given."""

import pytest
import torchvision.models

from cnnlib import list_models
from cnnlib.course import reported


@pytest.mark.parametrize(
    "row",
    [row for row in reported("single_crop") if row["paper"] == "torchvision2016"],
    ids=lambda row: f"{row['model']}-{row['quantity']}",
)
def test_torchvisions_errors_are_those_of_its_documented_weights(row):
    accuracy = torchvision.models.get_model_weights(row["model"])[row["where"]].meta["_metrics"]["ImageNet-1K"]
    which = "acc@5" if row["quantity"].startswith("top-5") else "acc@1"
    assert row["value"] == pytest.approx(100 - accuracy[which])
    assert float(row["printed"]) == accuracy[which]


def test_the_papers_errors_are_printed_as_given_and_of_networks_that_can_be_built():
    for row in reported("single_crop"):
        assert row["model"] in list_models()
        if row["paper"] != "torchvision2016":
            assert row["value"] == float(row["printed"]) and row["where"].startswith(("Table", "Fig."))


def test_the_challenge_has_each_year_one_winner_and_every_number_its_place():
    rows = reported("ilsvrc")
    assert [row["year"] for row in rows] == sorted(row["year"] for row in rows)
    for year in range(2010, 2018):
        assert [row["place"] for row in rows if row["year"] == year].count(1) == 1
    for row in rows:
        assert row["value"] == float(row["printed"])
        assert row["where"].startswith(("Table", "Sec.", "abstract"))
        assert (row["networks"] == 1) == (row["entry"] == "one network")
        assert row["network"] is None or row["network"] in list_models()
        assert row["place"] is None or row["images"] == "test"


def test_numbers_that_other_papers_repeat_are_the_same_there():
    """AlexNet's and ZFNet's own tables, which chapter 1 cites."""
    found = {(row["model"], row["entry"]): row["value"] for row in reported("ilsvrc")}
    alexnet = {
        (row["model"], row["quantity"]): row["value"] for row in reported("alexnet") if "top-5" in row["quantity"]
    }
    assert found["AlexNet", "ensemble"] == alexnet["5 networks", "top-5 test"]
    assert found["AlexNet", "one network"] == alexnet["1 network", "top-5 validation"]
    zfnet = {row["model"]: row["value"] for row in reported("zfnet")}
    assert found["ZFNet", "one network"] == zfnet["figure3"]
