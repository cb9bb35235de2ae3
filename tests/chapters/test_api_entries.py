"""What the chapters take from the library has an entry in the API reference, under a name that leads to that very thing."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest

import cnnlib.course
import cnnlib.probes
import cnnlib.training
from book.extension.api import listed
from book.extension.library import Library
from cnnlib.course.chapter import PARTS

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
BLOCKS = re.findall(r"^```{api-entries}\n(.*?)^```", (ROOT / "book/api.md").read_text(encoding="utf-8"), re.M | re.S)
ENTRIES = [name for block in BLOCKS for line in block.splitlines() for name, _ in listed(line, Library(ROOT))]


def found(name: str):
    """What a dotted name stands for; the module in it may be hidden by a function of its name, as cnnlib.anatomy is."""
    module, _, thing = name.rpartition(".")
    return getattr(importlib.import_module(module), thing)


def imported(module: str, name: str):
    """What `from module import name` gives: a name of the module, or a module in it."""
    with suppress(ModuleNotFoundError):
        return importlib.import_module(f"{module}.{name}")
    return getattr(importlib.import_module(module), name)


def used(path: Path) -> Iterator[tuple[str, object]]:
    """Functions and classes of cnnlib in the code of a chapter: imported, or as cnnlib.fit, claims.higher, chapter.checks.lenet."""
    modules = {"cnnlib": cnnlib}
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type != "code" or "setup" in cell.metadata.get("tags", []):
            continue
        tree = ast.parse(re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cnnlib":
                for name in node.names:
                    thing = imported(node.module, name.name)
                    yield name.name, thing
                    if node.module in ("cnnlib.chapters", "cnnlib.course") and inspect.ismodule(thing):
                        modules[name.asname or name.name] = thing
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                yield node.attr, getattr(modules[node.value.id], node.attr)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                below = node.value
                if below.attr in PARTS and isinstance(below.value, ast.Name) and below.value.id in modules:
                    yield node.attr, getattr(getattr(modules[below.value.id], below.attr), node.attr)


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


@pytest.mark.parametrize(
    "package", [cnnlib, cnnlib.training, cnnlib.probes, cnnlib.course], ids=lambda package: package.__name__
)
def test_every_public_name_has_an_entry(package):
    entries = {id(found(name)) for name in ENTRIES}
    public = {name: getattr(package, name) for name in package.__all__}
    missing = [name for name, thing in public.items() if not inspect.ismodule(thing) and id(thing) not in entries]
    assert missing == []
