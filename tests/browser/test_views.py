"""The scripts of single views on bare pages: odd words, crowded pictures, narrow pages, keys."""

import contextlib
import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect
from test_scripts import ODD, bare
from view_examples import examples, with_a_ninth_view
from view_examples import explorer as example

from cnnlib import palette
from cnnlib.course.explorer import Explorer, Knob, views

SIZE = Knob("size", "Size", (1, 2, 4), 2)


def bars(size: int) -> dict:
    row = {"name": ODD, "op": "conv", "params": 100 * size, "macs": 0, "output_bytes": 1500}
    other = {"name": "fc", "op": "linear", "params": 300 * size, "macs": 0, "output_bytes": 500}
    return {"rows": [row, other], "totals": {"params": 400 * size, "macs": 0, "output_bytes": 2000}}


def pipeline(size: int) -> dict:
    shapes = [(3, 200, 200), *[(64 * size, 100, 100)] * 8, (4096,)]
    return {"layers": [{"name": f"layer{i}", "what": ODD[:8], "op": "conv", "shape": s} for i, s in enumerate(shapes)]}


def ranks(size: int) -> dict:
    names = [f"network{i}" for i in range(9)] + [ODD]
    rows = [
        {"name": name, "places": [i + 1, 10 - i, (i + size) % 10 + 1], "values": [f"{i}%", f"{i} MB", ODD]}
        for i, name in enumerate(names)
    ]
    return {"columns": ["top-1 error", ODD, "time"], "rows": rows, "chosen": [names[size], ODD]}


def scatter(size: int) -> dict:
    """A cloud in which names would meet, a point that has no y, and one alone."""
    cloud = [(f"network{i}", "A", 10**6 * (1 + i // 4), 70 + i % 4) for i in range(12)]
    points = [*cloud, ("alone", "B", 10**8, 90), (ODD, ODD, 10**7, None)]
    return {
        "points": [
            dict(zip(("name", "group", "x", "y"), (*point[:2], point[2] * size, point[3]), strict=True))
            for point in points
        ],
        "x": {"label": f"bytes {ODD}", "unit": "B", "log": True},
        "y": {"label": "right", "unit": "%", "log": False},
    }


def table(size: int) -> dict:
    return {"rows": [{"what": ODD, "2": 1234567 * size, "1": None, ODD: 0.5}]}


CASES = {of.__name__: of for of in (bars, pipeline, ranks, scatter, table)}


def explorer(view: str) -> Explorer:
    return Explorer(
        lambda size: CASES[view](size) | {"sentence": f"Size {size} {ODD}"}, [SIZE], view=view, title=f"A {view}"
    )


@pytest.fixture
def show(visit, tmp_path):
    def show(view: str, width: int = 800) -> Page:
        return visit(bare(explorer(view)._repr_html_(), tmp_path), width=width)

    return show


@pytest.mark.parametrize("view", views.names())
def test_odd_words_are_text_in_a_sandboxed_frame_too(visit, tmp_path, view):
    shown = example(view, mark=ODD)
    frame = shown._repr_html_().replace("&", "&amp;").replace('"', "&quot;")
    page = visit(bare(f'<iframe sandbox="allow-scripts" width="700" height="900" srcdoc="{frame}"></iframe>', tmp_path))
    inside = page.frame_locator("iframe")
    before, *_, after = shown.table.values()
    expect(inside.locator(".cnn-sentence")).to_have_text(before["sentence"])
    drawn = inside.locator(".cnn-picture").inner_html()
    inside.locator("[name=example]").press("End")
    expect(inside.locator(".cnn-sentence")).to_have_text(after["sentence"])
    assert inside.locator(".cnn-picture").inner_html() != drawn
    expect(inside.locator("#odd")).to_have_count(0)


@pytest.mark.parametrize("view", views.names())
def test_nothing_is_wider_than_a_phone_and_nothing_moves_by_itself(visit, tmp_path, view):
    page = visit(bare(example(view)._repr_html_() + example(view, mark=ODD)._repr_html_(), tmp_path), width=390)
    for knob in page.locator("[name=example]").all():
        for key in ("Home", "End"):
            knob.press(key)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.getAnimations().length") == 0  # so there is nothing to reduce


COLOURS = """(nodes) => nodes.filter((node) => node.textContent.trim() && !node.querySelector("*"))
  .map((node) => getComputedStyle(node)[node instanceof SVGElement ? "fill" : "color"])"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", views.names())
def test_words_have_the_colours_of_the_mode(visit, tmp_path, view, dark):
    page = visit(bare(example(view)._repr_html_(), tmp_path), dark=dark)
    colours = palette.DARK if dark else palette.LIGHT
    words = [colours[name] for name in (*palette.TEXT, "surface")]  # "surface" is for words on a mark
    allowed = {f"rgb({', '.join(str(int(code[i : i + 2], 16)) for i in (1, 3, 5))})" for code in words}
    for key in ("Home", "End"):
        page.locator("[name=example]").press(key)
        found = page.locator(".cnn-picture *").evaluate_all(COLOURS)
        assert found and set(found) <= allowed


@pytest.mark.parametrize("view", views.names())
def test_a_knob_that_goes_back_draws_the_same_again(visit, tmp_path, view):
    page = visit(bare(example(view)._repr_html_(), tmp_path))
    before = page.locator(".cnn-picture").inner_html()
    for key in ("End", "Home"):
        page.locator("[name=example]").press(key)
    assert page.locator(".cnn-picture").inner_html() == before
    expect(page.locator(".cnn-fallback")).to_have_count(0)


def scaled(value, factor: float):
    """A copy of a result with every number times `factor`; whole numbers stay whole."""
    if isinstance(value, dict):
        return {key: scaled(part, factor) for key, part in value.items()}
    if isinstance(value, list):
        return [scaled(part, factor) for part in value]
    if isinstance(value, bool | str | None):
        return value
    return math.ceil(value * factor) if isinstance(value, int) else value * factor


DRAW_ALL = """() => {
  const input = document.querySelector("[name=example]");
  const picture = document.querySelector(".cnn-picture");
  return [...Array(Number(input.max) + 1).keys()].map((step) => {
    input.value = step;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    const nodes = [...picture.querySelectorAll("*")];
    const odd = nodes.flatMap((node) => [...node.attributes].map(({ name, value }) => `${node.localName} ${name}=${value}`))
      .filter((text) => /NaN|Infinity|undefined/.test(text));
    return [document.querySelector(".cnn-sentence").textContent, nodes.length, [...odd], picture.querySelectorAll("b, img, script").length];
  });
}"""
words = st.text(st.characters(exclude_categories=("C", "Z")), max_size=8) | st.sampled_from(
    [ODD, "</script>", "&lt;", "-", "0", "é中🧠"]
)


def draws_all(visit, tmp_path, view: str, results: list[dict]) -> None:
    """Each result as a setting: its sentence is read, its picture has no number that is none and no markup of a word."""
    knob = Knob("example", "Example", range(len(results)), 0)
    shown = Explorer(lambda example: results[example], [knob], view=view, title="x")
    seen = visit(bare(shown._repr_html_(), tmp_path)).evaluate(DRAW_ALL)
    for result, (sentence, nodes, odd, foreign) in zip(results, seen, strict=True):
        assert sentence == result["sentence"] and nodes > 1 and not odd and not foreign, (result, odd)


@pytest.mark.parametrize("view", views.names())
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_words_and_sizes_are_drawn(visit, tmp_path, view, data):
    some = st.tuples(words, st.sampled_from([0.1, 1, 3, 50]), st.integers(0, len(examples(view)) - 1))
    drawn = data.draw(st.lists(some, min_size=12, max_size=12))
    draws_all(visit, tmp_path, view, [scaled(examples(view, mark)[which], factor) for mark, factor, which in drawn])


@pytest.mark.parametrize("view", views.names())
def test_sizes_of_nothing_are_drawn_or_refused(visit, tmp_path, view):
    draws_all(visit, tmp_path, view, [scaled(result, factor) for factor in (0, 1) for result in examples(view)][1:])
    with contextlib.suppress(ValueError):
        draws_all(visit, tmp_path, view, [scaled(result, 0) for result in examples(view)])


def test_a_ninth_view_is_drawn(visit, tmp_path):
    page = visit(bare(with_a_ninth_view(tmp_path), tmp_path))
    expect(page.locator("p.slices")).to_have_text("a: 1 of 1")
    page.locator("[name=example]").press("End")
    expect(page.locator("p.slices")).to_have_text("of 1")


def test_a_bar_is_as_long_as_its_amount_and_the_largest_of_all_settings_is_full(show):
    page = show("bars")
    control = page.locator("[name=size]")
    for key, lengths in (("Home", ["8", "25"]), ("End", ["33", "100"])):
        control.press(key)
        widths = page.locator("tbody tr td:nth-child(2) rect").evaluate_all(
            "ns => ns.map((n) => n.getAttribute('width'))"
        )
        assert [width.rstrip("%").split(".")[0] for width in widths] == lengths
    assert page.locator("td:nth-child(2) .cnn-share").all_inner_texts() == ["25%", "75%"]
    assert page.locator("td:nth-child(3) .cnn-share").all_inner_texts() == ["", ""]  # no share of nothing
    assert page.locator("td:nth-child(4) .cnn-amount").all_inner_texts() == ["1.5\u202fKB", "500\u202fB"]


@pytest.mark.parametrize("width", [390, 800])
@pytest.mark.parametrize("view", ["pipeline", "scatter"])
def test_words_never_meet_and_stay_inside(show, view, width):
    page = show(view, width)
    boxes = page.locator(".cnn-drawing text:visible").evaluate_all(
        "ns => ns.map((n) => { const b = n.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; })"
    )
    inside = page.locator(".cnn-drawing").bounding_box()
    for i, (left, right, top, bottom) in enumerate(boxes):
        assert left >= inside["x"] - 1 and right <= inside["x"] + inside["width"] + 1
        for other in boxes[:i]:
            assert right <= other[0] + 1 or left >= other[1] - 1 or bottom <= other[2] + 4 or top >= other[3] - 4


def test_a_pipeline_wraps_on_a_phone(show):
    def rows(page: Page) -> int:
        return len(
            set(page.locator(".cnn-drawing text.cnn-name").evaluate_all("ns => ns.map((n) => n.getAttribute('y'))"))
        )

    assert 1 <= rows(show("pipeline", 800)) < rows(show("pipeline", 390))


def test_a_chosen_line_goes_through_its_places(show):
    page = show("ranks")
    expect(page.locator("path.cnn-thick")).to_have_count(2)
    expect(page.locator("path.cnn-thin")).to_have_count(8)
    assert page.locator(".cnn-place").all_text_contents() == ["3", "8", "5", "10", "1", "2"]
    page.locator("summary").click()
    assert page.locator("tbody tr").nth(2).locator("td").all_inner_texts() == ["2% (3)", "2 MB (8)", f"{ODD} (5)"]


def test_points_that_are_not_known_are_listed_and_not_drawn(show):
    page = show("scatter")
    expect(page.locator(".cnn-point")).to_have_count(13)
    page.locator("summary").click()
    expect(page.locator("tbody tr")).to_have_count(14)
    assert page.locator("tbody tr").last.locator("td").all_inner_texts() == ["20,000,000 B", "–"]


def test_arrow_keys_go_from_point_to_point_and_each_is_read(show):
    page = show("scatter")
    expect(page.locator(".cnn-point[tabindex='0']")).to_have_count(1)  # one stop for Tab
    page.locator(".cnn-point[tabindex='0']").focus()
    for key, name in (("End", "alone"), ("ArrowLeft", "network11"), ("Home", "network0"), ("ArrowLeft", "network0")):
        page.keyboard.press(key)
        expect(page.locator(".cnn-point:focus")).to_have_attribute("aria-label", re.compile(rf"^{name}:"))
        expect(page.locator(".cnn-on")).to_have_count(1)
        expect(page.locator(".cnn-on text")).to_be_visible()
    expect(page.locator(".cnn-note")).to_have_text(f"network0: bytes {ODD} 2\u202fMB, right 70\u202f%")


def test_a_finger_beside_a_point_chooses_it_and_it_stays_chosen(show):
    page = show("scatter")
    box = page.locator(".cnn-point", has_text="alone").locator("path").bounding_box()
    page.mouse.click(box["x"] - 20, box["y"] + 20)
    expect(page.locator(".cnn-on")).to_have_text("alone")
    page.locator("[name=size]").press("End")
    expect(page.locator(".cnn-on")).to_have_text("alone")
    expect(page.locator(".cnn-note")).to_contain_text("400\u202fMB")


def test_columns_keep_their_order_and_numbers_are_grouped(show):
    page = show("table")
    assert page.locator("thead th").all_inner_texts() == ["what", "2", "1", ODD]
    assert page.locator("tbody :is(th, td)").all_inner_texts() == [ODD, "2,469,134", "–", "0.5"]
