"""The book's Sphinx extension: formulas, citation links, docstrings, links under the titles and to the ledger."""

import io
import re
import shutil
from pathlib import Path

import pytest
from sphinx.application import Sphinx

from book.extension import api, ledger, maths
from book.repository import ROOT

BIBLIOGRAPHY = "# References\n\n```{bibliography}\n:all:\n:list: bullet\n```\n"


@pytest.fixture(scope="module")
def renderer():
    return maths.Renderer()


def build(folder: Path, page: str, extensions: list[str], **config) -> tuple[str, str]:
    """A small book of one page and the references: the page's HTML and the warnings."""
    (folder / "book").mkdir()
    (folder / "book/references.md").write_text(BIBLIOGRAPHY)
    shutil.copy(ROOT / "book/references.bib", folder / "book")
    (folder / "index.md").write_text(f"# Page\n\n{page}\n\n```{{toctree}}\nbook/references\n```\n")
    config |= {"extensions": ["myst_parser", "sphinxcontrib.bibtex", *extensions], "bibtex_cite_id": "{key}"}
    config |= {"bibtex_bibfiles": ["book/references.bib"], "myst_enable_extensions": ["dollarmath"]}
    out, warnings = folder / "out", io.StringIO()
    Sphinx(folder, None, out, folder / "doctrees", "html", config, None, warnings).build()
    return (out / "index.html").read_text(), warnings.getvalue()


def test_a_formula_becomes_html_and_mathml(renderer):
    html = renderer.render({"latex": r"\frac{a}{b} < c", "katex_options": {"displayMode": True}}, 5)["html"]
    assert 'class="katex-display"' in html and "<math" in html and "<mfrac>" in html


def test_a_formula_that_cannot_be_read_is_named(renderer):
    answer = renderer.render({"latex": r"\frac{a", "katex_options": {"throwOnError": True}}, 5)
    assert r"in the formula \frac{a" in answer["error"]


def test_the_vendored_style_is_of_the_version_that_renders(renderer):
    version = renderer.engine.eval("katex.version")
    css = (ROOT / "book/assets/katex/katex.min.css").read_text()
    assert f'content:"{version}"' in css
    assert "http" not in css and ".ttf" not in css
    for font in (ROOT / "book/assets/katex/fonts").iterdir():
        assert f"fonts/{font.name}" in css


def test_a_citation_links_to_its_entry(tmp_path):
    html, warnings = build(tmp_path, "[He](book/references.md#he2016resnet)", ["book.extension.references"])
    assert 'href="book/references.html#he2016resnet"' in html
    assert 'id="he2016resnet"' in (tmp_path / "out/book/references.html").read_text()
    assert warnings == ""


def test_a_citation_with_no_entry_is_a_warning(tmp_path):
    _, warnings = build(tmp_path, "[He](book/references.md#he2061resnet)", ["book.extension.references"])
    assert "local id not found in doc 'book/references': 'he2061resnet'" in warnings


@pytest.mark.parametrize(
    ("docstring", "rst"),
    [
        ("Gives `x`, a *b* of |c| and d_ here.", r"Gives `x`, a \*b\* of \|c\| and d\_ here."),
        ("First.\n\n    code = 1\n\nLast.", "First.\n\n::\n\n        code = 1\n\nLast."),
        ("`fit(**options)` and ``x_``", "`fit(**options)` and ``x_``"),
        ("", ""),
    ],
)
def test_docstrings_as_rst(docstring, rst):
    assert api.as_rst(docstring) == rst


@pytest.fixture
def book_with_ledger(tmp_path, monkeypatch):
    """A book of a chapter with a section, a page for the ledger that links to two chapters, and entries to match."""
    monkeypatch.setattr(ledger, "FOLDER", tmp_path / "entries")
    pages = {
        "index.md": "# Book\n\n```{toctree}\nchapters/04_resnet\nbook/ledger\n```\n",
        "chapters/04_resnet.md": "# Four\n\n## What is a block's job?\n\nA text.\n\n### Inner\n\nMore.\n\n## Other\n\nNo claim.\n",
        "book/ledger.md": '# Ledger\n\n<p><a href="../chapters/04_resnet.html#what-is-a-block-s-job">four</a> and '
        '<a href="../chapters/05_after_resnet.html">five</a></p>\n',
        "entries/04_resnet.yaml": '- {id: one, short: a first, section: "What is a block\'s job?"}\n'
        '- {id: two, short: a second}\n- {id: three, short: a third, section: "What is a block\'s job?"}\n',
    }

    def make(**changes: str) -> tuple[dict[str, str], str]:
        for name, text in (pages | changes).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        out, warnings = tmp_path / "out", io.StringIO()
        config = {"extensions": ["myst_parser", "book.extension.ledger"], "exclude_patterns": ["out"]}
        Sphinx(tmp_path, None, out, tmp_path / "doctrees", "html", config, None, warnings).build(force_all=True)
        return {name: (out / name).read_text() for name in ("chapters/04_resnet.html", "book/ledger.html")}, (
            warnings.getvalue()
        )

    return make


def test_a_section_links_to_the_claims_that_it_discusses(book_with_ledger):
    pages, warnings = book_with_ledger()
    text, inner = pages["chapters/04_resnet.html"].split('id="inner"')
    assert warnings == "" and "ledger-line" not in inner
    (line,) = re.findall(r'<p class="ledger-line">(.*?)</p>', text)
    assert re.sub(r"<.*?>", "", line) == "In the ledger: a first; a third."
    assert re.findall(r'href="([^"]*)"', line) == ["../book/ledger.html#claim-one", "../book/ledger.html#claim-three"]


def test_a_claim_of_a_section_that_is_not_there_is_a_warning(book_with_ledger):
    entry = '- {id: one, short: a first, section: "What is a blok?"}\n'
    _, warnings = book_with_ledger(**{"entries/04_resnet.yaml": entry})
    assert "the ledger (one) names a section that is not there: 'What is a blok?'" in warnings


def test_a_chapter_that_is_not_written_is_text_until_it_is(book_with_ledger):
    pages, _ = book_with_ledger()
    assert '<a href="../chapters/04_resnet.html#what-is-a-block-s-job">four</a> and five' in pages["book/ledger.html"]
    toc = "# Book\n\n```{toctree}\nchapters/04_resnet\nchapters/05_after_resnet\nbook/ledger\n```\n"
    pages, _ = book_with_ledger(**{"index.md": toc, "chapters/05_after_resnet.md": "# Five\n"})
    assert '<a href="../chapters/05_after_resnet.html">five</a>' in pages["book/ledger.html"]
