"""Diagrams of blocks side by side, so that one sees what differs."""

from collections.abc import Mapping

from cnnlib.analysis import Anatomy
from cnnlib.course.html import escape, style


class SideBySide:
    """The diagrams of several blocks in a row that wraps, each under its name: name → anatomy of the block."""

    def __init__(self, blocks: Mapping[str, Anatomy]) -> None:
        self.diagrams = {name: whole.diagram() for name, whole in blocks.items()}

    def __repr__(self) -> str:
        return f"SideBySide({', '.join(self.diagrams)})"

    def _repr_html_(self) -> str:
        shown = "".join(
            f'<figure style="margin:0;max-width:100%"><figcaption style="text-align:center"><strong>{escape(name)}</strong>'
            f"</figcaption>{diagram._repr_html_()}</figure>"
            for name, diagram in self.diagrams.items()
        )
        row = f'<div style="display:flex;flex-wrap:wrap;gap:1em 2em;justify-content:space-evenly">{shown}</div>'
        return style("base.css") + f'<div class="cnn-ui">{row}</div>'
