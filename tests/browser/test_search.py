"""The search page, in a browser: what a reader types is found, in the right order, from a server and from the disk."""

import re
from urllib.parse import quote

import pytest
from axe import grave
from playwright.sync_api import Locator, Page, expect


def search(visit, query: str, **options) -> tuple[Page, Locator]:
    """The search page with what it found for a query in the address."""
    page = visit(f"search.html?q={quote(query)}", **options)
    return page, page.locator(".search-list li")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("degradation", r"4 · .* › Does a deeper plain net fit worse\?"),
        ("receptive field", r"2 · VGG and receptive fields"),
        ("AlexNet", r"1 · Classic networks"),
        ("BasicBlock", r"API reference › cnnlib\.models\.resnet\.BasicBlock"),
        ("create_model", r"API reference › cnnlib\.create_model"),
        ("61 706", r"1 · .* › What do courses teach in its place\?"),
        ("61,706", r"1 · .* › What do courses teach in its place\?"),
        ("61706", r"1 · .* › What do courses teach in its place\?"),
        ("resnet50", r"4 · .* › What do 18 to 152 layers cost\?"),
        ("ResNet-50", r"4 · .* › What do 18 to 152 layers cost\?"),
        ("Networks without some of their blocks", r"4 · .* › Networks without some of their blocks"),
        ("which of these statements about the skip connections", r"4 · .* › Check yourself"),
    ],
)
def test_the_best_place_comes_first(visit, query, first):
    _, found = search(visit, query)
    expect(found.first.locator("a")).to_have_text(re.compile(f"^{first}"))


def test_it_finds_the_same_on_a_server_and_on_the_disk(visit):
    found = [search(visit, "degradation", over=over)[1] for over in ("file", "http")]
    for one in found:
        expect(one.first.locator("a")).to_be_visible()
    assert found[0].all_inner_texts() == found[1].all_inner_texts()


@pytest.mark.parametrize("query", ["AlexNet parameters", "1×1", "1x1", "vanishing gradients", "1x7"])
def test_each_place_found_has_the_words(visit, query):
    _, found = search(visit, query)
    assert found.count() > 1
    for place in found.all()[:20]:
        assert place.locator("mark").count() or query.split()[0].lower() in place.inner_text().lower()


def test_a_heading_counts_more_than_text(visit):
    _, found = search(visit, "shortcuts")
    # A plain word is not a name in code, and a claim's heading is its whole text.
    read = found.filter(has_not=found.page.locator(".search-kind", has_text=re.compile("API|claim")))
    heads = [re.search("shortcut", link, re.I) is not None for link in read.locator("a").all_inner_texts()]
    assert heads[0] and heads == sorted(heads, reverse=True)


def test_a_result_leads_to_its_place(visit):
    page, found = search(visit, "degradation")
    found.first.locator("a").click()
    page.wait_for_url("**/chapters/04_resnet.html#does-a-deeper-plain-net-fit-worse")
    expect(page.locator("#does-a-deeper-plain-net-fit-worse h2")).to_be_in_viewport()


def test_the_excerpt_marks_what_was_sought(visit):
    _, found = search(visit, "degradation")
    for mark in found.locator("mark").all():
        assert mark.inner_text().lower().startswith("degradation")


def test_answers_are_not_given_away(visit):
    """The explanation of an answer is in no other place."""
    page, found = search(visit, "weight decay favours anyway")
    expect(page.get_by_role("status")).not_to_have_text("")
    expect(found).to_have_count(0)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("zebra", "The book does not have “zebra”. Try another word for it, or a network's name."),
        ("zebra gnu field", "The book does not have “zebra” or “gnu”. Try another word for it, or a network's name."),
        ("distill progress huffman", None),
        ("…", "Type a word, a number or a network's name."),
        ("<b>(", None),
        ("a*b [c \\", None),
    ],
)
def test_a_search_without_result_says_what_to_do(visit, query, said):
    page, found = search(visit, query)
    expect(page.get_by_role("status")).to_have_text(said or re.compile(r"\."))
    if said:
        expect(found).to_have_count(0)


def test_results_follow_what_is_typed_and_arrows_walk_through_them(visit):
    page, found = search(visit, "zebra")
    field = page.get_by_role("searchbox", name=re.compile("Search"))
    field.fill("degradation")
    expect(found.first).to_be_visible()
    assert page.url.endswith("?q=degradation")
    field.press("ArrowDown")
    expect(found.nth(0).locator("a")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(found.nth(1).locator("a")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_a_key_leads_from_any_page_to_the_search(visit, key, width):
    page = visit("chapters/04_resnet.html", width=width)
    page.wait_for_load_state("load")
    page.keyboard.press(key)
    field = page.locator("input[name='q']:focus")
    expect(field).to_have_count(1)
    field.fill("degradation")
    field.press("Enter")
    page.wait_for_url("**/search.html?q=degradation")
    expect(page.locator(".search-list li").first).to_be_visible()


def test_a_slash_in_an_answer_stays_a_slash(visit):
    page = visit("chapters/04_resnet.html")
    answer = page.locator("fieldset[data-kind='numeric'] input").first
    answer.press("/")
    expect(answer).to_have_value("/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_the_search_page(visit, dark):
    page, found = search(visit, "degradation", dark=dark)
    expect(found.first).to_be_visible()
    assert grave(page) == []
