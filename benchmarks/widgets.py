"""The peer of our pages: a default Jupyter Book, no setting changed, whose one page has two ipywidgets sliders and an output.

Jupyter Book executes the page when it builds it and embeds the state of the widgets. The scripts that draw
them are not in the book: the page asks other sites for RequireJS and for the widgets' manager.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from benchmarks.timing import Unavailable

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


def build(folder: Path) -> Path:
    """Builds the Jupyter Book in `folder` with this environment; returns the folder of its pages.

    Raises Unavailable where there is no Jupyter Book, and RuntimeError with its last words where it fails.
    """
    command = Path(sys.executable).with_name("jupyter-book")
    if not command.exists():
        raise Unavailable(f"there is no {command}: pip install -r requirements-book.txt")
    done = subprocess.run([command, "build", folder], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"jupyter-book build {folder} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return folder / "_build" / "html"
