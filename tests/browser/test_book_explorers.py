"""The explorers of the built book: each knob to both ends, and what is drawn is what Python computes."""

import json

import pytest
from conftest import BOOK
from playwright.sync_api import Locator, expect

from cnnlib.course import explorers
from cnnlib.course.explorer import Explorer
from cnnlib.training.record import recorded_runs

CHAPTER = "chapters/04_resnet.html"
WITH_EXPLORERS = sorted(str(p.relative_to(BOOK)) for p in BOOK.rglob("*.html") if "<cnn-explorer" in p.read_text()) or [
    CHAPTER
]


@pytest.fixture(scope="module")
def ready_made() -> dict[str, Explorer]:
    """What `cnnlib.course.explorers` makes from models and recorded runs, computed anew, by its id on the page."""
    short, long = recorded_runs("resnet_degradation"), recorded_runs("resnet_slow_fitting")
    made = (explorers.cifar_resnet(), explorers.degradation(short), explorers.slow_fitting(short, long))
    return {explorer.id: explorer for explorer in made}


def turn(control: Locator, step: int, steps: int) -> None:
    """To the first or the last step, with the keys a reader would use."""
    control.focus()
    if control.evaluate("node => node.tagName") == "SELECT":
        control.select_option(index=step)
    else:
        control.press("Home" if step == 0 else "End")
    expect(control).to_have_value(str(step % steps))


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
            control, last = explorer.locator(f"[name={knob['name']}]"), len(knob["steps"]) - 1
            turn(control, 0, last + 1)
            first = shown(explorer)
            turn(control, last, last + 1)
            assert shown(explorer)[0] != first[0], f"{knob['label']}: the picture stays"
            assert shown(explorer)[1] != first[1], f"{knob['label']}: the sentence stays"
            if knob["kind"] == "range":
                expect(control).to_have_attribute("aria-valuetext", knob["steps"][last])
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
            for step in (0, len(knob.values) - 1):
                explorer.get_by_role("button", name="Reset").click()
                turn(explorer.locator(f"[name={knob.name}]"), step, len(knob.values))
                result = python.at(**{knob.name: knob.values[step]})
                expect(explorer.locator(".cnn-sentence")).to_have_text(result["sentence"])
                if python.view == "stages":
                    check_stages(explorer, result)
                else:
                    expect(explorer.locator(".cnn-drawing .cnn-line")).to_have_count(len(result["series"]))


def check_stages(explorer: Locator, result: dict) -> None:
    totals = [data.get_attribute("value") for data in explorer.locator(".cnn-totals data").all()]
    assert totals == [str(result["totals"][name]) for name in ("params", "macs", "receptive_field")]
    expect(explorer.locator(".cnn-python code")).to_have_text(result["python"])
    drawn = sum(max(1, stage["blocks"]) for stage in result["stages"])
    expect(explorer.locator("rect.cnn-block")).to_have_count(drawn)
    arcs = sum(stage["blocks"] for stage in result["stages"]) if result["shortcuts"] else 0
    expect(explorer.locator(".cnn-drawing path.cnn-arc")).to_have_count(arcs)


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
