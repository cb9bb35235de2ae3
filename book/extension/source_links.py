"""Names of the library in running text, as `cnnlib.models.resnet.BasicBlock`, lead to their source on this site.

A name is linked when the API reference documents it; so a chapter shows a few lines and the rest is one click away.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

NAME = re.compile(r"cnnlib(\.\w+){2,}")


def link_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Wrap each documented name in a link to the page of source of its module."""
    documented = app.env.get_domain("py").objects
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if not NAME.fullmatch(name) or name not in documented or isinstance(literal.parent, nodes.reference):
            continue
        module, _, thing = name.rpartition(".")
        page = app.builder.get_relative_uri(docname, "_modules/" + module.replace(".", "/"))
        link = nodes.reference("", "", internal=True, refuri=f"{page}#{thing}")
        literal.replace_self(link)
        link += literal


def setup(app: Sphinx) -> None:
    """Connect to each document once its names are known."""
    app.connect("doctree-resolved", link_names)
