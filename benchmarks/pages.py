"""Every page of the built book in Chromium: its weight, its requests, when it is there and how quickly a knob answers.

Served from this machine, to a browser with an empty cache that can reach nothing else, as a reader without a network.
"""

import contextlib
import functools
import gzip
import http.server
import statistics
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks import widgets
from benchmarks.timing import Unavailable, aligned, below, miss
from book.tools.print_form import HTML, ROOT, find_chromium, toc

HEAVIEST = 600_000  # bytes, gzipped
FRAME = 0.016  # seconds between two pictures at 60 a second
VISITS = 5
QUIET, LOOKS = 500, 60  # milliseconds without a new request that end a first visit; how often to look for them
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# What is drawn of an explorer, or of a widget of the peer, once it can be used: the explorer writes its sentence last.
USABLE = "cnn-explorer .cnn-sentence:not(:empty), .widget-slider"
AWAITED = "cnn-explorer, script[type='application/vnd.jupyter.widget-view+json']"
# In the page before its own scripts: when the first explorer is there.
WATCH = f"""new MutationObserver((_, observer) => {{
  if (!document.querySelector("{USABLE}")) return;
  window.usable = performance.now();
  observer.disconnect();
}}).observe(document, {{ childList: true, subtree: true }});"""
# Milliseconds from the start of the navigation: the first text or picture; the first explorer, and on a page that has
# none the end of all scripts that the page waits for. null: what the page promises never came.
TIMES = f"""async () => {{
  const painted = await new Promise((resolve) => new PerformanceObserver((seen) => {{
    const [entry] = seen.getEntriesByName("first-contentful-paint");
    if (entry) resolve(entry.startTime);
  }}).observe({{ type: "paint", buffered: true }}));
  const [navigation] = performance.getEntriesByType("navigation");
  const promised = document.querySelector("{AWAITED}") !== null;
  return [painted, promised ? window.usable ?? null : navigation.domContentLoadedEventEnd];
}}"""
KNOBS = "cnn-explorer .cnn-knob :is(input, select)"
KNOB = "(knob) => `${knob.name} of #${knob.closest('cnn-explorer').id}`"
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


class Weight(NamedTuple):
    """What a page asks for: bytes as they are, gzipped, the number of requests, and the addresses on other sites.

    `heaviest` is the file of its own site with the most bytes, gzipped, and how many.
    """

    raw: int
    gzipped: int
    requests: int
    foreign: list[str]
    heaviest: tuple[int, str]


class Measured(NamedTuple):
    """A page's figures, times in seconds. `usable` is None where nothing came, `drag` where there is no explorer.

    With `drag` comes which knob of which explorer it is.
    """

    name: str
    weight: Weight
    painted: float
    usable: float | None
    drag: tuple[float, str] | None


def report() -> str:
    """One table, and what it does and does not say. Raises Unavailable without a built book or a Chromium."""
    names = [name for name, _ in toc(ROOT / "_toc.yml")]
    missing = [name for name in names if not (HTML / f"{name}.html").exists()]
    if missing:
        raise Unavailable(f"{missing[0]} is not built; run make book first")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=[NO_NETWORK])
        except Error as error:
            raise Unavailable(f"no Chromium starts here (set CHROMIUM=path): {str(error).splitlines()[0]}") from error
        with served(HTML) as home:
            ours = [measure(browser, home, name) for name in names]
        with tempfile.TemporaryDirectory() as folder, served(widgets.book(Path(folder))) as home:
            peer = measure(browser, home, widgets.PAGE)
        browser.close()
    return below(HOW, table(ours, peer), about(peer))


HOW = f"""Median of {VISITS} visits at 1280×900, each with an empty cache. *raw* is the sum of what the page asked for \
without being scrolled; pictures further down load later. *gzipped* is the same with each file packed as a server would \
send it, or as it is where that is smaller. The files come from this machine, so the times are those of the browser and \
no network is in them. *paint* is the first text or picture, *usable* the first explorer with its picture; without one, \
the end of the page's scripts. *drag* is the script of a knob's slowest step on the page's slowest explorer. Budgets: \
{HEAVIEST // 1000} KB gzipped, no foreign request, {1000 * FRAME:.0f} ms (a frame) for a drag."""


def about(peer: Measured) -> str:
    """What the row of the peer lacks."""
    if not peer.weight.foreign:
        return f"{PEER}: it asked no other site."
    state = "none of its widgets was drawn" if peer.usable is None else "its widgets were drawn all the same"
    return (
        f"{PEER}, built here with two ipywidgets sliders and an output. It asked {len(peer.weight.foreign)} files of "
        f"other sites ({', '.join(peer.weight.foreign)}), which the browser could not reach: their bytes, and what they "
        f"fetch in turn, are not in its sums, nor is their time. So {state}. With a network they would be "
        "drawn, which is not measured here; what a slider calls is Python, and a page without a kernel has none, so there "
        "is no drag to measure. Its page has one short cell and ours are chapters: "
        "compare it with the lightest of ours."
    )


PEER = "The last row is the peer: a Jupyter Book of the same version with default settings"


def table(ours: list[Measured], peer: Measured) -> str:
    """A line a page, and below them each budget that one of ours misses."""
    lines = [("page", "raw", "gzipped", "requests", "foreign", "paint", "usable", "drag", "kept")]
    missed = []
    for page in (*ours, peer):
        misses = over(page)
        lines.append(
            (
                page.name if page is not peer else "default Jupyter Book, two sliders",
                f"{page.weight.raw / 1000:.0f} KB",
                f"{page.weight.gzipped / 1000:.0f} KB",
                str(page.weight.requests),
                str(len(page.weight.foreign)),
                f"{1000 * page.painted:.0f} ms",
                "never" if page.usable is None else f"{1000 * page.usable:.0f} ms",
                "–" if page.drag is None else f"{1000 * page.drag[0]:.1f} ms",
                "(peer)" if page is peer else "NO" if misses else "yes",
            )
        )
        if page is not peer:
            missed += [miss(f"{page.name}: {what}", why) for what, why in misses]
    return below(aligned(lines, right=range(1, 8)), "\n".join(missed))


def over(page: Measured) -> list[tuple[str, str]]:
    """The budgets that a page misses, in words, each with what is known of the reason."""
    misses, weight = [], page.weight
    if weight.gzipped > HEAVIEST:
        what = f"{weight.gzipped / 1000:.0f} KB gzipped, allowed: {HEAVIEST // 1000} KB"
        misses.append((what, f"The heaviest file is {weight.heaviest[1]} with {weight.heaviest[0] / 1000:.0f} KB"))
    if weight.foreign:
        misses.append((f"{len(weight.foreign)} foreign requests, allowed: 0", f"For {', '.join(weight.foreign)}"))
    if page.usable is None:
        misses.append(("no explorer is ever drawn", ""))
    if page.drag is not None and page.drag[0] > FRAME:
        what = f"{1000 * page.drag[0]:.1f} ms of script in a drag, allowed: a frame ({1000 * FRAME:.0f} ms)"
        misses.append((what, f"The knob is {page.drag[1]}"))
    return misses


# ------------------------------------------------------------------------------------------------------- measuring


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on a server of this machine."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextlib.contextmanager
def reader(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def measure(browser: Browser, home: str, name: str) -> Measured:
    """All figures of one page of the book at `home`: its weight in a first visit, its times in visits of their own."""
    address = f"{home}{name}.html"
    with reader(browser) as page:
        weight = weigh(page, home, address)
        drags = [(drag(page, knob), knob.evaluate(KNOB)) for knob in page.locator(KNOBS).all()]
    painted, usable = zip(*(visit(browser, address) for _ in range(VISITS)), strict=True)
    return Measured(
        name,
        weight,
        statistics.median(painted) / 1000,
        None if None in usable else statistics.median(usable) / 1000,
        max(drags, default=None),
    )


def weigh(page: Page, home: str, address: str) -> Weight:
    """Opens the page and sums what it asks for until nothing is under way. Raises TimeoutError for what never ends."""
    requests, ended = [], []
    page.on("request", lambda request: requests.append(request))
    for event in ("requestfinished", "requestfailed"):
        page.on(event, lambda request: ended.append(request))
    page.goto(address)
    # Playwright's own wait for an idle network sometimes never ends, although every request has.
    for _ in range(LOOKS):
        seen = len(requests)
        page.wait_for_timeout(QUIET)
        if len(ended) == len(requests) == seen:
            break
    else:
        open_ones = sorted({request.url for request in requests} - {request.url for request in ended})
        raise TimeoutError(f"{address}: after {LOOKS * QUIET / 1000:.0f} s these are under way: {open_ones}")
    asked = [request for request in requests if not request.url.startswith(("data:", "blob:"))]
    own = {request.url: request.response().body() for request in asked if request.url.startswith(home)}
    packed = {url: min(len(body), len(gzip.compress(body, 6))) for url, body in own.items()}
    return Weight(
        sum(map(len, own.values())),
        sum(packed.values()),
        len(asked),
        sorted({request.url for request in asked if not request.url.startswith(home)}),
        max((size, url.removeprefix(home)) for url, size in packed.items()),
    )


def visit(browser: Browser, address: str) -> tuple[float, float | None]:
    """Milliseconds to the first paint and to the first explorer, as TIMES has them."""
    with reader(browser) as page:
        page.add_init_script(WATCH)
        page.goto(address)
        return tuple(page.evaluate(TIMES))


def drag(page: Page, knob, times: int = 5) -> float:
    """Seconds of script that the slowest step of a knob takes, each step the median over some drags."""
    drags = [knob.evaluate(DRAG) for _ in range(times)]
    return max(statistics.median(step) for step in zip(*drags, strict=True)) / 1000
