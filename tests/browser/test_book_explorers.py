"""The explorers of the built book: each knob to both ends and between, and what is drawn is what Python computes."""

import json

import pytest
import skimage.data
import torch
from conftest import BOOK
from playwright.sync_api import Locator, expect
from sklearn.datasets import load_digits
from torch import nn

from cnnlib.course import explorers
from cnnlib.course.explorer import Explorer
from cnnlib.training.record import recorded_runs

CHAPTER = "chapters/04_resnet.html"
GALLERY = "book/gallery.html"
WITH_EXPLORERS = sorted(str(p.relative_to(BOOK)) for p in BOOK.rglob("*.html") if "<cnn-explorer" in p.read_text()) or [
    CHAPTER
]


@pytest.fixture(scope="module")
def ready_made() -> dict[str, Explorer]:
    """What `cnnlib.course.explorers` makes from models and recorded runs, computed anew, by its id on the page."""
    short, long = recorded_runs("resnet_degradation"), recorded_runs("resnet_slow_fitting")
    cat = torch.tensor(skimage.data.cat()).permute(2, 0, 1)[:, :230, 55:285].float() / 255
    digit = (1 - torch.tensor(load_digits().images[3]) / 16).repeat_interleave(4, 0).repeat_interleave(4, 1)
    times = recorded_runs("choosing_times")
    made = (
        explorers.cifar_resnet(),
        explorers.degradation(short),
        explorers.slow_fitting(short, long),
        explorers.lenet_pipeline(),
        explorers.receptive_fields(image=digit),
        explorers.stacked_layers(),
        explorers.vgg_fields(nn.functional.interpolate(cat[None], size=80, mode="area")[0]),
        explorers.stacks_trained(recorded_runs("vgg_stacks_digits") + recorded_runs("vgg_stacks_textures")),
        explorers.model_costs(),
        explorers.convolution(),
        explorers.alexnet_pipeline(),
        explorers.alexnet_costs(),
        explorers.lenet_training(recorded_runs("classic_lenet")),
        explorers.relu_against_tanh(recorded_runs("classic_activations")),
        explorers.response_norm(),
        explorers.inception_module(),
        explorers.reductions(
            [run for suite in ("reductions", "deeper", "wider") for run in recorded_runs(f"inception_{suite}")]
        ),
        explorers.challenge(),
        explorers.scatter_of_networks(times),
        explorers.rankings(times),
        explorers.roofline(times),
        explorers.guide(times),
        explorers.transfer(recorded_runs("choosing_transfer")),
        explorers.width_or_depth(recorded_runs("after_resnet_width")),
        explorers.cardinality(),
        explorers.survival(),
        explorers.dense_block(),
        explorers.families(),
        explorers.race(recorded_runs("after_resnet_race")),
    )
    return {explorer.id: explorer for explorer in made}


def turn(control: Locator, step: int, steps: int) -> None:
    """To a step, with the keys a reader would use."""
    control.focus()
    if control.evaluate("node => node.tagName") == "SELECT":
        control.select_option(index=step)
    elif step == steps - 1:
        control.press("End")
    else:
        control.press("Home")
        for _ in range(step):
            control.press("ArrowRight")
    expect(control).to_have_value(str(step))


def some(steps: int) -> list[int]:
    """Both ends and one step between."""
    return sorted({0, steps // 2, steps - 1})


def spec_of(explorer: Locator) -> dict:
    return json.loads(explorer.locator("script[type='application/json']").text_content())


def shown(explorer: Locator) -> tuple[str, str]:
    return explorer.locator(".cnn-picture").inner_html(), explorer.locator(".cnn-sentence").inner_text()


@pytest.mark.parametrize("path", WITH_EXPLORERS)
def test_each_knob_changes_the_picture_and_says_so(visit, path):
    page = visit(path)
    assert page.locator("cnn-explorer").count() > 0
    for explorer in page.locator("cnn-explorer").all():
        for knob in spec_of(explorer)["knobs"]:
            control, steps = explorer.locator(f"[name={knob['name']}]"), len(knob["steps"])
            pictures, sentences = [], []
            for step in some(steps):
                turn(control, step, steps)
                for seen, now in zip((pictures, sentences), shown(explorer), strict=True):
                    seen.append(now)
                if knob["kind"] == "range":
                    expect(control).to_have_attribute("aria-valuetext", knob["steps"][step])
            assert len(set(pictures)) == len(pictures), f"{knob['label']}: the picture stays"
            assert len(set(sentences)) == len(sentences), f"{knob['label']}: the sentence stays"
        explorer.get_by_role("button", name="Reset").click()


@pytest.mark.parametrize("path", WITH_EXPLORERS)
def test_the_page_carries_and_draws_what_python_computes(visit, path, ready_made):
    page = visit(path)
    for explorer in page.locator("cnn-explorer").all():
        python = ready_made.get(explorer.get_attribute("id"))
        if python is None:
            continue  # measured in the chapter, or a bench's runs (held against the records in tests/course/test_bench.py)
        assert spec_of(explorer) == json.loads(json.dumps(python.spec))
        for knob in python.knobs:
            for step in some(len(knob.values)):
                explorer.get_by_role("button", name="Reset").click()
                turn(explorer.locator(f"[name={knob.name}]"), step, len(knob.values))
                result = python.at(**{knob.name: knob.values[step]})
                expect(explorer.locator(".cnn-sentence")).to_have_text(result["sentence"])
                expect(explorer.locator(".cnn-python code")).to_have_text(result.get("python", ""))
                CHECKS[python.view](explorer, result)


def check_stages(explorer: Locator, result: dict) -> None:
    totals = [data.get_attribute("value") for data in explorer.locator(".cnn-totals data").all()]
    assert totals == [str(result["totals"][name]) for name in ("params", "macs", "output_bytes", "receptive_field")]
    drawn = sum(max(1, stage["blocks"]) for stage in result["stages"])
    expect(explorer.locator("rect.cnn-block")).to_have_count(drawn)
    arcs = sum(stage["blocks"] for stage in result["stages"]) if result["shortcuts"] else 0
    expect(explorer.locator(".cnn-drawing path.cnn-arc")).to_have_count(arcs)


def check_bars(explorer: Locator, result: dict) -> None:
    totals = [data.get_attribute("value") for data in explorer.locator(".cnn-totals data").all()]
    assert totals == [str(result["totals"][name]) for name in ("params", "macs", "output_bytes")]
    assert explorer.locator("tbody th").all_inner_texts() == [row["name"] for row in result["rows"]]


def check_curves(explorer: Locator, result: dict) -> None:
    expect(explorer.locator(".cnn-drawing .cnn-line")).to_have_count(len(result["series"]))


def check_pipeline(explorer: Locator, result: dict) -> None:
    drawing = explorer.locator(".cnn-drawing")
    for kind in ("conv", "pool", "linear"):
        layers = [layer for layer in result["layers"] if layer["op"] == kind]
        expect(drawing.locator(f"rect.cnn-{kind}")).to_have_count(len(layers))
    for layer in result["layers"]:
        channels, *sides = layer["shape"]
        expect(drawing.get_by_text("×".join(map(str, (*sides, channels))), exact=True).first).to_be_visible()


def check_field(explorer: Locator, result: dict) -> None:
    def box(mark: str) -> list[float]:
        return explorer.locator(f".cnn-drawing {mark}").evaluate(
            "n => ['x', 'y', 'width'].map((a) => n[a].baseVal.value)"
        )

    image, unit, neighbour = box(".cnn-input"), box(".cnn-unit"), box(".cnn-next")
    pixel = image[2] / result["input"]
    (top, bottom), (left, _) = result["fields"][-1]["pixels"]
    assert unit == pytest.approx(
        [image[0] + left * pixel, image[1] + top * pixel, (bottom - top + 1) * pixel], abs=0.01
    )
    assert neighbour[0] - unit[0] == pytest.approx(result["fields"][-1]["jump"] * pixel, abs=0.01)
    expect(explorer.locator("tbody tr")).to_have_count(len(result["fields"]))


def check_scatter(explorer: Locator, result: dict) -> None:
    across, up = (result[axis].get("of", axis) for axis in ("x", "y"))
    drawn = [point for point in result["points"] if point[across] is not None and point[up] is not None]
    expect(explorer.locator(".cnn-point")).to_have_count(len(drawn))
    unit = f" {result['y']['unit']}".rstrip()
    cells = ["–" if point[up] is None else f"{point[up]:,}".removesuffix(".0") + unit for point in result["points"]]
    shown = explorer.locator("tbody td:nth-child(3)").all_text_contents()
    if result["y"]["unit"] in ("s", "year"):  # said as a person would: 12 ms
        assert len(shown) == len(cells)
    else:
        assert shown == cells


def check_ranks(explorer: Locator, result: dict) -> None:
    expect(explorer.locator("path.cnn-thick")).to_have_count(len(result["chosen"]))
    expect(explorer.locator("path.cnn-thin")).to_have_count(len(result["rows"]) - len(result["chosen"]))
    places = [str(place) for name in result["chosen"] for row in result["rows"] if row["name"] == name for place in row["places"]]  # fmt: skip
    assert explorer.locator(".cnn-place").all_text_contents() == places


def check_table(explorer: Locator, result: dict) -> None:
    lasts = [list(row.values())[-1] for row in result["rows"]]
    cells = ["–" if last is None else f"{last:,}" if isinstance(last, int) else last for last in lasts]
    assert explorer.locator("tbody td:last-child").all_inner_texts() == cells


CHECKS = {
    "bars": check_bars,
    "stages": check_stages,
    "curves": check_curves,
    "pipeline": check_pipeline,
    "field": check_field,
    "ranks": check_ranks,
    "scatter": check_scatter,
    "table": check_table,
}


def test_the_address_keeps_the_setting_so_that_it_can_be_shared(visit):
    page = visit(CHAPTER)
    explorer = page.locator("cnn-explorer[data-view=stages]").first
    knob = next(knob for knob in spec_of(explorer)["knobs"] if knob["kind"] == "range")
    control = explorer.locator(f"[name={knob['name']}]")
    turn(control, len(knob["steps"]) - 1, len(knob["steps"]))
    fragment = page.url.partition("#")[2]
    assert fragment.startswith(f"{explorer.get_attribute('id')}?") and f"{knob['name']}={knob['steps'][-1]}" in fragment

    again = visit(f"{CHAPTER}#{fragment}").locator("cnn-explorer[data-view=stages]").first
    expect(again.locator(f"[name={knob['name']}]")).to_have_value(str(len(knob["steps"]) - 1))
    assert again.locator(".cnn-sentence").inner_text() == explorer.locator(".cnn-sentence").inner_text()


def test_the_text_of_a_page_turns_knobs(visit):
    page = visit(GALLERY)
    field = page.locator("cnn-explorer[data-view=field]")
    for text, name in (("two layers", "layers"), ("a unit in the corner", "unit")):
        before = field.locator(f"[name={name}]").input_value()
        page.get_by_role("link", name=text, exact=True).click()
        expect(field.locator(f"[name={name}]")).not_to_have_value(before)


def test_a_finger_turns_a_knob(chromium):
    context = chromium.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto((BOOK / GALLERY).as_uri())
    explorer = page.locator("cnn-explorer[data-view=bars]")
    before = explorer.locator(".cnn-sentence").inner_text()
    knob = explorer.locator("[name=depth]")
    knob.scroll_into_view_if_needed()
    box = knob.bounding_box()
    page.touchscreen.tap(box["x"] + 3, box["y"] + box["height"] / 2)
    expect(knob).to_have_value("0")
    assert explorer.locator(".cnn-sentence").inner_text() != before
    for control in page.locator("cnn-explorer :is(input, select, button, summary):visible").all():
        assert control.bounding_box()["height"] >= 44
    context.close()


def test_on_paper_the_picture_and_the_setting_stay_and_the_controls_go(visit):
    page = visit(GALLERY)
    page.emulate_media(media="print")
    expect(page.locator("cnn-explorer :is(input, select, button):visible")).to_have_count(0)
    for explorer in page.locator("cnn-explorer").all():
        expect(explorer.locator(".cnn-sentence")).to_be_visible()
        expect(explorer.locator(".cnn-picture")).to_be_visible()
        standing = [knob["steps"][knob["default"]] for knob in spec_of(explorer)["knobs"]]
        assert explorer.locator("output:visible").all_inner_texts() == standing
