"""The questions of a quiz: reviewed YAML, checked when it is read. `docs/writing.md` shows how to write one."""

import hashlib
import json
import math
from typing import Any

from cnnlib.course.html import markdown
from cnnlib.course.yaml_fields import check_fields, is_number, load_yaml

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
    """Checks that the parts of a question are whole and its key can be given."""
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
    """Checks that every formula in the texts of a question can be drawn."""
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
    """A hash of a question's content: a reader's kept answer is dropped when the question has changed."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:10]
