"""The explorers of the built book: each knob to both ends and between, and what is drawn is what Python computes."""

import functools
import json
import re

import pytest
import skimage.data
import torch
from conftest import BOOK
from playwright.sync_api import Locator, expect
from sklearn.datasets import load_digits
from torch import nn

from cnnlib.chapters import (
    after_resnet,
    choosing_a_network,
    classic_networks,
    inception_bottleneck,
    recorded_runs,
    resnet,
    vgg_receptive_fields,
)
from cnnlib.course.explorer import Explorer

CHAPTER = "chapters/04_resnet.html"
GALLERY = "book/gallery.html"
WITH_EXPLORERS = sorted(
    str(p.relative_to(BOOK)) for p in BOOK.rglob("*.html") if "<cnn-explorer" in p.read_text(encoding="utf-8")
) or [CHAPTER]


def digit() -> torch.Tensor:
    return (1 - torch.tensor(load_digits().images[3]) / 16).repeat_interleave(4, 0).repeat_interleave(4, 1)


def cat() -> torch.Tensor:
    photograph = torch.tensor(skimage.data.cat()).permute(2, 0, 1)[:, :230, 55:285].float() / 255
    return nn.functional.interpolate(photograph[None], size=80, mode="area")[0]


def runs(*suites: str) -> list[dict]:
    return [run for suite in suites for run in recorded_runs(suite)]


# What the chapters' explorers make from models and recorded runs, by its id on the page.
READY_MADE = {
    "a-residual-network-for-32-32-images": resnet.explorers.cifar_resnet,
    "plain-and-residual-nets-trained-to-the-end": lambda: resnet.explorers.degradation(runs("resnet/degradation")),
    "plain-56-with-more-time": lambda: resnet.explorers.slow_fitting(
        runs("resnet/degradation"), runs("resnet/slow_fitting")
    ),
    "shapes-through-lenet-5": classic_networks.explorers.lenet_pipeline,
    "what-one-unit-sees": lambda: vgg_receptive_fields.explorers.receptive_fields(image=digit()),
    "a-stack-against-one-window": vgg_receptive_fields.explorers.stacked_layers,
    "what-a-vgg-sees-of-a-photograph": lambda: vgg_receptive_fields.explorers.vgg_fields(cat()),
    "three-small-windows-or-a-large-one-trained": lambda: vgg_receptive_fields.explorers.stacks_trained(
        runs("vgg_receptive_fields/stacks_digits", "vgg_receptive_fields/stacks_textures")
    ),
    "what-networks-cost": choosing_a_network.explorers.model_costs,
    "one-convolution-from-c-3-to-c-96-channels": classic_networks.explorers.convolution,
    "shapes-through-alexnet": classic_networks.explorers.alexnet_pipeline,
    "what-alexnet-costs": classic_networks.explorers.alexnet_costs,
    "lenet-5-with-other-activations-and-poolings": lambda: classic_networks.explorers.lenet_training(
        runs("classic_networks/lenet")
    ),
    "relu-against-tanh": lambda: classic_networks.explorers.relu_against_tanh(runs("classic_networks/activations")),
    "response-normalisation-at-one-position": classic_networks.explorers.response_norm,
    "an-inception-module-by-branch": inception_bottleneck.explorers.inception_module,
    "with-1-1-reductions-and-without": lambda: inception_bottleneck.explorers.reductions(
        runs("inception_bottleneck/reductions", "inception_bottleneck/deeper", "inception_bottleneck/wider")
    ),
    "the-imagenet-challenge-by-year": choosing_a_network.explorers.challenge,
    "networks-on-two-axes": lambda: choosing_a_network.explorers.scatter_of_networks(runs("choosing_a_network/times")),
    "five-rankings": lambda: choosing_a_network.explorers.rankings(runs("choosing_a_network/times")),
    "layers-under-the-roof": lambda: choosing_a_network.explorers.roofline(runs("choosing_a_network/times")),
    "which-network": lambda: choosing_a_network.explorers.guide(runs("choosing_a_network/times")),
    "few-labels": lambda: choosing_a_network.explorers.transfer(runs("choosing_a_network/transfer")),
    "three-nets-of-equal-cost-trained": lambda: after_resnet.explorers.width_or_depth(runs("after_resnet/width")),
    "a-resnext-block-how-many-paths": after_resnet.explorers.cardinality,
    "which-blocks-survive-a-mini-batch": after_resnet.explorers.survival,
    "what-does-a-dense-layer-read": after_resnet.explorers.dense_block,
    "the-families-after-resnet": after_resnet.explorers.families,
    "the-race": lambda: after_resnet.explorers.race(runs("after_resnet/race")),
}


@functools.cache
def computed_anew(name: str) -> Explorer | None:
    """None for what is measured in a chapter, or a bench's runs (tests/course/test_bench.py holds those to the records)."""
    return READY_MADE[name]() if name in READY_MADE else None


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
def test_each_knob_changes_the_picture_and_draws_what_python_computes(visit, path):
    page = visit(path)
    on_page = page.locator("css:light=cnn-explorer")  # as no shadow tree is looked for in so large a page
    assert on_page.count() > 0
    for explorer in on_page.all():
        spec, python = spec_of(explorer), computed_anew(explorer.get_attribute("id"))
        assert python is None or spec == json.loads(json.dumps(python.spec))
        for place, knob in enumerate(spec["knobs"]):
            explorer.get_by_role("button", name="Reset").click()
            control, steps = explorer.locator(f"[name={knob['name']}]"), len(knob["steps"])
            pictures, sentences = [], []
            for step in some(steps):
                turn(control, step, steps)
                for seen, now in zip((pictures, sentences), shown(explorer), strict=True):
                    seen.append(now)
                if knob["kind"] == "range":
                    expect(control).to_have_attribute("aria-valuetext", knob["steps"][step])
                if python is not None:
                    result = python.at(**{knob["name"]: python.knobs[place].values[step]})
                    expect(explorer.locator(".cnn-sentence")).to_have_text(result["sentence"])
                    expect(explorer.locator(".cnn-python code")).to_have_text(result.get("python", ""))
                    CHECKS[python.view](explorer, result)
            assert len(set(pictures)) == len(pictures), f"{knob['label']}: the picture stays"
            assert len(set(sentences)) == len(sentences), f"{knob['label']}: the sentence stays"


def test_what_is_computed_anew_is_on_some_page():
    on_pages = {
        name
        for path in WITH_EXPLORERS
        for name in re.findall(r'<cnn-explorer[^>]* id="([^"]+)"', (BOOK / path).read_text(encoding="utf-8"))
    }
    assert set(READY_MADE) <= on_pages


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
