"""The answer of a check."""

from dataclasses import dataclass

from cnnlib.course.html import escape, markdown, style

#        status        mark  words             look (checks.css)
STATUS = {
    "right":      ("✓", "Right.",          "good"),
    "wrong":      ("✗", "Not right yet.",  "bad"),
    "unfinished": ("…", "Not written yet.", "open"),
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The answer to an exercise: `status` is "right", "wrong" or "unfinished"; `message` says why and what to look at.

    `message` is ours, with `code` in backticks. What comes from the reader's code, an error or a value, is in `detail`
    and shown as it is.
    """

    status: str
    message: str
    detail: str = ""

    def __repr__(self) -> str:
        _, words, _ = STATUS[self.status]
        return "\n".join(filter(None, [f"{words} {self.message}", self.detail]))

    def _repr_html_(self) -> str:
        mark, words, look = STATUS[self.status]
        detail = f"<pre>{escape(self.detail)}</pre>" if self.detail else ""
        return (
            f'<div class="cnn-ui cnn-answer cnn-{look}" role="status"><p><strong>'
            f'<span aria-hidden="true">{mark}</span> {words}</strong> {markdown(self.message)}</p>{detail}</div>\n'
            + style("base.css", "checks/checks.css")
        )


class Answered(Exception):
    """Ends a check from wherever it is: the verdict is known."""

    def __init__(self, status: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.verdict = Verdict(status, message, detail)
