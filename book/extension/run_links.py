"""Under the title of each chapter: where it runs. On Colab when the repository has an address, else a note that says why not."""

from html import escape

from docutils import nodes
from sphinx.application import Sphinx

from ..repository import Repository

NO_ADDRESS = "Run it: this book has no public address yet, so there is no Colab button; <code>make lab</code> opens this chapter on your machine."


def run_links(repository: Repository, pagename: str, notebook: str) -> str:
    """The line's HTML. `notebook` is the address of the .ipynb, seen from the page."""
    colab = repository.colab_url(f"{pagename}.ipynb")
    run = f'<a class="run-button" href="{escape(colab)}">Run on Colab</a>' if colab else f"<span>{NO_ADDRESS}</span>"
    return f'<div class="run-links">{run} <a href="{escape(notebook)}" download>Download the notebook</a></div>'


def add_run_links(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Put the line after the page's title, where the page is a chapter."""
    if doctree is None or not pagename.startswith("chapters/") or not context["sourcename"].endswith(".ipynb"):
        return
    notebook = context["pathto"](f"_sources/{context['sourcename']}", 1)
    line = run_links(Repository.read(), pagename, notebook)
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def setup(app: Sphinx) -> None:
    """Connect to each page."""
    app.connect("html-page-context", add_run_links)
