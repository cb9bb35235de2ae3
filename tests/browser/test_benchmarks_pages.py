"""What the benchmark of pages counts, on a page whose weight is known."""

import gzip

import pytest

from benchmarks import pages

STYLE, SCRIPT = "p { color: red } " * 100, "const usable = 1;"
PAGE = """<!doctype html><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css">
<script src="http://elsewhere.invalid/x.js"></script><script src="script.js"></script><p>Text</p>{}
"""
DRAWN = "<cnn-explorer><p class='cnn-sentence'>It is drawn.</p></cnn-explorer>"
DEAD = "<cnn-explorer><p class='cnn-sentence'></p></cnn-explorer>"


def write(folder, explorer):
    for name, text in (("style.css", STYLE), ("script.js", SCRIPT), ("page.html", PAGE.format(explorer))):
        (folder / name).write_text(text, encoding="utf-8")


def test_a_page_weighs_what_it_asks_for_and_foreign_requests_are_named(chromium, tmp_path):
    write(tmp_path, DRAWN)
    with pages.served(tmp_path) as home, pages.reader(chromium) as page:
        weight = pages.weigh(page, home, f"{home}page.html")
    texts = [text.encode() for text in (STYLE, SCRIPT, PAGE.format(DRAWN))]
    assert weight.raw == sum(map(len, texts))
    # The script is shorter as it is.
    assert weight.gzipped == len(gzip.compress(texts[0], 6)) + len(texts[1]) + len(gzip.compress(texts[2], 6))
    assert (weight.requests, weight.foreign) == (4, ["http://elsewhere.invalid/x.js"])
    assert weight.heaviest == (len(gzip.compress(texts[2], 6)), "page.html")


def test_a_request_that_never_ends_is_named(chromium, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "LOOKS", 2)
    write(tmp_path, DRAWN + "<script>fetch('never')</script>")
    with pages.served(tmp_path) as home, pages.reader(chromium) as page:
        page.route("**/never", lambda route: None)
        with pytest.raises(TimeoutError, match=r"page\.html: after 1 s these are under way: \['http.*/never'\]"):
            pages.weigh(page, home, f"{home}page.html")


def test_an_explorer_that_is_never_drawn_is_never_usable(chromium, tmp_path):
    for explorer, usable in ((DRAWN, True), (DEAD, False), ("", True)):
        write(tmp_path, explorer)
        with pages.served(tmp_path) as home:
            painted, there = pages.visit(chromium, f"{home}page.html")
        assert painted > 0 and (there is not None) == usable


def test_what_a_page_misses_is_said_and_the_peer_is_not_judged():
    light = pages.Weight(700_000, 600_000, 2, [], (500_000, "a.js"))
    heavy = pages.Weight(700_000, 600_001, 2, ["http://elsewhere.invalid/x.js"], (500_000, "a.js"))
    knob = "depth of #explorer"
    ours = [
        pages.Measured("light", light, 0.1, 0.2, (0.016, knob)),
        pages.Measured("heavy", heavy, 0.1, None, (0.017, knob)),
    ]
    text = pages.table(ours, ours[1]._replace(name="peer"))
    assert [line.split()[-1] for line in text.splitlines()[2:5]] == ["yes", "NO", "(peer)"]
    assert text.count("- **Missed**: heavy: ") == text.count("- **Missed**: ") == 4
    assert "The heaviest file is a.js with 500 KB." in text and "The knob is depth of #explorer." in text
