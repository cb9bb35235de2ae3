"""The progress page lists the quizzes of all chapters, each question under the name that its answer is kept by."""

import json
import re
from pathlib import Path

import pytest

from cnnlib.course import Progress, quiz

ROOT = Path(__file__).parents[2]


def headings() -> dict[str, str]:
    """The first heading of each chapter that has a quiz."""
    found = {}
    for name in quiz.chapters():
        notebook = json.loads((ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))
        first = "".join(notebook["cells"][0]["source"]).splitlines()[0]
        found[name] = first.removeprefix("# ")
    return found


def test_every_chapter_is_there_with_its_questions():
    page = Progress(headings())._repr_html_().split("<style")[0]
    for name, title in headings().items():
        (row,) = re.findall(rf'<tr data-name="{name}" data-hashes="([^"]*)">', page)
        assert row.split() == [quiz.fingerprint(question) for question in quiz.load(name)]
        assert f'<a href="../chapters/{name}.html">{title}</a>' in page
    assert "gallery" not in page


def test_the_page_of_the_book_has_the_titles_of_the_chapters():
    notebook = json.loads((ROOT / "book" / "progress.ipynb").read_text(encoding="utf-8"))
    shown = "".join(
        "".join(output["data"].get("text/html", "")) for cell in notebook["cells"] for output in cell.get("outputs", [])
    )
    for name, title in headings().items():
        assert f'<a href="../chapters/{name}.html">{title}</a>' in shown


@pytest.mark.parametrize("titles", [{}, {"04_resnet": "4", "gallery": "?"}])
def test_a_chapter_that_is_missing_or_has_no_quiz_is_named(titles):
    with pytest.raises(ValueError, match=r"the chapters with a quiz are \[.*'04_resnet'"):
        Progress(titles)
