"""Quizzes: every key is what cnnlib computes, and a slip in the YAML is named by file, question and field."""

import copy

import pytest
import yaml
from torch import nn

import cnnlib
from cnnlib.course import quiz
from cnnlib.course.quiz import Quiz
from cnnlib.models import resnet


def blocks(model: nn.Module) -> list[nn.Module]:
    """The residual blocks of a network, each of which has one shortcut."""
    return [module for module in model.modules() if isinstance(module, resnet.BasicBlock | resnet.Bottleneck)]


# What a proof may use.
NAMESPACE = {name: getattr(cnnlib, name) for name in cnnlib.__all__} | {"cnnlib": cnnlib, "blocks": blocks}

QUESTIONS = [(name, question) for name in quiz.names() for question in quiz.load(name)]
NUMERIC = [(n, q) for n, q in QUESTIONS if q["kind"] == "numeric"]
PROVED = [(n, q, o) for n, q in QUESTIONS for o in q.get("options", []) if "proof" in o]


@pytest.mark.parametrize(("name", "question"), NUMERIC, ids=[f"{n}-{q['id']}" for n, q in NUMERIC])
def test_numeric_answers_are_computed(name, question):
    assert quiz.is_right(question, eval(question["proof"], NAMESPACE)), f"{name}.yaml, {question['id']}: answer"


@pytest.mark.parametrize(
    ("name", "question", "option"), PROVED, ids=[f"{n}-{q['id']}-{o['text'][:24]}" for n, q, o in PROVED]
)
def test_statements_with_a_proof_are_as_true_as_it(name, question, option):
    assert eval(option["proof"], NAMESPACE) is option["correct"], f"{name}.yaml, {question['id']}: {option['text']}"


def test_every_quiz_is_checked():
    assert "04_resnet" in quiz.names()
    for name in quiz.names():
        assert len(Quiz(name).questions) >= 5
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
        (changed(CHOICE, ["kind"], "essay"), "kind: one of single, multiple, numeric, got 'essay'"),
        (changed(CHOICE, ["colour"], "red"), "colour: no such field; there are id, kind"),
        (changed(CHOICE, ["options", 1, "feedback"], None), "option 2, feedback: missing"),
        (changed(CHOICE, ["options", 1, "correct"], "no"), "option 2, correct: must be bool, got 'no'"),
        (changed(CHOICE, ["options", 1, "correct"], True), "exactly one must be correct, 2 are"),
        (changed(CHOICE, ["options", 0, "correct"], False), "exactly one must be correct, 0 are"),
        (changed(CHOICE, ["options"], ["this"]), "option 1: must be fields, got 'this'"),
        (changed(NUMBER, ["answer"], True), "answer: must be int or float, got True"),
        (changed(NUMBER, ["answer"], "27"), "answer: must be int or float, got '27'"),
        (changed(NUMBER, ["proof"], None), "proof: missing"),
        (changed(NUMBER, ["tolerance"], 2), "wrong 1, value: 28 is within the tolerance"),
        ("text", "must be fields, got 'text'"),
    ],
)
def test_a_slip_is_named(question, message):
    with pytest.raises(ValueError, match=message):
        quiz.parse(yaml.safe_dump([question]), "x.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "x.yaml is not YAML"), ("a: 1", "must be a list of questions"), ("", "must be a list of questions")],
)
def test_a_file_that_is_no_quiz(text, message):
    with pytest.raises(ValueError, match=message):
        quiz.parse(text, "x.yaml")


def test_an_id_is_used_once():
    with pytest.raises(ValueError, match=r"question 2 \(a\), id: used twice"):
        quiz.parse(yaml.safe_dump([CHOICE, CHOICE]), "x.yaml")


def test_a_changed_question_has_another_fingerprint():
    assert quiz.fingerprint(CHOICE) == quiz.fingerprint(copy.deepcopy(CHOICE))
    assert quiz.fingerprint(CHOICE) != quiz.fingerprint(changed(CHOICE, ["options", 0, "feedback"], "yes!"))


def test_without_scripts_questions_and_answers_are_readable():
    page = Quiz("04_resnet")._repr_html_().split("<style")[0]
    assert page.count("<fieldset") == page.count("<legend>") == page.count('<details class="cnn-key"') == 5
    for question in Quiz("04_resnet").questions:
        for option in question.get("options", []):
            assert quiz.markdown(option["feedback"]) in page
    assert "onclick" not in page and "http" not in page
    assert page == Quiz("04_resnet")._repr_html_().split("<style")[0]
