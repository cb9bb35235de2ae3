"""The recipes of the page for teachers, carried out as they are printed in a copy of the project, and what comes of them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from book.tools.repository import ROOT

PAGE = ROOT / "book/for_teachers.md"
BLOCK = re.compile(r"(?P<said>[^\n]+)\n\n```(?P<language>yaml|python|sh)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
# What a sentence before a block says is done with it.
APPEND = re.compile(r"Append this to `(?P<file>[^`]+)`")
WRITE = re.compile(r"Write `(?P<file>[^`]+)`")
BELOW = re.compile(r"In `(?P<file>[^`]+)`, put this below `(?P<line>[^`]+)`")
CELL = re.compile(r"add this cell to `(?P<file>[^`]+)` below the heading \*(?P<heading>[^*]+)\*")
# What the commands of the Makefile run. Not make itself: it would look for an environment of its own in the copy.
PYTHON = sys.executable
QUIET = {"CNNLIB_QUIET": "1", "SOURCE_DATE_EPOCH": "0"}
LINT = ["ruff check .", "ruff format --check .", "book.tools.lint_notebooks", "book.tools.repository --check"]


@dataclass
class Step:
    """A block of a recipe, and the sentence before it."""

    said: str
    language: str
    code: str


def recipes() -> dict[str, list[Step]]:
    """The steps of each recipe by its heading."""
    parts = re.split(r"^## (Recipe: .+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    bodies = {name: body.partition("\n## ")[0] for name, body in zip(parts[::2], parts[1::2], strict=True)}
    return {name: [Step(**m.groupdict()) for m in BLOCK.finditer(body)] for name, body in bodies.items()}


def carry_out(step: Step, project: Path) -> None:
    """Do in the copy what a step says. Raises AssertionError where it cannot be done as it is printed."""
    if step.language == "sh":
        for line in step.code.splitlines():
            run(line, project)
    elif found := CELL.search(step.said):
        path = project / found["file"]
        notebook = nbformat.read(path, 4)
        (at,) = [
            i for i, c in enumerate(notebook.cells) if re.search(rf"^## {re.escape(found['heading'])}$", c.source, re.M)
        ]
        notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(step.code.rstrip("\n")))
        nbformat.write(notebook, path)
    elif found := BELOW.search(step.said):
        path = project / found["file"]
        path.write_text(put_below(path.read_text(encoding="utf-8"), found["line"], step.code), encoding="utf-8")
    elif found := APPEND.search(step.said):
        path = project / found["file"]
        path.write_text(path.read_text(encoding="utf-8") + step.code, encoding="utf-8")
    else:
        found = WRITE.search(step.said)
        assert found, f"what is to be done with the block after {step.said!r}?"
        path = project / found["file"]
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_text(step.code, encoding="utf-8")


def put_below(text: str, line: str, code: str) -> str:
    """The text with the code below the one line that reads so."""
    lines = text.splitlines(keepends=True)
    (at,) = [i for i, one in enumerate(lines) if one.strip() == line]
    return "".join([*lines[: at + 1], code, *lines[at + 1 :]])


def run(line: str, project: Path) -> None:
    """Run a line of a recipe in the copy."""
    words = shlex.split(line)
    match words:
        case ["make", "execute", notebooks]:
            commands = [f"book.tools.execute {notebooks.removeprefix('NOTEBOOKS=')}"]
        case ["make", "lint"]:
            commands = LINT
        case ["make", "repository", address]:
            commands = [f"book.tools.repository {address.removeprefix('GITHUB=')}"]
        case ["make", "book"]:
            commands = ["book.tools.build"]
        case [".venv/bin/jupytext", *_]:
            commands = [f"jupytext {shlex.join(words[1:])}"]
        case ["rm", name]:
            (project / name).unlink()
            return
        case _:
            raise AssertionError(f"a recipe runs {line!r}, which this test does not know")
    environment = os.environ | QUIET | {"PYTHONPATH": str(project)}
    for command in commands:
        call = [PYTHON, "-m", *shlex.split(command)]
        done = subprocess.run(call, cwd=project, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def test_every_recipe_is_whole():
    """Each has something to write or to add, and ends by building the book."""
    assert [name.partition(": ")[2] for name in recipes()] == [
        "add a question",
        "add an explorer to a chapter",
        "add a chapter",
    ]
    for steps in recipes().values():
        assert len(steps) >= 2 and steps[-1].code.splitlines()[-1] == "make book"
        assert all(step.language != "sh" for step in steps[:-1])


def page(project: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((project / "_build/html" / name).read_text(encoding="utf-8"), "html.parser")


@pytest.mark.slow
def test_the_recipes_do_what_they_say(tmp_path):
    """All in one copy: what is written or added first, then each command once, as the recipes share the last ones."""
    project = tmp_path / "project"
    leave_out = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", "*.egg-info", ".*_cache")
    shutil.copytree(ROOT, project, ignore=leave_out)
    commands: dict[str, None] = {}
    for steps in recipes().values():
        for step in steps:
            if step.language == "sh":
                commands |= dict.fromkeys(step.code.splitlines())
            else:
                carry_out(step, project)
    # The chapter is run once, the notebook that is to be made comes before what runs it, and the book is built last.
    last = [line for line in commands if line in ("make lint", "make book")]
    runs = [line for line in commands if line.startswith("make execute")]
    others = [line for line in commands if line not in last + runs]
    notebooks = dict.fromkeys(" ".join(shlex.split(line)[2].removeprefix("NOTEBOOKS=") for line in runs).split())
    for line in [*others, f'make execute NOTEBOOKS="{" ".join(notebooks)}"', *last]:
        carry_out(Step("", "sh", line), project)

    inception = page(project, "chapters/03_inception_bottleneck.html")
    assert inception.select('fieldset[data-id="one-by-one-parameters"]')
    assert inception.select("cnn-explorer#what-a-classifier-reads")
    chapter = page(project, "chapters/07_depthwise.html")
    assert "Depthwise convolutions" in chapter.h1.text and chapter.select('fieldset[data-id="depthwise-groups"]')
    assert chapter.select_one("table th").find_parent("table")
    assert chapter.select("cnn-explorer#a-toy-network")
    (line,) = chapter.select(".ledger-line a")
    assert line.text == "nine times less work"
    assert page(project, "book/ledger.html").select("#claim-separable-nine-times")
    exercises = page(project, "book/for_teachers.html").select("td")
    assert any("the weights of a separable 3×3 convolution" in cell.text for cell in exercises)
    progress = page(project, "book/progress.html")
    assert progress.select('tr[data-name="07_depthwise"] a[href="../chapters/07_depthwise.html"]')
    assert any("Depthwise" in link.text for link in page(project, "book/index.html").select("nav a"))
    assert_tested(project, [name for name in notebooks if name != "chapters/03_inception_bottleneck.ipynb"])


def assert_tested(project: Path, notebooks: list[str]) -> None:
    """`make test` takes the new chapter in: what it asks, claims and shows is tested, with no list that names it.

    The tests of rooms that know no chapter are left out, and so is this file.
    """
    rooms = ["tests/chapters", "tests/course", "tests/browser"]
    files = [f"tests/{path.name}" for path in sorted((ROOT / "tests").glob("test_*.py")) if path != Path(__file__)]
    call = [
        PYTHON,
        "-m",
        "pytest",
        *rooms,
        *files,
        *notebooks,
        "-m",
        "not slow",
        "-q",
        "-n",
        "auto",
        "--dist",
        "loadfile",
    ]
    call += ["--nbval", "--nbval-sanitize-with", "tests/nbval_sanitize.cfg"]
    environment = os.environ | QUIET | {"PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(call, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    listed = subprocess.run([*call, "--collect-only"], cwd=project, env=environment, capture_output=True, text=True)
    assert all(name in listed.stdout for name in ("07_depthwise", "depthwise-groups", "depthwise.checks", "depthwise"))
