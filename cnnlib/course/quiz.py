"""Quizzes that grade themselves, from reviewed YAML, one file a chapter (`quizzes/<chapter>.yaml`).

Python writes the whole form, with the key and every explanation folded below each question: that is what a reader
without scripts has. The script (`assets/quiz.js`) takes the key away, grades, and keeps the answers in the browser.
CONTRIBUTING.md shows how to write a question.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from cnnlib.course.html import anchor, escape, markdown, script, slug, style
from cnnlib.course.reading import check_fields, is_number, load_yaml

# Field: (type, must it be there). What a file may hold; anything else is a slip of the pen and refused.
_TEXT, _NUMBER = (str,), (int, float)
_QUESTION = {
    "id": (_TEXT, True),
    "kind": (_TEXT, True),
    "section": (_TEXT, True),
    "text": (_TEXT, True),
    "code": (_TEXT, False),
    "hint": (_TEXT, False),
}
_CHOICE = {**_QUESTION, "options": ((list,), True)}
_OPTION = {"text": (_TEXT, True), "correct": ((bool,), True), "feedback": (_TEXT, True), "proof": (_TEXT, False)}
_NUMERIC = {
    **_QUESTION,
    "answer": (_NUMBER, True),
    "tolerance": ((int, float, str), False),
    "unit": (_TEXT, False),
    "feedback": (_TEXT, True),
    "proof": (_TEXT, True),
    "wrong": ((list,), True),
}
_WRONG = {"value": (_NUMBER, True), "feedback": (_TEXT, True)}
_PREDICT = {**_NUMERIC, "explorer": (_TEXT, True), "setting": ((dict,), True)}
_ORDERING = {**_QUESTION, "items": ((list,), True), "feedback": (_TEXT, True), "proof": (_TEXT, False)}
_ITEM = {"text": (_TEXT, True), "id": (_TEXT, False)}
KINDS = {"single": _CHOICE, "multiple": _CHOICE, "numeric": _NUMERIC, "predict": _PREDICT, "ordering": _ORDERING}
GALLERY = "gallery"  # one of each kind, for authors; no chapter's


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
    """The quizzes there are: one a chapter, and the gallery's."""
    return sorted(
        path.name[:-5] for path in (files("cnnlib.course") / "quizzes").iterdir() if path.name.endswith(".yaml")
    )


def chapters() -> list[str]:
    """The quizzes that readers are scored on."""
    return [name for name in names() if name != GALLERY]


def load(name: str) -> list[dict[str, Any]]:
    """The checked questions of `quizzes/<name>.yaml`; see `Quiz` for what is raised."""
    if name not in names():
        raise FileNotFoundError(f"no quiz {name!r}; there are {', '.join(names())}")
    return parse((files("cnnlib.course") / "quizzes" / f"{name}.yaml").read_bytes(), f"{name}.yaml")


def parse(text: str | bytes, file: str) -> list[dict[str, Any]]:
    """The questions of a YAML text, checked; `file` is only for the messages of the ValueErrors."""
    questions = load_yaml(text, file)
    if not isinstance(questions, list) or not questions:
        raise ValueError(f"{file} must be a list of questions")
    seen = set()
    for number, question in enumerate(questions, 1):
        where = f"{file}, question {number}"
        if not isinstance(question, dict):
            raise ValueError(f"{where}: must be fields, got {question!r}")
        where += f" ({question.get('id', 'no id')})"
        kind = question.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"{where}, kind: one of {', '.join(KINDS)}, got {kind!r}")
        check_fields(question, KINDS[kind], where)
        if question["id"] in seen:
            raise ValueError(f"{where}, id: used twice")
        seen.add(question["id"])
        _check_key(question, where)
        _check_texts(question, where)
    return questions


def _check_key(question: dict[str, Any], where: str) -> None:
    """That the parts of a question are whole and its key can be given."""
    if "answer" in question:
        try:
            within = tolerance(question)
        except ValueError:
            within = math.nan
        if not is_number(within) or within < 0:
            raise ValueError(f"{where}, tolerance: a number or per cent, such as 5%, got {question['tolerance']!r}")
    for i, wrong in enumerate(question.get("wrong", []), 1):
        check_fields(wrong, _WRONG, f"{where}, wrong {i}")
        if is_right(question, wrong["value"]):
            raise ValueError(f"{where}, wrong {i}, value: {wrong['value']} is within the tolerance of the answer")
    for field, schema in (("options", _OPTION), ("items", _ITEM)):
        for i, part in enumerate(question.get(field, []), 1):
            check_fields(part, schema, f"{where}, {field[:-1]} {i}")
        texts = [part["text"] for part in question.get(field, [])]
        if len(set(texts)) < len(texts):
            raise ValueError(f"{where}, {field}: two of them read alike")
    for knob, step in question.get("setting", {}).items():
        if not (isinstance(knob, str) and isinstance(step, str)):
            raise ValueError(f"{where}, setting: knobs and steps are texts, as labelled, got {knob!r}: {step!r}")
    right = sum(option["correct"] for option in question.get("options", []))
    if question["kind"] == "single" and right != 1:
        raise ValueError(f"{where}, options: exactly one must be correct, {right} are")
    if question["kind"] == "multiple" and not right:
        raise ValueError(f"{where}, options: none is correct; a reader who ticks nothing could not tell")
    items = question.get("items", [])
    if question["kind"] == "ordering" and len(items) < 3:
        raise ValueError(f"{where}, items: give at least 3, in the right order; there are {len(items)}")
    if "proof" in question and not all("id" in item for item in items):
        raise ValueError(f"{where}, items: the proof gives their order by id, and one has none")


def _check_texts(value: Any, where: str) -> None:
    """That every formula in the texts of a question can be drawn."""
    if isinstance(value, list):
        value = dict(enumerate(value, 1))
    for name, inner in value.items():
        if isinstance(inner, dict | list):
            _check_texts(inner, f"{where}, {name}")
        elif name in ("text", "feedback", "hint"):
            try:
                markdown(inner)
            except ValueError as error:
                raise ValueError(f"{where}, {name}: {error}") from error


def tolerance(question: dict[str, Any]) -> float:
    """How far from the answer a number may be: as given, or so many per cent of the answer."""
    given = question.get("tolerance", 0)
    return abs(question["answer"]) * float(given.removesuffix("%")) / 100 if isinstance(given, str) else given


def is_right(question: dict[str, Any], value: float) -> bool:
    """Whether a number answers a numeric question."""
    return abs(value - question["answer"]) <= tolerance(question)


def fingerprint(question: dict[str, Any]) -> str:
    """Of a question's content: a reader's kept answer is dropped when the question has changed."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:10]


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
