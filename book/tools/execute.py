"""Run notebooks in place and leave in them what a reader or a comparison needs, and nothing of the machine.

python -m book.tools.execute [notebook ...]     (none: all of the book's)
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from .files import read_notebook, write_whole
from .repository import notebooks

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SECONDS_A_CELL = 300


def clean(notebook: NotebookNode) -> NotebookNode:
    """Drop live widgets, timestamps and versions; fold cells tagged hide-input in every front end. Works in place."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab
            cell.metadata["cellView"] = "form"  # Colab
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def executed(path: Path) -> NotebookNode:
    """The notebook as a fresh kernel in its own folder leaves it; nothing is written.

    Raises CellExecutionError, and ValueError for a file that is no notebook.
    """
    client = NotebookClient(
        read_notebook(path),
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    )
    return clean(client.execute())


def execute(path: Path) -> None:
    """Run the notebook and write it back. Writes nothing where it raises; see `executed`."""
    write_whole(path, nbformat.writes(executed(path)) + "\n")


def main(arguments: list[str]) -> int:
    """The command; returns its exit status."""
    for path in map(Path, arguments) if arguments else notebooks():
        print(f"running {path}", flush=True)
        try:
            execute(path)
        except (CellExecutionError, ValueError) as error:
            print(f"{path} stopped; it is left as it was.\n{error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
