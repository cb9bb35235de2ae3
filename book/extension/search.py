"""What the search page looks through: each section, explorer and API entry of the built pages, as one script.

Sphinx's own index knows words by page, no numbers ("61 706", "1×1"), and needs to fetch each page for an excerpt, which a
page opened from the disk may not do. This one carries the text, so it finds the same everywhere; only the search page
loads it. Answers of quizzes and worked solutions stay out: who looks for a word should not be told them.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, SoupStrainer, Tag
from sphinx.application import Sphinx

UNSEEN_TAGS = {"script", "style", "button"}
UNSEEN = {"headerlink", "viewcode-link", "run-links", "katex-mathml", "cnn-key", "cnn-hint"}
SOLUTION = "A worked solution"
BLOCKS = set("p li div pre td th dt dd label legend summary h1 h2 h3 h4".split())


def places(html: str) -> Iterator[tuple[str, str, str, str]]:
    """What a page can be searched for: (heading, anchor, kind, text), where kind is "", "explorer", "claim" or "API"."""
    article = BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("article"))
    kinds: dict[str, list[Tag]] = {"explorer": [], "API": [], "claim": [], "": []}
    for tag in article.find_all(True):  # one walk, where a CSS selector for each kind takes one of its own
        if tag.decomposed:
            continue
        classes, anchor = tag.get("class", ()), tag.get("id", "")
        unseen = tag.name in UNSEEN_TAGS or not UNSEEN.isdisjoint(classes)
        if unseen or (tag.name == "details" and tag.summary and words(tag.summary) == SOLUTION):
            tag.decompose()
        elif tag.name in BLOCKS:
            tag.append(" ")  # else the last word of one and the first of the next were one word
        elif tag.name == "cnn-explorer":
            kinds["explorer"].append(tag)
        elif tag.name == "dl" and "py" in classes:
            kinds["API"].append(tag)
        elif tag.name == "tr" and anchor.startswith("claim-"):  # else the ledger's table would hold every word
            kinds["claim"].append(tag)
        elif tag.name == "section" and anchor:
            kinds[""].append(tag)
    # From the inside out: what is a place of its own is no longer part of the place around it.
    found = []
    for explorer in reversed(kinds["explorer"]):
        title = words(explorer.strong.extract())
        found.append((title, explorer["id"], "explorer", words(explorer.extract())))
    for entry in reversed(kinds["API"]):
        for name in entry.find_all("dt", recursive=False):
            text = words(entry.extract())
            if name.get("id"):
                found.append((name["id"], name["id"], "API", text))
    for claim in reversed(kinds["claim"]):
        title = words(claim.th).removesuffix(" #")
        found.append((title, claim["id"], "claim", words(claim.extract())))
    for section in reversed(kinds[""]):
        heading = section.find(["h1", "h2", "h3", "h4"], recursive=False)
        title = words(heading.extract()) if heading else ""
        anchor = "" if heading and heading.name == "h1" else section["id"]
        found.append((title, anchor, "", words(section.extract())))
    return reversed(found)


def words(tag: Tag) -> str:
    """The text of a tag, with single spaces."""
    return " ".join(tag.get_text().split())


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """Write the script that the search page loads, once all pages are there."""
    if exception or app.builder.format != "html":
        return
    pages, entries = [], []
    for name in sorted(app.env.found_docs, key=reading_order(app).index):
        found = list(places(Path(app.outdir, f"{name}.html").read_text(encoding="utf-8")))
        entries += [[len(pages), *place] for place in found]
        pages.append([app.env.titles[name].astext(), app.builder.get_target_uri(name)])
    index = json.dumps({"pages": pages, "places": entries}, ensure_ascii=False, separators=(",", ":"))
    Path(app.outdir, "_static/search_index.js").write_text(f"const searchIndex = {index};\n", encoding="utf-8")


def reading_order(app: Sphinx) -> list[str]:
    """All pages: those of the table of contents as they follow each other, then the rest."""
    order = list(app.env.collect_relations())
    return order + sorted(app.env.found_docs - set(order))


def setup(app: Sphinx) -> None:
    """Connect to the end of the build."""
    app.connect("build-finished", write_index)
