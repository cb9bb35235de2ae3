"""Script time of a drag on the built pages: one knob event of each explorer, beside the frame that it must fit into."""

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.timing import Row

BOOK = Path(__file__).parents[1] / "_build" / "html"
FRAME = 0.016  # seconds between two pictures at 60 a second
# Through the steps of the knob and back, as a drag does; the time is that of all handlers of the event.
DRAG = """(knob) => {
  const steps = knob.tagName === "SELECT" ? knob.length : Number(knob.max) + 1;
  const there = Array.from({ length: steps }, (_, step) => step);
  return [...there, ...there.reverse()].map((step) => {
    knob.value = step;
    const started = performance.now();
    knob.dispatchEvent(new Event("input", { bubbles: true }));
    return performance.now() - started;
  });
}"""


def rows(times: int = 5) -> Iterator[Row]:
    """One row an explorer of the built book: its slowest step, each the median over some drags.

    None, and a line that says why, where there is no built book or no Chromium.
    """
    pages = sorted(path for path in BOOK.rglob("*.html") if "<cnn-explorer" in path.read_text(encoding="utf-8"))
    if not pages:
        print("pages: no explorer is built; run make book first")
        return
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        except Error as error:
            print(f"pages: no Chromium starts here: {str(error).splitlines()[0]}")
            return
        for path in pages:
            yield from explorers(browser, path, times)
        browser.close()


def explorers(browser: Browser, path: Path, times: int) -> Iterator[Row]:
    """A row for each explorer of one page, slowest knob."""
    page = browser.new_page()
    page.goto(path.as_uri())
    for explorer in page.locator("cnn-explorer").all():
        slowest = max(drag(page, knob, times) for knob in explorer.locator(".cnn-knob :is(input, select)").all())
        title = explorer.get_attribute("id")[:32]
        yield Row(f"{path.stem}: {title}", slowest, "a frame", FRAME, "one frame", slowest <= FRAME)
    page.close()


def drag(page: Page, knob, times: int) -> float:
    """Seconds of script that the slowest step of a knob takes."""
    drags = [knob.evaluate(DRAG) for _ in range(times)]
    return max(statistics.median(step) for step in zip(*drags, strict=True)) / 1000
