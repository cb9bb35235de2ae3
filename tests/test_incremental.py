"""A build makes what has changed, nothing less, and does not lose a warning. On a small book, beside a build from nothing."""

import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from book.extension import prose
from book.tools.build import build, inputs
from book.tools.repository import ROOT
from cnnlib.course.chapter import Chapter

PAGES = {
    "book/index.md": "# Book\n\nA page of this small book that says what is in it.\n",
    "book/glossary.md": "# Glossary\n\n```{course-glossary}\n```\n",
    "book/glossary.yaml": "- {term: kernel, definition: The weights that slide., chapter: 01_one, section: Start}\n"
    "- {term: stride, definition: How far it slides., chapter: 02_two, section: Go}\n",
    "book/references.md": "# References\n\n```{bibliography}\n:all:\n:list: bullet\n```\n",
    "book/references.bib": "@article{he2016, author={He, K.}, title={Deep}, journal={CVPR}, year={2016}}\n",
    "book/ledger.md": "# Ledger\n\nWhat is said.\n",
    "book/for_teachers.md": "# Teachers\n\n```{session-plan} short\n```\n\n```{exercise-list}\n```\n\n```{question-list}\n```\n",
    "book/sessions.yaml": "short:\n- {title: One, read: {01_one: all}, in class: Talk.}\n",
    "book/api.md": "# API\n\n```{api-entries}\ncnnlib.fit\n```\n",
    "book/front_door.html": "<title>Front door</title>\n",
    "chapters/01_one.md": "# One\n\n## Start\n\nA kernel slides. See `fit(model)` and [He](../book/references.md#he2016).\n",
    "chapters/02_two.md": "# Two\n\n## Go\n\nIts stride is two, and the kernel is small.\n\nMore.\n",
    "cnnlib/__init__.py": 'from .training import fit\n\n__all__ = ["fit"]\n',
    "cnnlib/training/__init__.py": "from .loop import fit\n\n__all__ = []\n",
    "cnnlib/training/loop.py": 'def fit(model):\n    """Trains a model."""\n    return model\n',
    "cnnlib/training/other.py": 'def fit(model):\n    """Trains otherwise."""\n',
    "cnnlib/course/__init__.py": "__all__ = []\n",
    "cnnlib/probes/__init__.py": "__all__ = []\n",
    "cnnlib/chapters/__init__.py": "__all__ = []\n",
    "cnnlib/chapters/one/quiz.yaml": "- id: a\n  section: Start\n  kind: single\n  text: So?\n"
    "  options: [{text: Yes., correct: true, feedback: It is.}]\n",
    "cnnlib/chapters/two/ledger.yaml": "- id: stride\n  short: strides are odd\n  section: Go\n  statement: It is.\n"
    "  source: common in course notes\n  verdict: not reproducible\n  comment: Not here.\n",
    "cnnlib/course/repository.json": '{"github": null, "branch": "main"}\n',
    "_toc.yml": "format: jb-book\nroot: book/index\nchapters:\n"
    + "".join(
        f"- file: {name}\n"
        for name in (
            "chapters/01_one",
            "chapters/02_two",
            "book/for_teachers",
            "book/ledger",
            "book/glossary",
            "book/references",
            "book/api",
        )
    ),
}  # fmt: skip


class Folder(Chapter):
    """A chapter whose files lie in the small book, which is not imported."""

    def __init__(self, project: Path, name: str, page: str) -> None:
        super().__init__(f"cnnlib.chapters.{name}", page=page, title=name)
        self.project = project

    def file(self, *parts: str) -> Path:
        return self.project.joinpath("cnnlib/chapters", self.name, *parts)


def write(project: Path, **files: str) -> None:
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def same_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))  # a build adds the book's folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small book that has been built once, and the folder in which that was."""
    folder, path = tmp_path_factory.mktemp("small"), list(sys.path)
    project = folder / "project"
    shutil.copytree(ROOT / "book/templates", project / "book/templates")
    shutil.copytree(ROOT / "book/assets", project / "book/assets", ignore=shutil.ignore_patterns("katex", "*.png"))
    chapters = [Folder(project, "one", "01_one"), Folder(project, "two", "02_two")]
    patch = pytest.MonkeyPatch()
    patch.setattr(prose, "in_order", lambda: chapters)
    write(project, **PAGES, **{"_config.yml": (ROOT / "_config.yml").read_text(encoding="utf-8")})
    assert build(project) == 0
    sys.path[:] = path
    project.rename(folder / "built")
    yield folder / "built", project
    patch.undo()


@pytest.fixture
def project(built):
    """A copy of it where it was built: Sphinx reads all anew elsewhere. Files keep their dates, so only changes are newer."""
    kept, place = built
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(kept, place))


def pages(project: Path) -> dict[str, str]:
    """What each page says, by its name."""
    html = project / "_build/html"
    texts = {path.relative_to(html).as_posix(): path.read_text(encoding="utf-8") for path in html.rglob("*.html")}
    return {name: text for name, text in texts.items() if not name.startswith("_static")}


def written(project: Path, before: dict[str, int]) -> set[str]:
    """The pages that are not as old as before; those that each build writes are left out."""
    return {name for name, age in ages(project).items() if age != before.get(name)}


def ages(project: Path) -> dict[str, int]:
    html = project / "_build/html"
    return {name: (html / name).stat().st_mtime_ns for name in pages(project) if "/" in name}


def replace(name: str, old: str, new: str):
    def change(project: Path) -> None:
        text = (project / name).read_text(encoding="utf-8")
        assert old in text
        (project / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


ALL = {f"{name}.html" for name in re.findall(r"file: (\S+)", PAGES["_toc.yml"])} | {"book/index.html"}
SOURCES = {"_modules/index.html", "_modules/cnnlib/training/loop.html"}
CHANGES = {
    "a page": (replace("chapters/02_two.md", "More.", "Less."), "chapters/02_two.html", "Less."),
    "a title": (replace("chapters/02_two.md", "# Two", "# Second"), "chapters/01_one.html", "Second"),
    "a glossary entry": (replace("book/glossary.yaml", "that slide", "that move"), "chapters/01_one.html", "that move"),
    "a term of a chapter": (
        replace("chapters/02_two.md", "the kernel is small", "it is"), "book/glossary.html", "First used in"
    ),
    "the bibliography": (replace("book/references.bib", "Deep", "Deeper"), "book/references.html", "Deeper"),
    "a quiz": (
        replace("cnnlib/chapters/one/quiz.yaml", "kind: single", "kind: multiple"), "book/for_teachers.html", "1 multiple"
    ),
    "the sessions": (replace("book/sessions.yaml", "Talk.", "Draw."), "book/for_teachers.html", "Draw."),
    "the ledger": (
        replace("cnnlib/chapters/two/ledger.yaml", "are odd", "are even"), "chapters/02_two.html", "strides are even"
    ),
    "a docstring": (replace("cnnlib/training/loop.py", "Trains a", "Fits a"), "book/api.html", "Fits a"),
    "a source": (
        replace("cnnlib/training/loop.py", "return model", "return None"), "_modules/cnnlib/training/loop.html", "None"
    ),
    "a name that is exported": (
        replace("cnnlib/__init__.py", '["fit"]', "[]"), "chapters/01_one.html", "fit(model)</span></code> and"
    ),
    "where a name comes from": (
        replace("cnnlib/training/__init__.py", ".loop", ".other"), "_modules/cnnlib/training/other.html", "Trains otherwise"
    ),
    "a style": (replace("book/assets/book.css", "{", "{ "), "chapters/01_one.html", "book.css"),
    "a template": (
        replace("book/templates/layout.html", '<meta name="viewport"', '<meta name="x"/><meta name="viewport"'),
        "book/index.html", '<meta name="x"/>',
    ),
    "the repository": (
        replace("cnnlib/course/repository.json", "null", '"some/book"'), "chapters/01_one.html", "some.github.io/book"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_on_the_page_that_shows_it(project, what):
    change, shown_on, text = CHANGES[what]
    before = ages(project)
    change(project)
    assert build(project) == 0
    assert text in pages(project)[shown_on] and shown_on in written(project, before)


def test_change_upon_change_gives_what_a_build_from_nothing_gives(project):
    for change, _, _ in CHANGES.values():
        change(project)
        assert build(project) == 0
    now = pages(project)
    shutil.rmtree(project / "_build")
    assert build(project) == 0
    assert pages(project) == now


@pytest.mark.parametrize(
    ("what", "page_names"),
    [
        ("a page", {"chapters/02_two.html", "book/index.html", "book/for_teachers.html"}),
        ("a docstring", {"book/api.html", "book/index.html", "_modules/cnnlib/training/loop.html"}),
        ("the ledger", {"chapters/02_two.html", "book/index.html"}),
        ("a style", ALL | SOURCES),
    ],
)
def test_other_pages_stay_as_they_are(project, what, page_names):
    before = ages(project)
    CHANGES[what][0](project)
    assert build(project) == 0
    assert written(project, before) <= page_names


def test_a_changed_module_of_the_book_builds_all_pages(project):
    before = ages(project)
    write(project, **{"book/extension/new.py": "NEW = 1\n"})
    assert build(project) == 0
    assert written(project, before) == ALL | SOURCES


def test_a_change_of_what_a_build_imports_builds_all_pages(project, monkeypatch):
    before = ages(project)
    replace("chapters/02_two.md", "More.", "Less.")(project)
    reads = project / "cnnlib/training/loop.py"
    monkeypatch.setitem(sys.modules, "toy", SimpleNamespace(__file__=str(reads)))
    assert build(project) == 0 and written(project, before) != ALL | SOURCES
    before = ages(project)
    replace("cnnlib/training/loop.py", "return model", "return None")(project)
    assert build(project) == 0 and written(project, before) == ALL | SOURCES


def test_nothing_is_built_where_files_were_only_touched(project, capsys):
    before = ages(project)
    for path in (project / "chapters").iterdir():
        path.touch()
    assert build(project) == 0
    assert written(project, before) == set() and "Nothing has changed" in capsys.readouterr().out


def test_what_no_page_shows_changes_no_page(project):
    before = ages(project)
    write(project, **{"cnnlib/training/other.py": "# Nothing any more.\n"})
    assert build(project) == 0
    assert ages(project) == before


def test_older_content_is_a_change_too(project):
    """As git may put it there: the file is not newer than the last build."""
    page = project / "chapters/02_two.md"
    page.write_text(PAGES["chapters/02_two.md"].replace("More.", "Less."), encoding="utf-8")
    os.utime(page, (1_000_000_000, 1_000_000_000))
    assert build(project) == 0 and "Less." in pages(project)["chapters/02_two.html"]


def test_a_page_that_is_gone_is_gone_from_the_site(project):
    write(project, **{"_toc.yml": PAGES["_toc.yml"].replace("- file: chapters/02_two\n", "")})
    (project / "chapters/02_two.md").unlink()
    replace("book/glossary.yaml", "chapter: 02_two, section: Go", "chapter: 01_one, section: Start")(project)
    replace("chapters/01_one.md", "A kernel", "A stride of a kernel")(project)
    assert build(project) == 0
    assert "chapters/02_two.html" not in pages(project)
    assert not list((project / "_build/html/_sources/chapters").glob("02_two*"))
    assert "02_two" not in "".join(pages(project).values())


def test_a_module_that_is_documented_no_more_has_no_page(project):
    replace("book/api.md", "cnnlib.fit\n", "")(project)
    assert build(project) == 0
    assert not set(pages(project)) & SOURCES


def test_a_warning_comes_again_until_it_is_mended(project, capfd):
    wrong = replace("chapters/01_one.md", "#he2016", "#he2017")
    wrong(project)
    for _ in range(2):
        assert build(project) == 1 and "he2017" in capfd.readouterr().err
    replace("chapters/02_two.md", "More.", "Less.")(project)  # another page, and the warning is still there
    assert build(project) == 1 and "he2017" in capfd.readouterr().err
    write(project, **{"chapters/01_one.md": PAGES["chapters/01_one.md"]})
    assert build(project) == 0
    now = pages(project)
    assert "he2016" in now["chapters/01_one.html"] and "Less." in now["chapters/02_two.html"]


def test_what_a_failed_build_wrote_is_written_again(project):
    """Even where all is as it was at the last build that passed."""
    before = pages(project)
    replace("book/glossary.yaml", "section: Go", "section: Gone")(project)
    replace("chapters/02_two.md", "More.", "Less.")(project)
    assert build(project) == 1
    write(project, **{name: PAGES[name] for name in ("book/glossary.yaml", "chapters/02_two.md")})
    assert build(project) == 0 and pages(project) == before


def test_a_build_that_was_interrupted_is_not_taken_for_done(project, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    before = pages(project)
    replace("chapters/02_two.md", "More.", "Less.")(project)
    with monkeypatch.context() as patch:
        patch.setattr("book.tools.build.run_sphinx", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(project)
    (project / "_build/html/chapters/01_one.html").write_text("half", encoding="utf-8")
    write(project, **{"chapters/02_two.md": PAGES["chapters/02_two.md"]})
    assert build(project) == 0 and pages(project) == before


def test_an_error_is_said_and_leaves_the_site(project, capfd):
    before = pages(project)
    write(project, **{"book/glossary.yaml": "- {term: kernel}\n", "book/extension/new.py": "NEW = 1\n"})
    assert build(project) == 1
    assert "definition is missing" in capfd.readouterr().err and pages(project) == before


def test_what_a_build_reads_is_among_its_inputs():
    names = set(inputs(ROOT))
    assert {
        "python",
        "_config.yml",
        "_toc.yml",
        "constraints.txt",
        "book/glossary.yaml",
        "book/assets/book.css",
    } <= names
    assert {"book/templates/layout.html", "book/extension/search.py", "cnnlib/course/repository.json"} <= names
    assert any(name.startswith("cnnlib/") and name.endswith(".yaml") for name in names)
    assert not any("__pycache__" in name for name in names)
