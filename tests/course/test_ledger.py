"""The ledger: verdicts follow from what is said and what is computed, and slips are named."""

import copy
import re
from typing import NamedTuple

import pytest
import yaml

from cnnlib.course.ledger.entries import parse, parse_claimed_number, verdict_of
from cnnlib.course.ledger.ledger import Ledger, _number, _row, evaluate

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
    assert verdict_of(claimed, computed) == verdict


@pytest.mark.parametrize("text", ["many", "", "60 millions of them", "-3", "1e-5", "6 0"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="a number with a scale"):
        parse_claimed_number(text)


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
        parse(yaml.safe_dump([entry]), "x.yaml")


def test_an_entry_as_it_should_be_is_taken():
    assert len(parse(yaml.safe_dump([ENTRY, changed(CITED_ONLY, id="b")]), "x.yaml")) == 2


@pytest.mark.parametrize(("text", "message"), [("a: [", "x.yaml is not YAML"), ("a: 1", "must be a list of entries")])
def test_a_file_that_is_no_ledger(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text, "x.yaml")


def test_an_id_is_used_once():
    with pytest.raises(ValueError, match=r"x.yaml, entry 2 \(a-1\), id: used twice"):
        parse(yaml.safe_dump([ENTRY, changed(ENTRY)]), "x.yaml")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expression": "net('nothing').params"}, r"x.yaml, entry 1 \(a-1\), expression: ValueError: .*nothing"),
        ({"expression": "[60_965_224]", "said": {"a": 1, "b": 2}}, r"\(a-1\), expression: ValueError: zip"),
        ({"verdict": "confirmed"}, r"\(a-1\), verdict: says confirmed, but 60965224 for '60 million' is rounded"),
    ],
)
def test_an_expression_that_fails_or_gives_another_verdict_is_named(fields, message):
    (entry,) = parse(yaml.safe_dump([changed(ENTRY, **fields)]), "x.yaml")
    with pytest.raises(ValueError, match=message):
        evaluate(entry, {})


class Chapter(NamedTuple):
    """A chapter, as far as the ledger needs it."""

    page: str
    title: str
    entries: list[dict]

    def claims(self) -> list[dict]:
        return self.entries


def test_an_id_is_used_in_one_chapter_only():
    two = [Chapter(f"0{number}_a", "A", [CITED_ONLY | {"where": f"0{number}_a/ledger.yaml"}]) for number in (1, 2)]
    with pytest.raises(ValueError, match=r"02_a/ledger\.yaml, id: 01_a/ledger\.yaml has it already"):
        Ledger(two, {})


def test_names_beside_those_of_the_scope_are_for_expressions():
    entry = changed(ENTRY, expression="twice(30_482_612)")
    (entry,) = parse(yaml.safe_dump([entry]), "x.yaml")
    made = Ledger([Chapter("01_a", "A", [entry])], {"twice": lambda number: 2 * number})
    assert [entry["value"] for entry in made.entries] == [60_965_224]
    assert repr(made) == "Ledger(1 entries)" and made.counts["rounded"] == {"1": 1}


# --------------------------------------------------------------------------------------------------------- the page


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
    assert _number(claimed, value) == shown


def test_an_entry_cannot_break_out_of_the_page():
    entry = changed(ENTRY, short='"><script>', statement="<b>", comment="<i>", expression="'</code>' and 3", said=3)
    entry = parse(yaml.safe_dump([entry | {"verdict": "confirmed"}]), "x.yaml")[0]
    row = _row(entry | {"chapter": "04_resnet", "value": 3})
    assert not re.search(r"<(script|b|i)>|'</code>", row)
