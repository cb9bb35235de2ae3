"""Each entry of the bibliography can be linked to by its BibTeX key, as `[He et al. 2016](../book/references.md#he2016resnet)`.

A plain link is all that GitHub, Colab and JupyterLab understand. `bibtex_cite_id` in _config.yml makes the key the
entry's anchor; here it becomes a link target that the build checks: a key that is not there is a warning, which
`make book` turns into an error.
"""

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PAGE = "book/references"


def offer_keys(app: Sphinx, env: BuildEnvironment) -> None:
    """Add the keys to the headings that Markdown links may name on the references page."""
    targets = env.metadata[PAGE].setdefault("myst_slugs", {})
    for citation in env.get_domain("cite").citations:
        targets[citation.key] = (0, citation.citation_id, citation.key)


def setup(app: Sphinx) -> None:
    """Connect, after the bibliography has been collected."""
    app.connect("env-updated", offer_keys, priority=900)
