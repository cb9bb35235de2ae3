"""The views of explorers: each is a module, which says what a result must hold, and a script, which draws it.

A view is found by its two files, `<name>.py` and `<name>.js`; nothing lists the views. A ninth view is two more files.

The docstring of the module is written for authors: the keys of a result with their shapes and units.
`help("cnnlib.course.explorer.views.bars")` shows it. `View` lists what else the module has.

The script adds `cnnlibViews.<name> = (root, frame) => (result, width) => draw`: `root` is filled once, then `draw` is
called with the result of each setting and the width in pixels. Nodes are made with `el` and `svg` of `base.js`, never
from strings, so that text of an author is never read as HTML.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Protocol


class View(Protocol):
    """What the module of a view has."""

    NEEDS: Mapping[str, str]  # key of a result -> the keys of its rows (or of its one row), as one text: "name op"
    SCRIPTS: Sequence[str]  # scripts that the view's own script uses, as paths in cnnlib/course
    EXAMPLES: Sequence[dict[str, Any]]  # results of a small grid: two or more, for authors to read and for the tests

    @staticmethod
    def frame(results: list[dict[str, Any]]) -> dict[str, Any]:
        """What the script must know about all settings, such as the ends of axes: pictures then have the same scale.

        Raises ValueError for results that have every key and cannot be drawn.
        """

    @staticmethod
    def fallback(result: dict[str, Any]) -> str:
        """One result as HTML, for a page on which scripts do not run."""


@cache
def names() -> tuple[str, ...]:
    """The names of all views, in the order of the alphabet."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def named(name: str) -> View:
    """The view of a name, such as "bars". Raises ValueError, with the names of all views, for another name."""
    if name not in names():
        raise ValueError(f"no view {name!r}; there are {', '.join(names())}")
    return import_module(f"{__name__}.{name}")


def missing(view: View, result: Mapping[str, Any]) -> list[str]:
    """The keys that the view needs and `result` lacks: "sentence", or "stages: macs" for a key of a row."""
    lacks = [key for key in (*view.NEEDS, "sentence") if key not in result]
    for key, needed in view.NEEDS.items():
        rows = result.get(key) or []
        for row in [rows] if isinstance(rows, Mapping) else rows if needed else []:
            lacks += [f"{key}: {name}" for name in needed.split() if name not in row]
    return list(dict.fromkeys(lacks))
