"""The book's Sphinx extension: formulas, citation, API and ledger links, docstrings, what search finds, cards for links."""

import io
import re
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from book.extension import api, api_links, maths, prose, search, social
from book.extension.library import Library
from book.tools.repository import ROOT, Repository
from cnnlib.course.chapter import Chapter

BIBLIOGRAPHY = "# References\n\n```{bibliography}\n:all:\n:list: bullet\n```\n"


@pytest.fixture(scope="module")
def renderer():
    return maths.Renderer()


def build(folder: Path, page: str, extensions: list[str], **config) -> tuple[str, str]:
    """A small book of one page and the references: the page's HTML and the warnings."""
    (folder / "book").mkdir()
    (folder / "book/references.md").write_text(BIBLIOGRAPHY, encoding="utf-8")
    shutil.copy(ROOT / "book/references.bib", folder / "book")
    (folder / "index.md").write_text(f"# Page\n\n{page}\n\n```{{toctree}}\nbook/references\n```\n", encoding="utf-8")
    config |= {
        "source_suffix": {".md": "markdown"},
        "extensions": ["myst_parser", "sphinxcontrib.bibtex", *extensions],
        "bibtex_cite_id": "{key}",
    }
    config |= {"bibtex_bibfiles": ["book/references.bib"], "myst_enable_extensions": ["dollarmath"]}
    out, warnings = folder / "out", io.StringIO()
    with docutils_namespace():  # what it registers goes with it: another test builds a book too
        Sphinx(folder, None, out, folder / "doctrees", "html", config, None, warnings).build()
    return (out / "index.html").read_text(encoding="utf-8"), warnings.getvalue()


def test_a_formula_becomes_html_and_mathml(renderer):
    html = renderer.render({"latex": r"\frac{a}{b} < c", "katex_options": {"displayMode": True}}, 5)["html"]
    assert 'class="katex-display"' in html and "<math" in html and "<mfrac>" in html


def test_a_formula_that_cannot_be_read_is_named(renderer):
    answer = renderer.render({"latex": r"\frac{a", "katex_options": {"throwOnError": True}}, 5)
    assert r"in the formula \frac{a" in answer["error"]


def test_the_vendored_style_is_of_the_version_that_renders(renderer):
    version = renderer.engine.eval("katex.version")
    css = (ROOT / "book/assets/katex/katex.min.css").read_text(encoding="utf-8")
    assert f'content:"{version}"' in css
    assert "http" not in css and ".ttf" not in css
    for font in (ROOT / "book/assets/katex/fonts").iterdir():
        assert f"fonts/{font.name}" in css


def test_a_citation_links_to_its_entry(tmp_path):
    html, warnings = build(tmp_path, "[He](book/references.md#he2016resnet)", ["book.extension.references"])
    assert 'href="book/references.html#he2016resnet"' in html
    assert 'id="he2016resnet"' in (tmp_path / "out/book/references.html").read_text(encoding="utf-8")
    assert warnings == ""


def test_a_citation_with_no_entry_is_a_warning(tmp_path):
    _, warnings = build(tmp_path, "[He](book/references.md#he2061resnet)", ["book.extension.references"])
    assert "local id not found in doc 'book/references': 'he2061resnet'" in warnings


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        (
            "Gives `x`, a *b* of |c| and d_ here.",
            '<paragraph>Gives <literal classes="code">x</literal>, a *b* of |c| and d_ here.</paragraph>',
        ),
        (
            "First.\n\n    code = 1\n\nLast.",
            '<paragraph>First.</paragraph><literal_block xml:space="preserve">    code = 1</literal_block>'
            "<paragraph>Last.</paragraph>",
        ),
        (
            "`fit(**options)` and ``x_``",
            '<paragraph><literal classes="code">fit(**options)</literal> and <literal>x_</literal></paragraph>',
        ),
        ("", ""),
    ],
)
def test_docstrings_are_shown_as_typed_with_their_code(docstring, shown):
    assert "".join(str(node) for node in api.paragraphs(docstring)) == shown


ENTRIES = api_links.Entries(
    {
        name: f"at-{name}"
        for name in (
            "cnnlib.fit",
            "cnnlib.Anatomy",
            "cnnlib.Anatomy.to_frame",
            "cnnlib.models.resnet.BasicBlock",
            "cnnlib.course.checks.receptive_field",
            "cnnlib.Anatomy.receptive_field",
            "cnnlib.course.checks.lenet",
        )
    },
    {"fit", "Anatomy"},
)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("fit", "cnnlib.fit"),
        ("cnnlib.fit", "cnnlib.fit"),
        ("cnnlib.training.fit", "cnnlib.fit"),
        ("fit(model, data)", "cnnlib.fit"),
        ("BasicBlock", "cnnlib.models.resnet.BasicBlock"),
        ("Anatomy.to_frame()", "cnnlib.Anatomy.to_frame"),
        ("checks.lenet", "cnnlib.course.checks.lenet"),
        ("checks.receptive_field", "cnnlib.course.checks.receptive_field"),
        ("receptive_field", None),  # a check and a property, and mostly neither is meant
        ("lenet", None),  # not exported
        ("fit the data", None),
        ("benefit", None),
        ("x.fit", None),
        ("", None),
        ("1×1", None),
    ],
)
def test_which_entry_a_piece_of_code_is(code, name):
    assert ENTRIES.find(code) == name


def test_the_exported_names_are_those_that_python_exports():
    its = Library(ROOT)
    for name in ("cnnlib", "cnnlib.course", "cnnlib.probes", "cnnlib.training"):
        assert sorted(its.module(name).exported) == sorted(import_module(name).__all__)


def test_the_first_call_in_code_leads_to_its_entry():
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    code = "from cnnlib import fit\nhistory = cnnlib.fit(net, fit)\ncnnlib.fit(net)\nnet.fit(1)\nBasicBlock(3)\ncnnlib.unknown(1)\n"
    html = highlight(code, PythonLexer(), HtmlFormatter())
    linked = api_links.linked_code(html, ENTRIES, "api.html")
    assert linked.count("<a ") == 2
    assert (
        '<span class="o">.</span><a class="api-link" href="api.html#at-cnnlib.fit"><span class="n">fit</span></a>'
        in linked
    )
    assert 'href="api.html#at-cnnlib.models.resnet.BasicBlock"' in linked


PAGE = """<nav>not this</nav><article><section id="page"><h1>A page<a class="headerlink" href="#page">#</a></h1>
<p>First <strong>words</strong>.</p><p>Second.</p><script>code()</script>
<section id="part"><h2>A part</h2><p>Of it.</p>
<cnn-explorer id="e"><script>{}</script><div class="cnn-fallback"><p><strong>Turn me</strong> (at 3)</p><p>It says.</p></div></cnn-explorer>
<fieldset><legend>Why?</legend><details class="cnn-key"><summary>Answer</summary>secret</details></fieldset>
<details><summary>A worked solution</summary>spoiler</details><details><summary>More</summary><p>open</p></details>
</section><dl class="py function"><dt class="sig" id="cnnlib.fit">fit(model)</dt><dd><p>Trains.</p></dd></dl></section></article>"""


def test_what_a_page_can_be_searched_for():
    assert list(search.places(PAGE)) == [
        ("A page", "", "", "First words. Second."),
        ("A part", "part", "", "Of it. Why? More open"),
        ("cnnlib.fit", "cnnlib.fit", "API", "fit(model) Trains."),
        ("Turn me", "e", "explorer", "(at 3) It says."),
    ]


def paragraphs(*texts: str) -> nodes.document:
    document = nodes.document(None, None)
    document += [nodes.paragraph(text, text) for text in texts]
    return document


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            ["Short.", "This paragraph is long enough to say what the page is about."],
            "This paragraph is long enough to say what the page is about.",
        ),
        (
            ["A sentence of some length, which is this one here. " + "Another word " * 20],
            "A sentence of some length, which is this one here.",
        ),
        (["word " * 60], " ".join(["word"] * 39) + "…"),
        ([], ""),
    ],
)
def test_the_description_is_of_whole_sentences(texts, said):
    assert social.description(paragraphs(*texts)) == said
    assert len(said) <= social.LONGEST


def test_a_card_is_shown_only_where_its_address_is_known():
    without = social.tags(Repository(), "T", "D", "B")
    assert without == {
        "og:site_name": "B",
        "og:type": "article",
        "og:title": "T",
        "og:description": "D",
        "description": "D",
    }
    known = social.tags(Repository("Some/book"), "T", "D", "B")
    assert known["og:image"] == "https://some.github.io/book/_static/card.png"
    assert known["twitter:card"] == "summary_large_image"


@pytest.fixture
def book_with_ledger(tmp_path, monkeypatch):
    """A book of a chapter with a section, a page for the ledger that links to two chapters, and entries to match."""
    folder = f"toy_{tmp_path.name}".replace("-", "_")  # a name of its own: Python keeps a package that it has imported
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(prose, "in_order", lambda: [Chapter(folder, page="04_resnet", title="Four")])
    rest = "statement: A claim., source: common in course notes, verdict: not reproducible, comment: None."
    pages = {
        "index.md": "# Book\n\n```{toctree}\nchapters/04_resnet\nbook/ledger\n```\n",
        "chapters/04_resnet.md": "# Four\n\n## What is a block's job?\n\nA text.\n\n### Inner\n\nMore.\n\n## Other\n\nNo claim.\n",
        "book/ledger.md": '# Ledger\n\n<p><a href="../chapters/04_resnet.html#what-is-a-block-s-job">four</a> and '
        '<a href="../chapters/05_after_resnet.html">five</a></p>\n',
        f"{folder}/__init__.py": "",
        f"{folder}/ledger.yaml": f'- {{id: one, short: a first, {rest}, section: "SECTION"}}\n'
        f"- {{id: two, short: a second, {rest}}}\n"
        f'- {{id: three, short: a third, {rest}, section: "SECTION"}}\n',
    }

    def make(section: str = "What is a block's job?", **changes: str) -> tuple[dict[str, str], str]:
        for name, text in (pages | changes).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text.replace("SECTION", section), encoding="utf-8")
        out, warnings = tmp_path / "out", io.StringIO()
        config = {
            "source_suffix": {".md": "markdown"},
            "extensions": ["myst_parser", "book.extension.ledger"],
            "exclude_patterns": ["out"],
        }
        with docutils_namespace():  # what it registers goes with it: another test builds a book too
            Sphinx(tmp_path, None, out, tmp_path / "doctrees", "html", config, None, warnings).build(force_all=True)
        return {
            name: (out / name).read_text(encoding="utf-8") for name in ("chapters/04_resnet.html", "book/ledger.html")
        }, (warnings.getvalue())

    return make


def test_a_section_links_to_the_claims_that_it_discusses(book_with_ledger):
    pages, warnings = book_with_ledger()
    text, inner = pages["chapters/04_resnet.html"].split('id="inner"')
    assert warnings == "" and "ledger-line" not in inner
    (line,) = re.findall(r'<p class="ledger-line">(.*?)</p>', text)
    assert re.sub(r"<.*?>", "", line) == "In the ledger: a first; a third."
    assert re.findall(r'href="([^"]*)"', line) == ["../book/ledger.html#claim-one", "../book/ledger.html#claim-three"]


def test_a_claim_of_a_section_that_is_not_there_is_a_warning(book_with_ledger):
    _, warnings = book_with_ledger(section="What is a blok?")
    assert "the ledger (one, three) names a section that is not there: 'What is a blok?'" in warnings


def test_a_chapter_that_is_not_written_is_text_until_it_is(book_with_ledger):
    pages, _ = book_with_ledger()
    assert '<a href="../chapters/04_resnet.html#what-is-a-block-s-job">four</a> and five' in pages["book/ledger.html"]
    toc = "# Book\n\n```{toctree}\nchapters/04_resnet\nchapters/05_after_resnet\nbook/ledger\n```\n"
    pages, _ = book_with_ledger(**{"index.md": toc, "chapters/05_after_resnet.md": "# Five\n"})
    assert '<a href="../chapters/05_after_resnet.html">five</a>' in pages["book/ledger.html"]
