"""The claims ledger: what is said about these networks, who says it, what cnnlib computes, and how the two compare.

One file a chapter (`ledger/<chapter>.yaml`), checked when it is loaded; CONTRIBUTING.md shows how to write an entry. The
verdict of an entry with an expression follows from that expression and from the number as it is said: `verdict_of`.
"""

import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import torch

import cnnlib
from cnnlib.analysis import Anatomy, anatomy
from cnnlib.course.curves import best_rate, final_errors, select
from cnnlib.course.html import anchor, escape, markdown, script, style
from cnnlib.course.papers import reported
from cnnlib.course.reading import check_fields, load_yaml
from cnnlib.models import create_model, resnet
from cnnlib.training.record import recorded_runs

# The chapters that entries may belong to, by file and title; a chapter that is not written yet has no notebook.
CHAPTERS = {
    "01_classic_networks": "1 · Classic networks: LeNet-5, AlexNet, ZFNet",
    "02_vgg_receptive_fields": "2 · VGG and receptive fields",
    "03_inception_bottleneck": "3 · Network in network, Inception and the price of a bottleneck",
    "04_resnet": "4 · Residual networks",
    "05_after_resnet": "5 · After ResNet",
    "06_choosing_a_network": "6 · Comparing networks, and choosing one",
}
COMPUTED = ("confirmed", "rounded", "corrected")
VERDICTS = (*COMPUTED, "not reproducible", "cited only")
COMMON = "common in course notes"
# What the cited paper says to a statement that is not computed.
CITED = {
    "agrees": "the source says so",
    "disagrees": "the source says otherwise",
    "mixed": "sources differ, or say it in part",
}

_MARK = re.compile(r"<!--.*?-->")  # in a comment, behind a number: what it comes from, for the tests

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


class Said(NamedTuple):
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


def said(text: str | float) -> Said:
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
    return Said(match["bound"], float(digits) * scale, 10.0 ** (zeros - decimals) * scale, match["unit"])


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
    bound, value, step, _ = said(claimed)
    if bound:
        within = computed <= value if bound == "at most" else computed >= value
        return "confirmed" if within else "corrected"
    if math.isclose(computed, value, rel_tol=1e-9):
        return "confirmed"
    rounded = abs(computed - value) <= step / 2 * (1 + 1e-9)
    cut = value <= computed < value + step
    return "rounded" if rounded or cut else "corrected"


@cache
def net(name: str, **options) -> Anatomy:
    """The anatomy of a network that `create_model` builds, with no weights drawn; each is made once."""
    with torch.device("meta"):
        return anatomy(create_model(name, **options))


@cache
def scope() -> dict[str, Any]:
    """The names that an expression may use: `net`, cnnlib's public ones, what the recorded runs need, torch."""
    return {name: getattr(cnnlib, name) for name in cnnlib.__all__} | {
        "BasicBlock": resnet.BasicBlock,
        "Bottleneck": resnet.Bottleneck,
        "best_rate": best_rate,
        "cnnlib": cnnlib,
        "final_errors": final_errors,
        "math": math,
        "net": net,
        "nn": torch.nn,
        "recorded_runs": cache(recorded_runs),
        "reported": reported,
        "select": select,
        "torch": torch,
    }


def evaluate(entry: Mapping[str, Any]) -> bool | float | list | dict | None:
    """What the expression of an entry gives, or `instead`, where the book shows something smaller; None without either.

    Raises ValueError, naming file and id, for an expression that fails and for a verdict that does not follow from it.
    """
    field = "expression" if "expression" in entry else "instead"
    if field not in entry:
        return None
    try:
        with torch.random.fork_rng(devices=[]):  # those that draw weights give the same each time
            torch.manual_seed(0)
            value = eval(entry[field], dict(scope()))
        follows = verdict_of(entry.get("said"), value) if field == "expression" else entry["verdict"]
    except Exception as error:  # of whatever kind: the entry's author has to be told which entry it was
        raise ValueError(f"{entry['where']}, {field}: {type(error).__name__}: {error}") from error
    if entry["verdict"] != follows:
        said_or_true = entry.get("said", True)
        raise ValueError(
            f"{entry['where']}, verdict: says {entry['verdict']}, but {value!r} for {said_or_true!r} is {follows}"
        )
    return value


@cache
def sources() -> dict[str, str]:
    """Authors and year of each source, by its key in the bibliography. Raises as `parse_sources` does."""
    return parse_sources((files("cnnlib.course") / "ledger" / "sources.yaml").read_bytes())


def parse_sources(text: str | bytes) -> dict[str, str]:
    """The sources of a YAML text. Raises ValueError, naming `sources.yaml` and the key, for what is not a text."""
    known = load_yaml(text, "sources.yaml")
    if not isinstance(known, dict):
        raise ValueError("sources.yaml must have a line for each key of the bibliography")
    for key, said in known.items():
        if not (isinstance(key, str) and isinstance(said, str)):
            raise ValueError(f"sources.yaml, {key}: must be a text, authors and year, got {said!r}")
    return known


def load(chapter: str) -> list[dict[str, Any]]:
    """The checked entries of a chapter, each with `chapter` and `where`; none for a chapter without a file.

    Raises ValueError for a chapter that is not in `CHAPTERS`, and naming file, entry and field when the YAML is not as
    it should be.
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"no chapter {chapter!r}; there are {', '.join(CHAPTERS)}")
    path = files("cnnlib.course") / "ledger" / f"{chapter}.yaml"
    if not path.is_file():
        return []
    entries = parse(path.read_bytes(), f"{chapter}.yaml")
    return [entry | {"chapter": chapter} for entry in entries]


def parse(text: str | bytes, file: str) -> list[dict[str, Any]]:
    """The entries of a YAML text, checked; `file` is only for the messages of the ValueErrors."""
    entries = load_yaml(text, file)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{file} must be a list of entries")
    places: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        where = f"{file}, entry {number}"
        if isinstance(entry, dict):
            where += f" ({entry.get('id', 'no id')})"
        check_fields(entry, _FIELDS, where)
        _check_entry(entry, where)
        if entry["id"] in places:
            raise ValueError(f"{where}, id: used twice")
        places[entry["id"]] = where
    return [entry | {"where": places[entry["id"]]} for entry in entries]


def _check_entry(entry: dict[str, Any], where: str) -> None:
    """That the fields of an entry fit each other, and that its texts can be shown."""
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
            said(number)
        except ValueError as error:
            raise ValueError(f"{where}, said: {error}") from None
    if verdict == "cited only":
        if entry.get("cited") not in CITED:
            raise ValueError(f"{where}, cited: one of {', '.join(CITED)}, got {entry.get('cited')!r}")
        if entry["source"] == COMMON and "evidence" not in entry:
            raise ValueError(f"{where}, evidence: missing; say which paper it was held against")
    for name in ("source", "evidence"):
        if entry.get(name, COMMON) != COMMON:
            for key, _ in _places(entry[name]):
                if key not in sources():
                    raise ValueError(f"{where}, {name}: sources.yaml has no {key!r}")
    for name in ("statement", "comment"):
        try:
            markdown(_MARK.sub("", entry[name]))
        except ValueError as error:
            raise ValueError(f"{where}, {name}: {error}") from error


def _places(source: str) -> Iterable[tuple[str, str]]:
    """(key, place in the paper) for each part of "he2016resnet, Table 1; xie2017resnext"."""
    for part in source.split(";"):
        key, _, place = part.strip().partition(", ")
        yield key, place


class Ledger:
    """All entries of the ledger with what their expressions give, as tables that can be filtered and searched.

    `.entries` are the YAML's dicts, with `chapter` and `value` added. Raises ValueError, naming file and entry, where the
    YAML is not as it should be, an id is used in two chapters, or a verdict does not follow from the computation.
    """

    def __init__(self) -> None:
        self.entries = [entry for chapter in CHAPTERS for entry in load(chapter)]
        places: dict[str, str] = {}
        for entry in self.entries:
            if entry["id"] in places:
                raise ValueError(f"{entry['where']}, id: {places[entry['id']]} has it already")
            places[entry["id"]] = entry["where"]
            entry["value"] = evaluate(entry)

    def __repr__(self) -> str:
        return f"Ledger({len(self.entries)} entries)"

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many entries each verdict has, chapter by chapter (by the chapter's number)."""
        return {
            verdict: {
                chapter[:2].lstrip("0"): sum(
                    (entry["chapter"], entry["verdict"]) == (chapter, verdict) for entry in self.entries
                )
                for chapter in CHAPTERS
            }
            for verdict in VERDICTS
        }

    def _repr_html_(self) -> str:
        tables = "\n".join(
            _table(chapter, [entry for entry in self.entries if entry["chapter"] == chapter]) for chapter in CHAPTERS
        )
        return (
            f'<cnn-ledger class="cnn-ui">\n{tables}\n</cnn-ledger>\n'
            + style("base.css", "ledger.css")
            + "\n"
            + script("base.js", "ledger.js")
        )


_COLUMNS = ("Statement", "Who says so", "cnnlib computes", "Verdict")


def _table(chapter: str, entries: list[dict[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    rows = "\n".join(map(_row, entries))
    return (
        f'<table class="cnn-claims" id="ledger-{chapter}" data-chapter="{chapter}"><caption>{CHAPTERS[chapter]}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )


def _row(entry: dict[str, Any]) -> str:
    verdict, name = entry["verdict"], escape(entry["id"])
    word = verdict + (f": {CITED[entry['cited']]}" if verdict == "cited only" else "")
    cells = (_source(entry), _computed(entry), f'<strong class="cnn-word">{word}</strong> {_comment(entry)}')
    return (
        f'<tr id="claim-{name}" data-verdict="{verdict}"><th scope="row">{markdown(entry["statement"])} '
        f'<a class="cnn-permalink" href="#claim-{name}" aria-label="Link to this entry: {escape(entry["short"])}">#</a></th>'
        + "".join(
            f'<td data-label="{label}"><div>{cell}</div></td>' for label, cell in zip(_COLUMNS[1:], cells, strict=True)
        )
        + "</tr>"
    )


def _source(entry: dict[str, Any]) -> str:
    if entry["source"] == COMMON:
        return COMMON
    return _linked(entry["source"])


def _linked(source: str) -> str:
    """Links to the bibliography, each with its place in the paper."""
    return "; ".join(
        f'<a href="references.html#{key}">{escape(sources()[key])}</a>' + (f", {escape(place)}" if place else "")
        for key, place in _places(source)
    )


def _computed(entry: dict[str, Any]) -> str:
    """The cell with what was computed, the numbers as they are said where they differ, and the expression."""
    value, claimed = entry["value"], entry.get("said")
    if value is None:
        return "–"
    if "instead" in entry:
        field = "instead"
        lines = ['<span class="cnn-said">on small images:</span>']
        lines += [f"{escape(name)}: <strong>{_number(None, number)}</strong>" for name, number in value.items()]
    else:
        field = "expression"
        claims = claimed if isinstance(claimed, dict) else {"": claimed}
        values = value if isinstance(claimed, dict) else [value]
        lines = [_line(name, *pair) for (name, *pair) in zip(claims, claims.values(), values, strict=True)]
    code = f"<pre><code>{escape(entry[field].strip())}</code></pre>"
    return "<br>".join(lines) + f"<details><summary>expression</summary>{code}</details>"


def _line(name: str, claimed: str | float | None, value: bool | float) -> str:
    """One computed value with its name, and what was said unless it is just that."""
    line = (f"{escape(name)}: " if name else "") + f"<strong>{_number(claimed, value)}</strong>"
    if claimed is not None and (verdict_of(claimed, value) != "confirmed" or said(claimed).bound):
        line += f' <span class="cnn-said">said: {escape(str(claimed))}</span>'
    return line


def _number(claimed: str | float | None, value: bool | float) -> str:
    """A computed value as the page has it: whole numbers whole, others with two digits more than were said."""
    if isinstance(value, bool):
        return "true" if value else "not true"
    _, _, step, unit = said(claimed) if claimed is not None else Said("", 0.0, 1.0, "")
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.{max(2, 2 - round(math.log10(step)))}f}"
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number + ("" if unit in ("", "%", "×") else " ") + escape(unit)


def _comment(entry: dict[str, Any]) -> str:
    chapter, section = entry["chapter"], entry.get("section")
    address = f"../chapters/{chapter}.html" + (f"#{anchor(section)}" if section else "")
    title = f"chapter {chapter[:2].lstrip('0')}" + (f", {section}" if section else "")
    evidence = f" Held against: {_linked(entry['evidence'])}." if "evidence" in entry else ""
    return (
        f"{markdown(_MARK.sub('', entry['comment']))}{evidence} "
        f'<span class="cnn-where">Discussed: <a href="{address}">{escape(title)}</a></span>'
    )
