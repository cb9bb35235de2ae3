"""Files that people write, read so that whatever is wrong with one is said with its name, and written whole or not at all."""

import json
import os
import warnings
from pathlib import Path

import nbformat.reader
from nbformat import NotebookNode


def read_notebook(path: Path | str) -> NotebookNode:
    """A notebook of format 4. Raises ValueError, naming the file, for what is none, and OSError where there is no file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no notebook, as it is no JSON: {error}") from error
    cells = plain.get("cells") if isinstance(plain, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError(f"{path} is no notebook of format 4: it has no cells")
    ids = [cell["id"] for cell in cells if "id" in cell]
    for one in ids:
        if ids.count(one) > 1:
            raise ValueError(f"{path}: two cells have the id {one!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nbformat mends some faults and warns
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            nbformat.validate(notebook)
            return notebook
    except Exception as error:  # of many kinds: a damaged file makes nbformat stumble anywhere
        said = getattr(error, "message", None) or str(error)  # jsonschema's str holds the whole notebook
        raise ValueError(f"{path} is no notebook of format 4: {said.splitlines()[0][:200]}") from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that it is the old or the new one at any time. Raises OSError, with the old one left."""
    unfinished = path.with_name(path.name + ".part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
