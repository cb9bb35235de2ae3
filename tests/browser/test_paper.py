"""One page printed by the browser: light, nothing cut, and the screen as it was afterwards."""

from playwright.sync_api import Page

SHEET = 718  # pixels of A4 between the usual margins
LOOK = """() => [document.documentElement.dataset.theme, document.querySelectorAll("svg[data-paper]").length,
    getComputedStyle(document.body).backgroundColor]"""


def on_paper(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": SHEET, "height": 1000})
    page.wait_for_function("matchMedia('print').matches && innerWidth === 718")


def cut_at_the_edge(page: Page) -> list[str]:
    """What of an article reaches over the right edge of the sheet."""
    return page.evaluate(
        """() => [...document.querySelectorAll("article *")]
            .filter((one) => one.checkVisibility() && !one.closest(".katex") && one.getBoundingClientRect().right > innerWidth + 1)
            .map((one) => `${one.tagName} ${one.className} in ${one.closest("[id]")?.id}`)"""
    )


def controls_on_paper(page: Page) -> list[str]:
    """What can only be used on a screen and still shows."""
    controls = ".cnn-button:not(th > *)"  # those that sort a table are its headings
    screen = (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".bd-footer", controls)
    return [gone for gone in screen if any(one.is_visible() for one in page.locator(gone).all())]


def test_a_dark_page_is_light_on_paper_and_dark_again(visit):
    page = visit("chapters/04_resnet.html", dark=True)
    page.wait_for_load_state("load")
    before = page.evaluate(LOOK)
    assert before[0] == "dark"
    on_paper(page)
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")  # once the page is told of the change
    theme, _, ground = page.evaluate(LOOK)
    assert (theme, ground) == ("light", "rgb(255, 255, 255)")
    explorer = page.locator("cnn-explorer").first
    assert explorer.evaluate("node => getComputedStyle(node).backgroundColor") == "rgb(255, 255, 255)"
    assert "knobs to turn" in explorer.evaluate("node => getComputedStyle(node, '::after').content")
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate(LOOK) == before
