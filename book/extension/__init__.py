"""The book's Sphinx extension: maths without Node, anchors in the bibliography, the glossary, what teachers need, how
to run each notebook, the API reference and the source, links to them and to the ledger, what search finds, what a link
to a page shows, and which pages a build makes again."""

import gc

from sphinx.application import Sphinx

from . import (
    api,
    api_links,
    glossary,
    incremental,
    ledger,
    maths,
    references,
    run_links,
    search,
    social,
    source_links,
    sources,
    teaching,
)


def setup(app: Sphinx) -> dict:
    """Connect the parts."""
    # A build makes millions of small objects and keeps them: looking for garbage among them at Python's usual pace took
    # a fifth of the time, and the build needs no more memory without.
    gc.set_threshold(100_000, 50, 1000)
    for part in (
        api,
        api_links,
        glossary,
        incremental,
        ledger,
        maths,
        references,
        run_links,
        search,
        social,
        source_links,
        sources,
        teaching,
    ):
        part.setup(app)
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it, and sphinx_comments is not loaded
    return {"parallel_read_safe": True, "parallel_write_safe": True}
