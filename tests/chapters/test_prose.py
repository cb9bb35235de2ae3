"""Numbers in prose: written out for the reader, and followed by the expression that they come from."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
import torchinfo

import cnnlib
from cnnlib.course.curves import best_rate, final_errors
from cnnlib.models.resnet import BasicBlock, Bottleneck, PlainBlock
from cnnlib.training.record import recorded_runs

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted([*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("book/*.ipynb")])
NUMBER = re.compile(r"(?P<number>[\d.,]*\d)(?P<unit>%?)<!--= (?P<expression>.+?) -->")
SCOPE = {name: getattr(cnnlib, name) for name in cnnlib.__all__} | {
    "BasicBlock": BasicBlock,
    "Bottleneck": Bottleneck,
    "PlainBlock": PlainBlock,
    "best_rate": best_rate,
    "final_errors": final_errors,
    "recorded_runs": recorded_runs,
    "torch": torch,
    "torchinfo": torchinfo,
}


def numbers_of(notebook: Path) -> list[tuple[str, str]]:
    """(number as written, expression) for each number of a notebook's prose that names one."""
    cells = [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "markdown"]
    return [(m["number"], m["expression"]) for source in cells for m in NUMBER.finditer(source)]


def agrees(written: str, expression: str) -> bool:
    """Whether a written number is the expression's value: exactly, or to the digits that are written."""
    decimals = len(written.partition(".")[2])
    return float(written.replace(",", "")) == round(float(eval(expression, dict(SCOPE))), decimals)


CASES = [pytest.param(*case, id=f"{path.stem}:{case[0]}") for path in NOTEBOOKS for case in numbers_of(path)]


@pytest.mark.parametrize(("written", "expression"), CASES)
def test_a_number_in_prose_is_what_its_expression_gives(written, expression):
    assert agrees(written, expression), f"the page says {written}; {expression} gives {eval(expression, dict(SCOPE))}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_expression_mark_belongs_to_a_number(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    assert text.count("<!--=") == len(NUMBER.findall(text)), "an expression stands behind something that is no number"


def test_a_wrong_number_is_noticed():
    assert agrees("25,557,032", 'anatomy(create_model("resnet50")).params')
    assert not agrees("25,557,033", 'anatomy(create_model("resnet50")).params')
    assert not agrees("4.08", 'anatomy(create_model("resnet50")).macs / 1e9')
