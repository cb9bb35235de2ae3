"""The tables of `anatomy` and `compare`, on bare pages: they open by keyboard, without a script, and line up."""

from pathlib import Path

import pytest
import torch
from axe import violations
from playwright.sync_api import Page, expect

import cnnlib

TABLES = "table:visible"
RIGHT_EDGES = (
    "tables => tables.map(t => [...t.tHead.rows[0].cells].map(c => Math.round(c.getBoundingClientRect().right)))"
)


@pytest.fixture(scope="module")
def body() -> str:
    with torch.device("meta"):
        seen = cnnlib.anatomy(cnnlib.create_model("resnet50"))
    return seen._repr_html_() + cnnlib.compare({"resnet50": seen, "a": seen})._repr_html_()


def bare(body: str, folder: Path) -> Path:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>t</title>'
    dark = "<style>@media (prefers-color-scheme: dark) { body { background: #12171d; color: #d8dee5 } }</style>"
    file = folder / "page.html"
    file.write_text(
        f'<!doctype html><html lang="en">{head}{dark}<body><main><h1>t</h1>{body}</main></body></html>',
        encoding="utf-8",
    )
    return file


@pytest.fixture(params=[(1280, False), (1280, True), (390, False)], ids=["light", "dark", "phone"])
def page(request, visit, tmp_path, body) -> Page:
    width, dark = request.param
    return visit(bare(body, tmp_path), width=width, dark=dark)


def test_a_stage_opens_to_blocks_and_a_block_to_operations_by_keyboard(page):
    expect(page.locator(TABLES)).to_have_count(2)
    page.keyboard.press("Tab")  # the box that scrolls
    for _ in range(2):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    expect(page.locator(TABLES)).to_have_count(4)
    expect(page.locator("summary:focus")).to_have_text("12 operations")
    expect(page.get_by_role("rowheader", name="residual.conv1", exact=True)).to_have_count(1)


def test_columns_line_up_and_hold_their_texts(page):
    page.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    edges = page.locator(".cnn-table").first.locator("table").evaluate_all(RIGHT_EDGES)
    assert len(edges) > 15 and all(row == edges[0] for row in edges)
    too_long = """cells => cells.filter(c => !c.querySelector("details") && c.clientHeight > 3
        && c.scrollWidth > c.clientWidth + 1).map(c => c.textContent)"""
    assert page.locator("th, td").evaluate_all(too_long) == []


def test_the_page_itself_never_scrolls_sideways(page):
    page.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_axe_finds_nothing(page):
    page.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    assert violations(page) == []
