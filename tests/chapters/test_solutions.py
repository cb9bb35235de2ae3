"""The exercises of the chapters: the worked solution that a reader unfolds passes its check, the stub asks to be filled in."""

import re
from pathlib import Path

import nbformat
import torch
from torch import nn

from cnnlib.course import checks

CHAPTER = nbformat.read(Path(__file__).parents[2] / "chapters" / "04_resnet.ipynb", 4)


def defined(code: str, name: str):
    """What `code` calls `name`, with the chapter's imports."""
    scope = {"torch": torch, "nn": nn}
    exec(code, scope)
    return scope[name]


def test_the_worked_solution_passes():
    folded = [c.source for c in CHAPTER.cells if c.cell_type == "markdown" and "A worked solution" in c.source]
    solutions = [code for source in folded for code in re.findall(r"```python\n(.*?)```", source, re.S)]
    assert len(solutions) == 1
    assert checks.identity_block(defined(solutions[0], "MyBlock")).status == "right"


def test_the_stub_is_answered_kindly():
    stubs = [c.source for c in CHAPTER.cells if "exercise" in c.metadata.get("tags", [])]
    assert len(stubs) == 1
    assert checks.identity_block(defined(stubs[0], "MyBlock")).status == "unfinished"
