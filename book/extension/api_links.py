"""Names of the library in running text lead to their entry in the API reference, once on each page.

`fit`, `cnnlib.fit`, `fit(model, data)` and `Anatomy.to_frame` are names; so is `checks.output_size`. A bare name in small
letters counts only when `cnnlib`, `cnnlib.training` or `cnnlib.course` exports it: `receptive_field` may be a check, and
is mostly something else. Where a full name leads to the source (`source_links`), it is left alone.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

PAGE = "book/api"
EXPORTING = ("cnnlib", "cnnlib/training", "cnnlib/course")
NAME = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)(\(.*\))?", re.DOTALL)


def exports(root: Path) -> set[str]:
    """The names in `__all__` of the packages that a reader imports from, read without importing them."""
    names = set()
    for package in EXPORTING:
        for node in ast.parse((root / package / "__init__.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
                names |= set(ast.literal_eval(node.value))
    return names


def entry(text: str, documented: Iterable[str], exported: set[str]) -> str | None:
    """The documented name that a piece of code is, if it is one; None too where it could be several."""
    match = NAME.fullmatch(text)
    if not match:
        return None
    name = match[1]
    bare = name.removeprefix("cnnlib.").removeprefix("training.").removeprefix("course.")
    if "." not in bare and bare not in exported and not bare[0].isupper():
        return None
    found = [one for one in documented if one.endswith(f".{bare}")]
    return found[0] if len(found) == 1 else None


def link_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Wrap the first use of each documented name in a link to its entry."""
    if docname == PAGE:
        return
    documented = {name: one.node_id for name, one in app.env.get_domain("py").objects.items() if one.docname == PAGE}
    exported, page, seen = exports(Path(app.confdir)), app.builder.get_relative_uri(docname, PAGE), set()
    for literal in list(doctree.findall(nodes.literal)):
        name = entry(literal.astext(), documented, exported)
        inside = literal.parent
        while inside and not isinstance(inside, nodes.reference | nodes.title):
            inside = inside.parent
        if name is None or name in seen or inside:
            continue
        seen.add(name)
        link = nodes.reference("", "", internal=True, refuri=f"{page}#{documented[name]}")
        literal.replace_self(link)
        link += literal


def setup(app: Sphinx) -> None:
    """Connect to each document, after the links to the source."""
    app.connect("doctree-resolved", link_names, priority=600)
