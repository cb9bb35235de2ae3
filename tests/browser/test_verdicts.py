"""The answers to exercises as front ends show them: in a frame sandboxed as Colab's, light and dark, on a phone."""

import html
from pathlib import Path

import pytest
from axe import grave
from playwright.sync_api import expect

from cnnlib.course.checks.verdict import STATUS, Verdict

ODD = '<b id="odd">&amp; </script><script>document.title = "ran"</script>'
BODY = "".join(Verdict(status, f"Say `{ODD}`, {ODD}", f"{ODD}\n{'x' * 300}")._repr_html_() for status in STATUS)


def bare(folder: Path, body: str, root: str = "") -> Path:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>t</title>'
    file = folder / "page.html"
    main = f"<main><h1>t</h1>{body}</main>"
    file.write_text(f'<!doctype html><html lang="en" {root}>{head}<body>{main}</body></html>', encoding="utf-8")
    return file


def test_a_sandboxed_frame_is_enough_and_nothing_of_the_readers_runs(visit, tmp_path):
    frame = f'<iframe sandbox="allow-scripts" title="output" width="700" height="900" srcdoc="{html.escape(BODY)}"></iframe>'
    inside = visit(bare(tmp_path, frame)).frame_locator("iframe")
    expect(inside.locator(".cnn-answer")).to_have_count(len(STATUS))
    expect(inside.locator("pre").first).to_contain_text(ODD)
    expect(inside.locator("p").first).to_contain_text(f"{ODD}, {ODD}")
    expect(inside.locator("#odd, script")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_verdict_is_legible_and_no_wider_than_a_phone(visit, tmp_path, theme):
    page = visit(bare(tmp_path, BODY, f'data-theme="{theme}"'), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    looks = page.locator(".cnn-answer strong").evaluate_all("ns => ns.map((n) => getComputedStyle(n).color)")
    assert len(set(looks)) == len(STATUS)
    assert grave(page) == []
