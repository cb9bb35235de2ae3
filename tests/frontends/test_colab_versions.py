"""The notebooks' explorers, quizzes, checks and benches under the versions that Colab has, in a real kernel."""

import json
import subprocess
import symtable
from collections.abc import Iterator
from pathlib import Path

import colab_env
import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat import NotebookNode

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TOUCHED = {"Bench", "Explorer", "Quiz", "checks", "explorers"}  # what a reader can touch
VIEW = "application/vnd.jupyter.widget-view+json"
VERSIONS = """\
import json
from importlib.metadata import version
import IPython, ipywidgets, traitlets
assert IPython.__version__ == version("ipython") and traitlets.__version__ == version("traitlets")
print(json.dumps({name: version(name) for name in %s}))"""
ONE_CLICK = """\
for bench in [shown for shown in Out.values() if type(shown).__name__ == "Bench"]:
    bench.widgets.epochs.value = 1
    bench.widgets.train.click()
    bench.thread.join(120)
    print(bench.widgets.message.value)
    assert "<svg" in bench.widgets.picture.value"""


def names(code: str) -> tuple[set[str], set[str]]:
    """The global names that a cell defines, and those that it uses and does not define."""

    def used(table: symtable.SymbolTable) -> Iterator[str]:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                yield symbol.get_name()
        for inner in table.get_children():
            yield from used(inner)

    module = symtable.symtable(code, "cell", "exec")
    defined = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return defined, set(used(module)) - defined


def quick_parts(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that show something to touch, and the nearest earlier ones that define what they need.

    Without cells whose output depends on a training (nbval-ignore-output): they are what takes long.
    """
    kept: list[NotebookNode] = []
    needed: set[str] = set()
    for cell in reversed([cell for cell in notebook.cells if cell.cell_type == "code"]):
        tags = cell.metadata.get("tags", [])
        if "setup" in tags or "nbval-ignore-output" in tags:
            continue
        defined, uses = names(cell.source)
        shows = bool(uses & TOUCHED)
        if shows or defined & needed:
            needed = (needed - defined) | uses
            cell.metadata["shows"] = shows
            kept.insert(0, cell)
    return kept


@pytest.fixture(scope="module")
def kernel_dir(tmp_path_factory) -> Path:
    """A folder of kernel specs with one, named "colab"."""
    try:
        python = colab_env.interpreter()
    except subprocess.CalledProcessError as error:
        pytest.skip(
            f"Colab's versions cannot be installed here: {(error.stderr or str(error)).strip().splitlines()[-1]}"
        )
    folder = tmp_path_factory.mktemp("kernels")
    spec = {
        "argv": [str(python), "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab's versions",
        "language": "python",
        "env": {"PYTHONPATH": str(ROOT), "CNNLIB_QUIET": "1", "OMP_NUM_THREADS": "1"},
    }
    (folder / "colab").mkdir()
    (folder / "colab" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return folder


def run(cells: list[NotebookNode], kernel_dir: Path, where: Path) -> None:
    """Runs the cells in the Colab kernel, in place; an error in a cell fails."""
    manager = AsyncKernelManager(
        kernel_name="colab", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(kernel_dir)])
    )
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, km=manager, timeout=200, resources={"metadata": {"path": str(where)}}).execute()


NOTEBOOKS = [
    path
    for path in sorted([*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("book/*.ipynb")])
    if any(cell.metadata["shows"] for cell in quick_parts(nbformat.read(path, 4)))
]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_reader_can_touch_works_with_colabs_versions(path, kernel_dir):
    cells = quick_parts(nbformat.read(path, 4))
    code = nbformat.v4.new_code_cell
    versions, clicked = code(VERSIONS % list(colab_env.pins())), code(ONE_CLICK)
    run([versions, *cells, clicked], kernel_dir, path.parent)
    assert json.loads(versions.outputs[0].text) == colab_env.pins()
    for cell in cells:
        shown = [output.get("data", {}) for output in cell.outputs if output.output_type == "execute_result"]
        assert all("text/html" in data for data in shown if cell.metadata["shows"])
        if "Bench(" in cell.source:
            assert [data[VIEW].keys() for data in shown] == [{"model_id", "version_major", "version_minor"}]
    benches = sum("Bench(" in cell.source for cell in cells)
    said = "".join(output.get("text", "") for output in clicked.outputs)
    assert said.count("Done after 1 of 1 epochs") == benches


def test_the_quick_parts_of_a_notebook_are_what_shows_and_what_it_needs():
    code = nbformat.v4.new_code_cell
    sources = [
        "import slow, quick",
        "x = quick.f()",
        "y = slow.f()",
        "def g(y): return y + x",
        "print(y)",
        "Quiz(g(1))",
    ]
    kept = quick_parts(nbformat.v4.new_notebook(cells=[code(source) for source in sources]))
    assert [cell.source for cell in kept] == [sources[i] for i in (0, 1, 3, 5)]
    assert [cell.metadata["shows"] for cell in kept] == [False, False, False, True]
