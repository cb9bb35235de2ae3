"""What the paper prints against what cnnlib computes: equal to the digits that are printed, or the difference is known."""

import pytest
import torch

import cnnlib
from cnnlib.course import reported

NUMBERS = reported("resnet")
# Table 1 has 3.8 G for ResNet-50; its own architecture takes 3.858 G, which is cut and not rounded.
CUT = {"resnet50"}
AS_IN_THE_PAPER = {  # Table 2 compares 18 and 34 layers with option A; bottlenecks stride in the first 1×1
    "resnet18": {"shortcut": "A"},
    "resnet34": {"shortcut": "A"},
    **{name: {"stride_in_1x1": True} for name in ("resnet50", "resnet101", "resnet152")},
}


@pytest.mark.parametrize(
    "row", [r for r in NUMBERS if r["quantity"] in ("macs", "params")], ids=lambda r: f"{r['model']}-{r['quantity']}"
)
def test_a_printed_number_is_the_computed_one(row):
    with torch.device("meta"):
        whole = cnnlib.anatomy(cnnlib.create_model(row["model"], **AS_IN_THE_PAPER.get(row["model"], {})))
    scale = {"macs": 1e9, "params": 1e6}[row["quantity"]]
    digits = len(row["printed"].partition("×")[0].rstrip("M").partition(".")[2])
    computed, printed = getattr(whole, row["quantity"]) / scale, round(row["value"] / scale, digits)
    if row["model"] in CUT:
        assert round(computed, digits) != printed == int(computed * 10**digits) / 10**digits
    else:
        assert round(computed, digits) == printed


def test_every_number_is_cited_and_printed_as_its_value():
    for row in NUMBERS:
        assert row["where"].startswith(("Table", "Sec.", "Fig."))
        number = float(row["printed"].split("×")[0].split(" ")[0].rstrip("M"))
        assert number == pytest.approx(
            row["value"] / {"macs": 1e9, "params": 1e6, "error": 1, "top-5": 1}[row["quantity"]]
        )


def test_an_unknown_paper_is_refused():
    with pytest.raises(ValueError, match="no paper is called 'perceptrons'; there is resnet"):
        reported("perceptrons")
