"""The exercises of the chapters: the worked solution that a reader unfolds passes its check, the stub asks to be filled in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.course import checks

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))


class Exercise(NamedTuple):
    """A stub, the cell that checks it, and the code of the solution that is folded below them."""

    check: str
    name: str
    stub: str
    solution: str


def exercises(path: Path) -> Iterator[Exercise]:
    """Those of a notebook: a cell with the tag "exercise", then `checks.…(name)`, then a folded solution."""
    cells = nbformat.read(path, 4).cells
    for i, cell in enumerate(cells):
        if called := re.fullmatch(r"checks\.(\w+)\((\w+)\)", cell.source.strip()):
            stub, folded = cells[i - 1], cells[i + 1]
            assert "exercise" in stub.metadata.get("tags", []), f"{path.name}: no stub before {cell.source}"
            assert folded.source.startswith("<details>"), f"{path.name}: no folded solution after {cell.source}"
            (solution,) = re.findall(r"```python\n(.*?)```", folded.source, re.S)
            yield Exercise(*called.groups(), stub.source, solution)


EXERCISES = [pytest.param(one, id=f"{path.stem} {one.check}") for path in CHAPTERS for one in exercises(path)]


def graded(exercise: Exercise, code: str) -> checks.Verdict:
    """The verdict on what `code` defines, with the imports of the chapters."""
    scope = {"torch": torch, "nn": nn, "cnnlib": cnnlib}
    exec(code, scope)
    return getattr(checks, exercise.check)(scope[exercise.name])


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_worked_solution_passes(exercise):
    assert graded(exercise, exercise.solution).status == "right"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_stub_is_answered_kindly(exercise):
    assert graded(exercise, exercise.stub).status == "unfinished"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_cell_is_checked_and_solved(path):
    tagged = [cell for cell in nbformat.read(path, 4).cells if "exercise" in cell.metadata.get("tags", [])]
    assert len(tagged) == len(list(exercises(path)))
