"""Under the title of each chapter: where it runs, on Colab and Binder when the repository has an address, else why not.

Under the title of the errata: where to report a mistake.
"""

from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from ..tools.repository import Repository

ERRATA = "book/errata"
NO_ADDRESS = "Run it: this book has no public address yet, so there is no Colab button; <code>make lab</code> opens this chapter on your machine."


def run_links(repository: Repository, pagename: str, notebook: str) -> str:
    """The line's HTML. `notebook` is the address of the .ipynb, seen from the page."""
    colab, binder = repository.colab_url(f"{pagename}.ipynb"), repository.binder_url(f"{pagename}.ipynb")
    run = f"<span>{NO_ADDRESS}</span>"
    if colab:
        run = f'<a class="run-button" href="{escape(colab)}">Run on Colab</a> <a href="{escape(binder)}">Run on Binder</a>'
    return f'<div class="run-links">{run} <a href="{escape(notebook)}" download>Download the notebook</a></div>'


def report_line(repository: Repository) -> str:
    """Where mistakes are reported, as HTML."""
    where = (
        f'<a class="run-button" href="{escape(repository.url)}/issues/new">Report a mistake on GitHub</a>'
        if repository.url
        else "<span>This book has no public address yet: tell whoever gave it to you, in the words below.</span>"
    )
    return f'<div class="run-links">{where}</div>'


def add_run_links(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Put the line after the page's title, where the page is a chapter or the errata."""
    if doctree is None:
        return
    if pagename == ERRATA:
        line = report_line(Repository.read(Path(app.confdir)))
    elif pagename.startswith("chapters/") and context["sourcename"].endswith(".ipynb"):
        line = run_links(
            Repository.read(Path(app.confdir)), pagename, context["pathto"](f"_sources/{context['sourcename']}", 1)
        )
    else:
        return
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def setup(app: Sphinx) -> None:
    """Connect to each page."""
    app.connect("html-page-context", add_run_links)
