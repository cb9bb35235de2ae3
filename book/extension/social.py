"""What a page says of itself to who links to it: a description, a title, a picture, and where it is."""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from ..tools.repository import CARD, Repository

LONGEST = 200  # characters of a description; readers of links cut longer ones
CARD_SAYS = "The blocks of ResNet-34, from high and narrow to low and wide, each with its shortcut"


def description(doctree: nodes.document) -> str:
    """The page's first paragraph as plain text: as many whole sentences as fit, else as many words."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 40 and not any(paragraph.findall(nodes.math)):
            break
    else:
        return ""
    if len(text) <= LONGEST:
        return text
    ends = [match.start() + 1 for match in re.finditer(r"[.?!](?= )", text[:LONGEST])]
    return text[: ends[-1]] if ends else text[: LONGEST - 1].rpartition(" ")[0] + "…"


def tags(repository: Repository, title: str, said: str, book: str) -> dict[str, str]:
    """The meta tags' names with their contents. The picture's address must be absolute, so without one there is none."""
    found = {"og:site_name": book, "og:type": "article", "og:title": title, "og:description": said, "description": said}
    if repository.site:
        found |= {"og:image": repository.site + CARD, "og:image:width": "1200", "og:image:height": "630"}
        found |= {"og:image:alt": CARD_SAYS, "twitter:card": "summary_large_image"}
    return found


def add_tags(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Put them into the head of each page that has text; the address itself is Sphinx's own canonical link."""
    lines = [f'<link rel="apple-touch-icon" href="{context["pathto"]("_static/touch_icon.png", 1)}">']
    if doctree is not None:
        title = re.sub(r"<[^>]+>", "", context["title"])
        found = tags(Repository.read(Path(app.confdir)), title, description(doctree), app.config.html_title)
        if context.get("pageurl"):
            found["og:url"] = context["pageurl"]
        lines += [
            f'<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{escape(text)}">'
            for name, text in found.items()
        ]
    context["metatags"] = context.get("metatags", "") + "\n    ".join(["", *lines])


def set_address(app: Sphinx, config: Config) -> None:
    """Sphinx makes each page's canonical address from this; none while the repository has no address."""
    config.html_baseurl = Repository.read(Path(app.confdir)).site or ""


def setup(app: Sphinx) -> None:
    """Connect to the configuration and to each page."""
    app.connect("config-inited", set_address)
    app.connect("html-page-context", add_tags)
