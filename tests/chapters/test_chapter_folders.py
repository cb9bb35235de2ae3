"""A chapter is its folder and its notebook: each has the other, and nothing that lies in a folder is forgotten."""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest
from explorer_samples import explorers_of_chapters

from cnnlib import chapters
from cnnlib.course.chapter import PARTS, Chapter

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "cnnlib" / "chapters"
CHAPTERS = chapters.in_order()
EACH = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


def cells(notebook: Path, kind: str) -> list[str]:
    """The text of a notebook's cells of one kind."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


# -------------------------------------------------------------------------------------------- folders and notebooks


def test_every_folder_is_a_chapter_and_every_notebook_has_its_folder():
    folders = {file.parent.name for file in FOLDER.glob("*/__init__.py")}
    assert {chapter.name for chapter in CHAPTERS} == folders
    assert {chapter.page for chapter in CHAPTERS} == {file.stem for file in (ROOT / "chapters").glob("*.ipynb")}


@EACH
def test_the_title_is_the_heading_of_the_notebook(chapter):
    first = cells(ROOT / "chapters" / f"{chapter.page}.ipynb", "markdown")[0]
    assert first.splitlines()[0] == f"# {chapter.title}"


def test_chapters_are_in_the_order_of_their_numbers_and_named_as_their_pages():
    assert [chapter.number for chapter in CHAPTERS] == list(range(1, len(CHAPTERS) + 1))
    for chapter in CHAPTERS:
        assert chapter.page == f"{chapter.number:02}_{chapter.name}"
        assert chapter.title.startswith(f"{chapter.number} · ")
        assert repr(chapter) == f"Chapter({chapter.name!r})"


def test_the_table_of_contents_has_the_chapters_in_their_order():
    contents = re.findall(r"file: chapters/(\w+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert contents == [chapter.page for chapter in CHAPTERS]


@EACH
def test_a_chapters_notebook_takes_what_it_shows_from_its_own_folder(chapter):
    code = "\n".join(cells(ROOT / "chapters" / f"{chapter.page}.ipynb", "code"))
    assert f"from cnnlib.chapters import {chapter.name} as chapter" in code
    assert "chapter.quiz(" in code
    for name in chapter.suites():
        assert f'"{name}"' in code, f"no cell shows the runs of {name}"


@EACH
def test_a_folder_holds_nothing_but_the_parts_of_a_chapter(chapter):
    """The modules besides `PARTS` are read by these."""
    folder = FOLDER / chapter.name
    files = {file.name for file in folder.iterdir() if file.name != "__pycache__"}
    modules = {f"{part}.py" for part in PARTS}
    assert {"__init__.py", "quiz.yaml"} <= files
    for other in files - {"__init__.py", "quiz.yaml", "ledger.yaml", "runs", *modules}:
        assert other.endswith(".py"), f"nobody reads {other}"
        readers = [folder / module for module in modules & files]
        assert any(f"{chapter.name}.{Path(other).stem}" in reader.read_text(encoding="utf-8") for reader in readers)


# ------------------------------------------------------------------------------------------------- checks, explorers


@EACH
def test_every_check_is_asked_for_in_the_notebook(chapter):
    code = "\n".join(cells(ROOT / "chapters" / f"{chapter.page}.ipynb", "code"))
    checks = chapter.part("checks")
    graders = [
        name
        for name, check in inspect.getmembers(checks, inspect.isfunction)
        if check.__module__ == checks.__name__ and (check.__doc__ or "").startswith("Grades ")
    ]
    assert graders
    assert [name for name in graders if f"chapter.checks.{name}(" not in code] == []


def calls(code: str) -> set[str]:
    """The names of the functions that Python code calls, as `f(…)` or `module.f(…)`."""
    code = re.sub(r"^\s*[%!].*$", "", code, flags=re.MULTILINE)
    called = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return {name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "") for name in called}


def test_every_explorer_is_shown_by_a_notebook():
    notebooks = [*(ROOT / "chapters").glob("*.ipynb"), *(ROOT / "book").glob("*.ipynb")]
    shown = set().union(*(calls(code) for file in notebooks for code in cells(file, "code")))
    assert [name for name in explorers_of_chapters() if name.rpartition(".")[2] not in shown] == []


@EACH
def test_every_function_of_the_explorers_is_used(chapter):
    """By a notebook, or by the chapter's own code, or by the proofs of numbers."""
    notebooks = [*(ROOT / "chapters").glob("*.ipynb"), *(ROOT / "book").glob("*.ipynb")]
    used = "\n".join(code for file in notebooks for code in cells(file, "code"))
    module = chapter.part("explorers")
    own = inspect.getsource(module)
    functions = [name for name, f in inspect.getmembers(module, inspect.isfunction) if f.__module__ == module.__name__]
    unused = [
        name
        for name in functions
        if not re.search(rf"(?<!def )\b{name}\b", re.sub(rf"^def {name}\b", "", own, flags=re.MULTILINE))
        and not re.search(rf"explorers\.{name}\b|import .*\b{name}\b", used)
    ]
    assert unused == []


# ----------------------------------------------------------------------------------------------------------- errors


def test_an_unknown_chapter_is_refused_with_those_there_are():
    names = ", ".join(chapter.name for chapter in CHAPTERS)
    with pytest.raises(ValueError, match=rf"^no chapter is called 'resnets'; there is {names}$"):
        chapters.named("resnets")


@EACH
def test_a_chapter_is_found_by_its_name(chapter):
    assert chapters.named(chapter.name) is chapter


@pytest.mark.parametrize("suite", ["resnets/bench", "bench", "", "/bench"])
def test_runs_of_an_unknown_chapter_are_refused(suite):
    with pytest.raises(
        ValueError, match=rf"no chapter is called '{suite.partition('/')[0]}'; there is classic_networks, "
    ):
        chapters.recorded_runs(suite)


@pytest.mark.parametrize("suite", ["resnet/benches", "resnet", "resnet/", "resnet/../bench"])
def test_runs_of_an_unknown_suite_are_refused_with_those_there_are(suite):
    there = ", ".join(f"resnet/{name}" for name in chapters.named("resnet").suites())
    with pytest.raises(ValueError, match=rf"no suite is called '.*'; there is {there}$"):
        chapters.recorded_runs(suite)


def test_a_module_that_no_chapter_has_is_refused_as_python_does():
    from cnnlib.chapters import resnet

    with pytest.raises(AttributeError, match=r"module 'cnnlib\.chapters\.resnet' has no attribute 'lessons'"):
        resnet.lessons  # noqa: B018
    assert resnet.explorers is chapters.named("resnet").part("explorers")
    assert resnet.runs("bench") == chapters.recorded_runs("resnet/bench")


def test_a_chapter_may_have_a_notebook_alone(tmp_path, monkeypatch):
    """A new folder with nothing but `__init__.py` asks, claims and records nothing yet."""
    folder = tmp_path / "new_chapter"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    chapter = Chapter("new_chapter", page="07_new_chapter", title="7 · New")
    assert (chapter.number, chapter.questions(), chapter.claims(), chapter.suites()) == (7, [], [], {})
    with pytest.raises(ValueError, match="no suite is called 'bench'; there is none"):
        chapter.runs("bench")


def test_a_slip_in_a_chapters_file_is_named_with_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "other_chapter"
    folder.mkdir()
    for name in ("__init__.py", "quiz.yaml", "ledger.yaml"):
        (folder / name).write_text("" if name.endswith("py") else "- {id: a}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    chapter = Chapter("other_chapter", page="07_other_chapter", title="7 · Other")
    with pytest.raises(ValueError, match=r"^other_chapter/quiz\.yaml, question 1 \(a\), kind: "):
        chapter.quiz()
    with pytest.raises(ValueError, match=r"^other_chapter/ledger\.yaml, entry 1 \(a\), short: missing"):
        chapter.claims()
