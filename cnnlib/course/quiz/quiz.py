"""Quizzes that grade themselves.

Python writes the whole form, with the key and every explanation folded below each question: that is what a reader
without scripts has. The script (`quiz.js`) takes the key away, grades, and keeps the answers in the browser.
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from cnnlib.course.html import anchor, escape, markdown, script, slug, style
from cnnlib.course.quiz.questions import fingerprint, parse, tolerance


class Quiz:
    """Checked questions, or those whose ids are in `only`; shown as a form that grades itself.

    `name` is the page that the answers are kept under. Raises KeyError for an id in `only` that no question has.
    """

    def __init__(self, name: str, questions: Sequence[dict[str, Any]], only: Sequence[str] | None = None) -> None:
        self.name = name
        self.questions = list(questions)
        if only is not None:
            by_id = {question["id"]: question for question in self.questions}
            unknown = [i for i in only if i not in by_id]
            if unknown:
                raise KeyError(f"{name} has no question {unknown}; there are {list(by_id)}")
            self.questions = [by_id[i] for i in only]

    def __repr__(self) -> str:
        return f"Quiz({self.name!r}, {len(self.questions)} questions)"

    def _repr_html_(self) -> str:
        questions = "\n".join(_question(i, q) for i, q in enumerate(self.questions, 1))
        return (
            f'<cnn-quiz class="cnn-ui" data-name="{escape(self.name)}">\n{questions}\n</cnn-quiz>\n'
            + style("base.css", "quiz/quiz.css")
            + "\n"
            + script("base.js", "quiz/quiz.js")
        )


def examples() -> Quiz:
    """A question of each kind, for authors; no chapter's."""
    return Quiz("gallery", parse((files(__package__) / "examples.yaml").read_bytes(), "examples.yaml"))


HOW = {
    "multiple": "Check all that apply.",
    "ordering": "Put these in order with the arrow buttons.",
    "predict": "Say what you expect first; then you turn the knobs.",
}


def _question(number: int, question: dict[str, Any]) -> str:
    kind, hint = question["kind"], question.get("hint")
    how = f' <span class="cnn-how">{HOW[kind]}</span>' if kind in HOW else ""
    code = (
        f'<pre class="cnn-code"><code>{escape(question["code"].rstrip())}</code></pre>\n' if "code" in question else ""
    )
    body = {"numeric": _numeric, "predict": _numeric, "ordering": _ordering}.get(kind, _choice)(question)
    return (
        # A box around each, because a fieldset draws its border through its legend.
        f'<div class="cnn-question"><fieldset data-kind="{kind}" data-id="{escape(question["id"])}" data-hash="{fingerprint(question)}">'
        f'<legend><span class="cnn-number">{number}.</span> {markdown(question["text"])}{how}</legend>\n'
        + code
        + body
        + (f'\n<details class="cnn-hint"><summary>Hint</summary><p>{markdown(hint)}</p></details>' if hint else "")
        + f'\n<p class="cnn-back">Explained in: <a href="#{anchor(question["section"])}">{escape(question["section"])}</a></p></fieldset></div>'
    )


def _choice(question: dict[str, Any]) -> str:
    box = "radio" if question["kind"] == "single" else "checkbox"
    name = fingerprint(question)
    options = "\n".join(
        f'<label class="cnn-option"><input type="{box}" name="{name}" value="{i}" data-lm-suppress-shortcuts="true"> '
        f"<span>{markdown(option['text'])}</span></label>"
        for i, option in enumerate(question["options"])
    )
    key = "".join(
        f'<li data-correct="{str(option["correct"]).lower()}"><strong>{"Right" if option["correct"] else "Wrong"}:</strong> '
        f"{markdown(option['text'])} <span>{markdown(option['feedback'])}</span></li>"
        for option in question["options"]
    )
    return f'{options}\n<details class="cnn-key"><summary>Answer</summary><ol>{key}</ol></details>'


def _ordering(question: dict[str, Any]) -> str:
    items = question["items"]
    # An order of its own for each question, and never the right one.
    shuffled = sorted(range(len(items)), key=lambda i: hashlib.sha256(f"{question['id']}{i}".encode()).digest())
    if shuffled == list(range(len(items))):
        shuffled = shuffled[1:] + shuffled[:1]
    shown = "\n".join(f'<li data-place="{i}"><span>{markdown(items[i]["text"])}</span></li>' for i in shuffled)
    key = "".join(f"<li>{markdown(item['text'])}</li>" for item in items)
    return (
        f'<ol class="cnn-items">\n{shown}\n</ol>\n<details class="cnn-key"><summary>Answer</summary>'
        f"<ol>{key}</ol><p><span>{markdown(question['feedback'])}</span></p></details>"
    )


def _numeric(question: dict[str, Any]) -> str:
    unit = escape(question.get("unit", ""))
    answer, within = question["answer"], question.get("tolerance", 0)
    # A text field: a number field silently empties "53,120", which is how the book writes it.
    field = (
        '<label class="cnn-value"><span>Your answer</span> '
        '<input type="text" inputmode="decimal" autocomplete="off" size="14" data-lm-suppress-shortcuts="true"> '
        f"<span>{unit}</span></label>"
    )
    within = f" (± {within})" if within else ""
    wrong = "".join(
        f'<li data-value="{w["value"]}"><strong>Not {w["value"]}:</strong> <span>{markdown(w["feedback"])}</span></li>'
        for w in question["wrong"]
    )
    return (
        f'{field}\n<details class="cnn-key" data-answer="{answer}" data-tolerance="{tolerance(question)}" data-unit="{unit}">'
        f"<summary>Answer</summary><p><strong>{answer}</strong> {unit}{within}. <span>{markdown(question['feedback'])}</span>"
        f"</p><ul>{wrong}</ul></details>{_see(question)}"
    )


def _see(question: dict[str, Any]) -> str:
    """Where a prediction can be seen: a link that turns the explorer's knobs, with the same in words."""
    if "explorer" not in question:
        return ""
    knobs = ", ".join(f"{escape(name)} = {escape(str(step))}" for name, step in question["setting"].items())
    address = f"{slug(question['explorer'])}?{urlencode(question['setting'])}"
    return (
        f'\n<p class="cnn-see">See it: <a href="#{escape(address)}">turn the knobs</a> of '
        f"<em>{escape(question['explorer'])}</em> to {knobs}.</p>"
    )
