"""Names of the library lead to their entry in the API reference, once on each page in its text and once in its code.

In text `fit`, `cnnlib.fit`, `fit(model, data)`, `Anatomy.to_frame` and `checks.output_size` are names. A bare name in
small letters counts only when `cnnlib` or one of its packages in `EXPORTING` exports it: `receptive_field` may be a
check, and is mostly something else. Where a full name leads to the source (`source_links`), it is left alone. In code it
is what is called, `cnnlib.fit(` and `Quiz(`, that leads there.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

from .incremental import also_shown
from .library import library

PAGE = "book/api"
EXPORTING = ("cnnlib", "cnnlib.training", "cnnlib.probes", "cnnlib.course", "cnnlib.chapters")
NAME = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)(\(.*\))?", re.DOTALL)
# As Pygments marks up a call: a name, maybe behind a module's, before a bracket.
CALL = re.compile(
    r'(?:<span class="n">(cnnlib|checks|claims|explorers)</span><span class="o">\.</span>|(?<!\.</span>))'
    r'<span class="n">(\w+)</span>(?=<span class="p">\()'
)


class Entries:
    """The entries of the API reference: each documented name with its anchor."""

    def __init__(self, anchors: dict[str, str], exported: set[str]) -> None:
        self.anchors, self.exported = anchors, exported

    @classmethod
    def of(cls, app: Sphinx) -> "Entries":
        """Those of the book that is being built, once its pages are read."""
        if not hasattr(app, "api_entries"):
            objects = app.env.get_domain("py").objects.items()
            anchors = {name: one.node_id for name, one in objects if one.docname == PAGE}
            its = library(app)
            app.api_entries = cls(anchors, {name for one in EXPORTING for name in its.module(one).exported})
        return app.api_entries

    def find(self, code: str) -> str | None:
        """The documented name that a piece of code is, if it is one; None too where it could be several."""
        match = NAME.fullmatch(code)
        if not match:
            return None
        name = re.sub(r"^(cnnlib\.)?((training|probes|course|chapters)\.)?", "", match[1])
        if "." not in name and name not in self.exported and not name[:1].isupper():
            return None
        found = [one for one in self.anchors if one.endswith(f".{name}")]
        return found[0] if len(found) == 1 else None


def link_text(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Wrap the first use of each documented name in the text, headings and links apart, in a link to its entry."""
    if docname == PAGE:
        return
    entries, page, seen = Entries.of(app), app.builder.get_relative_uri(docname, PAGE), set()
    for literal in list(doctree.findall(nodes.literal)):
        name, inside = entries.find(literal.astext()), literal.parent
        while inside and not isinstance(inside, nodes.reference | nodes.title):
            inside = inside.parent
        if name is None or name in seen or inside:
            continue
        seen.add(name)
        link = nodes.reference("", "", internal=True, refuri=f"{page}#{entries.anchors[name]}")
        literal.replace_self(link)
        link += literal


def linked_code(body: str, entries: Entries, page: str) -> str:
    """The page's HTML with the first call of each documented name in a link."""
    seen = set()

    def link(call: re.Match) -> str:
        name = entries.find(".".join(filter(None, call.groups())))
        if name is None or name in seen:
            return call[0]
        seen.add(name)
        before, after = call[0].rsplit('<span class="n">', 1)
        return f'{before}<a class="api-link" href="{page}#{entries.anchors[name]}"><span class="n">{after}</a>'

    return CALL.sub(link, body)


def link_code(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Link the code of each page but the reference itself."""
    if doctree is not None and pagename != PAGE:
        context["body"] = linked_code(context["body"], Entries.of(app), app.builder.get_relative_uri(pagename, PAGE))


def shown_on(app: Sphinx, docname: str) -> list[str]:
    """The names that may be linked where they stand bare."""
    return sorted(Entries.of(app).exported)


def setup(app: Sphinx) -> None:
    """Connect to each document, after the links to the source, and to each page."""
    app.connect("doctree-resolved", link_text, priority=600)
    app.connect("html-page-context", link_code)
    also_shown(app, shown_on)
