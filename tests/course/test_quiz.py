"""Quizzes: every key is what cnnlib computes, and a slip in the YAML is named by file, question and field."""

import copy
import re
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from proofs import evaluate

from cnnlib.course import explorers, quiz
from cnnlib.course.explorer import Explorer
from cnnlib.course.html import markdown
from cnnlib.course.quiz import Quiz

QUESTIONS = [(name, question) for name in quiz.names() for question in quiz.load(name)]
NUMERIC = [(n, q) for n, q in QUESTIONS if "answer" in q]
ORDERED = [(n, q) for n, q in QUESTIONS if q["kind"] == "ordering" and "proof" in q]
PREDICTED = [(n, q) for n, q in QUESTIONS if q["kind"] == "predict"]
PROVED = [(n, q, o) for n, q in QUESTIONS for o in q.get("options", []) if "proof" in o]


@pytest.mark.parametrize(("name", "question"), NUMERIC, ids=[f"{n}-{q['id']}" for n, q in NUMERIC])
def test_numeric_answers_are_computed(name, question):
    computed = evaluate(question["proof"])
    assert quiz.is_right(question, computed), f"{name}.yaml, {question['id']}: answer"
    if isinstance(computed, int) and isinstance(question["answer"], int):  # the tolerance is the reader's, not ours
        assert question["answer"] == computed, f"{name}.yaml, {question['id']}: answer"


@pytest.mark.parametrize(
    ("name", "question", "option"), PROVED, ids=[f"{n}-{q['id']}-{o['text'][:24]}" for n, q, o in PROVED]
)
def test_statements_with_a_proof_are_as_true_as_it(name, question, option):
    assert evaluate(option["proof"]) is option["correct"], f"{name}.yaml, {question['id']}: {option['text']}"


@pytest.mark.parametrize(("name", "question"), ORDERED, ids=[f"{n}-{q['id']}" for n, q in ORDERED])
def test_orders_are_computed(name, question):
    order = evaluate(question["proof"])
    assert order == [item["id"] for item in question["items"]], f"{name}.yaml, {question['id']}: items"


@pytest.fixture(scope="module")
def shown_by_title() -> dict[str, Explorer]:
    """The explorers whose knobs a prediction turns, by their titles."""
    makers = (
        explorers.cifar_resnet,
        explorers.alexnet_costs,
        explorers.stacked_layers,
        explorers.inception_module,
        explorers.challenge,
        explorers.survival,
    )
    return {explorer.title: explorer for explorer in (make() for make in makers)}


@pytest.mark.parametrize(("name", "question"), PREDICTED, ids=[f"{n}-{q['id']}" for n, q in PREDICTED])
def test_what_is_predicted_is_what_the_explorer_then_shows(shown_by_title, name, question):
    explorer = shown_by_title[question["explorer"]]
    knobs = {knob.name: knob for knob in explorer.knobs}
    setting = {}
    for knob, label in question["setting"].items():
        (setting[knob],) = [value for value in knobs[knob].values if knobs[knob].text(value) == label]
    shown = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", explorer.at(**setting)["sentence"])]
    exact = evaluate(question["proof"])
    assert any(exact * scale == pytest.approx(n) for n in shown for scale in (1, 1e3, 1e6, 1e9))


def test_every_quiz_is_checked():
    assert "04_resnet" in quiz.chapters() and set(quiz.names()) == {*quiz.chapters(), "gallery"}
    for name in quiz.names():
        assert len(Quiz(name).questions) >= (5 if name == "gallery" else 8)
        assert repr(Quiz(name)) == f"Quiz({name!r}, {len(Quiz(name).questions)} questions)"


def test_only_some_questions_in_the_order_asked():
    ids = [question["id"] for question in Quiz("04_resnet", only=["degradation", "skip-connections"]).questions]
    assert ids == ["degradation", "skip-connections"]
    with pytest.raises(KeyError, match=r"no question.*'typo'.*degradation"):
        Quiz("04_resnet", only=["typo"])


def test_an_unknown_quiz_is_named_with_those_there_are():
    with pytest.raises(FileNotFoundError, match=r"no quiz '99'.*04_resnet"):
        Quiz("99")


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
        quiz.parse(yaml.safe_dump([question]), "x.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "x.yaml is not YAML: line 1: "),
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
        quiz.parse(text, "x.yaml")


def test_an_id_is_used_once():
    with pytest.raises(ValueError, match=r"question 2 \(a\), id: used twice"):
        quiz.parse(yaml.safe_dump([CHOICE, copy.deepcopy(CHOICE)]), "x.yaml")


def test_a_changed_question_has_another_fingerprint():
    assert quiz.fingerprint(CHOICE) == quiz.fingerprint(copy.deepcopy(CHOICE))
    assert quiz.fingerprint(CHOICE) != quiz.fingerprint(changed(CHOICE, ["options", 0, "feedback"], "yes!"))


def test_a_tolerance_may_be_per_cent():
    assert quiz.is_right(NUMBER | {"tolerance": "3%"}, 27.8) and not quiz.is_right(NUMBER | {"tolerance": "3%"}, 27.9)
    assert quiz.is_right(NUMBER | {"tolerance": 0.5}, 27.5) and not quiz.is_right(NUMBER, 27.01)


def test_an_order_to_find_is_never_shown():
    for number in range(40):
        question = ORDER | {"id": f"o{number}"}
        places = re.findall(r'data-place="(\d)"', quiz._question(1, question))
        assert sorted(places) == ["0", "1", "2"] != places


def test_a_prediction_links_to_the_setting_that_shows_it():
    page = quiz._question(1, PREDICT)
    assert '<a href="#a-net?depth=20&amp;width=2%C3%97">' in page
    assert "depth = 20, width = 2×" in page


def test_formulas_are_mathml_and_code_is_code():
    assert "<math" in markdown("so $x^2$") and "<msup>" in markdown("so $x^2$")
    assert markdown("`$5` and `a*b*c`") == "<code>$5</code> and <code>a*b*c</code>"
    assert markdown("5 $ is not a formula") == "5 $ is not a formula"
    assert "<pre" in quiz._question(1, CHOICE | {"code": "if a < b:\n    pass"})
    assert "if a &lt; b:\n    pass</code>" in quiz._question(1, CHOICE | {"code": "if a < b:\n    pass"})


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
            for tag in re.findall(r"<(/?[a-z]+)", quiz._question(1, question))
            if tag not in {f"{s}{t}" for s in ("", "/") for t in ("code", "strong", "em", "sup", "sub")}
        ]

    ours = changed(changed(CHOICE, ["text"], text), ["options", 0, "feedback"], other)
    assert tags(ours) == tags(CHOICE)
    assert tags(NUMBER | {"unit": unit, "hint": text}) == tags(NUMBER | {"unit": "px", "hint": "so"})
    assert tags(PREDICT | {"explorer": text, "setting": {other: unit}}) == tags(PREDICT | {"setting": {"a": "b"}})
    assert tags(changed(ORDER, ["items", 0, "text"], text)) == tags(ORDER)
    assert tags(CHOICE | {"code": text}) == tags(CHOICE | {"code": "pass"})


def test_without_scripts_questions_and_answers_are_readable():
    page = Quiz("04_resnet")._repr_html_().split("<style")[0]
    assert (
        page.count("<fieldset")
        == page.count("<legend>")
        == page.count('<details class="cnn-key"')
        == len(quiz.load("04_resnet"))
    )
    for question in Quiz("04_resnet").questions:
        for option in question.get("options", []):
            assert quiz.markdown(option["feedback"]) in page
    assert "onclick" not in page and "http" not in page
    assert page == Quiz("04_resnet")._repr_html_().split("<style")[0]
