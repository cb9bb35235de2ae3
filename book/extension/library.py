"""The library read from its source, without importing it: building the book has no torch to import it with."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sphinx.application import Sphinx

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Definition:
    """A function, class or assignment: the module that holds it, its name there (`Anatomy.to_frame`), its syntax tree."""

    module: "Module"
    name: str
    node: ast.AST

    @property
    def lines(self) -> tuple[int, int]:
        """The first and the last line, decorators included, counted from 1."""
        decorators = getattr(self.node, "decorator_list", [])
        return min(node.lineno for node in [self.node, *decorators]), self.node.end_lineno


class Module:
    """One source file. `name` is dotted."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.source = path.read_text(encoding="utf-8")

    @cached_property
    def names(self) -> dict[str, ast.AST | str]:
        """What each name at the top of the module is: its definition, or the full name that is imported."""
        found: dict[str, ast.AST | str] = {}
        for node in statements(ast.parse(self.source).body):
            match node:
                case ast.Import():
                    for alias in node.names:
                        found[alias.asname or alias.name.partition(".")[0]] = (
                            alias.name if alias.asname else alias.name.partition(".")[0]
                        )
                case ast.ImportFrom():
                    origin = self.absolute(node.module or "", node.level)
                    found |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    found[node.name] = node
                case ast.Assign(targets=[ast.Name(id="_HOMES")], value=homes):
                    found |= {name: f"{self.name}.{home}.{name}" for name, home in ast.literal_eval(homes).items()}
                    found["_HOMES"] = node
                case ast.Assign(targets=[ast.Name() as target]) | ast.AnnAssign(target=ast.Name() as target):
                    found[target.id] = node
        return found

    def absolute(self, module: str, level: int) -> str:
        """The full name of a module that is imported here, with `level` dots before it."""
        if not level:
            return module
        package = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
        return ".".join([*package[: len(package) - level + 1], *filter(None, [module])])

    @property
    def exported(self) -> list[str]:
        """The names in `__all__`, in their order; without such a list the functions and classes, as in Python."""
        if "_HOMES" in self.names:
            return [*ast.literal_eval(self.names["_HOMES"].value)]
        node = self.names.get("__all__")
        if isinstance(node, ast.Assign):
            return ast.literal_eval(node.value)
        own = (*FUNCTIONS, ast.ClassDef)
        return [name for name, node in self.names.items() if isinstance(node, own) and not name.startswith("_")]

    def comment_behind(self, node: ast.stmt) -> str:
        """The comment behind a statement on its last line, as fields of a record have it; empty where there is none."""
        rest = self.source.encode().splitlines()[node.end_lineno - 1][node.end_col_offset :].decode().strip()
        return rest.removeprefix("#").strip() if rest.startswith("#") else ""

    def written(self, name: str) -> str:
        """A dotted name as a reader from outside writes it: in full, and bare where this module defines it."""
        first, dot, rest = name.partition(".")
        origin = self.names.get(first)
        full = f"{origin}{dot}{rest}" if isinstance(origin, str) else name
        return full.removeprefix("typing.").removeprefix(f"{self.name}.")


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top of a module, those under `if` and `try` too."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            for part in (node.body, *(handler.body for handler in getattr(node, "handlers", [])), node.orelse):
                yield from statements(part)
        else:
            yield node


class Library:
    """The modules below a folder, each read when it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[str, Module] = {}

    def module(self, name: str) -> Module | None:
        """The module of that dotted name; None where there is no such file."""
        if name not in self.modules:
            path = self.root.joinpath(*name.split("."))
            file = next((one for one in (path / "__init__.py", path.with_suffix(".py")) if one.is_file()), None)
            if file is None:
                return None
            self.modules[name] = Module(name, file)
        return self.modules[name]

    def packages(self, name: str) -> list[str]:
        """The packages in a package, in order."""
        folder = self.root.joinpath(*name.split("."))
        return [f"{name}.{path.parent.name}" for path in sorted(folder.glob("*/__init__.py"))]

    def find(self, name: str) -> Definition:
        """Where a dotted name is defined, through every import on the way. Raises LookupError for one that is not there.

        What a package imports hides a module of the same name: `cnnlib.anatomy` is the function.
        """
        start, _, thing = name.rpartition(".")
        module = self.module(start) if start else None
        if module is None:
            if not start:
                raise LookupError(name)
            inside = self.find(start)
            member = members(inside.node).get(thing) if isinstance(inside.node, ast.ClassDef) else None
            if member is None:
                raise LookupError(name)
            return Definition(inside.module, f"{inside.name}.{thing}", member)
        node = module.names.get(thing)
        if node is None:
            raise LookupError(name)
        return self.find(node) if isinstance(node, str) else Definition(module, thing, node)

    def bases(self, found: Definition) -> Iterator[Definition]:
        """The classes of the library that a class is made from, the nearest first."""
        for base in found.node.bases:
            name = found.module.written(ast.unparse(base))
            try:
                parent = self.find(name if "." in name else f"{found.module.name}.{name}")
            except LookupError:
                continue  # of another library
            yield parent
            yield from self.bases(parent)

    def docstring(self, found: Definition) -> str:
        """The docstring, or that of what it takes the place of in a class above; of a field, the comment behind it."""
        node = found.node
        if isinstance(node, ast.ClassDef):
            texts = (ast.get_docstring(one.node) for one in (found, *self.bases(found)))
        elif isinstance(node, FUNCTIONS):
            owner, _, name = found.name.rpartition(".")
            above = self.bases(self.find(f"{found.module.name}.{owner}")) if owner else ()
            same = (members(one.node).get(name) for one in above)
            texts = (ast.get_docstring(one) for one in (node, *same) if isinstance(one, FUNCTIONS))
        else:
            texts = (found.module.comment_behind(node),)
        return next(filter(None, texts), "")

    def constructor(self, found: Definition) -> Definition | None:
        """The `__init__` of a class, its own or that of a class above; None where there is none."""
        for one in (found, *self.bases(found)):
            node = members(one.node).get("__init__")
            if node:
                return Definition(one.module, f"{one.name}.__init__", node)
        return None


def library(app: Sphinx) -> Library:
    """The library beside the book that is being built, each of its modules read once a build."""
    if not hasattr(app, "library"):
        app.library = Library(Path(app.confdir))
    return app.library


def members(node: ast.ClassDef) -> dict[str, ast.AST]:
    """The methods, properties and fields of a class itself, by name; the fields that `__init__` sets come last."""
    found: dict[str, ast.AST] = {}
    for part in node.body:
        match part:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if not any(ast.unparse(one).endswith(".setter") for one in part.decorator_list):
                    found[part.name] = part
            case ast.Assign(targets=[ast.Name() as target]) | ast.AnnAssign(target=ast.Name() as target):
                found[target.id] = part
    if "__init__" in found:
        for part in found["__init__"].body:
            match part:
                case (
                    ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)])
                    | ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name))
                ):
                    found.setdefault(name, part)
    return found
