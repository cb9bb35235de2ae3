"""The ledger: every expression computed again and its verdict derived, every source and heading there, slips named."""

import copy
import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from chapters.test_prose import CITED, NUMBER, unaccounted
from proofs import SCOPE
from pybtex.database import parse_file

from cnnlib.course import Ledger, ledger, reported
from cnnlib.course.html import anchor

ROOT = Path(__file__).parents[2]
ENTRIES = [entry for chapter in ledger.CHAPTERS for entry in ledger.load(chapter)]
IDS = [entry["id"] for entry in ENTRIES]
RUN = [entry for entry in ENTRIES if "expression" in entry or "instead" in entry]


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


# ------------------------------------------------------------------------------------------------------ the entries


@pytest.mark.parametrize("entry", RUN, ids=[entry["id"] for entry in RUN])
def test_what_is_computed_gives_the_verdict(entry):
    """`evaluate` raises where the verdict that is typed is not the one that follows; here it is derived once more."""
    value = ledger.evaluate(entry)
    if "expression" in entry:
        assert entry["verdict"] == ledger.verdict_of(entry.get("said"), value)
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
        computed = eval(number["expression"], dict(ledger.scope()))
        decimals = len(number["number"].partition(".")[2])
        assert float(number["number"].replace(",", "")) == round(float(computed), decimals), number[0]


def test_every_source_is_in_the_bibliography_with_its_authors_and_year():
    def label(key):
        entry = bibliography()[key]
        names = [" ".join(person.prelast_names + person.last_names) for person in entry.persons["author"]]
        authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        return f"{authors} {entry.fields['year']}"

    assert ledger.sources() == {key: label(key) for key in ledger.sources()}
    used = {key for e in ENTRIES for name in ("source", "evidence") for key, _ in ledger._places(e.get(name, ""))}
    assert used - {"", ledger.COMMON} == set(ledger.sources())


def test_the_files_are_of_chapters_and_the_chapters_have_their_titles():
    files = {path.stem for path in (ROOT / "cnnlib/course/ledger").glob("*.yaml")}
    assert files == {*ledger.CHAPTERS, "sources"}
    written = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")}
    assert written <= set(ledger.CHAPTERS)
    assert {name: headings(name)[0] for name in written} == {name: ledger.CHAPTERS[name] for name in written}


def test_names_mean_the_same_as_in_the_proofs_of_quizzes_and_prose():
    own = ledger.scope()
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
    assert [ledger.said(number).value for number in entry["said"].values()] == pytest.approx(values)


# -------------------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("claimed", "computed", "verdict"),
    [
        ("60,000", 60_000, "confirmed"),
        ("60 million", 60_965_224, "rounded"),
        ("60 million", 65_000_001, "rounded"),  # cut off
        ("60 million", 70_000_000, "corrected"),
        ("60 million", 54_999_999, "corrected"),
        ("61 million", 60_965_224, "rounded"),
        ("62 million", 60_965_224, "corrected"),
        ("650 million", 659_272, "corrected"),
        ("3.8 billion", 3_857_973_248, "rounded"),  # cut off
        ("3.7 billion", 3_857_973_248, "corrected"),
        ("11.0 M", 10_961_370, "rounded"),
        ("11.1 M", 10_961_370, "corrected"),
        ("12×", 8.71, "corrected"),
        ("96 MB", 60.95, "corrected"),
        ("61 MB", 60.95, "rounded"),
        ("at most 1%", 1.45, "corrected"),
        ("at most 1%", 1.0, "confirmed"),
        ("at least 50%", 96.2, "confirmed"),
        ("at least 50%", 49.9, "corrected"),
        (0, 0, "confirmed"),
        (0, 1, "corrected"),
        ("0.0001", 0.0001, "confirmed"),
        ("0.00001", 0.0001, "corrected"),
        (None, True, "confirmed"),
        (None, False, "corrected"),
        ({"a": 1, "b": "2 K"}, [1, 2000], "confirmed"),
        ({"a": 1, "b": "2.1 K"}, [1, 2099], "rounded"),
        ({"a": 2, "b": "2.1 K"}, [1, 2099], "corrected"),
    ],
)
def test_a_verdict_follows_from_what_is_said_and_what_is_computed(claimed, computed, verdict):
    assert ledger.verdict_of(claimed, computed) == verdict


@pytest.mark.parametrize("text", ["many", "", "60 millions of them", "-3", "1e-5", "6 0"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="a number with a scale"):
        ledger.said(text)


# ------------------------------------------------------------------------------------------------------- the schema

ENTRY = {
    "id": "a-1",
    "short": "a claim",
    "statement": "It has 60 million parameters.",
    "source": "he2016resnet, Table 1",
    "said": "60 million",
    "expression": "60_965_224",
    "verdict": "rounded",
    "comment": "So it is.",
    "section": "What is it?",
}
CITED_ONLY = {key: ENTRY[key] for key in ("id", "short", "statement", "source", "comment")}
CITED_ONLY |= {"verdict": "cited only", "cited": "agrees"}


def changed(entry: dict, **fields) -> dict:
    """The entry with other fields; None takes one away."""
    return {key: value for key, value in (copy.deepcopy(entry) | fields).items() if value is not None}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (changed(ENTRY, statement=None), r"x.yaml, entry 1 \(a-1\), statement: missing"),
        (changed(ENTRY, sektion="x"), r"\(a-1\), sektion: no such field; did you mean section\?"),
        (changed(ENTRY, id="A 1"), r"id: lower-case words with hyphens, got 'A 1'"),
        (changed(ENTRY, verdict="true"), "verdict: one of confirmed, rounded, corrected, not reproducible, cited only"),
        (changed(ENTRY, expression=None), "expression: missing; without one"),
        (changed(ENTRY, said="many"), "said: a number with a scale"),
        (changed(ENTRY, said={"a": "3", "b": "many"}), "said: a number with a scale .* got 'many'"),
        (changed(ENTRY, said=["60"]), "said: must be str or int or float or dict"),
        (changed(ENTRY, source="he2061resnet, Table 1"), "source: sources.yaml has no 'he2061resnet'"),
        (changed(ENTRY, comment="so $\\frac{1}{2$"), "comment: the formula .* has braces that do not match"),
        (changed(ENTRY, cited="agrees"), "cited: has no place in an entry that is rounded"),
        (changed(ENTRY, verdict="not reproducible"), "expression: has no place in an entry that is not reproducible"),
        (changed(CITED_ONLY, cited=None), "cited: one of agrees, disagrees, mixed, got None"),
        (changed(CITED_ONLY, source="common in course notes"), "evidence: missing; say which paper"),
        ("text", "must be fields, got 'text'"),
    ],
)
def test_a_slip_is_named(entry, message):
    with pytest.raises(ValueError, match=message):
        ledger.parse(yaml.safe_dump([entry]), "x.yaml")


def test_an_entry_as_it_should_be_is_taken():
    assert len(ledger.parse(yaml.safe_dump([ENTRY, changed(CITED_ONLY, id="b")]), "x.yaml")) == 2


@pytest.mark.parametrize(("text", "message"), [("a: [", "x.yaml is not YAML"), ("a: 1", "must be a list of entries")])
def test_a_file_that_is_no_ledger(text, message):
    with pytest.raises(ValueError, match=message):
        ledger.parse(text, "x.yaml")


def test_an_id_is_used_once():
    with pytest.raises(ValueError, match=r"x.yaml, entry 2 \(a-1\), id: used twice"):
        ledger.parse(yaml.safe_dump([ENTRY, changed(ENTRY)]), "x.yaml")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expression": "net('nothing').params"}, r"x.yaml, entry 1 \(a-1\), expression: ValueError: .*nothing"),
        ({"expression": "[60_965_224]", "said": {"a": 1, "b": 2}}, r"\(a-1\), expression: ValueError: zip"),
        ({"verdict": "confirmed"}, r"\(a-1\), verdict: says confirmed, but 60965224 for '60 million' is rounded"),
    ],
)
def test_an_expression_that_fails_or_gives_another_verdict_is_named(fields, message):
    (entry,) = ledger.parse(yaml.safe_dump([changed(ENTRY, **fields)]), "x.yaml")
    with pytest.raises(ValueError, match=message):
        ledger.evaluate(entry)


def test_an_id_is_used_in_one_chapter_only(monkeypatch):
    monkeypatch.setattr(ledger, "load", lambda chapter: [CITED_ONLY | {"chapter": chapter, "where": chapter}])
    with pytest.raises(ValueError, match="02_vgg_receptive_fields, id: 01_classic_networks has it already"):
        Ledger()


def test_an_unknown_chapter_is_refused():
    with pytest.raises(ValueError, match="no chapter '07_more'; there are 01_classic_networks"):
        ledger.load("07_more")


# --------------------------------------------------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def whole() -> Ledger:
    return Ledger()


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


@pytest.mark.parametrize(
    ("claimed", "value", "shown"),
    [
        ("60 million", 60_965_224, "60,965,224"),
        ("12×", 8.7111, "8.71×"),
        ("96 MB", 60.9504, "60.95 MB"),
        ("0.5 Mb", 3.76, "3.76 Mb"),
        ("1000×", 1016.087, "1,016.09×"),
        (0.1, 0.1, "0.1"),
        ("0.00001", 0.0001, "0.0001"),
        (None, False, "not true"),
    ],
)
def test_values_are_shown_finer_than_they_are_said(claimed, value, shown):
    assert ledger._number(claimed, value) == shown


def test_an_entry_cannot_break_out_of_the_page():
    entry = changed(ENTRY, short='"><script>', statement="<b>", comment="<i>", expression="'</code>' and 3", said=3)
    entry = ledger.parse(yaml.safe_dump([entry | {"verdict": "confirmed"}]), "x.yaml")[0]
    row = ledger._row(entry | {"chapter": "04_resnet", "value": 3})
    assert not re.search(r"<(script|b|i)>|'</code>", row)
