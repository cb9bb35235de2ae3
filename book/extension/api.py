"""The API reference, read from the source without importing it, with the names that a reader imports.

`api-entries` shows an entry for each of its lines: the full name of a function or a class, with `:members:` behind it
where the members of the class are shown too, `module.*` for all that a module exports, `package.*.part.*` for all
that the modules `part` of its packages export.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives import ObjectDescription
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from cnnlib.course.yaml_fields import load_yaml

from . import prose, sources
from .library import FUNCTIONS, Definition, Library, Module, library, members

MOVED = "book/moved.yaml"
PROPERTIES = {"property", "cached_property"}
LOG = logging.getLogger(__name__)


def paragraphs(docstring: str) -> Iterator[nodes.Node]:
    """A docstring of ours: names in backticks are code, a paragraph with indented lines stays as typed."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        if re.search(r"^\s", paragraph, re.MULTILINE):
            yield nodes.literal_block(paragraph, paragraph)
        elif paragraph:
            parts = re.split(r"``(.+?)``|`(.+?)`", paragraph, flags=re.DOTALL)
            made = nodes.paragraph(paragraph)
            for text, double, single in zip(parts[::3], [*parts[1::3], None], [*parts[2::3], None], strict=True):
                made += nodes.Text(text) if text else []
                made += nodes.literal(double, double) if double else []
                made += nodes.literal(single, single, classes=["code"]) if single else []
            yield made


def annotation(node: ast.expr, module: Module) -> str:
    """An annotation with its names in full, so that one from another library says which."""
    match node:
        case ast.Constant(value=str(name)):
            return module.written(name)
        case ast.Name() | ast.Attribute():
            return module.written(ast.unparse(node))
        case ast.Subscript(value=value, slice=ast.Tuple(elts=parts)):
            return f"{annotation(value, module)}[{', '.join(annotation(part, module) for part in parts)}]"
        case ast.Subscript(value=value, slice=part):
            return f"{annotation(value, module)}[{annotation(part, module)}]"
        case ast.List(elts=parts):
            return f"[{', '.join(annotation(part, module) for part in parts)}]"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{annotation(left, module)} | {annotation(right, module)}"
    return ast.unparse(node)


def signature(found: Definition) -> str:
    """The parameters of a function, in brackets; a method's without `self` or `cls`."""
    arguments, module = found.node.args, found.module

    def shown(parameter: ast.arg, value: ast.expr | None = None, stars: str = "") -> str:
        said = stars + parameter.arg
        if parameter.annotation:
            said += f": {annotation(parameter.annotation, module)}"
        if value is not None:
            said += f"{' = ' if parameter.annotation else '='}{ast.unparse(value)}"
        return said

    places = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(places) - len(arguments.defaults)) + arguments.defaults
    parts = [shown(*one) for one in zip(places, defaults, strict=True)]
    if arguments.posonlyargs:
        parts.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg:
        parts.append(shown(arguments.vararg, stars="*"))
    elif arguments.kwonlyargs:
        parts.append("*")
    parts += [shown(*one) for one in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg:
        parts.append(shown(arguments.kwarg, stars="**"))
    if "." in found.name and "staticmethod" not in decorators(found.node):
        del parts[0]
    return f"({', '.join(parts)})"


def decorators(node: ast.AST) -> set[str]:
    """The names of a definition's decorators, without their modules."""
    return {ast.unparse(one).rpartition(".")[2] for one in getattr(node, "decorator_list", [])}


def default(node: ast.expr | None) -> str | None:
    """The value of a field as it is shown: constants, alone or in a tuple or list; None for anything else."""
    match node:
        case ast.Call(func=ast.Name("field"), keywords=keywords):
            given = {keyword.arg: keyword.value for keyword in keywords}
            factory = given.get("default_factory")
            return "[]" if factory is not None and ast.unparse(factory) == "list" else default(given.get("default"))
        case ast.Constant() | ast.Tuple() | ast.List() | ast.UnaryOp():
            try:
                return repr(ast.literal_eval(node))
            except ValueError:
                pass  # it holds something that is no constant
    return None


def described(found: Definition, library: Library) -> tuple[str, str, dict[str, object]]:
    """A definition as Sphinx's Python directives take it: the directive, what stands behind the name, the options."""
    node, module = found.node, found.module
    if isinstance(node, ast.ClassDef):
        constructor = library.constructor(found)
        return "class", signature(constructor) if constructor else "()", {}
    if isinstance(node, FUNCTIONS):
        returned = node.returns and annotation(node.returns, module)
        if "." in found.name and PROPERTIES & decorators(node):
            return "property", "", {"type": returned} if returned else {}
        kind = "method" if "." in found.name else "function"
        options = {name: None for name in ("classmethod", "staticmethod") if name in decorators(node)}
        return kind, signature(found) + (f" -> {returned}" if returned else ""), options
    options = {"value": default(node.value), "type": getattr(node, "annotation", None)}
    options["type"] = options["type"] and annotation(options["type"], module)
    return "attribute", "", {name: text for name, text in options.items() if text is not None}


@cache
def entry_class(base: type[ObjectDescription]) -> type[ObjectDescription]:
    """One of Sphinx's Python directives that puts our nodes in the place of parsed content, with a link to the source."""

    class Entry(base):
        def handle_signature(self, sig, signode):
            name = super().handle_signature(sig, signode)
            if self.source:
                signode += self.source
            return name

        def transform_content(self, content_node):
            super().transform_content(content_node)
            content_node += self.content_made()

    return Entry


def listed(line: str, its: Library) -> list[tuple[str, bool]]:
    """The full names that a line of `api-entries` stands for, and whether the members of each are shown."""
    name, _, option = line.partition(" ")
    package, star, _ = name.rpartition(".*")
    if not star:
        return [(name, option == ":members:")]
    above, _, part = package.partition(".*.")
    place = {chapter.package: chapter.page for chapter in prose.in_order()}  # chapters as they follow each other
    packages = sorted(its.packages(above), key=lambda one: place.get(one, one)) if part else []
    modules = [f"{one}.{part}" for one in packages] if part else [package]
    return [
        (f"{module}.{one}", False) for module in modules if its.module(module) for one in its.module(module).exported
    ]


def moved(root: Path) -> dict[str, list[str]]:
    """The names under which an entry was shown before, which stay addresses of it."""
    file, before = root / MOVED, {}
    for old, new in (load_yaml(file.read_bytes(), MOVED) if file.is_file() else {}).items():
        before.setdefault(new, []).append(old)
    return before


class Entries(SphinxDirective):
    """`api-entries`: what the library says of itself under the names of the lines."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.library, self.moved = library(self.env.app), moved(Path(self.env.srcdir))
        if Path(
            self.env.srcdir, MOVED
        ).is_file():  # Sphinx reads a page anew each time where one of its files is not there
            self.env.note_dependency(str(Path(self.env.srcdir, MOVED)))
        made = []
        for line in self.content:
            for full, with_members in listed(line, self.library):
                try:
                    found = self.library.find(full)
                except LookupError:
                    LOG.warning("the API reference: %s is nowhere in the source", full, location=self.get_location())
                    continue
                module, _, name = full.rpartition(".")
                made += self.entry(module, name, found, with_members)
        for read in self.library.modules.values():  # those that only hand a name on, too
            self.env.note_dependency(str(read.path))
        return made

    def entry(self, module: str, name: str, found: Definition, with_members: bool = False) -> list[nodes.Node]:
        """The entry of a name that a reader imports from `module`."""
        kind, behind, options = described(found, self.library)
        directive = entry_class(self.env.get_domain("py").directives[kind])(
            f"py:{kind}", [name + behind], {"module": module, **options}, StringList(), self.lineno,
            self.content_offset, self.block_text, self.state, self.state_machine,
        )  # fmt: skip
        in_source = kind in ("class", "function", "method")
        directive.source = sources.link(self.env, found, f"{module}.{name}") if in_source else None

        def content() -> list[nodes.Node]:
            inside = list(paragraphs(self.library.docstring(found)))
            its = members(found.node) if with_members else {}
            for member in sorted(its, key=str.lower):
                if not member.startswith("_"):
                    part = Definition(found.module, f"{found.name}.{member}", its[member])
                    inside += self.entry(module, f"{name}.{member}", part)
            return inside

        directive.content_made = content
        entry = directive.run()
        for node in entry:
            if isinstance(node, addnodes.desc):
                node[0]["ids"] += self.moved.get(f"{module}.{name}", [])
        return entry


def setup(app: Sphinx) -> None:
    """Connect."""
    app.add_directive("api-entries", Entries)
