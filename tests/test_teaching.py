"""The page for teachers: what it says about the chapters is what is in them."""

import io
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from book.extension import prose, teaching
from book.tools.repository import ROOT
from cnnlib import chapters
from cnnlib.course.chapter import Chapter

CHAPTER = """# 1 · One

## How far?

{words} <details><summary>A fold</summary>

Not counted at all.

</details>

## How wide?

One two.

## Check yourself

**1 · The first one.** Write it.

```python
chapter.checks.output_size(size)
```
"""
NUMERIC = 'kind: numeric, text: "How many?", answer: 1, feedback: One., proof: "1", wrong: [{value: 2, feedback: No.}]'
QUIZ = f"""
- {{id: a, section: "How far?", kind: multiple, text: "Which?", options: [{{text: This., correct: true, feedback: Yes.}}]}}
- {{id: b, section: "How far?", {NUMERIC}}}
- {{id: c, section: "How wide?", {NUMERIC}}}
"""
CHECKS = """
def output_size(size):
    \"""Grades `size(n, f, p, s)`: the side of what a convolution makes of n×n pixels.

    More about it.\"""
"""
PLANS = """
short:
  - title: First
    read: {01_one: ["How far?"]}
    exercises: [output_size]
    in class: Talk about `size`.
  - {title: All, read: {01_one: all}, in class: Rest.}
  - {title: Later, read: {02_two: all}, in class: Wait.}
wrong:
  - {title: Wrong, read: {01_one: ["How near?"]}, exercises: [outputs], in class: No.}
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds a book of one chapter and of a page for teachers with this text: that page, and the warnings."""
    package = f"toy_{tmp_path.name}".replace("-", "_")  # a name of its own: Python keeps a package that it has imported
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(prose, "in_order", lambda: [Chapter(package, page="01_one", title="1 · One")])
    return lambda page: build_book(tmp_path, package, page)


def build_book(folder: Path, package: str, page: str) -> tuple[BeautifulSoup, str]:
    files = {
        "book/for_teachers.md": f"# For teachers\n\n{page}\n",
        "book/sessions.yaml": PLANS,
        "chapters/01_one.md": CHAPTER.format(words="word " * 301),
        f"{package}/__init__.py": "",
        f"{package}/quiz.yaml": QUIZ,
        f"{package}/checks.py": CHECKS,
        "index.md": "# Book\n\n```{toctree}\nbook/for_teachers\nchapters/01_one\n```\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    warnings = io.StringIO()
    config = {
        "source_suffix": {".md": "markdown"},
        "extensions": ["myst_parser", "book.extension.teaching"],
        "exclude_patterns": [package],
    }
    with docutils_namespace():  # what it registers goes with it: another test builds a book too
        Sphinx(folder, None, folder / "out", folder / "doctrees", "html", config, None, warnings).build()
    return BeautifulSoup(
        (folder / "out/book/for_teachers.html").read_text(encoding="utf-8"), "html.parser"
    ), warnings.getvalue()


def test_a_plan_has_its_sections_and_its_minutes(build):
    page, warnings = build("```{session-plan} short\n```")
    assert "sessions.yaml" not in warnings
    first, whole, later = page.select("ol.sessions > li")
    # 301 words at 150 a minute, 10 minutes for an exercise, 2 questions of a minute and a half.
    assert first.p.text == "First. 16 minutes: 3 for reading, 10 for exercises, 3 for questions."
    assert [link["href"] for link in first.select("a")] == [
        "../chapters/01_one.html",
        "../chapters/01_one.html#how-far",
    ]
    assert "Exercises: The first one" in first.text and first.code.text == "size"
    assert [link.text for link in whole.select("a")] == ["Chapter 1", "How far?", "How wide?"]
    assert later.p.text == "Later." and "Chapter 2, which is to come" in later.text


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("long", "book/sessions.yaml has no plan 'long'; there is short, wrong"),
        ("wrong", "book/sessions.yaml: chapter 01_one has no section 'How near?'"),
        ("wrong", "book/sessions.yaml, 'Wrong': the chapters read there have no exercise outputs"),
    ],
)
def test_what_is_not_there_is_a_warning(build, plan, message):
    _, warnings = build(f"```{{session-plan}} {plan}\n```")
    assert message in warnings


def cells(row) -> list[str]:
    return [cell.text.strip() for cell in row.find_all("td")]


def test_exercises_and_questions_are_listed(build):
    page, _ = build("```{exercise-list}\n```\n\n```{question-list}\n```")
    exercises, questions = page.select("table")
    assert [cells(row) for row in exercises.select("tbody tr")] == [
        ["1", "The first one", "size(n, f, p, s): the side of what a convolution makes of n×n pixels."]
    ]
    assert [cells(row) for row in questions.select("tbody tr")] == [
        ["1", "How far?", "2", "1 multiple, 1 numeric"],
        ["1", "How wide?", "1", "1 numeric"],
        ["1", "all sections", "3", ""],
    ]


def test_every_check_says_what_it_grades():
    for chapter in chapters.in_order():
        called = asked(chapter.page)
        assert called and called <= set(teaching.checks(chapter)), chapter


def asked(page: str) -> set[str]:
    """The checks that a chapter calls."""
    cells = nbformat.read(ROOT / f"chapters/{page}.ipynb", 4).cells
    calls = (re.match(r"chapter\.checks\.(\w+)\(", cell.source) for cell in cells)
    return {call[1] for call in calls if call}


def plans() -> dict[str, list[dict]]:
    return yaml.safe_load((ROOT / teaching.PLANS).read_text(encoding="utf-8"))


def planned(plan: str) -> list[chapters.Chapter]:
    """The chapters up to the last that a plan reads. A chapter that is new waits until a teacher plans it."""
    read = {page for session in plans()[plan] for page in session["read"]}
    return [chapter for chapter in chapters.in_order() if chapter.page <= max(read)]


def test_every_exercise_is_in_the_plan_of_ten_sessions():
    """What a chapter asks for stands in its cells; the longest plan leaves none out."""
    everything = set().union(*(asked(chapter.page) for chapter in planned("ten")))
    assert everything == {name for session in plans()["ten"] for name in session.get("exercises", [])}


@pytest.mark.parametrize("plan", ["two", "five", "ten"])
def test_a_plan_has_as_many_sessions_as_it_says_and_all_chapters(plan):
    sessions = plans()[plan]
    assert len(sessions) == {"two": 2, "five": 5, "ten": 10}[plan]
    read = {page for session in sessions for page in session["read"]}
    assert plan == "two" or {chapter.page for chapter in planned(plan)} == read


@pytest.mark.parametrize("chapter", planned("ten"), ids=lambda chapter: chapter.name)
def test_a_chapter_that_is_taught_asks_at_least_eight_questions(chapter):
    assert len(chapter.questions()) >= 8
