"""The landing page's table and the glossary, used as a reader does: by mouse, by keyboard, and without scripts."""

import pytest
from conftest import BOOK, soup
from playwright.sync_api import expect

from cnnlib.course import NetworkTable

LANDING, GLOSSARY = "book/index.html", "book/glossary.html"
CHAPTERS = sorted(str(path.relative_to(BOOK)) for path in BOOK.glob("chapters/*.html")) or ["chapters/04_resnet.html"]


@pytest.fixture(scope="module")
def networks() -> list[tuple[str, dict[str, float | None]]]:
    """Name and figures of each network, as Python has them."""
    return [(one["name"], {k: cell.value for k, cell in cells.items()}) for one, cells in NetworkTable().rows]


def order(page) -> list[str]:
    return page.locator("cnn-networks tbody th").all_inner_texts()


def test_a_heading_sorts_up_and_down(visit, networks, subtests):
    page = visit(LANDING)
    for column in ("year", "input", "parameters", "MACs", "layers", "field", "kept for training"):
        with subtests.test(column):
            heading = page.locator("cnn-networks thead th").filter(
                has=page.get_by_role("button", name=column, exact=True)
            )
            for direction in ("ascending", "descending"):
                heading.get_by_role("button").click()
                expect(heading).to_have_attribute("aria-sort", direction)
                figures = {name: cells[column] for name, cells in networks}
                shown = [figures[name] for name in order(page)]
                assert shown == sorted(figures.values(), reverse=direction == "descending")
            expect(page.locator("cnn-networks [aria-sort]")).to_have_count(1)


def test_what_has_no_error_stays_at_the_end_and_names_sort_by_keyboard(visit, networks):
    page = visit(LANDING)
    unknown = [name for name, cells in networks if cells["top-5 error"] is None]
    button = page.locator("cnn-networks").get_by_role("button", name="top-5 error")
    for _ in range(2):
        button.focus()
        page.keyboard.press("Enter")
        assert sorted(order(page)[-len(unknown) :]) == sorted(unknown)
    page.locator("cnn-networks").get_by_role("button", name="network").focus()
    page.keyboard.press("Space")
    assert order(page)[0] == "AlexNet"
    expect(page.locator("cnn-networks [role=status]")).to_have_text("Sorted by name, from AlexNet on.")


def test_without_scripts_the_table_is_a_table(chromium, networks):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((BOOK / LANDING).as_uri())
    assert order(page) == [name for name, _ in networks]
    expect(page.locator("cnn-networks thead th").first).to_have_text("network")
    context.close()


@pytest.mark.parametrize("path", CHAPTERS)
def test_every_link_to_the_glossary_leads_to_its_entry_and_back(path):
    page, glossary = soup(path), soup(GLOSSARY)
    links = page.select("a.glossary-term")
    assert len(links) >= 5
    for link in links:
        name, _, target = link["href"].partition("#")
        assert name == "../book/glossary.html"
        places = glossary.find(id=target).find_next("dd").select_one(".glossary-places")
        assert places.select(f'a[href="../{path}#{link.parent["id"]}"]')
    for place in glossary.select(f'.glossary-places a[href^="../{path}#"]'):
        assert page.find(id=place["href"].partition("#")[2])


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["wide", "phone"])
def test_a_definition_shows_by_keyboard_and_by_mouse_and_goes_on_escape(visit, width, dark):
    page = visit("chapters/04_resnet.html", width=width, dark=dark)
    use = page.locator(".glossary-use").nth(3)
    note = use.locator("[role=tooltip]")
    expect(note).to_be_hidden()
    use.get_by_role("link").focus()
    expect(note).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = note.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    expect(use.get_by_role("link")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    use.get_by_role("link").hover()
    expect(note).to_be_visible()
    note.hover()  # it can be read with the pointer on it
    expect(note).to_be_visible()
    use.get_by_role("link").click()
    page.wait_for_url("**/book/glossary.html#term-*")
    expect(page.locator("dt:target")).to_be_visible()
