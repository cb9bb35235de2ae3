"""The book's Sphinx extension: maths without Node, anchors in the bibliography, the glossary, what teachers need, how
to run each notebook, the API reference and the source, links to them and to the ledger, what search finds, what a link
to a page shows, and which pages a build makes again."""

from collections.abc import Iterator
from types import SimpleNamespace

import myst_nb.sphinx_
from docutils import nodes
from pygments.formatter import Formatter
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

from . import (
    api,
    api_links,
    glossary,
    incremental,
    ledger,
    maths,
    references,
    search,
    social,
    source_links,
    sources,
    teaching,
    where_to_run,
)

FORMATTERS: dict[str, Formatter] = {}


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """A node and all below it, as they follow each other on the page."""
    yield node
    levels = [iter(node.children)]
    while levels:
        for child in levels[-1]:
            yield child
            if child.children:
                levels.append(iter(child.children))
                break
        else:
            levels.pop()


def walk_instances(node: nodes.Node, kinds: type | tuple[type, ...]) -> Iterator[nodes.Node]:
    """Those of them that are of these kinds."""
    return (one for one in walk(node) if isinstance(one, kinds))


def formatter(bridge: PygmentsBridge, **options) -> Formatter:
    """The formatter with these options, made once."""
    name = repr((bridge.formatter, bridge.formatter_args, sorted(options.items())))
    if name not in FORMATTERS:
        FORMATTERS[name] = bridge.formatter(**bridge.formatter_args | options)
    return FORMATTERS[name]


def setup(app: Sphinx) -> dict:
    """Connect the parts."""
    # docutils passes each node through one generator for each level above it, some two million times a build.
    nodes.Node._superfast_findall, nodes.Node._fast_findall = walk, walk_instances
    # Sphinx makes a formatter for each piece of code, and each one writes its style sheet first, which nobody reads.
    PygmentsBridge.get_formatter = formatter
    # myst-nb writes each notebook once more, for the launch buttons of pages that are no notebooks; there are none.
    myst_nb.sphinx_.nbformat = SimpleNamespace(writes=lambda notebook: "")
    for part in (
        api,
        api_links,
        glossary,
        incremental,
        ledger,
        maths,
        references,
        where_to_run,
        search,
        social,
        source_links,
        sources,
        teaching,
    ):
        part.setup(app)
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it, and sphinx_comments is not loaded
    return {"parallel_read_safe": True, "parallel_write_safe": True}
