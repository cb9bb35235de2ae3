"""The running text of a page, apart from its code, outputs and folds: what the glossary links, and what reading takes time for."""

import re
from collections.abc import Iterator

from docutils import nodes

from cnnlib.chapters import in_order
from cnnlib.course.chapter import Chapter


def straight(text: str) -> str:
    """With the apostrophes that one types: Sphinx bends those of the pages."""
    return text.replace("’", "'")


def parents(node: nodes.Node) -> Iterator[nodes.Node]:
    """What a node stands in, from the inside out."""
    while (node := node.parent) is not None:
        yield node


def running_text(part: nodes.Element, leave_out: tuple[type, ...]) -> Iterator[nodes.Text]:
    """The texts of paragraphs that stand in nothing of `leave_out`.

    HTML that a page writes itself, `<a …>` or `<details>`, leaves out what is between it and its end.
    """
    leave_out = (nodes.raw, nodes.container, *leave_out)
    inside = 0
    for node in list(part.findall()):
        around = list(parents(node))
        if isinstance(node, nodes.raw) and not any(isinstance(one, nodes.container) for one in around):
            html = node.astext().lower()
            inside += len(re.findall(r"<(?:a|details)\b", html)) - len(re.findall(r"</(?:a|details)>", html))
        elif isinstance(node, nodes.Text) and not inside:
            in_paragraph = any(isinstance(one, nodes.paragraph) for one in around)
            if in_paragraph and not any(isinstance(one, leave_out) for one in around):
                yield node


def chapters(pages: set[str]) -> list[str]:
    """Those of the pages that are chapters, in order."""
    return sorted(name for name in pages if name.startswith("chapters/"))


def number(chapter: str) -> int:
    """`chapters/04_resnet` is 4."""
    return int(re.search(r"(\d+)_", chapter)[1])


def folder_of(page: str) -> Chapter | None:
    """The folder in `cnnlib.chapters` of a page, as `chapters/04_resnet`; None for a page that has none."""
    return next((chapter for chapter in in_order() if f"chapters/{chapter.page}" == page), None)
