"""The entries of the claims ledger: reviewed YAML, checked when it is read, and what a verdict follows from.

`docs/writing.md` shows how to write an entry.
"""

import math
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from cnnlib.course.html import markdown
from cnnlib.course.yaml_fields import check_fields, load_yaml

COMPUTED = ("confirmed", "rounded", "corrected")
VERDICTS = (*COMPUTED, "not reproducible", "cited only")
COMMON = "common in course notes"
# What the cited paper says to a statement that is not computed.
CITED = {
    "agrees": "the source says so",
    "disagrees": "the source says otherwise",
    "mixed": "sources differ, or say it in part",
}

_TEXT = (str,)
_FIELDS = {
    "id": (_TEXT, True),
    "short": (_TEXT, True),
    "statement": (_TEXT, True),
    "source": (_TEXT, True),
    "said": ((str, int, float, dict), False),
    "expression": (_TEXT, False),
    "instead": (_TEXT, False),
    "evidence": (_TEXT, False),
    "cited": (_TEXT, False),
    "verdict": (_TEXT, True),
    "comment": (_TEXT, True),
    "section": (_TEXT, False),
}
# Which of the fields belong to a verdict, besides those that every entry has.
_OF = {
    **{verdict: {"expression", "said"} for verdict in COMPUTED},
    "not reproducible": {"instead"},
    "cited only": {"cited", "evidence"},
}
_ALWAYS = {"id", "short", "statement", "source", "verdict", "comment", "section"}

MARK = re.compile(r"<!--.*?-->")  # in a comment, behind a number: what it comes from, for the tests


class ClaimedNumber(NamedTuple):
    """A number as it is said: "at most 5 million" is the bound "at most", 5e6 in steps of 1e6, and no unit."""

    bound: str
    value: float
    step: float
    unit: str


_SCALES = {"thousand": 1e3, "K": 1e3, "million": 1e6, "M": 1e6, "billion": 1e9, "G": 1e9}
_SAID = re.compile(
    r"(?P<bound>at most|at least|)\s*(?P<number>\d[\d,]{0,40}(?:\.\d{1,20})?)\s*"
    rf"(?P<scale>(?:{'|'.join(_SCALES)})\b|)\s*(?P<unit>[A-Za-z%×]*)"
)


def parse_claimed_number(text: str | float) -> ClaimedNumber:
    """Reads "60 million", "12×", "at most 1%", "0.85 M" or a plain number. Raises ValueError for anything else.

    The step is the place of the last digit that is said; zeros at the end of a whole number are not taken for digits.
    """
    match = _SAID.fullmatch(str(text))
    if not match:
        raise ValueError(f"a number with a scale ({', '.join(_SCALES)}) or a unit, such as 60 million, got {text!r}")
    digits = match["number"].replace(",", "")
    scale = _SCALES.get(match["scale"], 1)
    decimals = len(digits.partition(".")[2])
    zeros = 0 if decimals or float(digits) == 0 else len(digits) - len(digits.rstrip("0"))
    return ClaimedNumber(match["bound"], float(digits) * scale, 10.0 ** (zeros - decimals) * scale, match["unit"])


def verdict_of(claimed: str | float | dict | None, computed: bool | float | list) -> str:
    """The verdict that a computed value gives on a number as it is said.

    "confirmed": equal, within the bound, or True where nothing is said; "rounded": equal at the digits that are said,
    rounded or cut off; else "corrected". Several numbers are said by name and computed in that order; the worst of
    their verdicts counts. Raises ValueError where more or fewer are computed than said.
    """
    if isinstance(claimed, dict):
        verdicts = [verdict_of(*pair) for pair in zip(claimed.values(), computed, strict=True)]
        return max(verdicts, key=COMPUTED.index)
    if claimed is None:
        return "confirmed" if computed else "corrected"
    bound, value, step, _ = parse_claimed_number(claimed)
    if bound:
        within = computed <= value if bound == "at most" else computed >= value
        return "confirmed" if within else "corrected"
    if math.isclose(computed, value, rel_tol=1e-9):
        return "confirmed"
    rounded = abs(computed - value) <= step / 2 * (1 + 1e-9)
    cut = value <= computed < value + step
    return "rounded" if rounded or cut else "corrected"


@cache
def sources() -> dict[str, str]:
    """Authors and year of each source, by its key in the bibliography. Raises as `parse_sources` does."""
    return parse_sources((files(__package__) / "sources.yaml").read_bytes())


def parse_sources(text: str | bytes) -> dict[str, str]:
    """The sources of a YAML text. Raises ValueError, naming `sources.yaml` and the key, for what is not a text."""
    known = load_yaml(text, "sources.yaml")
    if not isinstance(known, dict):
        raise ValueError("sources.yaml must have a line for each key of the bibliography")
    for key, label in known.items():
        if not (isinstance(key, str) and isinstance(label, str)):
            raise ValueError(f"sources.yaml, {key}: must be a text, authors and year, got {label!r}")
    return known


def parse(text: str | bytes, file: str) -> list[dict[str, Any]]:
    """The entries of a YAML text, checked; `file` is only for the messages of the ValueErrors."""
    entries = load_yaml(text, file)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{file} must be a list of entries")
    lines: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        where = f"{file}, entry {number}"
        if isinstance(entry, dict):
            where += f" ({entry.get('id', 'no id')})"
        check_fields(entry, _FIELDS, where)
        _check_entry(entry, where)
        if entry["id"] in lines:
            raise ValueError(f"{where}, id: used twice")
        lines[entry["id"]] = where
    return [entry | {"where": lines[entry["id"]]} for entry in entries]


def _check_entry(entry: dict[str, Any], where: str) -> None:
    """Checks that the fields of an entry fit each other, and that its texts can be shown."""
    verdict = entry["verdict"]
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry["id"]):
        raise ValueError(f"{where}, id: lower-case words with hyphens, got {entry['id']!r}")
    if verdict not in VERDICTS:
        raise ValueError(f"{where}, verdict: one of {', '.join(VERDICTS)}, got {verdict!r}")
    for name in sorted(entry.keys() - _ALWAYS - _OF[verdict]):
        raise ValueError(f"{where}, {name}: has no place in an entry that is {verdict}")
    if verdict in COMPUTED and "expression" not in entry:
        raise ValueError(f"{where}, expression: missing; without one an entry is not reproducible or cited only")
    numbers = entry.get("said", {})
    for number in numbers.values() if isinstance(numbers, dict) else [numbers]:
        try:
            parse_claimed_number(number)
        except ValueError as error:
            raise ValueError(f"{where}, said: {error}") from None
    if verdict == "cited only":
        if entry.get("cited") not in CITED:
            raise ValueError(f"{where}, cited: one of {', '.join(CITED)}, got {entry.get('cited')!r}")
        if entry["source"] == COMMON and "evidence" not in entry:
            raise ValueError(f"{where}, evidence: missing; say which paper it was held against")
    for name in ("source", "evidence"):
        if entry.get(name, COMMON) != COMMON:
            for key, _ in places_of(entry[name]):
                if key not in sources():
                    raise ValueError(f"{where}, {name}: sources.yaml has no {key!r}")
    for name in ("statement", "comment"):
        try:
            markdown(MARK.sub("", entry[name]))
        except ValueError as error:
            raise ValueError(f"{where}, {name}: {error}") from error


def places_of(source: str) -> Iterable[tuple[str, str]]:
    """(key, place in the paper) for each part of "he2016resnet, Table 1; xie2017resnext"."""
    for part in source.split(";"):
        key, _, place = part.strip().partition(", ")
        yield key, place
