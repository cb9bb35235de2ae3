"""The claims ledger and the chapters, linked both ways while the book is built.

Behind each section of a chapter that entries of the ledger discuss stands a line with links to them, so that nobody
cites by hand. An entry's section that is no heading of its chapter is a warning, which `make book` turns into an error.
On the ledger's page links to chapters that are not written yet become plain text.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from ..reading import load_entries
from .incremental import also_shown, digest_of_file

PAGE = "book/ledger"
FOLDER = "cnnlib/course/ledger"  # read as files: building the book imports no cnnlib, which needs torch
TO_CHAPTER = re.compile(r'<a href="\.\./(?P<page>chapters/\w+)\.html[^"]*">(?P<text>[^<]*)</a>')
log = logging.getLogger(__name__)


def file_of(app: Sphinx, docname: str) -> Path:
    """The file with the entries of a chapter."""
    return Path(app.srcdir, FOLDER, f"{docname.removeprefix('chapters/')}.yaml")


def discussed(file: Path) -> dict[str, list[dict]]:
    """The entries of a file that name a section, by section. Raises ValueError, naming the file and the entry."""
    by_section: dict[str, list[dict]] = {}
    for entry in load_entries(file.read_bytes(), file, ("id", "short")) if file.is_file() else []:
        if isinstance(entry.get("section"), str):
            by_section.setdefault(entry["section"], []).append(entry)
    return by_section


def cite_entries(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the line behind the text of each section that entries discuss, before the sections inside it."""
    if not docname.startswith("chapters/") or PAGE not in app.env.found_docs:
        return
    # By id and not by title, in which quotation marks have become typographic ones.
    sections = {name: section for section in doctree.findall(nodes.section) for name in section["ids"]}
    page = app.builder.get_relative_uri(docname, PAGE)
    for title, entries in discussed(file_of(app, docname)).items():
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
    return digest_of_file(file_of(app, docname)) if docname.startswith("chapters/") else ""


def setup(app: Sphinx) -> None:
    """Connect to each document and page."""
    app.connect("doctree-resolved", cite_entries)
    app.connect("html-page-context", drop_links)
    also_shown(app, shown_on)
