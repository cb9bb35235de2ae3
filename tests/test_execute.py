"""Notebooks are run in place, cleaned, and left alone when a cell fails."""

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from book.tools import execute


def write(path, *sources):
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def test_a_notebook_is_run_in_its_own_folder_and_cleaned(tmp_path):
    path = write(tmp_path / "a.ipynb", "from pathlib import Path", "print(Path('a.ipynb').exists())")
    assert execute.main([str(path)]) == 0
    notebook = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert notebook.cells[1].outputs[0].text == "True\n"
    assert notebook.metadata == execute.METADATA
    assert not any("execution" in cell.metadata for cell in notebook.cells)


def test_a_notebook_can_be_run_without_a_change_to_its_file(tmp_path):
    path = write(tmp_path / "c.ipynb", "print(6 * 7)")
    before = path.read_bytes()
    assert execute.executed(path).cells[0].outputs[0].text == "42\n"
    assert path.read_bytes() == before


def test_a_failing_notebook_is_left_as_it_was(tmp_path, capsys):
    path = write(tmp_path / "b.ipynb", "1 / 0")
    before = path.read_bytes()
    assert execute.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().out
