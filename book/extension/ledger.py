"""The claims ledger and the chapters, linked both ways while the book is built.

Behind each section of a chapter that entries of the ledger discuss stands a line with links to them, so that nobody
cites by hand. An entry's section that is no heading of its chapter is a warning, which `make book` turns into an error.
On the ledger's page links to chapters that are not written yet become plain text.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from .incremental import also_shown, digest_of_file
from .prose import folder_of

PAGE = "book/ledger"
TO_CHAPTER = re.compile(r'<a href="\.\./(?P<page>chapters/\w+)\.html[^"]*">(?P<text>[^<]*)</a>')
log = logging.getLogger(__name__)


def discussed(docname: str) -> dict[str, list[dict]]:
    """The claims of a chapter that name a section, by section. Raises ValueError, naming the file and the claim."""
    by_section: dict[str, list[dict]] = {}
    chapter = folder_of(docname)
    for claim in chapter.claims() if chapter else []:
        if "section" in claim:
            by_section.setdefault(claim["section"], []).append(claim)
    return by_section


def cite_entries(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the line behind the text of each section that entries discuss, before the sections inside it."""
    if not docname.startswith("chapters/") or PAGE not in app.env.found_docs:
        return
    # By id and not by title, in which quotation marks have become typographic ones.
    sections = {name: section for section in doctree.findall(nodes.section) for name in section["ids"]}
    page = app.builder.get_relative_uri(docname, PAGE)
    for title, entries in discussed(docname).items():
        section = sections.get(nodes.make_id(title))
        if section is None:
            ids = ", ".join(entry["id"] for entry in entries)
            log.warning("the ledger (%s) names a section that is not there: %r", ids, title, location=docname)
            continue
        line = nodes.paragraph("", "In the ledger: ", classes=["ledger-line"])
        for entry in entries:
            line += [nodes.Text("; ")] if entry is not entries[0] else []
            line += nodes.reference("", entry["short"], internal=True, refuri=f"{page}#claim-{entry['id']}")
        line += nodes.Text(".")
        inner = next((i for i, part in enumerate(section) if isinstance(part, nodes.section)), len(section))
        section.insert(inner, line)


def drop_links(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Leave the text of links to chapters that the book does not have."""
    if pagename == PAGE:
        written = app.env.found_docs
        context["body"] = TO_CHAPTER.sub(lambda link: link[0 if link["page"] in written else "text"], context["body"])


def shown_on(app: Sphinx, docname: str) -> str:
    """The entries on a chapter's page."""
    chapter = folder_of(docname)
    return digest_of_file(str(chapter.file("ledger.yaml"))) if chapter else ""


def setup(app: Sphinx) -> None:
    """Connect to each document and page."""
    app.connect("doctree-resolved", cite_entries)
    app.connect("html-page-context", drop_links)
    also_shown(app, shown_on)
