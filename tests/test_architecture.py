"""Who imports whom in the package: arrows go one way, and no modules import each other in a circle.

Every import counts: at the top of a module, in a function, under `TYPE_CHECKING`. Names that an `__init__` looks up
when they are asked for (PEP 562) are no imports of its submodules; a submodule that imports from its own package is.
"""

import ast
from importlib.util import resolve_name
from pathlib import Path

import pytest

import cnnlib

# A module imports from its own room and from those before it.
ROOMS = ("models", "analysis", "training", "probes", "experiments", "course", "chapters")
BELOW = ("palette",)  # modules of no room: any may import them, and they import none


def modules(package: Path) -> dict[str, Path]:
    """The modules of a package and their files: "cnnlib.models.resnet", and "cnnlib.models" for its `__init__`."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, files: dict[str, Path]) -> set[str]:
    """The modules of `files` that the module `name` imports, or imports names from."""
    package = name if files[name].name == "__init__.py" else name.rpartition(".")[0]
    named = []
    for node in ast.walk(ast.parse(files[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            named += [f"{source}.{alias.name}" for alias in node.names]
    inside = [module if module in files else module.rpartition(".")[0] for module in named]
    return {module for module in inside if module in files}


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules that reach each other."""
    reached = {}
    for module in edges:
        waiting, found = [module], set()
        while waiting:
            for other in edges.get(waiting.pop(), set()) - found:
                found.add(other)
                waiting.append(other)
        reached[module] = found
    groups = {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in reached if a in reached[a]}
    return [set(group) for group in groups]


def room(module: str) -> str:
    """The part of the package that a module is in: "models" for "cnnlib.models.resnet", empty for `cnnlib` itself."""
    return module.removeprefix("cnnlib").lstrip(".").partition(".")[0]


def allowed(module: str, other: str) -> bool:
    """Whether a module of a room, or one below them all, may import another module of the package."""
    if room(other) in BELOW:
        return room(module) not in BELOW
    if other == "cnnlib":  # authors write their expressions with its names; it imports nothing itself
        return room(module) in ("course", "chapters")
    return room(other) in ROOMS[: ROOMS.index(room(module)) + 1] if room(module) in ROOMS else False


FILES = modules(Path(cnnlib.__file__).parent)
EDGES = {module: imports(module, FILES) for module in FILES if room(module) in ROOMS + BELOW}


@pytest.mark.parametrize("module", EDGES)
def test_arrows_go_one_way(module):
    assert not [other for other in EDGES[module] if not allowed(module, other)]


def test_no_modules_import_each_other_in_a_circle():
    assert not circles(EDGES)


def test_every_room_that_is_checked_is_there():
    assert {room(module) for module in EDGES} == {*ROOMS, *BELOW}


@pytest.mark.parametrize(
    "code",
    [
        "import toy.high.b",
        "import toy.high.b as b",
        "from toy.high import b",
        "from toy.high.b import name",
        "from ..high import b",
        "def f():\n    from toy.high.b import name",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.high.b import name",
    ],
)
def test_each_way_of_importing_is_seen(tmp_path, code):
    for path, text in {
        "low/a.py": code,
        "high/b.py": "from toy.low.a import name",
        "high/c.py": "import os, torch",
    }.items():
        file = tmp_path / "toy" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        for folder in (file.parent, file.parent.parent):
            (folder / "__init__.py").touch()
    files = modules(tmp_path / "toy")
    edges = {module: imports(module, files) for module in files}
    assert edges == {
        "toy": set(), "toy.low": set(), "toy.high": set(), "toy.low.a": {"toy.high.b"}, "toy.high.b": {"toy.low.a"}, "toy.high.c": set(),
    }  # fmt: skip
    assert circles(edges) == [{"toy.low.a", "toy.high.b"}]


def test_what_is_allowed():
    assert allowed("cnnlib.analysis.result", "cnnlib.models.resnet") and allowed(
        "cnnlib.analysis.a", "cnnlib.analysis.b"
    )
    assert allowed("cnnlib.analysis.drawing.diagram", "cnnlib.palette")
    assert not allowed("cnnlib.models.resnet", "cnnlib.analysis.result")
    assert not allowed("cnnlib.analysis.result", "cnnlib")
    assert not allowed("cnnlib.palette", "cnnlib.models.resnet")
