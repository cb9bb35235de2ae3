"""The built book as a whole: no link is dead, no page an orphan, no picture dumb, no work of the bibliography uncited."""

import re
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from conftest import BOOK, anchors, soup

from book.tools.print_form import ROOT, toc

PAGES = [f"{name}.html" for name, _ in toc(ROOT / "_toc.yml")]
BIBLIOGRAPHY = "book/references.html"


def inside(page: str, address: str) -> tuple[str, str] | None:
    """Where an address leads inside the book: a file from its root, and the anchor; None for the world outside."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    path = normpath(join(dirname(page), unquote(parts.path))) if parts.path else page
    assert not path.startswith(("/", "..")), f"{page} leads out of the book: {address}"
    # behind ? in a fragment stand the knobs of an explorer
    return path, unquote(parts.fragment).partition("?")[0]


@cache
def built(file: str) -> bool:
    """Whether the book has such a file."""
    return (BOOK / file).is_file()


def links(page: str) -> list[str]:
    return [link["href"] for link in soup(page).select("a[href]")]


@pytest.mark.parametrize("page", [*PAGES, "search.html", "genindex.html", "index.html"])
def test_every_link_leads_to_a_file_and_an_anchor_in_it(page):
    dead = []
    for address in links(page):
        target = inside(page, address)
        if target is None:
            continue
        file, anchor = target
        if not built(file) or (anchor and file.endswith(".html") and anchor not in anchors(file)):
            dead.append(address)
    assert dead == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_loads_is_there(page):
    loaded = [(tag.get("src") or tag.get("href")) for tag in soup(page).select("script[src], img[src], link[href]")]
    targets = [target for address in loaded if (target := inside(page, address))]
    assert [file for file, _ in targets if not built(file)] == []


def test_every_built_page_is_in_the_contents_and_leads_on():
    built = {str(path.relative_to(BOOK)) for folder in ("book", "chapters") for path in (BOOK / folder).glob("*.html")}
    assert built == set(PAGES)
    reached, ahead = set(), ["index.html"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        ahead += [file for file, _ in filter(None, (inside(page, one) for one in links(page))) if file in PAGES]
    assert set(PAGES) <= reached
    for page in PAGES:
        assert {link for link in links(page) if inside(page, link) and inside(page, link)[0] != page}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_a_description_and_pictures_in_words(page):
    assert len(soup(page).select("article h1")) == 1
    title, described, said = (
        soup(page).select_one(f"head meta[{name}]")["content"]
        for name in ('property="og:title"', 'property="og:description"', 'name="description"')
    )
    assert title == soup(page).select_one("article h1").find(string=True)
    assert said == described and 30 <= len(said) <= 200
    dumb = [str(image)[:80] for image in soup(page).select("article img") if not (image.get("alt") or "").strip()]
    assert dumb == []
    paths = [
        image["alt"] for image in soup(page).select("article img") if re.fullmatch(r"\S+\.(png|svg)", image["alt"])
    ]
    assert paths == []
    for drawing in soup(page).select("article svg"):
        said = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.title
        assert said or drawing.get("aria-hidden") == "true" or drawing.find_parent(attrs={"aria-hidden": "true"})


def test_descriptions_differ():
    said = [soup(page).select_one('meta[name="description"]')["content"] for page in PAGES]
    assert len(set(said)) == len(said)


def test_every_work_is_cited_and_can_be_found():
    works = soup(BIBLIOGRAPHY).select("article li[id]")
    cited = {
        target[1]
        for page in PAGES
        for link in soup(page).select("article a[href]")
        if (target := inside(page, link["href"])) and target[0] == BIBLIOGRAPHY and not link.find_parent("li", id=True)
    }
    assert [work["id"] for work in works if work["id"] not in cited] == []
    # Where there is neither, the publisher's own page, or that of a program.
    known = r"https://(github\.com/pytorch/vision|doi\.org/10\.|arxiv\.org/abs/|proceedings\.mlr\.press|papers\.nips\.cc|jmlr\.org|icml\.cc)"
    addresses = {work["id"]: [link["href"] for link in work.select("a[href]")] for work in works}
    assert [key for key, found in addresses.items() if not any(re.match(known, one) for one in found)] == []


def test_the_bibliography_has_every_entry():
    keys = re.findall(r"^@\w+\{([^,]+),", Path(ROOT / "book/references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    assert {work["id"] for work in soup(BIBLIOGRAPHY).select("article li[id]")} == set(keys)


def test_an_address_that_an_entry_had_before_still_leads_to_it():
    """Other sites and notes link to entries of the API reference; names move."""
    page = soup("book/api.html")
    moved = yaml.safe_load((ROOT / "book/moved.yaml").read_text(encoding="utf-8"))
    for old, new in moved.items():
        entry = page.find(id=new)
        assert entry and entry.name == "dt", f"{new} has no entry"
        assert page.find(id=old) in {*entry.find_previous_siblings("span"), *entry.find_all("span")}, old
