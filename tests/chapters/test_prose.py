"""Numbers in prose: written out for the reader, and followed by the expression or the paper that they come from."""

import re
from pathlib import Path

import nbformat
import pytest
from proofs import evaluate

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted([*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("book/*.ipynb")])
NUMBER = re.compile(r"(?P<number>[\d.,]*\d)(?P<unit>%?)<!--= (?P<expression>.+?) -->")


def numbers_of(notebook: Path) -> list[tuple[str, str]]:
    """(number as written, expression) for each number of a notebook's prose that names one."""
    cells = [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "markdown"]
    return [(m["number"], m["expression"]) for source in cells for m in NUMBER.finditer(source)]


def agrees(written: str, expression: str) -> bool:
    """Whether a written number is the expression's value: exactly, or to the digits that are written."""
    decimals = len(written.partition(".")[2])
    return float(written.replace(",", "")) == round(float(evaluate(expression)), decimals)


# What says where a number is from: computed by an expression, cited ("he2016resnet, Table 1"), or typed for a reason.
MARKED = re.compile(r"[\d.,]*\d%?<!--(=|cite:|why:) (?P<said>.+?) ?-->")
CITED = re.compile(r"<!--cite: (?P<key>\w+)(, [^>]+)? ?-->")
# Digits that are no result: code, formulas, links, sizes (3×3), names (ResNet-50, 56 layers), places (Table 1), years.
NO_RESULT = re.compile(
    r"```.*?```|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\]\([^)]*\)|<[^>]*>|\d[\d.,]*(\s?×\s?\d[\d.,]*)+|[A-Za-z]-\d[\d.]*"
    r"|\b(Sec|Fig|Table|Eq|chapter|footnote|section|page|row)s?\.? \d[\d.]*[a-z]?((, | and | to )\d[\d.]*)*"
    r"|\d[\d,]*( to \d[\d,]*)?[- ]layers?\b|\b(19|20)\d\d\b",
    re.DOTALL | re.IGNORECASE,
)
RESULT = re.compile(r"(?<![\w.,])(\d[\d,]*\d{2}\b|\d[\d,]*\.\d+|\d[\d.]*(?=%))")  # three digits, decimals, or a share


def unaccounted(text: str) -> list[str]:
    """The numbers of a piece of prose that look like results and do not say where they are from."""
    return [m[0] for m in RESULT.finditer(NO_RESULT.sub(" ", MARKED.sub(" ", text)))]


CASES = [pytest.param(*case, id=f"{path.stem}:{case[0]}") for path in NOTEBOOKS for case in numbers_of(path)]


@pytest.mark.parametrize(("written", "expression"), CASES)
def test_a_number_in_prose_is_what_its_expression_gives(written, expression):
    assert agrees(written, expression), f"the page says {written}; {expression} gives {evaluate(expression)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_expression_mark_belongs_to_a_number(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    assert text.count("<!--=") == len(NUMBER.findall(text)), "an expression stands behind something that is no number"


def test_a_wrong_number_is_noticed():
    assert agrees("25,557,032", 'anatomy(create_model("resnet50")).params')
    assert not agrees("25,557,033", 'anatomy(create_model("resnet50")).params')
    assert not agrees("4.08", 'anatomy(create_model("resnet50")).macs / 1e9')


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_in_prose_says_where_it_is_from(path):
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]
    typed = {text[:60]: unaccounted(text) for text in cells if unaccounted(text)}
    assert not typed, "put <!--= expression -->, <!--cite: key, Table 1 --> or <!--why: reason --> behind each"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cited_number_names_an_entry_of_the_bibliography(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    known = re.findall(
        r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert text.count("<!--cite:") == len(CITED.findall(text)), "a citation reads <!--cite: key, where -->"
    assert {m["key"] for m in CITED.finditer(text)} <= set(known)


def test_a_typed_number_is_noticed():
    assert unaccounted("It has 25,557,032 parameters and 7.6% error.") == ["25,557,032", "7.6"]
    marked = "It has 5,000<!--= 5 * 1000 -->, cites 3.8<!--cite: he2016resnet, Table 1 --> and 60%<!--why: a round share -->."
    assert unaccounted(marked) == []
    assert (
        unaccounted("In 2015, Table 6 has ResNet-110, 110 layers, 3×3 and `x = 1000`, see Sec. 4.2 and $n = 100$.")
        == []
    )
