"""The scripts alone, on bare pages: in a sandboxed frame as in Colab, inserted as in JupyterLab, with odd contents."""

import json
from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from cnnlib.chapters import resnet
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.quiz import examples

ODD = '<b id="odd">&amp; </script>'


def stages(depth: int, shortcut: str | None) -> dict:
    rows = [
        {
            "name": name,
            "blocks": blocks,
            "channels": channels,
            "size": 32,
            "params": 1000,
            "macs": 10**6,
            "output_bytes": 512,
            "receptive_field": 9,
        }
        for name, blocks, channels in (("conv1", 0, 16), ("stage1", depth, 16), ("stage2", depth, 32), ("fc", 0, 10))
    ]
    return {
        "stages": rows,
        "shortcuts": shortcut,
        "totals": {"params": 4000 + depth, "macs": 4 * 10**9, "output_bytes": 2048, "receptive_field": 1024},
        "sentence": f"{depth} blocks {ODD}",
        "python": f"make({depth})",
    }


def curves(depth: int) -> dict:
    if depth == 9:
        return {"series": [], "sentence": "nothing"}
    line = {"epochs": [1, 2, 3], "mean": [50, 20, 10], "low": [40, 10, 5], "high": [60, 30, 20], "runs": depth}
    series = [line | {"label": f"plain-{depth} {ODD}", "style": "plain"}, line | {"label": "other", "style": None}]
    return {"series": series, "x_label": "epoch", "y_label": "error (%)", "sentence": f"{depth} {ODD}", "note": ODD}


DEPTH = Knob("depth", f"Depth {ODD}", (1, 3, 9), 3)
SHORTCUT = Knob("shortcut", "Shortcut", (None, "A", "B", "C"), "A", format=lambda value: f"{value} {ODD}")
STAGES = Explorer(stages, [DEPTH, SHORTCUT], view="stages", title=f"Stages {ODD}")
CURVES = Explorer(curves, [DEPTH], view="curves", title="Curves")


def bare(body: str, folder: Path, name: str = "page.html") -> Path:
    file = folder / name
    file.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><link rel="icon" href="data:,"><body>{body}</body></html>',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def page(visit, tab, tmp_path) -> Page:
    return visit(bare(STAGES._repr_html_() + CURVES._repr_html_(), tmp_path), tab=tab)


def test_explorers_of_two_views_on_one_page_both_draw(page):
    expect(page.locator("cnn-explorer")).to_have_count(2)
    expect(page.locator("rect.cnn-block")).to_have_count(3 + 3 + 2)
    expect(page.locator("path.cnn-line")).to_have_count(2 + 2)  # and their keys in the legend
    expect(page.locator(".cnn-fallback")).to_have_count(0)


def test_labels_are_text_everywhere(page):
    expect(page.locator("#odd")).to_have_count(0)
    assert page.locator(".cnn-sentence").first.inner_text() == f"3 blocks {ODD}"
    assert ODD in page.locator(".cnn-legend").nth(1).inner_text()
    assert ODD in page.locator("select option").first.inner_text()


@pytest.mark.parametrize(
    ("shortcut", "identity", "padding", "projection"), [(0, 0, 0, 0), (1, 5, 1, 0), (2, 5, 0, 1), (3, 0, 0, 6)]
)
def test_shortcuts_change_kind_where_the_shape_changes(page, shortcut, identity, padding, projection):
    page.locator("select[name=shortcut]").select_option(index=shortcut)
    for kind, count in (("identity", identity), ("padding", padding), ("projection", projection)):
        expect(page.locator(f".cnn-drawing .cnn-{kind}")).to_have_count(count)


def test_depth_makes_the_row_longer_and_width_higher(page):
    def reach() -> float:
        return page.locator("cnn-explorer").first.locator("rect.cnn-block").last.evaluate("n => n.x.baseVal.value")

    control = page.locator("[name=depth]").first
    control.press("Home")
    short = reach()
    control.press("ArrowRight")
    assert reach() > short
    heights = page.locator("rect.cnn-block").evaluate_all("ns => ns.map((n) => n.height.baseVal.value)")
    assert heights[4] == pytest.approx(heights[1] * 2**0.5)


def test_numbers_are_grouped_and_exact(page):
    assert page.locator(".cnn-totals dd").all_inner_texts() == [
        "4,003",
        "4,000,000,000",
        "2,048",
        "1,024 px",
    ]
    assert page.locator(".cnn-amount").first.inner_text() == "1\u202fK"
    assert page.locator(".cnn-share").nth(1).inner_text() == "<1%"
    assert page.locator(".cnn-amount").nth(2).inner_text() == "512\u202fB"


def test_reset_goes_back_to_the_defaults(page):
    before = page.locator(".cnn-picture").first.inner_html()
    page.locator("[name=depth]").first.press("End")
    assert page.locator(".cnn-picture").first.inner_html() != before
    page.get_by_role("button", name="Reset").first.click()
    assert page.locator(".cnn-picture").first.inner_html() == before


def test_a_setting_without_runs_says_so(page):
    page.locator("[name=depth]").last.press("End")
    expect(page.locator(".cnn-picture").last).to_contain_text("No run was recorded here")
    expect(page.locator(".cnn-picture").last).not_to_contain_text("null")  # what the function left out is not shown


def test_outside_the_book_the_address_is_left_alone(page):
    before = page.url
    page.locator("[name=depth]").first.press("End")
    assert page.url == before


def test_in_the_book_text_can_turn_a_knob(visit, tmp_path):
    link = '<a href="#curves?depth=1">one</a>'
    page = visit(bare(f'<article class="bd-article">{link}{CURVES._repr_html_()}</article>', tmp_path))
    page.get_by_text("one", exact=True).click()
    expect(page.locator("[name=depth]")).to_have_value("0")
    page.locator("[name=depth]").press("ArrowRight")
    assert page.url.endswith("#curves?depth=3")


def test_copy_marks_the_text_where_there_is_no_clipboard(page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy as Python").first.click()
    expect(page.locator(".cnn-said").first).to_contain_text("Marked")
    assert page.evaluate("String(getSelection())") == "make(3)"


def test_a_sandboxed_frame_is_enough(visit, tmp_path):
    body = STAGES._repr_html_() + resnet.quiz()._repr_html_()
    frame = body.replace("&", "&amp;").replace('"', "&quot;")
    page = visit(bare(f'<iframe sandbox="allow-scripts" width="700" height="900" srcdoc="{frame}"></iframe>', tmp_path))
    inside = page.frame_locator("iframe")
    inside.locator("[name=depth]").press("End")
    expect(inside.locator("rect.cnn-block")).to_have_count(9 + 9 + 2)
    number = inside.locator("fieldset[data-id=shortcuts-56]")
    number.locator("input").fill("27")
    number.locator("input").press("Enter")
    expect(number.locator(".cnn-verdict")).to_have_text("Right.")
    expect(inside.locator(".cnn-back:visible")).to_have_count(0)  # the sections are out of reach here


# JupyterLab sets innerHTML and then runs copies of the scripts; it may show an output again elsewhere.
INSERT = """(html) => {
  const output = document.createElement("div");
  document.body.append(output);
  output.innerHTML = html;
  for (const script of output.querySelectorAll("script")) {
    const copy = document.createElement("script");
    for (const { name, value } of script.attributes) copy.setAttribute(name, value);
    copy.textContent = script.textContent;
    script.replaceWith(copy);
  }
}"""


def test_inserted_as_jupyterlab_does_twice_and_moved(visit, tmp_path):
    page = visit(bare("", tmp_path))
    for count in (1, 2):
        page.evaluate(INSERT, STAGES._repr_html_() + resnet.quiz()._repr_html_())
        expect(page.locator(".cnn-head")).to_have_count(count)
        expect(page.locator(".cnn-score")).to_have_count(count)
    page.evaluate("document.body.prepend(document.querySelectorAll('cnn-explorer')[1])")
    expect(page.locator(".cnn-head")).to_have_count(2)
    page.locator("[name=depth]").first.press("End")
    expect(page.locator("cnn-explorer").first.locator("rect.cnn-block")).to_have_count(9 + 9 + 2)


def test_arrow_keys_stay_ours_in_jupyterlab(visit, tmp_path):
    page = visit(bare(STAGES._repr_html_() + resnet.quiz()._repr_html_(), tmp_path))
    expect(page.locator(".cnn-score")).to_be_visible()
    assert page.locator(":is(input, select):not([data-lm-suppress-shortcuts=true])").count() == 0


@pytest.mark.parametrize("width", [390, 800])
def test_labels_of_stages_never_meet_and_stay_inside(visit, tmp_path, width):
    page = visit(bare(STAGES._repr_html_(), tmp_path), width=width)
    page.locator("[name=depth]").press("End")
    boxes = page.locator(".cnn-drawing text").evaluate_all(
        "ns => ns.map((n) => { const b = n.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; })"
    )
    inside = page.locator(".cnn-drawing").bounding_box()
    for i, (left, right, top, bottom) in enumerate(boxes):
        assert left >= inside["x"] - 1 and right <= inside["x"] + inside["width"] + 1
        for other in boxes[:i]:
            assert right <= other[0] or left >= other[1] or bottom <= other[2] + 3 or top >= other[3] - 3


@pytest.mark.parametrize(
    ("host", "dark"),
    [
        ("<script>document.documentElement.dataset.theme = 'dark'</script>", True),
        ("<script>document.documentElement.setAttribute('theme', 'dark')</script>", True),
        ("<script>document.body.dataset.jpThemeLight = 'false'</script>", True),
        ("<script>document.documentElement.dataset.theme = 'light'</script>", False),
        ("<script>document.body.dataset.jpThemeLight = 'true'</script>", False),
    ],
    ids=["book dark", "colab dark", "lab dark", "book light", "lab light"],
)
def test_the_host_decides_between_light_and_dark(visit, tmp_path, host, dark):
    for system_dark in (False, True):
        page = visit(bare(host + CURVES._repr_html_(), tmp_path), dark=system_dark)
        ground = page.locator("cnn-explorer").evaluate("node => getComputedStyle(node).backgroundColor")
        assert ground == ("rgb(26, 32, 39)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("26560", True),
        ("26 560", True),
        ("26,560", True),
        ("26560.0", True),
        ("26.56 k", True),
        ("26561", False),
        ("26559.5", False),
        ("26.56", False),
        ("-26560", False),
    ],
)
def test_numbers_are_read_as_people_write_them(visit, tmp_path, typed, right):
    page = visit(bare(resnet.quiz(only=["keras-biases"])._repr_html_(), tmp_path))
    page.locator("input").fill(typed)
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cnn-verdict")).to_have_text("Right." if right else "Not yet.")


@pytest.mark.parametrize(
    ("typed", "said"), [("", "Type a number first."), ("many", "Type a number, such as 1,500 or 1.5 k.")]
)
def test_no_number_is_no_answer(visit, tmp_path, typed, said):
    page = visit(bare(resnet.quiz(only=["keras-biases"])._repr_html_(), tmp_path))
    page.locator("input").fill(typed)
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cnn-verdict")).to_have_text(said)
    expect(page.locator(".cnn-score")).to_have_text("0 of 1 right")


def test_a_changed_answer_is_not_graded_until_it_is_checked(visit, tmp_path):
    page = visit(bare(resnet.quiz(only=["degradation"])._repr_html_(), tmp_path))
    options = page.locator("input")
    options.nth(0).check()
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cnn-score")).to_have_text("1 of 1 right")
    options.nth(1).check()
    expect(page.locator(".cnn-score")).to_have_text("0 of 1 right")
    expect(page.locator(".cnn-verdict")).to_be_empty()


def test_two_tabs_keep_each_others_answers(visit, tmp_path):
    file = bare(resnet.quiz(only=["degradation", "shortcuts-56"])._repr_html_(), tmp_path)
    first = visit(file, over="http")
    second = first.context.new_page()
    second.goto(first.url)
    expect(second.locator(".cnn-score")).to_be_visible()
    first.locator("input[type=radio]").first.check()
    first.get_by_role("button", name="Check").first.click()
    kept = "count => Object.keys(JSON.parse(localStorage['cnnlib-quiz:04_resnet'] ?? '{}')).length === count"
    second.wait_for_function(kept, arg=1)  # what a tab has written reaches another a moment later
    second.locator("input[type=text]").fill("27")
    second.locator("input[type=text]").press("Enter")
    expect(first.locator(".cnn-score")).to_have_text("2 of 2 right")  # told by the browser, not loaded again
    first.reload()
    expect(first.locator(".cnn-score")).to_have_text("2 of 2 right")
    second.get_by_role("button", name="Try again").first.click()
    expect(first.locator(".cnn-score")).to_have_text("1 of 2 right, 1 not answered yet")
    expect(first.locator("input:checked")).to_have_count(0)


def test_a_question_that_is_open_is_left_alone_by_another_tab(visit, tmp_path):
    file = bare(resnet.quiz(only=["degradation", "shortcuts-56"])._repr_html_(), tmp_path)
    first = visit(file, over="http")
    second = first.context.new_page()
    second.goto(first.url)
    first.locator("input[type=radio]").nth(1).check()
    first.locator("input[type=text]").fill("2")
    second.locator("input[type=text]").fill("27")
    second.locator("input[type=text]").press("Enter")
    expect(first.locator(".cnn-score")).to_have_text("1 of 2 right, 1 not answered yet")
    expect(first.locator("input[type=text]")).to_have_value("27")  # answered there
    expect(first.locator("input[type=radio]").nth(1)).to_be_checked()  # open in both


def test_where_storage_is_blocked_coming_back_loses_nothing(visit, tmp_path):
    page = visit(bare(resnet.quiz(only=["shortcuts-56"])._repr_html_(), tmp_path), storage=False)
    page.locator("input").fill("27")
    page.locator("input").press("Enter")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator(".cnn-score")).to_have_text("1 of 1 right")
    expect(page.locator(".cnn-verdict")).to_have_text("Right.")


def test_a_kept_answer_to_a_question_that_changed_is_dropped(visit, tmp_path):
    html = resnet.quiz(only=["degradation"])._repr_html_()
    page = visit(bare(html, tmp_path), over="http")
    page.locator("input").first.check()
    page.get_by_role("button", name="Check").click()
    kept = json.loads(page.evaluate("localStorage['cnnlib-quiz:04_resnet']"))
    (fingerprint,) = kept
    changed = bare(html.replace(fingerprint, "0000000000"), tmp_path, "changed.html")
    page.goto(page.url.replace("page.html", changed.name))
    expect(page.locator(".cnn-score")).to_have_text("0 of 1 right")


def test_without_scripts_nothing_is_lost(chromium, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(bare(STAGES._repr_html_() + resnet.quiz()._repr_html_(), tmp_path).as_uri())
    expect(page.locator("cnn-explorer")).to_contain_text("3 blocks")
    expect(page.locator("cnn-explorer table")).to_contain_text("stage2")
    page.locator("summary", has_text="Answer").first.click()
    expect(page.locator(".cnn-key").first).to_contain_text("Right:")
    context.close()


# ---------------------------------------------------------------------------------------------------- orders, predictions


def in_frame(visit, tmp_path) -> FrameLocator:
    """The gallery's quiz in a frame as Colab has it: scripts, and nothing else."""
    frame = escape(f"<!doctype html><html><body>{examples()._repr_html_()}</body></html>")
    page = visit(
        bare(f'<iframe sandbox="allow-scripts" width="390" height="1800" srcdoc="{frame}"></iframe>', tmp_path)
    )
    return page.frame_locator("iframe")


def test_every_kind_of_question_is_graded_in_a_sandboxed_frame(visit, tmp_path):
    inside = in_frame(visit, tmp_path)
    for kind in ("single", "multiple", "numeric", "predict", "ordering"):
        ours = inside.locator(f"fieldset[data-kind='{kind}']")
        if kind in ("numeric", "predict"):
            ours.locator("input").fill("1")
        elif kind != "ordering":
            ours.locator("input").last.check()
        ours.get_by_role("button", name="Check").click()
        expect(ours.locator(".cnn-verdict")).to_have_class("cnn-verdict cnn-bad")
    expect(inside.locator(".cnn-score")).to_have_text("0 of 5 right")
    assert not inside.locator("body").evaluate("node => node.scrollWidth > node.clientWidth")


def test_outside_the_book_a_prediction_says_which_knobs_to_turn(visit, tmp_path):
    ours = in_frame(visit, tmp_path).locator("fieldset[data-kind='predict']")
    expect(ours.locator(".cnn-see")).to_be_hidden()
    ours.locator("input").fill("81")
    ours.get_by_role("button", name="Check").click()
    expect(ours.locator(".cnn-see")).to_contain_text(
        "turn the knobs of A residual network for 32×32 images to depth = 20"
    )
    expect(ours.locator(".cnn-see a")).to_have_count(0)


def test_an_item_is_moved_by_touch_and_its_place_is_said(chromium, tmp_path):
    page = chromium.new_context(has_touch=True, viewport={"width": 390, "height": 900}).new_page()
    page.goto(bare(examples()._repr_html_(), tmp_path).as_uri())
    ours = page.locator("fieldset[data-kind='ordering']")
    first, second = (ours.locator("li").nth(n).locator("span").first.inner_text() for n in (0, 1))
    button = ours.get_by_role("button", name=f"Move up: {second}")
    assert min(button.bounding_box()[side] for side in ("width", "height")) >= 40
    button.tap()
    assert ours.locator("li").first.inner_text().startswith(second) and ours.locator("li").nth(
        1
    ).inner_text().startswith(first)
    expect(ours.locator(".cnn-verdict")).to_have_text(f"{second}: now 1 of 5.")
    expect(ours.get_by_role("button", name=f"Move up: {second}")).to_be_disabled()
    expect(ours.get_by_role("button", name=f"Move down: {second}")).to_be_focused()
    page.context.close()
