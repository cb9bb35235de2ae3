"""The claims ledger: what is said about these networks, who says it, what cnnlib computes, and how the two compare.

The verdict of an entry with an expression follows from that expression and from the number as it is said: `verdict_of`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import torch

import cnnlib
from cnnlib.analysis import Anatomy, anatomy
from cnnlib.course.curves import best_rate, final_errors, select
from cnnlib.course.html import anchor, escape, markdown, script, style
from cnnlib.course.ledger.entries import (
    CITED,
    COMMON,
    MARK,
    VERDICTS,
    ClaimedNumber,
    parse_claimed_number,
    places_of,
    sources,
    verdict_of,
)
from cnnlib.course.papers import reported
from cnnlib.models import create_model, resnet


class Claiming(Protocol):
    """A chapter, as far as the ledger needs it."""

    page: str
    title: str

    def claims(self) -> list[dict[str, Any]]:
        """Its checked entries."""
        ...


@cache
def net(name: str, **options) -> Anatomy:
    """The anatomy of a network that `create_model` builds, with no weights drawn; each is made once."""
    with torch.device("meta"):
        return anatomy(create_model(name, **options))


@cache
def scope() -> dict[str, Any]:
    """The names that any expression may use: `net`, cnnlib's public ones, what reads recorded runs, torch."""
    return {name: getattr(cnnlib, name) for name in cnnlib.__all__} | {
        "BasicBlock": resnet.BasicBlock,
        "Bottleneck": resnet.Bottleneck,
        "best_rate": best_rate,
        "cnnlib": cnnlib,
        "final_errors": final_errors,
        "math": math,
        "net": net,
        "nn": torch.nn,
        "reported": reported,
        "select": select,
        "torch": torch,
    }


def evaluate(entry: Mapping[str, Any], names: Mapping[str, Any]) -> bool | float | list | dict | None:
    """The value of an entry's expression, which may use `scope` and `names`; None for an entry without one.

    The value of `instead` where the book shows something smaller. Raises ValueError, naming file and id, for an expression that fails and for a verdict that does not follow from it.
    """
    field = "expression" if "expression" in entry else "instead"
    if field not in entry:
        return None
    try:
        with torch.random.fork_rng(devices=[]):  # those that draw weights give the same each time
            torch.manual_seed(0)
            value = eval(entry[field], {**scope(), **names})
        follows = verdict_of(entry.get("said"), value) if field == "expression" else entry["verdict"]
    except Exception as error:  # of whatever kind: the entry's author has to be told which entry it was
        raise ValueError(f"{entry['where']}, {field}: {type(error).__name__}: {error}") from error
    if entry["verdict"] != follows:
        said_or_true = entry.get("said", True)
        raise ValueError(
            f"{entry['where']}, verdict: says {entry['verdict']}, but {value!r} for {said_or_true!r} is {follows}"
        )
    return value


class Ledger:
    """All claims of the chapters with what their expressions give, as tables that can be filtered and searched.

    `names` are names for the expressions beside those of `scope`.

    `.entries` are the YAML's dicts, with `chapter` and `value` added. Raises ValueError, naming file and entry, where the
    YAML is not as it should be, an id is used in two chapters, or a verdict does not follow from the computation.
    """

    def __init__(self, chapters: Sequence[Claiming], names: Mapping[str, Any]) -> None:
        self.chapters = {chapter.page: chapter.title for chapter in chapters}
        self.entries = [claim | {"chapter": chapter.page} for chapter in chapters for claim in chapter.claims()]
        places: dict[str, str] = {}
        for entry in self.entries:
            if entry["id"] in places:
                raise ValueError(f"{entry['where']}, id: {places[entry['id']]} has it already")
            places[entry["id"]] = entry["where"]
            entry["value"] = evaluate(entry, names)

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
                for chapter in self.chapters
            }
            for verdict in VERDICTS
        }

    def _repr_html_(self) -> str:
        tables = "\n".join(
            _table(page, title, [entry for entry in self.entries if entry["chapter"] == page])
            for page, title in self.chapters.items()
        )
        return (
            f'<cnn-ledger class="cnn-ui">\n{tables}\n</cnn-ledger>\n'
            + style("base.css", "ledger/ledger.css")
            + "\n"
            + script("base.js", "ledger/ledger.js")
        )


_COLUMNS = ("Statement", "Who says so", "cnnlib computes", "Verdict")


def _table(chapter: str, title: str, entries: list[dict[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    rows = "\n".join(map(_row, entries))
    return (
        f'<table class="cnn-claims" id="ledger-{chapter}" data-chapter="{chapter}"><caption>{title}</caption>\n'
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
        for key, place in places_of(source)
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
    if claimed is not None and (verdict_of(claimed, value) != "confirmed" or parse_claimed_number(claimed).bound):
        line += f' <span class="cnn-said">said: {escape(str(claimed))}</span>'
    return line


def _number(claimed: str | float | None, value: bool | float) -> str:
    """A computed value as the page has it: whole numbers whole, others with two digits more than were said."""
    if isinstance(value, bool):
        return "true" if value else "not true"
    _, _, step, unit = parse_claimed_number(claimed) if claimed is not None else ClaimedNumber("", 0.0, 1.0, "")
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
        f"{markdown(MARK.sub('', entry['comment']))}{evidence} "
        f'<span class="cnn-where">Discussed: <a href="{address}">{escape(title)}</a></span>'
    )
