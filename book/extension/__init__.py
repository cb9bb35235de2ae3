"""The book's Sphinx extension: maths without Node, anchors in the bibliography, how to run each notebook, links to source, the ledger."""

from sphinx.application import Sphinx

from . import api, ledger, maths, references, run_links, source_links


def setup(app: Sphinx) -> dict:
    """Connect the parts."""
    for part in (api, ledger, maths, references, run_links, source_links):
        part.setup(app)
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it, and sphinx_comments is not loaded
    return {"parallel_read_safe": True, "parallel_write_safe": True}
