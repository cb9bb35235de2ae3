"""The print form: nothing of the book is lost on paper, and no answer stands before the back."""

import copy
import json
import re
from itertools import product

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import soup
from playwright.sync_api import expect

from book.tools import print_form
from cnnlib import chapters
from cnnlib.course.html import markdown
from cnnlib.course.quiz import examples

LETTERS = "abcdefghij"
PAGES = [name for name, _ in print_form.toc(print_form.ROOT / "_toc.yml")]


def words(markup: str | Tag) -> str:
    """The text of markup, with single spaces."""
    tag = BeautifulSoup(markup, "html.parser") if isinstance(markup, str) else markup
    return " ".join(tag.get_text("").split())


@pytest.fixture(scope="module")
def made() -> str:
    """The print form, with pictures where a Chromium is found."""
    return print_form.document(print_form.read(), print_form.find_chromium())


@pytest.fixture(scope="module")
def book(made) -> BeautifulSoup:
    return BeautifulSoup(made, "html.parser")


@pytest.fixture(scope="module")
def by_id(book) -> dict[str, Tag]:
    """What has an id: to look through the whole book for each takes minutes."""
    return {tag["id"]: tag for tag in book.select("[id]")}


@pytest.fixture(scope="module")
def quizzed(book) -> dict[str, list[Tag]]:
    """The questions in the text, and the answers at the back."""
    return {"asked": book.select(".p-question[data-question]"), "answers": book.select("#answers .p-answer")}


def built(name: str) -> BeautifulSoup:
    """A page as the web has it; to be read only."""
    return soup(f"{name}.html")


def folded(kind: str) -> list:
    """What is folded in the pages under this heading."""
    return [one for name in PAGES for one in built(name).select("details") if one.summary.get_text(strip=True) == kind]


def test_every_page_is_there_in_the_order_of_the_contents(book):
    keys = [section["id"] for section in book.select("main > section")]
    assert keys == [name.rpartition("/")[2] for name in PAGES] + list(print_form.BACKS)
    linked = [link["href"] for link in book.select(".p-contents > p > a")]
    assert linked == [f"#{key}" for key in keys]


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("chapters/")])
def test_a_sentence_on_paper_is_the_one_on_the_screen(visit, book, page):
    """What waits hidden beside a word, as a definition from the glossary, is not printed amid the sentence."""
    screen = visit(f"{page}.html").locator("article section > p:not(:has(.katex))").all_inner_texts()
    paper = words(str(book.find(id=page.rpartition("/")[2])))
    assert len(screen) >= 5
    assert [one for one in screen if " ".join(one.split()) not in paper] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_question_stands_in_the_text_and_its_answer_at_the_back(quizzed, page):
    key = page.rpartition("/")[2]
    shown = {
        (one["data-name"], field["data-id"])
        for one in built(page).select("cnn-quiz")
        for field in one.select("fieldset")
    }
    questions = {(chapter.page, one["id"]): one for chapter in chapters.in_order() for one in chapter.questions()}
    questions |= {("gallery", one["id"]): one for one in examples().questions}
    for question in (questions[one] for one in sorted(shown)):
        asked, answers = (
            [
                one
                for one in quizzed[where]
                if one["data-question"] == question["id"] and one["id"].startswith(f"{key}--")
            ]
            for where in ("asked", "answers")
        )
        assert len(asked) == len(answers) >= 1
        assert words(markdown(question["text"])) in words(asked[0])
        text = words(answers[0])
        explained = [part["feedback"] for part in question.get("options", question.get("wrong", []))]
        explained += [question["feedback"]] if "feedback" in question else []
        for feedback in explained:
            assert words(markdown(feedback)) in text
            assert words(markdown(feedback)) not in words(asked[0])
        assert_right(question, asked[0], answers[0].strong.get_text())
        for place, other in ((asked[0], answers[0]), (answers[0], asked[0])):
            assert place.find("a", href=f"#{other['id']}")


def assert_right(question: dict, asked: Tag, said: str) -> None:
    """That what is said at the back is the key of the question, by the letters that the reader sees."""
    if "options" in question:
        assert said == ", ".join(
            one for one, option in zip(LETTERS, question["options"], strict=False) if option["correct"]
        )
    elif question["kind"] == "ordering":
        seen = {letter: words(item) for letter, item in zip(LETTERS, asked.select("ol > li"), strict=False)}
        assert [seen[letter] for letter in said.split(", ")] == [
            words(markdown(item["text"])) for item in question["items"]
        ]
    else:
        assert float(said) == question["answer"]


@pytest.mark.parametrize(
    ("heading", "entries"), [("Hint", "#hints li"), ("A worked solution", "#solutions .p-solution")]
)
def test_what_was_folded_is_at_the_back_and_linked_both_ways(book, by_id, heading, entries):
    back = book.select(entries)
    linked = {link["href"] for link in book.select("a[href^='#']")}
    assert len(back) == len(folded(heading)) > 0
    for one, details in zip(back, folded(heading), strict=True):
        unfolded = copy.copy(details)
        unfolded.summary.decompose()
        assert words(unfolded) in words(one)
        assert by_id[one.a["href"][1:]].find_parent("section", class_="p-page")["id"] not in print_form.BACKS
        assert f"#{one['id']}" in linked


def test_no_answer_stands_before_the_back(book):
    for answer in book.select("[id*='--answer-'], [id*='--solution-'], [data-correct], .cnn-key"):
        assert answer.find_parent("section", id=["answers", "solutions"]), answer


@pytest.mark.parametrize("page", PAGES)
def test_every_explorer_has_its_table_and_every_bench_its_runs(by_id, page):
    key = page.rpartition("/")[2]
    for explorer in built(page).select("cnn-explorer"):
        spec = json.loads(explorer.script.string)
        printed = by_id[f"{key}--{explorer['id']}"]
        assert spec["title"] == printed.select_one(".p-title").get_text()
        assert printed.select_one("svg, table.cnn-values, .p-values table")  # never an empty box
        if spec["title"].endswith(print_form.RECORDED):
            settings = product(*(range(len(knob["steps"])) for knob in spec["knobs"]))
            ran = [print_form.result_at(spec, steps)["series"] for steps in settings]
            rows = printed.select(".p-runs tbody tr")
            assert len(rows) == sum(map(bool, ran))
            for row, series in zip(rows, filter(None, ran), strict=True):
                for one in series:
                    assert any(cell.get_text().startswith(f"{one['mean'][-1]:g}") for cell in row.select("td"))
            continue
        heads = [head.get_text() for head in printed.select(".p-settings tbody th[rowspan]")]
        assert heads == [knob["label"] for knob in spec["knobs"]]
        steps = [row.select("th")[-1].get_text().removesuffix(" *") for row in printed.select(".p-settings tbody tr")]
        assert steps == [step for knob in spec["knobs"] for step in knob["steps"]]


def test_the_table_says_what_the_script_says(visit):
    """The sentences come from a second reading of the packed table: the script's own is the oracle."""
    page = visit("chapters/04_resnet.html")
    for explorer in page.locator("cnn-explorer").all():
        spec = json.loads(explorer.locator("script").text_content())
        defaults = [knob["default"] for knob in spec["knobs"]]
        for place, knob in enumerate(spec["knobs"]):
            last = len(knob["steps"]) - 1
            explorer.evaluate("(node, steps) => node.set(steps)", [*defaults[:place], last, *defaults[place + 1 :]])
            said = print_form.result_at(spec, [*defaults[:place], last, *defaults[place + 1 :]])["sentence"]
            expect(explorer.locator(".cnn-sentence")).to_have_text(said)


def test_nothing_runs_and_nothing_is_fetched(book):
    assert not book.select("script, button, input, select, iframe, link, details, cnn-explorer, [onclick]")
    assert all(image["src"].startswith("data:") for image in book.select("img"))
    styles = "".join(style.get_text() for style in book.select("style"))
    assert not re.findall(r"url\((?!['\"]?data:|#)[^)]*\)|@import", styles)


def test_every_link_leads_somewhere(book):
    ids = [tag["id"] for tag in book.select("[id]")]
    known = set(ids)
    assert len(ids) == len(known), sorted({one for one in known if ids.count(one) > 1})
    for link in book.select("a[href]"):
        assert link["href"].startswith(("http", "#")), link
        assert not link["href"].startswith("#") or link["href"][1:] in known, link


def test_nothing_is_wider_than_the_sheet(made, tmp_path, visit):
    path = tmp_path / "anatomy.html"
    path.write_text(made, encoding="utf-8")
    page = visit(path, width=print_form.SHEET)
    page.emulate_media(media="print", color_scheme="dark")
    wide = page.evaluate(
        """() => [...document.querySelectorAll("main *")]
            .filter((one) => !one.closest(".katex, svg") && one.getBoundingClientRect().right > innerWidth + 1)
            .map((one) => `${one.tagName} ${one.className} in ${one.closest("[id]").id}`)"""
    )
    assert wide == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_a_browser_there_are_tables_and_a_word_on_the_rest(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(print_form, "find_chromium", lambda: None)
    assert print_form.main(tmp_path) == 0
    assert "set CHROMIUM=path" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["anatomy.html"]
    text = BeautifulSoup((tmp_path / "anatomy.html").read_text(encoding="utf-8"), "html.parser")
    assert all(one.select_one(".p-values table") for one in text.select(".p-explorer"))


def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys):
    with pytest.raises(print_form.Fault, match="run make book first"):
        print_form.read(tmp_path)
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    assert print_form.main(tmp_path) == 1
    assert "/no/such/browser does not run" in capsys.readouterr().err


def test_the_pdf_is_one(chromium, tmp_path):
    page = tmp_path / "small.html"
    page.write_text("<!doctype html><title>A sheet</title><p>One.", encoding="utf-8")
    print_form.pdf(print_form.find_chromium(), page)
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")
