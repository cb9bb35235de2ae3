"""Quizzes that grade themselves, from reviewed YAML, one file a chapter (`quizzes/<chapter>.yaml`).

Python writes the whole form, with the key and every explanation folded below each question: that is what a reader
without scripts has. The script (`assets/quiz.js`) takes the key away, grades, and keeps the answers in the browser.
CONTRIBUTING.md shows how to write a question.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from cnnlib.course.html import escape, markdown, script, slug, style

KINDS = ("single", "multiple", "numeric")

# Field: (type, must it be there). What a file may hold; anything else is a slip of the pen and refused.
_TEXT, _NUMBER = (str,), (int, float)
_QUESTION = {
    "id": (_TEXT, True),
    "kind": (_TEXT, True),
    "section": (_TEXT, True),
    "text": (_TEXT, True),
    "hint": (_TEXT, False),
}
_CHOICE = {**_QUESTION, "options": ((list,), True)}
_OPTION = {"text": (_TEXT, True), "correct": ((bool,), True), "feedback": (_TEXT, True), "proof": (_TEXT, False)}
_NUMERIC = {
    **_QUESTION,
    "answer": (_NUMBER, True),
    "tolerance": (_NUMBER, False),
    "unit": (_TEXT, False),
    "feedback": (_TEXT, True),
    "proof": (_TEXT, True),
    "wrong": ((list,), True),
}
_WRONG = {"value": (_NUMBER, True), "feedback": (_TEXT, True)}


class Quiz:
    """The questions of one chapter, or those named by `only`; shown as a form that grades itself.

    `.questions` are the YAML's dicts. Raises FileNotFoundError naming the quizzes there are, ValueError naming file,
    question and field when the YAML is not as it should be, KeyError for an id in `only` that no question has.
    """

    def __init__(self, name: str, only: Sequence[str] | None = None) -> None:
        self.name = name
        self.questions = load(name)
        if only is not None:
            by_id = {question["id"]: question for question in self.questions}
            unknown = [i for i in only if i not in by_id]
            if unknown:
                raise KeyError(f"{name}.yaml has no question {unknown}; there are {list(by_id)}")
            self.questions = [by_id[i] for i in only]

    def __repr__(self) -> str:
        return f"Quiz({self.name!r}, {len(self.questions)} questions)"

    def _repr_html_(self) -> str:
        questions = "\n".join(_question(i, q) for i, q in enumerate(self.questions, 1))
        return (
            f'<cnn-quiz class="cnn-ui" data-name="{escape(self.name)}">\n{questions}\n</cnn-quiz>\n'
            + style("base.css", "quiz.css")
            + "\n"
            + script("base.js", "quiz.js")
        )


def names() -> list[str]:
    """The quizzes there are, one a chapter."""
    return sorted(
        path.name[:-5] for path in (files("cnnlib.course") / "quizzes").iterdir() if path.name.endswith(".yaml")
    )


def load(name: str) -> list[dict[str, Any]]:
    """The checked questions of `quizzes/<name>.yaml`; see `Quiz` for what is raised."""
    if name not in names():
        raise FileNotFoundError(f"no quiz {name!r}; there are {', '.join(names())}")
    return parse((files("cnnlib.course") / "quizzes" / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")


def parse(text: str, file: str) -> list[dict[str, Any]]:
    """The questions of a YAML text, checked; `file` is only for the messages of the ValueErrors."""
    import yaml  # here, because only a quiz needs it

    try:
        questions = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is not YAML: {error}") from error
    if not isinstance(questions, list) or not questions:
        raise ValueError(f"{file} must be a list of questions")
    seen = set()
    for number, question in enumerate(questions, 1):
        where = f"{file}, question {number}"
        if not isinstance(question, dict):
            raise ValueError(f"{where}: must be fields, got {question!r}")
        where += f" ({question.get('id', 'no id')})"
        kind = question.get("kind")
        if kind not in KINDS:
            raise ValueError(f"{where}, kind: one of {', '.join(KINDS)}, got {kind!r}")
        _check(question, _NUMERIC if kind == "numeric" else _CHOICE, where)
        if question["id"] in seen:
            raise ValueError(f"{where}, id: used twice")
        seen.add(question["id"])
        for i, wrong in enumerate(question.get("wrong", []), 1):
            _check(wrong, _WRONG, f"{where}, wrong {i}")
            if is_right(question, wrong["value"]):
                raise ValueError(f"{where}, wrong {i}, value: {wrong['value']} is within the tolerance of the answer")
        for i, option in enumerate(question.get("options", []), 1):
            _check(option, _OPTION, f"{where}, option {i}")
        right = sum(option["correct"] for option in question.get("options", []))
        if kind == "single" and right != 1:
            raise ValueError(f"{where}, options: exactly one must be correct, {right} are")
    return questions


def is_right(question: dict[str, Any], value: float) -> bool:
    """Whether a number answers a numeric question."""
    return abs(value - question["answer"]) <= question.get("tolerance", 0)


def _check(fields: Any, schema: dict[str, tuple[tuple, bool]], where: str) -> None:
    if not isinstance(fields, dict):
        raise ValueError(f"{where}: must be fields, got {fields!r}")
    for name in fields.keys() - schema.keys():
        raise ValueError(f"{where}, {name}: no such field; there are {', '.join(schema)}")
    for name, (types, needed) in schema.items():
        if name not in fields:
            if needed:
                raise ValueError(f"{where}, {name}: missing")
            continue
        value = fields[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types) or value in ("", []):
            raise ValueError(f"{where}, {name}: must be {' or '.join(t.__name__ for t in types)}, got {value!r}")


def fingerprint(question: dict[str, Any]) -> str:
    """Of a question's content: a reader's kept answer is dropped when the question has changed."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:10]


def _question(number: int, question: dict[str, Any]) -> str:
    kind = question["kind"]
    hint = question.get("hint")
    body = _numeric(question) if kind == "numeric" else _choice(question)
    several = ' <span class="cnn-how">Check all that apply.</span>' if kind == "multiple" else ""
    return (
        # A box around each, because a fieldset draws its border through its legend.
        f'<div class="cnn-question"><fieldset data-kind="{kind}" data-id="{escape(question["id"])}" data-hash="{fingerprint(question)}">'
        f'<legend><span class="cnn-number">{number}.</span> {markdown(question["text"])}{several}</legend>\n'
        + body
        + (f'\n<details class="cnn-hint"><summary>Hint</summary><p>{markdown(hint)}</p></details>' if hint else "")
        + f'\n<p class="cnn-back">Explained in: <a href="#{slug(question["section"])}">{escape(question["section"])}</a></p></fieldset></div>'
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


def _numeric(question: dict[str, Any]) -> str:
    unit = escape(question.get("unit", ""))
    answer, tolerance = question["answer"], question.get("tolerance", 0)
    # A text field: a number field silently empties "53,120", which is how the book writes it.
    field = (
        '<label class="cnn-value"><span>Your answer</span> '
        '<input type="text" inputmode="decimal" autocomplete="off" size="14" data-lm-suppress-shortcuts="true"> '
        f"<span>{unit}</span></label>"
    )
    within = f" (± {tolerance})" if tolerance else ""
    wrong = "".join(
        f'<li data-value="{w["value"]}"><strong>Not {w["value"]}:</strong> <span>{markdown(w["feedback"])}</span></li>'
        for w in question["wrong"]
    )
    return (
        f'{field}\n<details class="cnn-key" data-answer="{answer}" data-tolerance="{tolerance}"><summary>Answer</summary>'
        f"<p><strong>{answer}</strong> {unit}{within}. <span>{markdown(question['feedback'])}</span></p>"
        f"<ul>{wrong}</ul></details>"
    )
