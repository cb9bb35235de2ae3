"""What the search page looks through: each section, explorer and API entry of the built pages, as one script.

Sphinx's own index knows words by page, no numbers ("61 706", "1×1"), and needs to fetch each page for an excerpt, which a
page opened from the disk may not do. This one carries the text, so it finds the same everywhere; only the search page
loads it. Answers of quizzes and worked solutions stay out: who looks for a word should not be told them.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree
from sphinx.application import Sphinx

from . import incremental

UNSEEN_TAGS = {"script", "style", "button", "template"}
UNSEEN = {"headerlink", "viewcode-link", "run-links", "katex-mathml", "cnn-key", "cnn-hint"}
SOLUTION = "A worked solution"
BLOCKS = set("p li div pre td th dt dd label legend summary h1 h2 h3 h4".split())
HEADINGS = ("h1", "h2", "h3", "h4")
KINDS = ("", "claim", "API", "explorer")
INDEX = "_static/search_index.js"


@dataclass
class Place:
    """A part of a page that search finds: what it is, the element's id, and its words, which are gathered on a walk."""

    kind: str
    anchor: str = ""
    title: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # of an entry of the API: it is found once by each


def places(html: str) -> list[tuple[str, str, str, str]]:
    """What a page can be searched for: (heading, anchor, kind, text), where kind is "", "explorer", "claim" or "API"."""
    root = etree.fromstring(html, etree.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True))
    found: list[Place] = []
    for article in root.iter("article"):
        gather(article, Place("article"), [], found)
    rows = []
    for place in sorted(found, key=lambda one: KINDS.index(one.kind)):  # stable: as they follow each other on the page
        title, text = words(place.title), words(place.text)
        if place.kind == "claim":
            rows.append((title.removesuffix(" #"), place.anchor, place.kind, text))
        elif place.kind == "API":
            rows += [(name, name, place.kind, text) for name in place.names]
        else:
            rows.append((title, place.anchor, place.kind, text))
    return rows


def gather(tag: etree._Element, place: Place, into: list[str], found: list[Place]) -> None:
    """Walk through a tag: its words go `into` a list of the place around it, or a place of its own is found."""
    classes, anchor = tag.get("class", "").split(), tag.get("id", "")
    if tag.tag in UNSEEN_TAGS or not UNSEEN.isdisjoint(classes) or is_solution(tag):
        return
    kind = kind_of(tag.tag, classes, anchor)
    if kind is not None:
        # What is a place of its own is no part of the place around it.
        place = Place(kind, anchor)
        into = place.text
        found.append(place)
    parent = tag.getparent()
    if place.kind == "explorer" and tag.tag == "strong" and not place.title:
        into = place.title
    elif place.kind == "" and tag.tag in HEADINGS and not place.title and parent.tag == "section":
        into = place.title
        place.anchor = "" if tag.tag == "h1" else place.anchor
    elif place.kind == "API" and tag.tag == "dt" and anchor and parent.get("class", "").startswith("py "):
        place.names.append(anchor)
    own = place.title if place.kind == "claim" and tag.tag == "th" and not place.title else None
    start = len(into)
    if tag.text:
        into.append(tag.text)
    for child in tag:
        gather(child, place, into, found)
        if child.tail:
            into.append(child.tail)
    if own is not None:
        own += into[start:]
    if tag.tag in BLOCKS:
        into.append(" ")  # else the last word of one and the first of the next were one word


def kind_of(tag: str, classes: list[str], anchor: str) -> str | None:
    """The kind of place that a tag is; None where it is part of the place around it."""
    if tag == "cnn-explorer":
        return "explorer"
    if tag == "dl" and "py" in classes:
        return "API"
    if tag == "tr" and anchor.startswith("claim-"):  # else the ledger's table would hold every word
        return "claim"
    return "" if tag == "section" and anchor else None


def is_solution(tag: etree._Element) -> bool:
    """Whether a tag folds a worked solution."""
    summary = tag.find(".//summary") if tag.tag == "details" else None
    return summary is not None and words(summary.itertext()) == SOLUTION


def words(texts) -> str:
    """Texts as one, with single spaces."""
    return " ".join("".join(texts).split())


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """Write the script that the search page loads, once all pages are there. Pages that are as they were are not read."""
    if exception or app.builder.format != "html":
        return
    pages, entries, app.places = [], [], {}
    for name in sorted(app.env.found_docs, key=reading_order(app).index):
        html, kept = Path(app.outdir, f"{name}.html"), app.written.get(name, {})
        known = kept.get("places") if kept.get("file") == incremental.digest_of_file(html) else None
        app.places[name] = places(html.read_text(encoding="utf-8")) if known is None else known
        entries += [[len(pages), *place] for place in app.places[name]]
        pages.append([app.env.titles[name].astext(), app.builder.get_target_uri(name)])
    index = json.dumps({"pages": pages, "places": entries}, ensure_ascii=False, separators=(",", ":"))
    Path(app.outdir, INDEX).write_text(f"const searchIndex = {index};\n", encoding="utf-8")


def leave_sphinxs_out(app: Sphinx) -> None:
    """Make no index of Sphinx's own (`searchindex.js`): no page loads it, and it took a tenth of the build."""
    if app.builder.format == "html":
        app.builder.load_indexer = app.builder.index_page = app.builder.dump_search_index = lambda *_: None


def reading_order(app: Sphinx) -> list[str]:
    """All pages: those of the table of contents as they follow each other, then the rest."""
    order = list(app.env.collect_relations())
    return order + sorted(app.env.found_docs - set(order))


def setup(app: Sphinx) -> None:
    """Connect to the start of writing and to the end of the build."""
    app.connect("builder-inited", leave_sphinxs_out)
    app.connect("build-finished", write_index)
