"""Quizzes: a slip in the YAML is named by file, question and field, and no text breaks out of the page."""

import copy
import re
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.course.html import markdown
from cnnlib.course.quiz import Quiz, examples
from cnnlib.course.quiz.questions import KINDS, fingerprint, is_right, parse
from cnnlib.course.quiz.quiz import _question

CHOICE = {
    "id": "a",
    "kind": "single",
    "section": "What?",
    "text": "Which?",
    "options": [
        {"text": "this", "correct": True, "feedback": "yes"},
        {"text": "that", "correct": False, "feedback": "no"},
    ],
}
NUMBER = {
    "id": "n",
    "kind": "numeric",
    "section": "What?",
    "text": "How many?",
    "answer": 27,
    "feedback": "so",
    "proof": "27",
    "wrong": [{"value": 28, "feedback": "no"}],
}

ORDER = {
    "id": "o",
    "kind": "ordering",
    "section": "What?",
    "text": "In which order?",
    "items": [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}, {"id": "c", "text": "three"}],
    "proof": "['a', 'b', 'c']",
    "feedback": "so",
}
PREDICT = NUMBER | {"kind": "predict", "explorer": "A net", "setting": {"depth": "20", "width": "2×"}}


def changed(question: dict, path: list, value: object) -> dict:
    question = copy.deepcopy(question)
    inner = question
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return question


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (changed(CHOICE, ["text"], None), r"x.yaml, question 1 \(a\), text: missing"),
        (changed(CHOICE, ["text"], ""), "text: must be str"),
        (changed(CHOICE, ["kind"], "essay"), "kind: one of single, multiple, numeric, predict, ordering, got 'essay'"),
        (changed(CHOICE, ["colour"], "red"), "colour: no such field; there are id, kind"),
        (changed(CHOICE, ["sektion"], "red"), r"sektion: no such field; did you mean section\?"),
        (changed(CHOICE, ["options", 1, "text"], "this"), "options: two of them read alike"),
        (changed(changed(CHOICE, ["kind"], "multiple"), ["options", 0, "correct"], False), "options: none is correct"),
        (changed(CHOICE, ["hint"], "see $\\frac{1}{2$"), r"\(a\), hint: the formula .* has braces that do not match"),
        (changed(CHOICE, ["options", 0, "feedback"], "$\\left($"), r"options, 1, feedback: the formula .* is no TeX"),
        (changed(CHOICE, ["options", 1, "feedback"], None), "option 2, feedback: missing"),
        (changed(CHOICE, ["options", 1, "correct"], "no"), "option 2, correct: must be bool, got 'no'"),
        (changed(CHOICE, ["options", 1, "correct"], True), "exactly one must be correct, 2 are"),
        (changed(CHOICE, ["options", 0, "correct"], False), "exactly one must be correct, 0 are"),
        (changed(CHOICE, ["options"], ["this"]), "option 1: must be fields, got 'this'"),
        (changed(NUMBER, ["answer"], True), "answer: must be int or float, got True"),
        (changed(NUMBER, ["answer"], "27"), "answer: must be int or float, got '27'"),
        (changed(NUMBER, ["proof"], None), "proof: missing"),
        (changed(NUMBER, ["tolerance"], 2), "wrong 1, value: 28 is within the tolerance"),
        (changed(NUMBER, ["tolerance"], "10%"), "wrong 1, value: 28 is within the tolerance"),
        (changed(NUMBER, ["tolerance"], "little"), "tolerance: a number or per cent, such as 5%, got 'little'"),
        (changed(ORDER, ["items"], ORDER["items"][:2]), "items: give at least 3, in the right order; there are 2"),
        (changed(ORDER, ["items", 1, "id"], None), "items: the proof gives their order by id, and one has none"),
        (changed(PREDICT, ["explorer"], None), "explorer: missing"),
        (changed(PREDICT, ["setting"], {}), "setting: must be dict"),
        ("text", "must be fields, got 'text'"),
    ],
)
def test_a_slip_is_named(question, message):
    with pytest.raises(ValueError, match=message):
        parse(yaml.safe_dump([question]), "x.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- id: a\n- text: [b\n- id: c\n", "x.yaml is not YAML: line 3: "),
        ("- id: a\n  text: b\n  id: c", "x.yaml is not YAML: line 3: 'id' stands twice"),
        ("- &a {id: a}\n- *a", r"x.yaml is not YAML: line 2: \*a is an alias"),
        ("- 2026-13-01", "x.yaml is not YAML: month must be in 1..12"),
        (b"- caf\xe9", "x.yaml is not YAML: .*invalid continuation byte|x.yaml is not YAML: .*unexpected end of data"),
        ("a: 1", "must be a list of questions"),
        ("", "must be a list of questions"),
    ],
)
def test_a_file_that_is_no_quiz(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text, "x.yaml")


def test_an_id_is_used_once():
    with pytest.raises(ValueError, match=r"question 2 \(a\), id: used twice"):
        parse(yaml.safe_dump([CHOICE, copy.deepcopy(CHOICE)]), "x.yaml")


def test_a_changed_question_has_another_fingerprint():
    assert fingerprint(CHOICE) == fingerprint(copy.deepcopy(CHOICE))
    assert fingerprint(CHOICE) != fingerprint(changed(CHOICE, ["options", 0, "feedback"], "yes!"))


def test_a_tolerance_may_be_per_cent():
    assert is_right(NUMBER | {"tolerance": "3%"}, 27.8) and not is_right(NUMBER | {"tolerance": "3%"}, 27.9)
    assert is_right(NUMBER | {"tolerance": 0.5}, 27.5) and not is_right(NUMBER, 27.01)


def test_an_order_to_find_is_never_shown():
    for number in range(40):
        question = ORDER | {"id": f"o{number}"}
        places = re.findall(r'data-place="(\d)"', _question(1, question))
        assert sorted(places) == ["0", "1", "2"] != places


def test_a_prediction_links_to_the_setting_that_shows_it():
    page = _question(1, PREDICT)
    assert '<a href="#a-net?depth=20&amp;width=2%C3%97">' in page
    assert "depth = 20, width = 2×" in page


def test_formulas_are_mathml_and_code_is_code():
    assert "<math" in markdown("so $x^2$") and "<msup>" in markdown("so $x^2$")
    assert markdown("`$5` and `a*b*c`") == "<code>$5</code> and <code>a*b*c</code>"
    assert markdown("5 $ is not a formula") == "5 $ is not a formula"
    assert "<pre" in _question(1, CHOICE | {"code": "if a < b:\n    pass"})
    assert "if a &lt; b:\n    pass</code>" in _question(1, CHOICE | {"code": "if a < b:\n    pass"})


def test_without_latex2mathml_a_formula_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    with pytest.raises(ImportError, match="pip install latex2mathml"):
        markdown("$a_{12345}$")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="$"), min_size=1).filter(str.strip)


@given(TEXT, TEXT, TEXT)
def test_no_text_can_break_out_of_the_page(text, other, unit):
    """Whatever an author types is text: the tags of the page are those that it has without it."""

    def tags(question):
        return [
            tag
            for tag in re.findall(r"<(/?[a-z]+)", _question(1, question))
            if tag not in {f"{s}{t}" for s in ("", "/") for t in ("code", "strong", "em", "sup", "sub")}
        ]

    ours = changed(changed(CHOICE, ["text"], text), ["options", 0, "feedback"], other)
    assert tags(ours) == tags(CHOICE)
    assert tags(NUMBER | {"unit": unit, "hint": text}) == tags(NUMBER | {"unit": "px", "hint": "so"})
    assert tags(PREDICT | {"explorer": text, "setting": {other: unit}}) == tags(PREDICT | {"setting": {"a": "b"}})
    assert tags(changed(ORDER, ["items", 0, "text"], text)) == tags(ORDER)
    assert tags(CHOICE | {"code": text}) == tags(CHOICE | {"code": "pass"})


def test_only_some_questions_in_the_order_asked():
    questions = [CHOICE | {"id": "a"}, CHOICE | {"id": "b"}, NUMBER | {"id": "c"}]
    assert [question["id"] for question in Quiz("page", questions, only=["c", "a"]).questions] == ["c", "a"]
    with pytest.raises(KeyError, match=r"page has no question \['typo'\]; there are \['a', 'b', 'c'\]"):
        Quiz("page", questions, only=["typo"])


def test_the_gallery_has_a_question_of_each_kind():
    assert len(examples().questions) >= 5
    assert {question["kind"] for question in examples().questions} == set(KINDS)
    assert repr(examples()) == f"Quiz('gallery', {len(examples().questions)} questions)"
