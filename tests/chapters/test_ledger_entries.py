"""The claims of all chapters: every expression computed again and its verdict derived, every source and heading there."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from chapters.test_prose import CITED, NUMBER, unaccounted
from proofs import SCOPE
from pybtex.database import parse_file

from cnnlib import chapters
from cnnlib.course import reported
from cnnlib.course.html import anchor
from cnnlib.course.ledger.entries import COMMON, parse_claimed_number, places_of, sources, verdict_of
from cnnlib.course.ledger.ledger import Ledger, evaluate, scope

ROOT = Path(__file__).parents[2]
ENTRIES = [entry | {"chapter": chapter.page} for chapter in chapters.in_order() for entry in chapter.claims()]
IDS = [entry["id"] for entry in ENTRIES]
RUN = [entry for entry in ENTRIES if "expression" in entry or "instead" in entry]
NAMES = {"recorded_runs": cache(chapters.recorded_runs)}


@cache
def headings(chapter: str) -> list[str]:
    """The headings of a chapter's notebook; none where it is not written yet."""
    file = ROOT / "chapters" / f"{chapter}.ipynb"
    if not file.is_file():
        return []
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^#+ (.+)$", re.sub(r"(?s)```.*?```", "", text), flags=re.MULTILINE)


def bibliography() -> dict:
    return parse_file(ROOT / "book" / "references.bib").entries


@pytest.mark.parametrize("entry", RUN, ids=[entry["id"] for entry in RUN])
def test_what_is_computed_gives_the_verdict(entry):
    """`evaluate` raises where the verdict that is typed is not the one that follows; here it is derived once more."""
    value = evaluate(entry, NAMES)
    if "expression" in entry:
        assert entry["verdict"] == verdict_of(entry.get("said"), value)
        assert isinstance(value, bool) == ("said" not in entry), "a statement is true or false, a number is said"
    else:
        assert isinstance(value, dict) and all(isinstance(number, float | int) for number in value.values())


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_the_section_is_a_heading_of_the_chapter(entry):
    there = headings(entry["chapter"])
    if there:
        assert entry.get("section") in there[1:], f"{entry['where']}, section"


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_numbers_in_comments_say_where_they_are_from(entry):
    comment = entry["comment"]
    assert not unaccounted(comment), (
        "put <!--= expression -->, <!--cite: key, Table 1 --> or <!--why: reason --> behind"
    )
    assert comment.count("<!--=") == len(NUMBER.findall(comment))
    assert {cited["key"] for cited in CITED.finditer(comment)} <= set(bibliography())
    for number in NUMBER.finditer(comment):
        computed = eval(number["expression"], scope() | NAMES)
        decimals = len(number["number"].partition(".")[2])
        assert float(number["number"].replace(",", "")) == round(float(computed), decimals), number[0]


def test_every_source_is_in_the_bibliography_with_its_authors_and_year():
    def label(key):
        entry = bibliography()[key]
        names = [" ".join(person.prelast_names + person.last_names) for person in entry.persons["author"]]
        authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        return f"{authors} {entry.fields['year']}"

    assert sources() == {key: label(key) for key in sources()}
    used = {key for e in ENTRIES for name in ("source", "evidence") for key, _ in places_of(e.get(name, ""))}
    assert used - {"", COMMON} == set(sources())


@pytest.mark.parametrize("chapter", chapters.in_order(), ids=lambda chapter: chapter.name)
def test_every_chapter_has_claims(chapter):
    assert chapter.claims()
    assert all(entry["where"].startswith(f"{chapter.name}/ledger.yaml, entry ") for entry in chapter.claims())


def test_names_mean_the_same_as_in_the_proofs_of_quizzes_and_prose():
    own = scope() | NAMES
    assert {name for name in own.keys() & SCOPE if own[name] is not SCOPE[name]} <= {"recorded_runs"}  # cached here


def printed(paper: str, quantity: str) -> list[float]:
    return [row["value"] for row in reported(paper) if row["quantity"] == quantity]


@pytest.mark.parametrize(
    ("id", "values"),
    [
        ("lenet5-layers", printed("lenet", "params")[:-1]),
        ("lenet5-connections", printed("lenet", "connections")),
        ("alexnet-caption", printed("alexnet", "neurons")),
        ("vgg-table2", printed("vgg", "params")),
        ("googlenet-table1-ops", printed("googlenet", "macs")[2:-1]),
        ("googlenet-table1-params", [1e-3 * value for value in printed("googlenet", "params")[2:-1]]),
        ("googlenet-table1-conv1", [printed("googlenet", "params")[0], printed("googlenet", "macs")[0]]),
        ("resnet-table1", printed("resnet", "macs")),
        ("resnet-table6", printed("resnet", "params")),
    ],
)
def test_what_a_paper_is_said_to_print_is_what_it_prints(id, values):
    (entry,) = [entry for entry in ENTRIES if entry["id"] == id]
    assert [parse_claimed_number(number).value for number in entry["said"].values()] == pytest.approx(values)


@pytest.fixture(scope="module")
def whole() -> Ledger:
    return chapters.ledger()


def test_all_entries_are_counted_and_shown(whole):
    assert [entry["id"] for entry in whole.entries] == IDS
    assert sum(count for chapters in whole.counts.values() for count in chapters.values()) == len(IDS)
    page = whole._repr_html_().split("<style")[0]
    assert re.findall(r'<tr id="claim-([^"]*)"', page) == IDS
    assert "<!--" not in page and repr(whole) == f"Ledger({len(IDS)} entries)"
    for entry in ENTRIES:
        if "section" in entry:
            assert f'<a href="../chapters/{entry["chapter"]}.html#{anchor(entry["section"])}">' in page


def test_the_page_of_the_book_is_this_ledger(whole):
    cells = json.loads((ROOT / "book" / "ledger.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = ["".join(output["data"]["text/html"]) for cell in cells for output in cell.get("outputs", [])]
    assert whole._repr_html_().split("<style")[0] in outputs[-1]
