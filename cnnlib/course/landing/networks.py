"""The landing page's two views of all networks: a timeline, and a table of what each costs, which sorts itself by any column.

What is said about each stands in `networks.yaml`; what it costs is computed from the model, and what it reached is cited.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import torch

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.course.html import anchor, escape, script, style
from cnnlib.course.papers import reference, reported
from cnnlib.course.yaml_fields import check_fields, load_yaml
from cnnlib.models import create_model
from cnnlib.models.registry import resolve

_TEXT = (str,)
_FIELDS = {
    "name": (_TEXT, True),
    "model": (_TEXT, True),
    "options": ((dict,), False),
    "year": ((int,), True),
    "brought": (_TEXT, False),
    "chapter": (_TEXT, True),
    "section": (_TEXT, False),
    "error": ((dict,), False),
}
_ERROR = {name: (_TEXT, True) for name in ("paper", "model", "quantity", "how")}
_HIGHEST_ERROR = 20  # per cent, as wide as a bar of the timeline gets


class Cell(NamedTuple):
    """A figure of the table: what it is sorted by, and how it is written."""

    value: float | None
    text: str


def load() -> list[dict[str, Any]]:
    """The networks of `networks.yaml`, checked; see `parse` for what is raised."""
    return parse((files(__package__) / "networks.yaml").read_bytes())


def parse(text: str | bytes) -> list[dict[str, Any]]:
    """The networks of a YAML text, oldest first as written.

    Raises ValueError, naming the network and the field, for one that is missing, unknown or of the wrong kind, for a model
    that cnnlib does not have, a name that stands twice, a network that is older than the one before it, and for an error
    that `papers.yaml` does not have.
    """
    networks = load_yaml(text, "networks.yaml")
    if not isinstance(networks, list) or not networks:
        raise ValueError("networks.yaml must be a list of networks")
    seen: set[str] = set()
    for number, one in enumerate(networks, 1):
        where = f"networks.yaml, network {number}"
        if isinstance(one, dict):
            where += f" ({one.get('name', 'no name')})"
        check_fields(one, _FIELDS, where)
        if one["name"] in seen:
            raise ValueError(f"{where}, name: used twice")
        seen.add(one["name"])
        try:
            resolve(one["model"])
        except ValueError as error:
            raise ValueError(f"{where}, model: {error}") from None
        if number > 1 and one["year"] < networks[number - 2]["year"]:
            raise ValueError(f"{where}, year: {one['year']} stands after {networks[number - 2]['year']}")
        if "error" in one:
            check_fields(one["error"], _ERROR, f"{where}, error")
            try:
                _published(one)
            except ValueError as error:
                raise ValueError(f"{where}, error: {error}") from None
    return networks


def _published(one: dict[str, Any]) -> dict[str, Any]:
    """The row of `papers.yaml` that a network's error names. Raises ValueError where there is none, or several."""
    wanted = one["error"]
    rows = reported(wanted["paper"])
    found = [row for row in rows if (row["model"], row["quantity"]) == (wanted["model"], wanted["quantity"])]
    if len(found) != 1:
        raise ValueError(
            f"papers.yaml has {len(found)} rows for {wanted['model']!r}, {wanted['quantity']!r} of {wanted['paper']}"
        )
    return found[0]


def _place(one: dict[str, Any]) -> str:
    """The network's name, as a link to the section about it."""
    name = escape(one["name"])
    if "section" not in one:
        return name
    return f'<a href="../chapters/{one["chapter"]}.html#{anchor(one["section"])}">{name}</a>'


def _citation(one: dict[str, Any]) -> str:
    """Where the error is printed, as a link to the paper's entry in the bibliography."""
    row = _published(one)
    key = row.get("paper") or reference(one["error"]["paper"])
    return f'<a href="references.html#{key}" aria-label="{escape(row["where"])}, the source for {escape(one["name"])}">{row["where"]}</a>'


class Timeline:
    """The networks that brought something new, by year, each with its published error as a number and a bar."""

    def __init__(self) -> None:
        self.networks = [one for one in load() if "brought" in one]

    def __repr__(self) -> str:
        return f"Timeline({len(self.networks)} networks, {self.networks[0]['year']} to {self.networks[-1]['year']})"

    def _repr_html_(self) -> str:
        items = "\n".join(map(self._item, self.networks))
        return f'<div class="cnn-ui cnn-timeline"><ol>\n{items}\n</ol></div>\n' + style(
            "base.css", "landing/networks.css"
        )

    def _item(self, one: dict[str, Any]) -> str:
        error = ""
        if "error" in one:
            row = _published(one)
            error = (
                f'<p class="cnn-error"><span class="cnn-bar" style="width:{100 * row["value"] / _HIGHEST_ERROR:.1f}%"></span>'
                f"<span>{_percent(row)} top-5 error ({escape(one['error']['how'])}; {_citation(one)})</span></p>"
            )
        return (
            f'<li><span class="cnn-year">{one["year"]}</span><div><p><strong>{_place(one)}</strong>. '
            f"{escape(one['brought'], quote=False)}</p>{error}</div></li>"
        )


@cache
def _seen(model: str, options: tuple[tuple[str, Any], ...]) -> Anatomy:
    with torch.device("meta"):
        return anatomy(create_model(model, **dict(options)))


def figures(one: dict[str, Any]) -> dict[str, Cell]:
    """A network's figures by the heading of their column."""
    seen = _seen(one["model"], tuple(one.get("options", {}).items()))
    field, saved = seen.receptive_field, seen.saved_bytes
    cells = {
        "year": Cell(one["year"], str(one["year"])),
        "input": Cell(seen.input_sizes[0][-1], str(seen.input_sizes[0][-1])),
        "parameters": Cell(seen.params, _short(seen.params)),
        "MACs": Cell(seen.macs, _short(seen.macs)),
        "layers": Cell(seen.depth, str(seen.depth)),
        "field": Cell(field[0], f"{field[0]:,}"),
        "kept for training": Cell(saved, _short(saved) + "B"),
        "top-5 error": Cell(None, "–"),
    }
    if "error" in one:
        row = _published(one)
        cells["top-5 error"] = Cell(row["value"], _percent(row))
    return cells


def _percent(row: dict[str, Any]) -> str:
    """An error as its source prints it; torchvision prints accuracies, from which it is computed."""
    return f"{row['printed'] if float(row['printed']) == row['value'] else row['value']}%"


def _short(count: int) -> str:
    """853018 as "853 k": three digits, or as many as stand before the point."""
    unit, size = next(((u, s) for u, s in (("G", 1e9), ("M", 1e6), ("k", 1e3)) if count >= s), ("", 1))
    scaled = count / size
    return f"{scaled:.{max(0, 3 - len(str(int(scaled))))}f}\u202f{unit}"


class NetworkTable:
    """A table of networks: the computed costs for one image of its own size, and the published error; headings sort it.

    Without scripts it is a plain table, oldest network first.
    """

    def __init__(self) -> None:
        self.rows: Sequence[tuple[dict[str, Any], dict[str, Cell]]] = [(one, figures(one)) for one in load()]

    def __repr__(self) -> str:
        return f"NetworkTable({len(self.rows)} networks)"

    def _repr_html_(self) -> str:
        sorts = "".join(f'<th scope="col">{name}</th>' for name in ("network", *self.rows[0][1]))
        headings = sorts + '<th scope="col" class="cnn-how">of what, and where printed</th>'
        rows = "\n".join(self._row(*row) for row in self.rows)
        return (
            '<cnn-networks class="cnn-ui"><div class="cnn-scroll" tabindex="0" role="region" aria-label="Table of networks, scrolls">\n'
            f"<table><thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div></cnn-networks>\n"
            + style("base.css", "landing/networks.css")
            + "\n"
            + script("base.js", "landing/networks.js")
        )

    @staticmethod
    def _row(one: dict[str, Any], cells: dict[str, Cell]) -> str:
        figures = "".join(
            f'<td data-value="{"" if cell.value is None else cell.value}">{cell.text}</td>' for cell in cells.values()
        )
        how = f"{escape(one['error']['how'])}; {_citation(one)}" if "error" in one else ""
        return f'<tr><th scope="row">{_place(one)}</th>{figures}<td class="cnn-how">{how}</td></tr>'
