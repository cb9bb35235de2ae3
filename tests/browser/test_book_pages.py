"""Every page of the built book: no error, no foreign request, legible to machines, and no wider than a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import BOOK
from playwright.sync_api import expect

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


@pytest.mark.parametrize("over", ["file", "http"])
@pytest.mark.parametrize("path", PAGES)
def test_no_error_and_no_foreign_request(visit, path, over):
    page = visit(path, over=over)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.evaluate("for (const image of document.images) image.loading = 'eager'")  # wherever on the page it is
    # The page is asked, and not Playwright's "networkidle": that sometimes never comes, with all requests finished.
    page.wait_for_function("[...document.images].every(i => i.complete) && document.fonts.status === 'loaded'")
    page.evaluate("new Promise(done => requestIdleCallback(done))")  # and what scripts put off


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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", OURS)
def test_axe_finds_nothing_serious(visit, path, dark):
    page = visit(path, dark=dark)
    assert page.locator("html").get_attribute("data-theme") == ("dark" if dark else "light")
    # A page that is light before it is dark fades, and axe would read a colour that lasts a tenth of a second.
    assert page.evaluate("document.getAnimations().length") == 0
    # Preloading would fetch style sheets once more, which file:// forbids; only the rule on locked orientation needs it.
    options = {"preload": False, "resultTypes": ["violations"]}
    if dark:  # nothing but colours changes
        options["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    # Half of the time goes into the colours of code, which one style sheet gives to all pages, and to all signatures.
    context = None if path == "chapters/04_resnet.html" else {"exclude": [[".highlight"], ["dl.py ~ dl.py .sig"]]}
    findings = Axe().run(page, context=context, options=options).response["violations"]
    grave = [
        f"{finding['id']}: {finding['help']}: {[node['target'] for node in finding['nodes']]}"
        for finding in findings
        if finding["impact"] in ("serious", "critical")
    ]
    assert not grave, "\n".join(grave)


@pytest.mark.parametrize("path", OURS)
def test_a_phone_never_scrolls_sideways(visit, path):
    page = visit(path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
