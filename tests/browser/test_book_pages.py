"""Every page of the built book: no error, no foreign request, legible to machines, whole on paper, no wider than a phone.

A chapter takes half a second to load, so each page is opened once in light, dark and on a phone, with all that is held
of it there; its checks fail one by one.
"""

import pytest
from axe import grave
from conftest import BOOK
from playwright.sync_api import Page, expect
from test_paper import controls_on_paper, cut_at_the_edge, on_paper
from test_scripts import bare

# Where the build is missing one page is left, and `visit` says what to do.
FILES = sorted(str(path.relative_to(BOOK)) for path in BOOK.rglob("*.html")) or ["chapters/04_resnet.html"]
# In _static/ lie the theme's templates; the front door has a test of its own.
PAGES = [path for path in FILES if not path.startswith("_static/") and path != "index.html"]
# Indexes and source listings come from Sphinx and hold nothing of ours.
OURS = [path for path in PAGES if not path.startswith(("_modules/", "genindex", "search", "py-modindex"))]


@pytest.mark.parametrize("over", ["file", "http"])
def test_the_front_door_leads_to_the_landing_page(visit, over):
    page = visit("index.html", over=over)
    page.wait_for_url("**/book/index.html")
    expect(page.locator("article h1")).to_be_visible()


def settle(page: Page) -> None:
    """Lets a page ask for all that it ever asks for; `visit` holds each request and error."""
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.evaluate("for (const image of document.images) image.loading = 'eager'")  # wherever on the page it is
    # The page is asked, and not Playwright's "networkidle": that sometimes never comes, with all requests finished.
    page.wait_for_function("[...document.images].every(i => i.complete) && document.fonts.status === 'loaded'")
    page.evaluate("new Promise(done => requestIdleCallback(done))")  # and what scripts put off


@pytest.mark.parametrize("path", PAGES)
def test_a_page_in_light_from_the_disk(visit, tab, path, subtests):
    page = visit(path, tab=tab)
    if path in OURS:
        assert page.locator("html").get_attribute("data-theme") == "light"
        with subtests.test("axe finds nothing serious"):
            assert grave(page) == []
    settle(page)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_from_a_server_and_on_a_phone(visit, tab, path, subtests):
    page = visit(path, over="http", width=390) if path in OURS else visit(path, over="http", tab=tab)
    if path in OURS:
        with subtests.test("it never scrolls sideways"):
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_viewport_size({"width": 1280, "height": 900})
    settle(page)


@pytest.mark.parametrize("path", OURS)
def test_a_page_in_dark_and_printed_from_there(visit, path, subtests):
    page = visit(path, dark=True)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    # A page that is light before it is dark fades, and axe would read a colour that lasts a tenth of a second.
    assert page.evaluate("document.getAnimations().length") == 0
    with subtests.test("axe finds nothing serious"):
        assert grave(page, "color-contrast") == []  # nothing but colours changes
    on_paper(page)
    with subtests.test("nothing is cut at the edge of the paper"):
        assert cut_at_the_edge(page) == []
    with subtests.test("what a reader clicks on is not printed"):
        assert controls_on_paper(page) == []


def test_the_mode_that_was_chosen_is_kept(visit):
    page = visit("book/errata.html", over="http")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    for _ in range(3):
        if root.get_attribute("data-mode") == "dark":
            break
        page.locator(".theme-switch-button:visible").click()
    expect(root).to_have_attribute("data-mode", "dark")
    page.reload()
    expect(root).to_have_attribute("data-mode", "dark")
    expect(root).to_have_attribute("data-theme", "dark")


LOOKS = """<style>main p { color: #222; background: #fff } %s</style><main><h1>A page</h1>
<p>first</p><p>second <b>and bold</b></p><p>third</p><p class="odd">fourth</p><p>fifth</p><button>Go</button></main>"""


@pytest.mark.parametrize(
    "fault",
    [
        ".odd { color: #999 }",
        ".odd { background: #444 }",
        "b { color: #999 }",
        "button { color: #ccc }",
        "main { opacity: .3 }",
    ],
)
def test_a_text_that_is_hard_to_read_is_found_among_those_that_are_not(visit, tmp_path, fault):
    assert grave(visit(bare(LOOKS % "", tmp_path))) == []
    (found,) = grave(visit(bare(LOOKS % fault, tmp_path)), "color-contrast")
    assert found.startswith("serious, color-contrast")
