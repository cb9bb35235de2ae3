"""The progress page lists the quizzes of all chapters, each question under the name that its answer is kept by."""

import json
import re
from pathlib import Path

from cnnlib import chapters
from cnnlib.course.quiz.questions import fingerprint

ROOT = Path(__file__).parents[2]


def test_every_chapter_is_there_with_its_questions():
    page = chapters.progress()._repr_html_().split("<style")[0]
    for chapter in chapters.in_order():
        (row,) = re.findall(rf'<tr data-name="{chapter.page}" data-hashes="([^"]*)">', page)
        assert row.split() == [fingerprint(question) for question in chapter.questions()]
        assert f'<a href="../chapters/{chapter.page}.html">{chapter.title}</a>' in page
    assert "gallery" not in page
    count = sum(len(chapter.questions()) for chapter in chapters.in_order())
    assert repr(chapters.progress()) == f"Progress({len(chapters.in_order())} chapters, {count} questions)"


def test_the_page_of_the_book_has_the_titles_of_the_chapters():
    notebook = json.loads((ROOT / "book" / "progress.ipynb").read_text(encoding="utf-8"))
    shown = "".join(
        "".join(output["data"].get("text/html", "")) for cell in notebook["cells"] for output in cell.get("outputs", [])
    )
    for chapter in chapters.in_order():
        assert f'<a href="../chapters/{chapter.page}.html">{chapter.title}</a>' in shown
