"""What the chapters take from the library has an entry in the API reference, under a name that leads to that very thing."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import cnnlib
from book.extension.api import listed
from book.extension.library import Library
from cnnlib.course import checks, claims, explorers

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
MODULES = {"cnnlib": cnnlib, "checks": checks, "claims": claims, "explorers": explorers}
BLOCKS = re.findall(r"^```{api-entries}\n(.*?)^```", (ROOT / "book/api.md").read_text(encoding="utf-8"), re.M | re.S)
ENTRIES = [name for block in BLOCKS for line in block.splitlines() for name, _ in listed(line, Library(ROOT))]


def found(name: str):
    """What a dotted name stands for; the module in it may be hidden by a function of its name, as cnnlib.anatomy is."""
    module, _, thing = name.rpartition(".")
    return getattr(importlib.import_module(module), thing)


def used(path: Path) -> Iterator[tuple[str, object]]:
    """Functions and classes of cnnlib in the code of a chapter, imported or as an attribute of a module."""
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type != "code":
            continue
        code = (
            re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE)
            if "setup" not in cell.metadata.get("tags", [])
            else ""
        )
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cnnlib":
                for name in node.names:
                    yield name.name, getattr(importlib.import_module(node.module), name.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in MODULES:
                yield node.attr, getattr(MODULES[node.value.id], node.attr)


def test_each_entry_is_a_thing_of_the_library_and_there_once():
    assert len(ENTRIES) == len(set(ENTRIES)) > 100
    things = [found(name) for name in ENTRIES]
    assert len({id(thing) for thing in things}) == len(things)
    assert all(inspect.getmodule(thing).__name__.startswith("cnnlib") for thing in things)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_what_a_chapter_uses_has_an_entry(path):
    entries = {id(found(name)) for name in ENTRIES}
    things = {(name, id(thing)) for name, thing in used(path) if inspect.isclass(thing) or inspect.isfunction(thing)}
    assert things
    assert sorted(name for name, thing in things if thing not in entries) == []


@pytest.mark.parametrize("package", [cnnlib, cnnlib.training, cnnlib.course], ids=lambda package: package.__name__)
def test_every_public_name_has_an_entry(package):
    entries = {id(found(name)) for name in ENTRIES}
    public = {name: getattr(package, name) for name in package.__all__}
    missing = [name for name, thing in public.items() if not inspect.ismodule(thing) and id(thing) not in entries]
    assert missing == []
