"""The questions of all chapters: every key is what cnnlib computes, and every prediction what its explorer shows."""

import re

import pytest
from explorer_samples import made_without_records
from proofs import evaluate

from cnnlib import chapters
from cnnlib.course.html import markdown
from cnnlib.course.quiz import examples
from cnnlib.course.quiz.questions import is_right

QUESTIONS = [(chapter.name, question) for chapter in chapters.in_order() for question in chapter.questions()]
QUESTIONS += [("gallery", question) for question in examples().questions]
NUMERIC = [(n, q) for n, q in QUESTIONS if "answer" in q]
ORDERED = [(n, q) for n, q in QUESTIONS if q["kind"] == "ordering" and "proof" in q]
PREDICTED = [(n, q) for n, q in QUESTIONS if q["kind"] == "predict"]
PROVED = [(n, q, o) for n, q in QUESTIONS for o in q.get("options", []) if "proof" in o]


@pytest.fixture(scope="module")
def explorers() -> dict:
    """Explorers of all chapters by their titles."""
    return {explorer.title: explorer for make in made_without_records().values() for explorer in [make()]}


@pytest.mark.parametrize(("name", "question"), NUMERIC, ids=[f"{n}-{q['id']}" for n, q in NUMERIC])
def test_numeric_answers_are_computed(name, question):
    computed = evaluate(question["proof"])
    assert is_right(question, computed), f"{name}/quiz.yaml, {question['id']}: answer"
    if isinstance(computed, int) and isinstance(question["answer"], int):  # the tolerance is the reader's, not ours
        assert question["answer"] == computed, f"{name}/quiz.yaml, {question['id']}: answer"


@pytest.mark.parametrize(
    ("name", "question", "option"), PROVED, ids=[f"{n}-{q['id']}-{o['text'][:24]}" for n, q, o in PROVED]
)
def test_statements_with_a_proof_are_as_true_as_it(name, question, option):
    assert evaluate(option["proof"]) is option["correct"], f"{name}/quiz.yaml, {question['id']}: {option['text']}"


@pytest.mark.parametrize(("name", "question"), ORDERED, ids=[f"{n}-{q['id']}" for n, q in ORDERED])
def test_orders_are_computed(name, question):
    order = evaluate(question["proof"])
    assert order == [item["id"] for item in question["items"]], f"{name}/quiz.yaml, {question['id']}: items"


@pytest.mark.parametrize(("name", "question"), PREDICTED, ids=[f"{n}-{q['id']}" for n, q in PREDICTED])
def test_what_is_predicted_is_what_the_explorer_then_shows(name, question, explorers):
    explorer = explorers[question["explorer"]]
    knobs = {knob.name: knob for knob in explorer.knobs}
    setting = {}
    for knob, label in question["setting"].items():
        (setting[knob],) = [value for value in knobs[knob].values if knobs[knob].text(value) == label]
    shown = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", explorer.at(**setting)["sentence"])]
    exact = evaluate(question["proof"])
    assert any(exact * scale == pytest.approx(n) for n in shown for scale in (1, 1e3, 1e6, 1e9))


@pytest.mark.parametrize("chapter", chapters.in_order(), ids=lambda chapter: chapter.name)
def test_a_quiz_says_whose_it_is_and_how_long(chapter):
    assert repr(chapter.quiz()) == f"Quiz({chapter.page!r}, {len(chapter.quiz().questions)} questions)"


def test_a_chapter_asks_some_of_its_questions_in_the_order_given():
    ids = [
        question["id"] for question in chapters.named("resnet").quiz(only=["degradation", "skip-connections"]).questions
    ]
    assert ids == ["degradation", "skip-connections"]
    with pytest.raises(KeyError, match=r"no question.*'typo'.*degradation"):
        chapters.named("resnet").quiz(only=["typo"])


@pytest.mark.parametrize("chapter", chapters.in_order(), ids=lambda chapter: chapter.name)
def test_without_scripts_questions_and_answers_are_readable(chapter):
    page = chapter.quiz()._repr_html_().split("<style")[0]
    assert (
        page.count("<fieldset")
        == page.count("<legend>")
        == page.count('<details class="cnn-key"')
        == len(chapter.questions())
    )
    for question in chapter.quiz().questions:
        for option in question.get("options", []):
            assert markdown(option["feedback"]) in page
    assert "onclick" not in page and "http" not in page
    assert page == chapter.quiz()._repr_html_().split("<style")[0]
