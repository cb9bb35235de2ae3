"""The book's Sphinx extension: formulas, citation links, docstrings, links under the titles."""

import io
import shutil
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from book.extension import api, maths
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
    with docutils_namespace():  # what an extension registers ends with its build
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
