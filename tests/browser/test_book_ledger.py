"""The ledger's page: its filter and search, links to claims from anywhere, cards on a phone; the lines in the chapters."""

import pytest
from conftest import BOOK, anchors
from playwright.sync_api import Page, expect

from cnnlib import chapters

TITLES = {chapter.page: chapter.title for chapter in chapters.in_order()}
ENTRIES = [entry | {"chapter": chapter.page} for chapter in chapters.in_order() for entry in chapter.claims()]
ROWS = "cnn-ledger tbody tr:visible"


@pytest.fixture
def page(visit) -> Page:
    page = visit("book/ledger.html")
    expect(page.locator("cnn-ledger .cnn-found")).to_have_text(f"{len(ENTRIES)} of {len(ENTRIES)} claims")
    return page


def shown(page: Page) -> list[str]:
    return [row_id.removeprefix("claim-") for row_id in page.locator(ROWS).evaluate_all("rows => rows.map(r => r.id)")]


def test_by_chapter_and_verdict(page):
    page.get_by_label("Chapter").select_option(label=TITLES["04_resnet"])
    assert shown(page) == [entry["id"] for entry in ENTRIES if entry["chapter"] == "04_resnet"]
    page.get_by_label("Verdict").select_option("corrected")
    wanted = [e["id"] for e in ENTRIES if (e["chapter"], e["verdict"]) == ("04_resnet", "corrected")]
    assert shown(page) == wanted
    expect(page.locator(".cnn-found")).to_have_text(f"{len(wanted)} of {len(ENTRIES)} claims")
    expect(page.locator("table.cnn-claims:visible")).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    assert len(shown(page)) == len(ENTRIES)


def test_by_words(page, subtests):
    for words, found in (
        ("60,965,224", "alexnet-params"),
        ("60965224", "alexnet-params"),
        ("IDENTITY  resnet-50 1x1", "identity-and-projection"),
        ("1x7", "separable-1xn"),
        ("Simonyan 81%", "vgg-slip-of-81"),
    ):
        with subtests.test(words):
            page.get_by_label("Words").fill("")
            assert len(shown(page)) == len(ENTRIES)
            page.get_by_label("Words").press_sequentially(words)
            assert found in shown(page) and len(shown(page)) < 12


def test_nothing_found_says_what_to_do(page):
    page.get_by_label("Words").fill("transformer")
    expect(page.locator(".cnn-found")).to_contain_text("Take a word away")
    assert shown(page) == []


def test_all_by_keyboard(page):
    page.get_by_label("Chapter").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("corr")  # as in any menu
    page.keyboard.press("Tab")
    page.keyboard.type("googlenet")
    assert "googlenet-12-times" in shown(page) and "googlenet-won" not in shown(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert len(shown(page)) == len(ENTRIES)


@pytest.mark.parametrize("over", ["file", "http"])
def test_a_link_to_a_claim_leads_to_it(visit, over):
    page = visit("book/ledger.html#claim-resnet-weight-decay", over=over)
    row = page.locator("#claim-resnet-weight-decay")
    expect(row).to_be_in_viewport()
    page.get_by_label("Words").fill("LeNet")
    expect(row).to_be_hidden()
    page.evaluate("location.hash = '#claim-alexnet-224'")  # as a link on the page does: the filter gives way
    expect(page.locator("#claim-alexnet-224")).to_be_in_viewport()
    page.get_by_label("Words").fill("55")
    page.locator("#claim-alexnet-224 .cnn-permalink").click()
    assert page.url.endswith("#claim-alexnet-224")


def test_sections_and_claims_link_to_each_other(visit):
    page = visit("chapters/04_resnet.html")
    section = page.locator("section#how-many-shortcuts-are-there")
    expect(section.locator(".ledger-line")).to_have_text("In the ledger: L² skip connections; 2ⁿ paths.")
    section.get_by_role("link", name="L² skip connections").click()
    row = page.locator("#claim-l-squared")
    expect(row).to_be_in_viewport()
    row.get_by_role("link", name="How many shortcuts are there?").click()
    expect(page.locator("section#how-many-shortcuts-are-there h2")).to_be_in_viewport()


def test_every_link_between_claims_and_chapters_has_its_target(page):
    links = page.locator("cnn-ledger a[href^='../chapters/']").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    written = [chapter for chapter in TITLES if (BOOK / f"chapters/{chapter}.html").is_file()]
    assert len(links) == sum(entry["chapter"] in written for entry in ENTRIES)
    for chapter in written:
        targets = {link.partition("#")[2] for link in links if f"/{chapter}.html" in link}
        assert targets - {""} <= anchors(f"chapters/{chapter}.html")
    keys = page.locator("cnn-ledger a[href^='references.html#']").evaluate_all("all => all.map(a => a.hash.slice(1))")
    assert set(keys) <= anchors("book/references.html")


def test_a_phone_gets_cards(visit):
    page = visit("book/ledger.html", width=390)
    cells = page.locator("#claim-lenet5-params").locator("th, td")
    tops = cells.evaluate_all("cells => cells.map(c => c.getBoundingClientRect().top)")
    assert tops == sorted(set(tops)), "the four cells of a claim lie below one another"
    page.locator("#claim-vgg-96-mb summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_all_claims_are_there(chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((BOOK / "book/ledger.html").as_uri())
    expect(page.locator(ROWS)).to_have_count(len(ENTRIES))
    expect(page.locator("cnn-ledger select")).to_have_count(0)
    page.locator("#claim-l-squared summary").click()
    expect(page.locator("#claim-l-squared pre")).to_be_visible()
    context.close()
