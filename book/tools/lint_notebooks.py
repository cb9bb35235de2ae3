"""What a committed notebook must be, so that its outputs are worth comparing and it reads the same everywhere.

python -m book.tools.lint_notebooks [notebook ...]     (none: all of the book's)
"""

import ast
import difflib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from .execute import METADATA, WIDGET_VIEW
from .files import read_notebook
from .repository import notebooks

TAGS = [
    "setup", "parameters", "exercise", "solution", "nbval-ignore-output",
    "hide-input", "hide-output", "hide-cell", "remove-input", "remove-output", "remove-cell",
]  # fmt: skip
MYST = {
    "a role": re.compile(r"(?<!`)\{[a-zA-Z][\w:.+-]*\}`"),
    "a directive": re.compile(r"^\s*(?:`{3,}|~{3,}|:{3,})\s*\{", re.MULTILINE),
    "a fence of colons": re.compile(r"^\s*:{3,}", re.MULTILINE),
    "a target": re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE),
}
MACHINE = re.compile(r"(?:/home|/root|/tmp|/Users|/private/var)/[\w.]|[A-Z]:\\Users\\|\blocalhost\b|\b127\.0\.0\.1\b")
NBVAL_COMMENT = re.compile(r"^\s*#\s*(?:NBVAL_\w+|PYTEST_VALIDATE_\w+)", re.MULTILINE)
GUARD = ast.dump(ast.parse('"google.colab" in sys.modules', mode="eval").body)
UNCOMPARED_AT_MOST = 1 / 3
WIDEST_LINE = 96  # characters of code that fit between the margins of a page


def magics(tree: ast.AST, guarded: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Every use of IPython's own syntax, as (method, first argument, whether it runs on Colab only)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.dump(node.test) == GUARD:
            for child in node.body:
                yield from magics(ast.Module([child], []), True)
            for child in node.orelse:
                yield from magics(ast.Module([child], []), guarded)
            continue
        match node:
            case ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), method), [ast.Constant(argument), *_]):
                yield method, str(argument), guarded
        yield from magics(node, guarded)


def code_findings(source: str) -> Iterator[str]:
    """What is wrong with the source of a code cell."""
    if source.rstrip().endswith(";"):
        yield "ends with ';' (nbval does not see it; assign the value or show it)"
    if NBVAL_COMMENT.search(source):
        yield "steers nbval by a comment; use the tag nbval-ignore-output"
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError as error:
        yield f"is not Python: {error.msg}"
        return
    for method, argument, guarded in magics(tree):
        if method in ("system", "getoutput"):
            yield f"runs a shell command (!{argument})"
        elif argument != "pip":
            yield f"uses a magic that this book does not (%{argument}); an unknown magic skips the rest of its cell"
        elif not guarded:
            yield '%pip outside `if "google.colab" in sys.modules:`'


def wide_lines(cell: NotebookNode) -> Iterator[str]:
    """Lines of code that a page would cut off, in cells that it shows."""
    if not {"remove-cell", "remove-input"} & set(cell.metadata.get("tags", [])):
        for line in cell.source.splitlines():
            if len(line) > WIDEST_LINE:
                yield f"has a line of {len(line)} characters, of which a page shows {WIDEST_LINE}: {line.strip()[:40]!r}"


def texts(output: NotebookNode) -> Iterator[str]:
    """All the text of an output."""
    yield output.get("text", "")
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/") or kind == "image/svg+xml":
            yield "".join(value)


def output_findings(cell: NotebookNode) -> Iterator[str]:
    """What is wrong with the outputs of a code cell."""
    for output in cell.outputs:
        data = output.get("data", {})
        if output.output_type == "error":
            yield f"shows an error ({output.ename})"
        if output.get("name") == "stderr":
            yield "writes to stderr, which differs from machine to machine"
        if WIDGET_VIEW in data:
            yield "holds a live widget, which is dead on a page; make execute drops it"
        if any(kind.startswith("image/") for kind in data):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
            if not (isinstance(alt, str) and alt.strip()):
                yield 'shows a picture without alternative text; add {"mystnb": {"image": {"alt": "..."}}} to its metadata'
        for text in texts(output):
            if found := MACHINE.search(text):
                yield f"names a machine or a folder of one: {text[max(0, found.start() - 20) : found.end() + 20]!r}"


def tag_findings(cell: NotebookNode) -> Iterator[str]:
    """Tags that nothing reads."""
    for tag in cell.metadata.get("tags", []):
        if tag not in TAGS:
            near = difflib.get_close_matches(tag, TAGS, 1)
            yield f"has the tag {tag!r}" + (f"; is {near[0]!r} meant?" if near else f"; known are {', '.join(TAGS)}")


def is_compared(cell: NotebookNode) -> bool:
    """Whether nbval holds something of the cell's outputs against a new run: it never compares PNG."""
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return False
    return any(not set(output.get("data", {})) & {"image/png"} for output in cell.outputs)


def notebook_findings(notebook: NotebookNode) -> Iterator[str]:
    """Everything that is wrong with a notebook."""
    if "widgets" in notebook.metadata:
        yield "holds widget state; make execute drops it"
    if {**notebook.metadata, "widgets": None} != {**METADATA, "widgets": None}:
        yield "has metadata of a machine or an editor; make execute normalises it"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    expected = 0
    for number, cell in enumerate(notebook.cells, 1):
        where = f"cell {number} ({cell.source.strip().splitlines()[0][:40] if cell.source.strip() else 'empty'})"
        problems = list(tag_findings(cell))
        if cell.cell_type == "markdown":
            problems += [
                f"has {name} of MyST, raw text on Colab and GitHub"
                for name, form in MYST.items()
                if form.search(cell.source)
            ]
        if cell.cell_type == "code":
            problems += [*code_findings(cell.source), *wide_lines(cell), *output_findings(cell)]
            expected += 1
            if cell.execution_count != expected:
                problems.append(
                    f"has execution count {cell.execution_count} and not {expected}; make execute runs it in order"
                )
            if "execution" in cell.metadata:
                problems.append("has timestamps; make execute drops them")
            if "hide-input" in cell.metadata.get("tags", []) and not cell.metadata.get("jupyter", {}).get(
                "source_hidden"
            ):
                problems.append("folds on the page only (hide-input); make execute folds it everywhere")
        yield from (f"{where}: {problem}" for problem in problems)
    shown = [cell for cell in code if cell.outputs]
    if len(code) > 1 and not shown:
        yield "has no outputs; they were cleared: make execute"
    uncompared = sum(not is_compared(cell) for cell in shown)
    if uncompared > UNCOMPARED_AT_MOST * len(shown):
        yield f"{uncompared} of {len(shown)} outputs are not compared (PNG only, or nbval-ignore-output); a third is the most"


def findings(path: Path | str) -> list[str]:
    """Everything that is wrong with the notebook in that file, one sentence each; that it is none is one, too."""
    shown = os.path.relpath(path)
    try:
        notebook = read_notebook(path)
    except ValueError as error:
        return [str(error)]
    return [f"{shown}: {finding}" for finding in notebook_findings(notebook)]


def main(arguments: list[str]) -> int:
    """The command; returns its exit status."""
    paths = arguments or notebooks()
    problems = [finding for path in paths for finding in findings(path)]
    print("\n".join(problems) or f"{len(paths)} notebooks are as they should be.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
