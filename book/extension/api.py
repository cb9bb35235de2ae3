"""The API reference, read from the source without importing it, with the names that a reader imports."""

import inspect
import re
import textwrap

from sphinx.application import Sphinx


def as_rst(docstring: str) -> str:
    """A docstring of ours as reStructuredText: names in backticks are code, a paragraph with indented lines stays as typed."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        if re.search(r"^\s", paragraph, re.MULTILINE):
            paragraphs.append("::\n\n" + textwrap.indent(paragraph, "    "))
        else:
            words = re.split(r"(``.+?``|`.+?`)", paragraph, flags=re.DOTALL)
            words[::2] = [re.sub(r"([\\*_|])", r"\\\1", text) for text in words[::2]]
            paragraphs.append("".join(words))
    return "\n\n".join(paragraphs)


def prepare(app: Sphinx) -> None:
    """Bring autoapi's objects into that form."""
    for item in app.env.autoapi_all_objects.values():
        item.docstring = as_rst(item.docstring)


def setup(app: Sphinx) -> None:
    """Connect, after autoapi has read the library."""
    app.connect("builder-inited", prepare, priority=900)
