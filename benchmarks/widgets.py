"""The peer of our pages: a default Jupyter Book, no setting changed, whose one page has two ipywidgets sliders and an output.

Jupyter Book executes the page when it builds it and embeds the state of the widgets. The scripts that draw
them are not in the book: the page asks other sites for RequireJS and for the widgets' manager.
"""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from benchmarks.building import build

PAGE = "residual_network"
CELL = """import ipywidgets

def show(blocks, width):
    print(f"{6 * blocks + 2} layers, {16 * width:g} to {64 * width:g} channels")

ipywidgets.interact(
    show,
    blocks=ipywidgets.IntSlider(3, 1, 18, description="Blocks"),
    width=ipywidgets.FloatSlider(1, min=0.25, max=2, step=0.25, description="Width"),
);"""


def book(folder: Path) -> Path:
    """Writes and builds it in `folder`; returns the folder of its pages."""
    page = new_notebook(cells=[new_markdown_cell("# A residual network\n\nTurn a knob."), new_code_cell(CELL)])
    page.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(page, folder / f"{PAGE}.ipynb")
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: {PAGE}\n", encoding="utf-8")
    return build(folder)
