"""The quiz of each chapter, answered right, wrong and half right by keyboard alone."""

import pytest
from conftest import BOOK
from playwright.sync_api import Locator, Page, expect

from cnnlib.course import quiz
from cnnlib.course.quiz import Quiz

CHAPTERS = quiz.names()


def open_quiz(visit, name: str, **options) -> tuple[Page, Locator]:
    page = visit(f"chapters/{name}.html", **options)
    return page, page.locator(f"cnn-quiz[data-name='{name}']").last


def field(form: Locator, question: dict) -> Locator:
    return form.locator(f"fieldset[data-id='{question['id']}']")


def tab_to(target: Locator) -> None:
    """By the Tab key from wherever the focus is."""
    for _ in range(40):
        if target.evaluate("node => node === document.activeElement"):
            return
        target.page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {target}")


def answer(form: Locator, question: dict, given: list[int] | float) -> Locator:
    """Ticks, or types, and checks, with keys only; returns the question's fieldset."""
    ours, keys = field(form, question), form.page.keyboard
    inputs = ours.locator("input")
    inputs.first.evaluate("node => node.closest('fieldset').scrollIntoView()")
    inputs.first.focus()  # where a reader who has read so far is
    if question["kind"] == "numeric":
        keys.type(str(given))
        keys.press("Enter")
        return ours
    if question["kind"] == "single":
        keys.press("Space")
        for _ in range(given[0]):
            keys.press("ArrowDown")
    else:
        for i in given:
            tab_to(inputs.nth(i))
            keys.press("Space")
    tab_to(ours.get_by_role("button", name="Check"))
    keys.press("Enter")
    return ours


def right(question: dict) -> list[int] | float:
    if question["kind"] == "numeric":
        return question["answer"]
    return [i for i, option in enumerate(question["options"]) if option["correct"]]


def wrong(question: dict) -> list[int] | float:
    """A typical mistake: half right where several are to be ticked."""
    if question["kind"] == "numeric":
        return question["wrong"][0]["value"]
    if question["kind"] == "multiple":
        return right(question)[:-1]
    return [next(i for i, option in enumerate(question["options"]) if not option["correct"])]


def plain(page: Page, markdown: str) -> str:
    """The text a reader sees of a question's Markdown."""
    return page.evaluate(
        "html => new DOMParser().parseFromString(html, 'text/html').body.textContent", quiz.markdown(markdown)
    )


def test_every_chapter_has_its_quiz():
    built = {path.stem for path in (BOOK / "chapters").glob("*.html") if "<cnn-quiz" in path.read_text()}
    assert built == set(CHAPTERS)


@pytest.mark.parametrize("name", CHAPTERS)
def test_all_right_and_kept_after_reload(visit, name):
    page, form = open_quiz(visit, name)
    questions = Quiz(name).questions
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")
    for question in questions:
        ours = answer(form, question, right(question))
        expect(ours.locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-good")
        expect(ours.locator(".cnn-bad")).to_have_count(0)
    done = f"{len(questions)} of {len(questions)} right"
    expect(form.locator(".cnn-score")).to_have_text(done)

    page.reload()
    expect(form.locator(".cnn-score")).to_have_text(done)
    form.get_by_role("button", name="Clear answers").press("Enter")
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")
    expect(form.locator("input:checked")).to_have_count(0)
    page.reload()
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_wrong_or_half_right_answer_is_explained_and_can_be_mended(visit, name):
    page, form = open_quiz(visit, name)
    questions = Quiz(name).questions
    for question in questions:
        given = wrong(question)
        ours = answer(form, question, given)
        expect(ours.locator(".cnn-verdict")).to_have_text(
            {"single": "Not this one.", "numeric": "Not yet."}.get(
                question["kind"], ours.locator(".cnn-verdict").inner_text()
            )
        )
        expect(ours.locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-bad")
        if question["kind"] == "numeric":
            expect(ours.locator(".cnn-feedback")).to_contain_text(plain(page, question["wrong"][0]["feedback"]))
        elif question["kind"] == "single":
            expect(ours.locator(".cnn-feedback").nth(given[0])).to_contain_text(
                plain(page, question["options"][given[0]]["feedback"])
            )
        else:
            for i, option in enumerate(question["options"]):
                expect(ours.locator(".cnn-feedback").nth(i)).to_contain_text(plain(page, option["feedback"]))
            expect(ours.locator(".cnn-feedback.cnn-bad")).to_have_count(1)
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")

    numeric = next(question for question in questions if question["kind"] == "numeric")
    ours = field(form, numeric)
    ours.get_by_role("button", name="Try again").press("Enter")
    expect(ours.locator("input")).to_be_focused()
    expect(ours.locator(".cnn-feedback")).to_be_empty()
    ours.locator("input").fill(f"{numeric['answer']:,}")
    ours.locator("input").press("Enter")
    expect(form.locator(".cnn-score")).to_contain_text(f"1 of {len(questions)} right")


@pytest.mark.parametrize("name", CHAPTERS)
def test_it_works_where_storage_is_blocked(visit, name):
    page, form = open_quiz(visit, name, storage=False)
    question = Quiz(name).questions[0]
    expect(answer(form, question, right(question)).locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-good")
    page.reload()
    expect(form.locator(".cnn-score")).to_contain_text("0 of")
    expect(form.locator("input:checked")).to_have_count(0)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_section_that_explains_is_on_the_page(visit, name):
    page, form = open_quiz(visit, name)
    for question in Quiz(name).questions:
        link = field(form, question).locator(".cnn-back a")
        expect(link).to_be_visible()
        target = page.locator(link.get_attribute("href"))
        expect(target).to_contain_text(question["section"])
