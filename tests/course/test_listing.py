"""Source listings: the library's own lines, without the docstring, and nothing else."""

import ast
import inspect

import pytest
import torch

from cnnlib.course import source
from cnnlib.models.resnet import BasicBlock, Bottleneck, PadShortcut, make_shortcut


@pytest.mark.parametrize("thing", [BasicBlock, Bottleneck, PadShortcut, make_shortcut, BasicBlock.forward])
def test_the_lines_are_the_librarys_less_the_docstring(thing):
    tree = ast.parse(source(thing).code)
    assert tree.body[0].name == thing.__name__
    assert ast.get_docstring(tree.body[0]) is None
    library = inspect.getsource(inspect.getmodule(thing))
    assert all(line.strip() in library for line in source(thing).code.split("\n"))


def test_it_shows_as_highlighted_markdown_and_says_where_it_is_from():
    shown = source(BasicBlock)
    assert shown._repr_markdown_().startswith("```python\nclass BasicBlock(nn.Module):")
    assert "cnnlib.models.resnet.BasicBlock" in shown._repr_markdown_()
    assert repr(shown).endswith("# cnnlib.models.resnet.BasicBlock")


def test_with_a_repository_the_origin_is_a_link(monkeypatch):
    place = {"github": "someone/book", "branch": "main"}
    monkeypatch.setattr("cnnlib.course.listing.repository", lambda: place)
    assert "(https://github.com/someone/book/blob/main/cnnlib/models/resnet.py)" in source(BasicBlock)._repr_markdown_()


def test_what_is_not_the_librarys_is_refused():
    with pytest.raises(ValueError, match="is not part of cnnlib"):
        source(torch.nn.Linear)
