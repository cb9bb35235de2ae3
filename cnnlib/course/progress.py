"""The progress page: how many questions of each chapter a reader has answered, read from what their browser keeps."""

from collections.abc import Mapping

from cnnlib.course import quiz
from cnnlib.course.html import escape, script, style


class Progress:
    """A table of the chapters in `titles` (name of the quiz → title) with the score that this browser keeps for each.

    Questions are known by a hash of their content, so that an answer to a question that has changed is not counted.
    Raises ValueError unless every chapter that has a quiz is in `titles`, and no other.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        if sorted(titles) != quiz.chapters():
            raise ValueError(f"titles has {sorted(titles)}; the chapters with a quiz are {quiz.chapters()}")
        self.titles = dict(titles)

    def __repr__(self) -> str:
        return f"Progress({len(self.titles)} chapters, {sum(len(quiz.load(name)) for name in self.titles)} questions)"

    def _repr_html_(self) -> str:
        rows = "\n".join(self._row(name) for name in sorted(self.titles))
        return (
            '<cnn-progress class="cnn-ui">\n<table class="cnn-chapters"><thead><tr><th scope="col">Chapter</th>'
            f'<th scope="col">Questions</th></tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n</cnn-progress>\n'
            + style("base.css", "progress.css")
            + "\n"
            + script("base.js", "progress.js")
        )

    def _row(self, name: str) -> str:
        questions = quiz.load(name)
        hashes = " ".join(quiz.fingerprint(question) for question in questions)
        return (
            f'<tr data-name="{escape(name)}" data-hashes="{hashes}"><th scope="row">'
            f'<a href="../chapters/{escape(name)}.html">{escape(self.titles[name])}</a></th>'
            f"<td>{len(questions)}</td></tr>"
        )
