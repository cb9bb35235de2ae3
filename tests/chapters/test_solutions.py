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
from cnnlib import chapters
from cnnlib.course.chapter import Chapter
from cnnlib.course.checks import Verdict

NOTEBOOKS = Path(__file__).parents[2] / "chapters"


class Exercise(NamedTuple):
    """A stub, the cell that checks it, and the code of the solution that is folded below them."""

    chapter: Chapter
    check: str
    name: str
    stub: str
    solution: str


def notebook(chapter: Chapter) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{chapter.page}.ipynb", 4)


def exercises(chapter: Chapter) -> Iterator[Exercise]:
    """Those of a notebook: a cell with the tag "exercise", then `chapter.checks.…(name)`, then a folded solution."""
    cells = notebook(chapter).cells
    for i, cell in enumerate(cells):
        if called := re.fullmatch(r"chapter\.checks\.(\w+)\((\w+)\)", cell.source.strip()):
            stub, folded = cells[i - 1], cells[i + 1]
            assert "exercise" in stub.metadata.get("tags", []), f"{chapter.page}: no stub before {cell.source}"
            assert folded.source.startswith("<details>"), f"{chapter.page}: no folded solution after {cell.source}"
            (solution,) = re.findall(r"```python\n(.*?)```", folded.source, re.S)
            yield Exercise(chapter, *called.groups(), stub.source, solution)


EXERCISES = [
    pytest.param(exercise, id=f"{chapter.name} {exercise.check}")
    for chapter in chapters.in_order()
    for exercise in exercises(chapter)
]


def graded(exercise: Exercise, code: str) -> Verdict:
    """The verdict on what `code` defines, with the imports of the chapters."""
    scope = {"torch": torch, "nn": nn, "cnnlib": cnnlib}
    exec(code, scope)
    return getattr(exercise.chapter.part("checks"), exercise.check)(scope[exercise.name])


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_worked_solution_passes(exercise):
    assert graded(exercise, exercise.solution).status == "right"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_stub_is_answered_kindly(exercise):
    assert graded(exercise, exercise.stub).status == "unfinished"


@pytest.mark.parametrize("chapter", chapters.in_order(), ids=lambda chapter: chapter.name)
def test_every_exercise_cell_is_checked_and_solved(chapter):
    tagged = [cell for cell in notebook(chapter).cells if "exercise" in cell.metadata.get("tags", [])]
    assert len(tagged) == len(list(exercises(chapter)))
