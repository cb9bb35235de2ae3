"""What the papers of chapter 5 print against what cnnlib computes."""

import pytest
import torch

import cnnlib
from cnnlib.course import reported

PAPERS = ("preact", "wide", "resnext", "fractalnet", "densenet", "squeezenet")
COUNTS = [row for paper in ("wide", "densenet") for row in reported(paper) if row["quantity"] == "params"]


@pytest.mark.parametrize("row", COUNTS, ids=lambda row: row["model"])
def test_a_printed_count_is_the_computed_one(row):
    with torch.device("meta"):
        computed = cnnlib.anatomy(cnnlib.create_model(row["model"])).params
    assert round(computed / 1e6, 1) == row["value"] / 1e6


@pytest.mark.parametrize("paper", PAPERS)
def test_every_number_is_cited_and_printed_as_its_value(paper):
    for row in reported(paper):
        assert row["where"].startswith("Table")
        if row["value"] is not None:
            scale = 1e6 if row["printed"].endswith("M") else 1
            assert float(row["printed"].rstrip("M×")) == pytest.approx(row["value"] / scale)


def test_the_number_of_weights_makes_squeezenets_megabytes():
    megabytes = {row["model"]: row["value"] for row in reported("squeezenet") if row["quantity"] == "megabytes"}
    with torch.device("meta"):
        bytes_ = 4 * cnnlib.anatomy(cnnlib.create_model("squeezenet1_0")).params
    assert megabytes["SqueezeNet, 32 bits"] == pytest.approx(bytes_ / 2**20, abs=0.05)
    smallest = megabytes["SqueezeNet, Deep Compression, 6 bits"]
    assert int(megabytes["AlexNet, 32 bits"] / smallest) == 510
