"""Numbers that the papers report: cited, not computed."""

from functools import cache
from importlib import resources
from typing import Any

from cnnlib.course.yaml_fields import check_fields, load_yaml

_TEXT = (str,)
_PAPER = {"title": (_TEXT, True), "reference": (_TEXT, True), "numbers": ((list,), True)}
# Field: (type, must it be there). `value` is None where a table has a dash.
_NUMBER = {
    "model": (_TEXT, True),
    "quantity": (_TEXT, True),
    "value": ((int, float, type(None)), True),
    "printed": (_TEXT, True),
    "where": (_TEXT, True),
    "paper": (_TEXT, False),
}
# What the results of the ImageNet challenge have besides (papers.yaml says what it means).
_ENTRY = {
    "entry": (_TEXT, True),
    "images": (_TEXT, True),
    "network": ((str, type(None)), True),
    "networks": ((int, type(None)), True),
    "place": ((int, type(None)), True),
    "year": ((int,), True),
}


def reported(paper: str) -> list[dict]:
    """The numbers that a paper prints: `model`, `quantity`, `value`, how it is `printed`, and `where`.

    Raises ValueError for a paper that `papers.yaml` does not have.
    """
    return [dict(row) for row in _paper(paper)["numbers"]]


def reference(paper: str) -> str:
    """The key of a paper in the bibliography. Raises as `reported` does."""
    return _paper(paper)["reference"]


def _paper(name: str) -> dict:
    papers = _papers()
    if name not in papers:
        raise ValueError(f"no paper is called {name!r}; there is {', '.join(papers)}")
    return papers[name]


@cache
def _papers() -> dict[str, dict]:
    return parse((resources.files("cnnlib.course") / "papers.yaml").read_bytes())


def parse(text: str | bytes) -> dict[str, dict[str, Any]]:
    """The papers of a YAML text by name. Raises ValueError, naming `papers.yaml`, the number and the field."""
    papers = load_yaml(text, "papers.yaml")
    if not isinstance(papers, dict) or not papers:
        raise ValueError("papers.yaml must have fields, one for each paper")
    for name, paper in papers.items():
        where = f"papers.yaml, {name}"
        check_fields(paper, _PAPER, where)
        for number, row in enumerate(paper["numbers"], 1):
            schema = _NUMBER | _ENTRY if isinstance(row, dict) and "entry" in row else _NUMBER
            check_fields(row, schema, f"{where}, number {number}")
    return papers
