"""Whatever is typed, kept or asked for in an address: no script throws, and what is no answer is none."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect
from test_scripts import CURVES, STAGES, bare

from cnnlib.chapters import resnet
from cnnlib.course.html import asset
from cnnlib.course.quiz import examples

# One batch goes to the page at once; the page itself is the same for all, and none of them changes it.
A_FEW_BATCHES = settings(
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
NUMBERS = """([code, typed]) => {
  const number = new Function(code + "; return number;")();
  return typed.map(([text, unit]) => String(number(text, unit)));
}"""
UNITS = st.sampled_from(["", "", "shortcuts", "%", "px", "×", "(a+b)"])
garbage = st.text(max_size=12) | st.text("0123456789 ,.'_-−+eEkMGx∞\u202f\u00a0", max_size=9)


@st.composite
def well_formed(draw) -> tuple[str, str, float]:
    """A number as people write it, the question's unit, and its value, which follows from the parts and not from the text."""
    whole, decimals = draw(st.integers(0, 10**12)), draw(st.text("0123456789", max_size=4))
    parting = draw(st.sampled_from(["", ",", " ", "\u202f", "\u00a0", "_", "'"]))
    marks = [".", ","]
    if parting == "," or (1 <= whole <= 999 and len(decimals) == 3):
        marks = ["."]  # "1,234" is a thousand and more
    sign, value = draw(st.sampled_from([("", 1), ("-", -1), ("−", -1), ("+", 1)]))
    suffix, scale = draw(st.sampled_from([("", 1), ("k", 1e3), (" k", 1e3), ("K", 1e3), ("M", 1e6), ("\u202fG", 1e9)]))
    unit = draw(UNITS)
    text = sign + f"{whole:,}".replace(",", parting) + (draw(st.sampled_from(marks)) + decimals if decimals else "")
    text += suffix + draw(st.sampled_from(["", f" {unit}", unit.upper()] if unit else [""]))
    value *= (whole + (int(decimals) / 10 ** len(decimals) if decimals else 0)) * scale
    return draw(st.sampled_from(["", " ", "\t"])) + text, unit, value


@pytest.fixture
def parser(visit, tmp_path) -> Page:
    return visit(bare("", tmp_path))


def parsed(page: Page, typed: list[tuple[str, str]]) -> list[str]:
    return page.evaluate(NUMBERS, [asset("base.js") + "\n" + asset("quiz/quiz.js"), typed])


@A_FEW_BATCHES
@given(st.lists(well_formed(), min_size=60, max_size=60))
def test_numbers_are_read_as_they_are_written(parser, batch):
    read = parsed(parser, [(text, unit) for text, unit, _ in batch])
    for (text, unit, value), found in zip(batch, read, strict=True):
        assert float(found) == pytest.approx(value, rel=1e-12), (text, unit)


@A_FEW_BATCHES
@given(st.lists(st.tuples(garbage, UNITS), min_size=60, max_size=60))
def test_what_is_no_number_is_none(parser, batch):
    for (text, unit), found in zip(batch, parsed(parser, batch), strict=True):
        if found == "NaN":
            continue
        bare_text = re.sub(re.escape(unit) + r"\s*$", "", text, flags=re.IGNORECASE) if unit else text
        assert re.fullmatch(r"[\d\s.,'_+−eEkKMG-]*\d[\d\s.,'_+−eEkKMG-]*", bare_text), (text, found)
        digits = re.sub(r"\D", "", re.split("[eE]", bare_text)[0])
        assert digits and abs(float(found)) < float("inf") and len(re.findall(r"[.]", bare_text)) <= 1, (text, found)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("0,125", 0.125), ("1,234", 1234), ("1,234,567", 1234567), ("1234,567", 1234.567), ("1,5", 1.5), (".5", 0.5), ("5.", 5),
        ("1 000,5", 1000.5), ("1.5e3", 1500), ("853 K", 853000),
        *((text, None) for text in ("12,34,567", "1,234,5", "1.2.3", "1 2", "1,000 000", "0x10", "Infinity", "1e999", "--5", ".", "k", "e5", "٣")),
    ],
)  # fmt: skip
def test_commas_and_points(parser, typed, value):
    (found,) = parsed(parser, [(typed, "")])
    assert found == "NaN" if value is None else float(found) == value


VERDICTS = re.compile(r"Right\.|Not yet\.|Type a number first\.|Type a number, such as 1,500 or 1\.5 k\.")
TYPE_ALL = """(typed) => typed.map((text) => {
  const [input] = document.querySelectorAll("fieldset input");
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  document.querySelector(".cnn-check button").click();
  const said = document.querySelector(".cnn-verdict").textContent;
  return [said, document.querySelector(".cnn-score").textContent];
})"""


@A_FEW_BATCHES
@given(st.lists(garbage | st.just("26560"), min_size=40, max_size=40))
def test_a_question_answers_whatever_is_typed(question, batch):
    for text, (said, score) in zip(batch, question.evaluate(TYPE_ALL, batch), strict=True):
        assert VERDICTS.fullmatch(said), (text, said)
        assert score == f"{int(said == 'Right.')} of 1 right"
        assert text != "26560" or said == "Right."


@pytest.fixture
def question(visit, tmp_path) -> Page:
    page = visit(bare(resnet.quiz(only=["keras-biases"])._repr_html_(), tmp_path))
    expect(page.locator(".cnn-score")).to_have_text("0 of 1 right")
    return page


# --------------------------------------------------------------------------------------------------- what was kept


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SHOW_ALL = """([html, kept]) => kept.map((text) => {
  localStorage["cnnlib-quiz:gallery"] = text;
  const place = document.createElement("div");
  place.innerHTML = html;
  document.body.replaceChildren(place);
  const quiz = document.querySelector("cnn-quiz");
  return [quiz.querySelector(".cnn-score")?.textContent ?? "", quiz.querySelectorAll(".cnn-check button").length];
})"""


@A_FEW_BATCHES
@given(st.data())
def test_a_quiz_starts_whatever_another_program_has_kept_in_its_place(visit, tmp_path, data):
    """Under the right names too, where an answer should be."""
    quiz = examples()
    hashes = re.findall(r'data-hash="(\w+)"', quiz._repr_html_())
    answers = st.fixed_dictionaries({name: st.fixed_dictionaries({"answer": anything}) | anything for name in hashes})
    kept = data.draw(st.lists((answers | anything).map(json.dumps) | st.text(max_size=9), min_size=25, max_size=25))
    page = visit(bare(quiz._repr_html_(), tmp_path))
    form = quiz._repr_html_().split("<style")[0]
    for score, checks in page.evaluate(SHOW_ALL, [form, kept]):
        assert re.match(r"\d of 5 right", score) and checks == 5


# ------------------------------------------------------------------------------------------------------- addresses


STEPS = st.sampled_from(["1", "3", "9", "0", "-1", "NaN", "3.0", "null", "A", "", "%", "%zz", "%E2%82", "+", "[object Object]"])  # fmt: skip
KNOBS = st.sampled_from(["depth", "shortcut", "width", "__proto__", "constructor", "toString", ""])
IDS = st.sampled_from(["curves", "stages", "", "CURVES", "no-such-id", "%", "curves?curves"])
queries = st.lists(st.tuples(KNOBS, STEPS), max_size=3).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs))
addresses = st.tuples(IDS, st.just("?") | st.just(""), queries | st.text(max_size=8)).map("".join) | st.text(
    max_size=10
)
GO_ALL = """async (addresses) => {
  const seen = [];
  for (const address of addresses) {
    location.hash = address;
    await new Promise((done) => setTimeout(done));
    seen.push([...document.querySelectorAll("cnn-explorer")].map((explorer) =>
      [[...explorer.querySelectorAll("output")].map((node) => node.textContent), explorer.querySelector(".cnn-sentence")?.textContent]));
  }
  return seen;
}"""


@A_FEW_BATCHES
@given(st.lists(addresses, min_size=40, max_size=40))
def test_any_address_leaves_explorers_at_steps_of_their_knobs(explorers, batch):
    steps = [[set(map(knob.text, knob.values)) for knob in each.knobs] for each in (STAGES, CURVES)]
    sentences = [{result["sentence"] for result in each.table.values()} for each in (STAGES, CURVES)]
    for address, seen in zip(batch, explorers.evaluate(GO_ALL, batch), strict=True):
        for (shown, sentence), known, said in zip(seen, steps, sentences, strict=True):
            assert all(text in texts for text, texts in zip(shown, known, strict=True)), address
            assert sentence in said, address


@pytest.fixture
def explorers(visit, tmp_path) -> Page:
    body = STAGES._repr_html_() + CURVES._repr_html_()
    return visit(bare(f'<article class="bd-article">{body}</article>', tmp_path))


ODD = ("%", "%zz", "?", "a-residual-network-for-32-32-images?depth=%E2%82&width", "claim-%", '"]', "a\\b", "é?=&=")


@pytest.mark.parametrize("name", ["chapters/04_resnet.html", "book/ledger.html", "book/index.html", "search.html"])
def test_pages_of_the_book_open_at_any_address(visit, name):
    page = visit(f"{name}#{ODD[0]}")
    page.evaluate(GO_ALL, [*ODD, *(quote(odd) for odd in ODD)])
    page.goto(f"{page.url.partition('#')[0]}?q=%&=#{ODD[1]}")  # loaded at it, and not only led to it
    expect(page.locator("h1:visible").first).to_be_visible()
