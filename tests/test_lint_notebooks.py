"""Each rule of the notebook lint has a notebook that breaks it, and a good notebook breaks none."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book.tools import execute, lint_notebooks, repository

SETUP = repository.setup_cell(repository.Repository("owner/name"), "0.1.0")
PIP = '%pip install "cnnlib"'


def good():
    """A small notebook with nothing to find."""
    cells = [
        new_markdown_cell("# Title\n\nFormula $x_{i}$, code `{a}`, a [link](../book/references.md#he2016resnet)."),
        new_code_cell(SETUP, execution_count=1, metadata={"tags": ["setup", "remove-cell"]}),
        new_code_cell("1 + 1", execution_count=2, outputs=[result("2")]),
        new_code_cell("print('2 %')", execution_count=3, outputs=[new_output("stream", name="stdout", text="2 %\n")]),
    ]
    return new_notebook(cells=cells, metadata=copy.deepcopy(execute.METADATA))


def result(text):
    return new_output("execute_result", data={"text/plain": text}, execution_count=2)


def picture(kind="image/png", **data):
    return new_output("display_data", data={kind: "<svg/>" if "svg" in kind else "aaaa", **data})


def found(tmp_path, notebook):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(notebook, path)
    return lint_notebooks.findings(path)


def test_a_good_notebook_has_no_findings(tmp_path):
    assert found(tmp_path, good()) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("%timeit 1", "a magic that this book does not (%timeit)"),
        ("%%bash\nls", "a magic that this book does not (%bash)"),
        ("%no_such_magic", "a magic that this book does not (%no_such_magic)"),
        ("len?", "a magic that this book does not (%pinfo)"),
        ("!ls", "runs a shell command (!ls)"),
        ("if True:\n    !false", "runs a shell command (!false)"),
        ("files = !ls", "runs a shell command (!ls)"),
        (PIP, "%pip outside"),
        (f"if True:\n    {PIP}", "%pip outside"),
        (f'import sys\nif "google.colab" in sys.modules:\n    pass\nelse:\n    {PIP}', "%pip outside"),
        ("x = 1;", "ends with ';'"),
        ("x = (1", "is not Python"),
        ("# NBVAL_SKIP\n1", "steers nbval by a comment"),
        (f"x = 1  # {'long ' * 20}", "has a line of 109 characters, of which a page shows 96"),
    ],
)
def test_source(tmp_path, source, message):
    notebook = good()
    notebook.cells[2].source = source
    assert any(message in finding for finding in found(tmp_path, notebook))


@pytest.mark.parametrize(
    "source", ["'''\n%timeit\n!ls\n'''", "'%d' % 3", f'import sys\nif "google.colab" in sys.modules:\n    {PIP}']
)
def test_source_that_only_looks_wrong(tmp_path, source):
    notebook = good()
    notebook.cells[2].source = source
    assert found(tmp_path, notebook) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (new_output("error", ename="ValueError", evalue="", traceback=[]), "shows an error (ValueError)"),
        (new_output("stream", name="stderr", text="Warning"), "writes to stderr"),
        (new_output("display_data", data={"text/plain": "W", execute.WIDGET_VIEW: {"model_id": "1"}}), "a live widget"),
        (picture(), "without alternative text"),
        (picture("image/svg+xml"), "without alternative text"),
        (result("/home/someone/book"), "names a machine"),
        (result("http://localhost:8888"), "names a machine"),
    ],
)
def test_output(tmp_path, output, message):
    notebook = good()
    notebook.cells[2].outputs = [output]
    assert any(message in finding for finding in found(tmp_path, notebook))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("See {cite}`he2016resnet`.", "a role"),
        ("```{note}\nText\n```", "a directive"),
        ("::: note\nText\n:::", "a fence of colons"),
        ("(here)=\n# Title", "a target"),
    ],
)
def test_markdown(tmp_path, text, message):
    notebook = good()
    notebook.cells[0].source = text
    assert any(f"has {message} of MyST" in finding for finding in found(tmp_path, notebook))


def test_a_cell_that_was_not_run(tmp_path):
    notebook = good()
    notebook.cells[2].execution_count = None
    assert "execution count None and not 2" in found(tmp_path, notebook)[0]


def test_cells_run_out_of_order(tmp_path):
    notebook = good()
    notebook.cells[2].execution_count, notebook.cells[3].execution_count = 3, 2
    assert len(found(tmp_path, notebook)) == 2


def test_cleared_outputs(tmp_path):
    notebook = good()
    for cell in notebook.cells[1:]:
        cell.outputs = []
    assert "they were cleared" in found(tmp_path, notebook)[0]


@pytest.mark.parametrize(
    ("tag", "meant"), [("nbval-ignore-outputs", "nbval-ignore-output"), ("hide_input", "hide-input")]
)
def test_a_misspelt_tag(tmp_path, tag, meant):
    notebook = good()
    notebook.cells[2].metadata["tags"] = [tag]
    assert f"is {meant!r} meant?" in found(tmp_path, notebook)[0]


@pytest.mark.parametrize("tag", ["nbval-skip", "raises-exception", "banana"])
def test_a_tag_that_is_not_allowed(tmp_path, tag):
    notebook = good()
    notebook.cells[2].metadata["tags"] = [tag]
    assert f"has the tag {tag!r}" in found(tmp_path, notebook)[0]


def test_at_most_a_third_is_not_compared(tmp_path):
    notebook = good()
    shown = notebook.cells[2:]
    shown[0].outputs = [picture(**{"text/plain": "<Figure size 640x480 with 1 Axes>"})]
    shown[0].metadata["mystnb"] = {"image": {"alt": "A curve that falls"}}
    assert "1 of 2 outputs are not compared" in found(tmp_path, notebook)[0]
    notebook.cells.append(new_code_cell("3", execution_count=4, outputs=[result("3")]))
    assert found(tmp_path, notebook) == []
    shown[1].metadata["tags"] = ["nbval-ignore-output"]
    assert "2 of 3 outputs are not compared" in found(tmp_path, notebook)[0]


def test_a_picture_beside_compared_text_is_compared(tmp_path):
    notebook = good()
    notebook.cells[2].outputs = [picture("image/svg+xml")]
    notebook.cells[2].metadata["mystnb"] = {"image": {"alt": "A square"}}
    assert found(tmp_path, notebook) == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"widgets": {}}, "holds widget state"),
        ({"kernelspec": {"name": "venv", "display_name": "venv"}}, "metadata of a machine"),
        ({"colab": {}}, "metadata of a machine"),
    ],
)
def test_metadata(tmp_path, metadata, message):
    notebook = good()
    notebook.metadata.update(metadata)
    assert any(message in finding for finding in found(tmp_path, notebook))


def test_what_execute_cleans_has_no_findings(tmp_path):
    notebook = good()
    notebook.metadata.update(widgets={"state": {}}, language_info={"name": "python", "version": "3.11.2"})
    cell = notebook.cells[2]
    cell.metadata.update(tags=["hide-input"], execution={"iopub.status.busy": "now"})
    cell.outputs[0].data[execute.WIDGET_VIEW] = {"model_id": "1"}
    messages = "\n".join(found(tmp_path, notebook))
    for message in ("widget state", "a live widget", "timestamps", "folds on the page only", "metadata of a machine"):
        assert message in messages
    assert found(tmp_path, execute.clean(notebook)) == []


def test_the_command_fails_on_a_finding(tmp_path, capsys):
    notebook, path = good(), tmp_path / "notebook.ipynb"
    nbformat.write(notebook, path)
    assert lint_notebooks.main([str(path)]) == 0
    notebook.cells[2].source = "!ls"
    nbformat.write(notebook, path)
    assert lint_notebooks.main([str(path)]) == 1
    assert "cell 3 (!ls): runs a shell command" in capsys.readouterr().out


def test_the_books_own_notebooks_have_no_findings():
    assert [finding for path in repository.notebooks() for finding in lint_notebooks.findings(path)] == []
