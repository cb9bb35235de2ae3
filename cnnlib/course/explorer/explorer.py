"""Explorers: pictures with knobs that need no kernel.

Python evaluates a function once on the whole grid of its knobs; the output carries that table, a small script draws it.
So the picture moves on the built page, in Colab, in JupyterLab and from `file://`, and Python is the only place that
computes. Without scripts the default setting stays readable as text.

A view draws one result; each is described in its module, `cnnlib.course.explorer.views.<name>`.
"""

import itertools
import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cnnlib.course.explorer import views
from cnnlib.course.html import embed, escape, script, slug, style

MAX_SETTINGS = 4_000
MAX_BYTES = 400_000


@dataclass(frozen=True)
class Knob:
    """One thing the reader can turn: its values are the only steps, nothing between them is ever shown.

    `kind` is "range" (a slider over the steps) or "select"; when None, numbers give a slider.
    `format` is a format string such as "{}×", or a function from a value to its label.
    Raises ValueError when values or labels repeat, when there are fewer than two, or none is the default, for values that
    cannot be keys of a table (lists), and where `format` fails on one.
    """

    name: str
    label: str
    values: Sequence[Any]
    default: Any
    kind: str | None = None
    format: str | Callable[[Any], str] = "{}"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ValueError(f"a knob's name is the function's argument; {self.name!r} is not one")
        # Text is a sequence too, and says of a part of itself that it is in it.
        if not isinstance(self.label, str) or not isinstance(self.values, Sequence) or isinstance(self.values, str):
            raise ValueError(
                f"knob {self.name!r} needs a label, a text, and a list of values; got {self.label!r}, {self.values!r}"
            )
        if len(self.values) < 2:
            raise ValueError(f"knob {self.name!r} needs at least two values, got {list(self.values)}")
        if not all(isinstance(value, Hashable) for value in self.values):
            raise ValueError(f"knob {self.name!r} has a value that is no number, text or the like: {list(self.values)}")
        if any(value in self.values[:i] for i, value in enumerate(self.values)):
            raise ValueError(f"knob {self.name!r} has a value twice: {list(self.values)}")
        if self.kind is None:
            numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)
            object.__setattr__(self, "kind", "range" if numeric else "select")
        if self.kind not in ("range", "select"):
            raise ValueError(f'knob {self.name!r}: kind is "range" or "select", got {self.kind!r}')
        self.index(self.default)
        labels = [self.text(value) for value in self.values]
        if len(set(labels)) < len(labels):
            raise ValueError(f"knob {self.name!r} labels two steps alike: {labels}; give another format")

    def index(self, value: Any) -> int:
        """Which step `value` is; raises ValueError naming the steps when it is none."""
        if value not in self.values:
            raise ValueError(f"{self.name}={value!r} is not a step of this knob; steps are {list(self.values)}")
        return list(self.values).index(value)

    def text(self, value: Any) -> str:
        """The label of one value. Raises ValueError where the knob's format fails on it."""
        try:
            return self.format.format(value) if isinstance(self.format, str) else str(self.format(value))
        except Exception as error:  # whatever a function raises, or str.format
            raise ValueError(f"knob {self.name!r}: format {self.format!r} fails on {value!r}: {error}") from error

    def as_json(self) -> dict[str, Any]:
        """What the script needs to build the control."""
        return {
            "name": self.name,
            "label": self.label,
            "kind": self.kind,
            "steps": [self.text(value) for value in self.values],
            "default": self.index(self.default),
        }


class Explorer:
    """The table of `function(**setting)` over the grid of `knobs`, drawn by `view`.

    `function` returns a dict. "sentence" is a text that says what the picture shows now; "python", which may be left out,
    is the code that makes what is shown. The other keys depend on the view, and the view's module describes them:
    `help("cnnlib.course.explorer.views.bars")` shows them for view="bars", and `EXAMPLES` of that module are results that
    it draws. `cnnlib.course.explorer.views.names()` has the names of all views.

    `.table` has Python's result for each tuple of knob values; `.spec` is the JSON that the page carries.
    Raises ValueError when there is no such view, when the grid or its table is too large to put on a page, and when a
    result lacks a key that the view draws, holds it in another form or has a value that JSON cannot hold (NaN, a tensor).
    An error that `function` raises passes through.
    """

    def __init__(self, function: Callable[..., dict], knobs: Sequence[Knob], *, view: str, title: str) -> None:
        drawing = views.named(view)
        self.knobs, self.view, self.title = tuple(knobs), view, title
        self.id = slug(title) or "explorer"  # a title without a Latin letter leaves nothing for the address
        if not self.knobs:
            raise ValueError("an explorer needs at least one knob")
        names = [knob.name for knob in self.knobs]
        if len(set(names)) < len(names):
            raise ValueError(f"two knobs of one name: {names}")
        sizes = " × ".join(f"{len(knob.values)} ({knob.name})" for knob in self.knobs)
        settings = math.prod(len(knob.values) for knob in self.knobs)
        if settings > MAX_SETTINGS:
            raise ValueError(
                f"{sizes} = {settings} settings; a page carries at most {MAX_SETTINGS}. "
                "Give the knobs fewer steps, or make two explorers."
            )
        self.table: dict[tuple, dict] = {}
        for values in itertools.product(*(knob.values for knob in self.knobs)):
            result = function(**dict(zip(names, values, strict=True)))
            setting = ", ".join(f"{n}={v!r}" for n, v in zip(names, values, strict=True))
            if not isinstance(result, Mapping):
                raise ValueError(f"the function must give a dict, and gave {result!r:.80} at {setting}")
            if missing := self._drawn(partial(views.missing, drawing), result):
                raise ValueError(
                    f"view {view!r} needs {missing}, which the function did not give at {setting}; {self._remedy()}"
                )
            if not isinstance(result["sentence"], str):
                raise ValueError(f"sentence must be a text, and is {result['sentence']!r:.80} at {setting}")
            try:
                embed(result)
            except (TypeError, ValueError) as error:
                raise ValueError(f"what the function gave at {setting} is not JSON: {error}") from None
            self.table[values] = result
        results = list(self.table.values())
        self.spec = {
            "view": view,
            "title": title,
            "knobs": [knob.as_json() for knob in self.knobs],
            "frame": self._drawn(drawing.frame, results),
            "table": pack(results),
        }
        self._drawn(drawing.fallback, results[0])
        size = len(embed(self.spec).encode())
        if size > MAX_BYTES:
            raise ValueError(
                f"{sizes} settings make {size // 1000} KB of table; a page carries at most {MAX_BYTES // 1000} KB. "
                "Give the knobs fewer steps, or rows by stage and not by layer."
            )

    def _drawn(self, step: Callable[[Any], Any], given: Any) -> Any:
        """What a step of the view makes; raises ValueError where it stumbles over what the function gave."""
        try:
            return step(given)
        except (TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(
                f"view {self.view!r} cannot draw what the function gave: {type(error).__name__} {error}; "
                f"{self._remedy()}"
            ) from error

    def _remedy(self) -> str:
        return f'help("{views.__name__}.{self.view}") says what it needs'

    def at(self, **setting: Any) -> dict:
        """Python's result for a setting; knobs not named stand at their default. Raises ValueError off the grid."""
        unknown = setting.keys() - {knob.name for knob in self.knobs}
        if unknown:
            raise ValueError(f"no knob {sorted(unknown)}; there are {[knob.name for knob in self.knobs]}")
        steps = (knob.index(setting.get(knob.name, knob.default)) for knob in self.knobs)
        return self.table[tuple(knob.values[i] for knob, i in zip(self.knobs, steps, strict=True))]

    def __repr__(self) -> str:
        knobs = " × ".join(f"{len(knob.values)} {knob.name}" for knob in self.knobs)
        return f"Explorer({self.title!r}, {self.view}: {knobs})"

    def _repr_html_(self) -> str:
        standing = ", ".join(f"{escape(k.label)} {escape(k.text(k.default))}" for k in self.knobs)
        default, drawing = self.at(), views.named(self.view)
        return (
            f'<cnn-explorer class="cnn-ui" id="{self.id}" data-view="{self.view}">{embed(self.spec)}'
            f'<div class="cnn-fallback"><p><strong>{escape(self.title)}</strong> ({standing})</p>'
            f"<p>{escape(default['sentence'])}</p>{drawing.fallback(default)}</div></cnn-explorer>\n"
            + style("base.css", "explorer/explorer.css")
            + "\n"
            + script("base.js", *drawing.SCRIPTS, f"explorer/views/{self.view}.js", "explorer/explorer.js")
        )


def pack(results: list[dict]) -> dict:
    """The results by column, each distinct row, word or value stored once: a tenth of the plain JSON.

    Stages repeat from setting to setting (a stem does not change with depth) and so do the words of sentences.
    `unpack` is the way back, here and in `explorer.js`.
    """
    keys = dict.fromkeys(key for result in results for key in result)
    return {key: _pack_column([result.get(key) for result in results]) for key in keys}


def _pack_column(values: list) -> dict:
    if all(isinstance(value, str) for value in values):
        words = _Distinct()
        return {"at": [[words.add(word) for word in value.split(" ")] for value in values], "words": words.items}
    lists = all(isinstance(value, list) and all(isinstance(row, Mapping) for row in value) for value in values)
    if not lists and not all(isinstance(value, Mapping) for value in values):
        distinct = _Distinct()
        return {"at": [distinct.add(value) for value in values], "values": distinct.items}
    keys = list(dict.fromkeys(key for value in values for row in (value if lists else [value]) for key in row))
    rows = _Distinct()

    def add(row: Mapping) -> int:
        return rows.add([row.get(key) for key in keys])

    at = [[add(row) for row in value] if lists else add(value) for value in values]
    return {"at": at, "keys": keys, "rows": rows.items}


def unpack(table: dict, index: int) -> dict:
    """The result of the setting number `index` out of a packed table."""
    result = {}
    for key, column in table.items():
        here = column["at"][index]
        if "words" in column:
            result[key] = " ".join(column["words"][i] for i in here)
        elif "values" in column:
            result[key] = column["values"][here]
        else:
            rows = [dict(zip(column["keys"], row, strict=True)) for row in column["rows"]]
            result[key] = rows[here] if isinstance(here, int) else [rows[i] for i in here]
    return result


class _Distinct:
    """Values in the order they were first seen, each once."""

    def __init__(self) -> None:
        self.items: list = []
        self._index: dict[str, int] = {}

    def add(self, value: Any) -> int:
        index = self._index.setdefault(json.dumps(value), len(self.items))
        if index == len(self.items):
            self.items.append(value)
        return index
