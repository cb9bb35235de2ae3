"""The glossary: what is linked and what is not, on small books and on the text of the real chapters."""

import io
import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from book.extension import glossary
from book.tools.repository import ROOT

ENTRIES = """
- {term: map, forms: [maps], plain: [map of the town], definition: The values of a channel., chapter: 01_one, section: "Is it the reader's?"}
- {term: MAC, forms: [MACs], definition: A multiplication and an addition on a map., formula: a + b c, chapter: 01_one, section: Second}
- {term: max pooling, definition: The largest value., chapter: 01_one, section: Second}
- {term: pooling, definition: One value of many., chapter: 01_one, section: Second}
- {term: two, not_in: [02_two], definition: A number., chapter: 01_one, section: Second}
- {term: later, definition: A word of a chapter that is not there yet., chapter: 09_later}
"""
CHAPTER = """# A map of MACs

Max   pooling of the `map`, $map$ and [a map](#second), <a href="#second">a map</a> and a map of the town.

| pooling |
| --- |
| map |

## Is it the reader's?

Mapping a bitmap or a map-like thing, *Maps* of **pooling** and more maps.

<details><summary>Fold</summary>

One MAC.

</details>

## Second

The mac makes MACs, two of them.
"""


def build(folder: Path, entries: str, chapters: dict[str, str]) -> tuple[Path, str]:
    """A book of a glossary and some chapters: the folder of its pages, and the warnings."""
    for name, text in {"book/glossary": "# Glossary\n\n```{course-glossary}\n```\n", **chapters}.items():
        (folder / f"{name}.md").parent.mkdir(exist_ok=True)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "book/glossary.yaml").write_text(entries, encoding="utf-8")
    pages = "\n".join(["book/glossary", *chapters])
    (folder / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{pages}\n```\n", encoding="utf-8")
    config = {
        "source_suffix": {".md": "markdown"},
        "extensions": ["myst_parser", "sphinx.ext.mathjax", "book.extension.glossary"],
        "myst_enable_extensions": ["dollarmath", "amsmath"],
        "myst_heading_anchors": 3,
        "suppress_warnings": ["myst.xref_missing"],
    }
    warnings = io.StringIO()
    with docutils_namespace():  # what it registers goes with it: another test builds a book too
        Sphinx(folder, None, folder / "out", folder / "doctrees", "html", config, None, warnings).build()
    return folder / "out", warnings.getvalue()


def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    out, warnings = build(
        folder, ENTRIES, {"chapters/01_one": CHAPTER, "chapters/02_two": "# Two\n\nA map, and two in its own sense."}
    )
    assert warnings == ""
    return out


def test_the_first_use_of_each_term_is_linked_and_nothing_else(pages):
    links = soup(pages / "chapters/01_one.html").select("a.glossary-term")
    assert [(link.text.split(), link["href"]) for link in links] == [
        (["Max", "pooling"], "../book/glossary.html#term-max-pooling"),
        (["Maps"], "../book/glossary.html#term-map"),
        (["pooling"], "../book/glossary.html#term-pooling"),
        (["MACs"], "../book/glossary.html#term-mac"),
        (["two"], "../book/glossary.html#term-two"),
    ]
    assert links[1].find_parent("em") and links[2].find_parent("strong")


def test_a_word_in_a_sense_of_its_own_chapter_is_not_linked(pages):
    assert [link.text for link in soup(pages / "chapters/02_two.html").select("a.glossary-term")] == ["map"]


def test_the_definition_describes_the_link(pages):
    page = soup(pages / "chapters/01_one.html")
    for link in page.select("a.glossary-term"):
        note = page.find(id=link["aria-describedby"])
        assert note["role"] == "tooltip"
    assert page.find(id="note-mac").text == "A multiplication and an addition on a map."


def test_an_entry_leads_to_its_section_to_first_uses_and_to_other_terms(pages):
    page = soup(pages / "book/glossary.html")
    assert [term.text for term in page.select("dl.glossary dt")] == [
        "later",
        "MAC",
        "map",
        "max pooling",
        "pooling",
        "two",
    ]
    mac, town = page.find(id="term-mac").find_next("dd"), page.find(id="term-map").find_next("dd")
    assert [(a.text, a["href"]) for a in mac.select("a")] == [
        ("map", "#term-map"),
        ("Second", "../chapters/01_one.html#second"),
        ("chapter\u00a01", "../chapters/01_one.html#use-mac"),
    ]
    assert mac.select_one("div.math")
    assert town.select_one(".glossary-places").text.replace("\u00a0", " ") == (
        "Explained in Is it the reader's? (chapter 1). First used in: chapter 1, chapter 2"
    )
    for link in page.select(".glossary-places a[href*='#use-']"):
        name, _, target = link["href"].partition("#")
        assert soup(pages / "book" / name).find(id=target)
    assert not page.find(id="term-later").find_next("dd").select(".glossary-places")


def test_what_is_amiss_is_a_warning_that_names_the_term(tmp_path):
    entries = "- {term: tree, definition: A plant., chapter: 01_one, section: Woods}"
    _, warnings = build(tmp_path, entries, {"chapters/01_one": "# One\n\nNo plant."})
    assert "glossary: 'tree' is explained in chapters/01_one, which has no section 'Woods'" in warnings
    assert "glossary: no chapter uses 'tree'" in warnings


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("- {term: a, definition: b}", r"entry 1 \(a\): chapter is missing"),
        ("- {term: a, definition: b, chapter: c, sectoin: d}", r"entry 1 \(a\): no field is called 'sectoin'"),
        ("- {term: a, definition: 3, chapter: c}", r"entry 1 \(a\): definition must be a text, got 3"),
        ("- {term: a, definition: b, chapter: c, forms: d}", r"entry 1 \(a\): forms must be a list of texts, got 'd'"),
        (
            "- {term: a, definition: b, chapter: c}\n- {term: d, forms: [a], definition: b, chapter: c}",
            r"entry 2 \(d\): 'a' already stands for 'a'",
        ),
    ],
)
def test_a_slip_in_the_file_is_named(entries, message):
    with pytest.raises(ValueError, match=message):
        glossary.parse(entries)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The texts of the real chapters with the real entries: the built pages, and the warnings."""
    folder = tmp_path_factory.mktemp("course")
    texts = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]
        texts[f"chapters/{path.stem}"] = "\n\n".join(cells)
    (folder / "book").mkdir()
    shutil.copy(ROOT / "book/references.bib", folder / "book")
    return build(folder, (ROOT / "book/glossary.yaml").read_text(encoding="utf-8"), texts)


def test_every_term_is_used_and_every_section_is_there(course):
    amiss = ("no chapter uses", "which has no section")
    assert [line for line in course[1].splitlines() if any(words in line for words in amiss)] == []


def test_there_are_as_many_terms_as_a_course_needs():
    assert 80 <= len(glossary.load(ROOT)) <= 120


# Words of the chapters that look like a term and mean something else there.
OTHERWISE = [
    ("01_classic_networks", "only switches a layer on and off"),
    ("02_vgg_receptive_fields", "the error saturates"),
    ("02_vgg_receptive_fields", "keeps height and width"),
    ("03_inception_bottleneck", "three times the image's width"),
]


@pytest.mark.parametrize(("chapter", "words"), OTHERWISE)
def test_a_word_in_another_sense_is_not_linked(course, chapter, words):
    page = soup(course[0] / f"chapters/{chapter}.html")
    for note in page.select(".glossary-note"):
        note.decompose()
    for link in page.select("a.glossary-term"):
        link.string = f"[{link.text}]"
    assert words in " ".join(page.text.replace("’", "'").split())
