"""The quiz of each chapter, answered right, wrong and half right by keyboard alone."""

import re

import pytest
from conftest import BOOK
from playwright.sync_api import Locator, Page, expect

from cnnlib import chapters
from cnnlib.course.html import markdown as as_html

QUIZZES = {chapter.page: chapter.quiz() for chapter in chapters.in_order()}
CHAPTERS = list(QUIZZES)
TYPED = ("numeric", "predict")


PLACES = "node => [...node.querySelectorAll('li[data-place]')].map(item => Number(item.dataset.place))"


def open_quiz(visit, name: str, **options) -> tuple[Page, Locator]:
    """A chapter and its quiz; "light" as no shadow tree is looked for among the ten thousand elements of the page."""
    page = visit(f"chapters/{name}.html", **options)
    return page, page.locator(f"css:light=cnn-quiz[data-name='{name}']").last


def field(form: Locator, question: dict) -> Locator:
    return form.locator(f"fieldset[data-id='{question['id']}']")


def tab_to(target: Locator) -> None:
    """By the Tab key from wherever the focus is."""
    for _ in range(40):
        if target.evaluate("node => node === document.activeElement"):
            return
        target.page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {target}")


def arrange(ours: Locator, order: list[int]) -> None:
    """Brings the items of an ordering question into this order, by the arrow buttons and with keys only."""
    keys = ours.page.keyboard
    for place, item in enumerate(order):
        row = ours.locator(f"li[data-place='{item}']")
        while row.evaluate("node => [...node.parentNode.children].indexOf(node)") > place:
            tab_to(row.get_by_role("button", name="Move up"))
            keys.press("Enter")
            # the focus goes with the item; at the top, where there is no way up, to the other button
            expect(row.locator(":focus")).to_have_count(1)


def answer(form: Locator, question: dict, given: list[int] | float) -> Locator:
    """Ticks, types or moves, and checks, with keys only; returns the question's fieldset once it has its verdict."""
    ours, keys = field(form, question), form.page.keyboard
    first = ours.locator("input, .cnn-items button:enabled").first
    first.evaluate("node => node.closest('fieldset').scrollIntoView()")
    first.focus()  # where a reader who has read so far is
    if question["kind"] in TYPED:
        keys.type(str(given))
    elif question["kind"] == "single":
        keys.press("Space")
        for _ in range(given[0]):
            keys.press("ArrowDown")
    elif question["kind"] == "ordering":
        arrange(ours, given)
    else:
        for i in given:
            tab_to(ours.locator("input").nth(i))
            keys.press("Space")
    if question["kind"] not in TYPED:
        tab_to(ours.get_by_role("button", name="Check"))
    keys.press("Enter")
    expect(ours.locator(".cnn-verdict.cnn-good, .cnn-verdict.cnn-bad")).to_have_count(1)
    return ours


def right(question: dict) -> list[int] | float:
    if question["kind"] in TYPED:
        return question["answer"]
    if question["kind"] == "ordering":
        return list(range(len(question["items"])))
    return [i for i, option in enumerate(question["options"]) if option["correct"]]


def wrong(question: dict) -> list[int] | float:
    """A typical mistake: half right where several are to be ticked or ordered."""
    if question["kind"] in TYPED:
        return question["wrong"][0]["value"]
    if question["kind"] == "ordering":
        return [1, 0, *right(question)[2:]]
    if question["kind"] == "multiple":
        return right(question)[:-1]
    return [next(i for i, option in enumerate(question["options"]) if not option["correct"])]


def plain(page: Page, markdown: str) -> str:
    """The text a reader sees of a question's Markdown."""
    return page.evaluate(
        "html => new DOMParser().parseFromString(html, 'text/html').body.textContent", as_html(markdown)
    )


def test_every_chapter_has_its_quiz():
    built = {
        path.stem for path in (BOOK / "chapters").glob("*.html") if "<cnn-quiz" in path.read_text(encoding="utf-8")
    }
    assert built == set(CHAPTERS)
    assert "<cnn-quiz" in (BOOK / "book" / "gallery.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHAPTERS)
def test_all_right_and_kept_after_reload_until_it_is_taken_back(visit, name):
    page, form = open_quiz(visit, name, over="http")
    questions = QUIZZES[name].questions
    orders = [question for question in questions if question["kind"] == "ordering"]
    first = {question["id"]: field(form, question).evaluate(PLACES) for question in orders}
    assert not any(first[question["id"]] == right(question) for question in orders)
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")
    for question in questions:
        ours = answer(form, question, right(question))
        expect(ours.locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-good")
        expect(ours.locator(".cnn-bad")).to_have_count(0)
    done = f"{len(questions)} of {len(questions)} right"
    expect(form.locator(".cnn-score")).to_have_text(done)

    page.reload()
    expect(form.locator(".cnn-score")).to_have_text(done)
    for question in orders:
        ours = field(form, question)
        expect(ours.locator(".cnn-verdict")).to_have_text("Right.")
        assert ours.evaluate(PLACES) == right(question)
        ours.locator("li").first.get_by_role("button", name="Move down").press("Enter")
        expect(ours.locator(".cnn-verdict")).to_contain_text(f"now 2 of {len(first[question['id']])}")
        expect(ours.locator("li.cnn-good")).to_have_count(0)
    form.get_by_role("button", name="Clear answers").press("Enter")
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")
    expect(form.locator("input:checked")).to_have_count(0)
    for question in orders:
        assert field(form, question).evaluate(PLACES) == first[question["id"]]
    page.reload()
    expect(form.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")


def assert_shown_by_knobs(page: Page, ours: Locator, setting: dict[str, str]) -> None:
    """The link below an answered prediction leads to its explorer and turns the knobs of that."""
    link = ours.locator(".cnn-see a")
    explorer = page.locator(link.get_attribute("href").split("?")[0])
    before = explorer.locator(".cnn-sentence").inner_text()
    link.press("Enter")
    expect(explorer.locator(".cnn-sentence")).not_to_have_text(before)
    expect(explorer).to_be_in_viewport()
    for knob, step in setting.items():
        shown = explorer.locator(f"[name='{knob}']")
        expect(shown.locator("xpath=..").locator("output").or_(shown.locator("option:checked")).first).to_have_text(
            step
        )


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_wrong_or_half_right_answer_is_explained_and_can_be_mended(visit, name):
    """As the section that explains it is linked, and the knobs that show what was to be predicted."""
    page, form = open_quiz(visit, name)
    questions = QUIZZES[name].questions
    for question in questions:
        link = field(form, question).locator(".cnn-back a")
        expect(link).to_be_visible()
        expect(page.locator(link.get_attribute("href"))).to_contain_text(question["section"])
        if question["kind"] == "predict":
            expect(field(form, question).locator(".cnn-see")).to_be_hidden()
        given = wrong(question)
        ours = answer(form, question, given)
        expect(ours.locator(".cnn-verdict")).to_have_text(
            {"single": "Not this one.", "numeric": "Not yet.", "predict": "Not yet."}.get(
                question["kind"], ours.locator(".cnn-verdict").inner_text()
            )
        )
        expect(ours.locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-bad")
        if question["kind"] == "ordering":
            expect(ours.locator("li.cnn-bad")).to_have_count(2)
            expect(ours.locator("li.cnn-good")).to_have_count(len(question["items"]) - 2)
            expect(ours.locator(".cnn-verdict")).to_contain_text(f"{len(question['items']) - 2} of")
        elif question["kind"] in TYPED:
            expect(ours.locator(".cnn-feedback")).to_contain_text(plain(page, question["wrong"][0]["feedback"]))
        elif question["kind"] == "single":
            expect(ours.locator(".cnn-feedback").nth(given[0])).to_contain_text(
                plain(page, question["options"][given[0]]["feedback"])
            )
        else:
            for i, option in enumerate(question["options"]):
                expect(ours.locator(".cnn-feedback").nth(i)).to_contain_text(plain(page, option["feedback"]))
            expect(ours.locator(".cnn-feedback.cnn-bad")).to_have_count(1)
        if question["kind"] == "predict":
            assert_shown_by_knobs(page, ours, question["setting"])
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
    question = QUIZZES[name].questions[0]
    expect(answer(form, question, right(question)).locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-good")
    page.reload()
    expect(form.locator(".cnn-score")).to_contain_text("0 of")
    expect(form.locator("input:checked")).to_have_count(0)


ORDERED = [name for name in CHAPTERS if any(q["kind"] == "ordering" for q in QUIZZES[name].questions)]


@pytest.mark.parametrize("name", ORDERED)
def test_on_a_phone_the_arrows_of_an_item_stand_side_by_side(visit, name):
    _, form = open_quiz(visit, name, width=390)
    tops = "node => [...node.querySelectorAll('button')].map(button => button.getBoundingClientRect().top)"
    for question in (q for q in QUIZZES[name].questions if q["kind"] == "ordering"):
        items = field(form, question).locator("li[data-place]")
        assert all(up == down for up, down in (item.evaluate(tops) for item in items.all()))
        field(form, question).get_by_role("button", name="Check").click()
        expect(items.locator(".cnn-mark").first).to_have_text(re.compile("place|not here"))  # it takes room as well
        assert all(up == down for up, down in (item.evaluate(tops) for item in items.all()))


def test_numbers_are_read_as_they_are_written(visit):
    _, form = open_quiz(visit, "04_resnet")
    question = next(q for q in QUIZZES["04_resnet"].questions if q["id"] == "keras-biases")
    ours = field(form, question)
    for text in ("26560", "26,560", "26 560", "26.56 k", "26560 parameters", "26.56k parameters", "0.02656 M"):
        ours.locator("input").fill(text)
        ours.locator("input").press("Enter")
        expect(ours.locator(".cnn-verdict")).to_have_text("Right.")
    for text, said in (("many", "Type a number, such as 1,500 or 1.5 k."), ("", "Type a number first.")):
        ours.locator("input").fill(text)
        ours.locator("input").press("Enter")
        expect(ours.locator(".cnn-verdict")).to_have_text(said)


# ---------------------------------------------------------------------------------------------------- the progress page


def test_progress_is_counted_over_the_chapters_and_cleared(visit):
    page, form = open_quiz(visit, CHAPTERS[0], over="http")
    questions = QUIZZES[CHAPTERS[0]].questions
    typed = next(question for question in questions[1:] if question["kind"] in TYPED)
    answer(form, questions[0], right(questions[0]))
    answer(form, typed, wrong(typed))
    total = sum(len(QUIZZES[name].questions) for name in CHAPTERS)
    page.goto(page.url.split("/chapters/")[0] + "/book/progress.html")
    progress = page.locator("cnn-progress")
    expect(progress.locator(".cnn-score")).to_have_text(f"1 of {total} right")
    row = progress.locator(f"tr[data-name='{CHAPTERS[0]}']")
    expect(row).to_contain_text(f"1 of {len(questions)} right, 1 to mend")
    expect(row.locator("progress")).to_have_attribute("value", "1")

    other = page.context.new_page()  # in a second tab the wrong one is mended
    other.goto(page.url.split("/book/")[0] + f"/chapters/{CHAPTERS[0]}.html")
    again = other.locator(f"cnn-quiz[data-name='{CHAPTERS[0]}']").last
    field(again, typed).get_by_role("button", name="Try again").press("Enter")
    field(again, typed).locator("input").first.fill(str(right(typed)))
    field(again, typed).locator("input").first.press("Enter")
    expect(progress.locator(".cnn-score")).to_have_text(f"2 of {total} right")

    progress.get_by_role("button", name="Clear the answers of all chapters").press("Enter")
    expect(progress.locator(".cnn-foot button:focus")).to_have_text("Yes, clear")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # keep
    expect(progress.locator(".cnn-score")).to_have_text(f"2 of {total} right")
    progress.get_by_role("button", name="Clear the answers of all chapters").press("Enter")
    page.keyboard.press("Enter")  # yes
    expect(progress.locator(".cnn-score")).to_have_text(f"0 of {total} right")
    expect(again.locator(".cnn-score")).to_have_text(f"0 of {len(questions)} right")  # the other tab hears of it
    expect(again.locator("input:checked")).to_have_count(0)


def test_the_link_of_a_chapter_leads_to_it(visit):
    page = visit("book/progress.html")
    page.locator(f"tr[data-name='{CHAPTERS[0]}'] a").click()
    expect(page.locator("cnn-quiz").first).to_be_attached()


def test_where_storage_is_blocked_the_progress_page_says_so(visit):
    page = visit("book/progress.html", storage=False)
    expect(page.locator("cnn-progress .cnn-score")).to_contain_text("keeps no answers here")
