"""The progress page: how many questions of each chapter a reader has answered, read from what their browser keeps."""

from collections.abc import Sequence
from typing import Any, Protocol

from cnnlib.course.html import escape, script, style
from cnnlib.course.quiz.questions import fingerprint


class Asks(Protocol):
    """A chapter, as far as this page needs it."""

    page: str
    title: str

    def questions(self) -> list[dict[str, Any]]:
        """Its checked questions."""
        ...


class Progress:
    """A table of chapters with the score that this browser keeps for each.

    Questions are known by a hash of their content, so that an answer to a question that has changed is not counted.
    """

    def __init__(self, chapters: Sequence[Asks]) -> None:
        self.chapters = [(chapter.page, chapter.title, chapter.questions()) for chapter in chapters]

    def __repr__(self) -> str:
        return f"Progress({len(self.chapters)} chapters, {sum(len(questions) for *_, questions in self.chapters)} questions)"

    def _repr_html_(self) -> str:
        rows = "\n".join(_row(*chapter) for chapter in self.chapters)
        return (
            '<cnn-progress class="cnn-ui">\n<table class="cnn-chapters"><thead><tr><th scope="col">Chapter</th>'
            f'<th scope="col">Questions</th></tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n</cnn-progress>\n'
            + style("base.css", "quiz/progress.css")
            + "\n"
            + script("base.js", "quiz/progress.js")
        )


def _row(page: str, title: str, questions: list[dict[str, Any]]) -> str:
    hashes = " ".join(map(fingerprint, questions))
    return (
        f'<tr data-name="{escape(page)}" data-hashes="{hashes}"><th scope="row">'
        f'<a href="../chapters/{escape(page)}.html">{escape(title)}</a></th>'
        f"<td>{len(questions)}</td></tr>"
    )
