"""A real Chromium over the built book, and a watch on what its pages do: each visit fails on an error or a foreign request."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: pip install -r requirements.txt")
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.pages import served
from book.tools.print_form import find_chromium

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "_build" / "html"
SUBFOLDER = "a/course"  # a book is often served from below the root
BLOCKED_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked", "SecurityError"); } });
"""


@functools.cache
def soup(page: str) -> BeautifulSoup:
    """A built page, by its path in the book, as it is before any script; to be read only, as all tests share it."""
    path = BOOK / page
    if not path.is_file():
        pytest.fail(f"{path} is missing: run make book first")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(page: str) -> set[str]:
    """The ids of a built page."""
    return {tag["id"] for tag in soup(page).select("[id]")}


@pytest.fixture(scope="module", autouse=True)
def forget_soups() -> Iterator[None]:
    """All pages as trees take a gigabyte, which no file of tests leaves to the next."""
    yield
    soup.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium())
        except Error as error:
            pytest.skip(f"no Chromium starts here (set CHROMIUM=path): {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the book on a server, under a subfolder; beside the book there is nothing."""
    root = tmp_path_factory.mktemp("server")
    inside = root / SUBFOLDER
    inside.parent.mkdir(parents=True)
    inside.symlink_to(BOOK, target_is_directory=True)
    with served(root) as home:
        yield f"{home}{SUBFOLDER}/"


@pytest.fixture(scope="session")
def tab(chromium: Browser) -> Iterator[Page]:
    """A wide, light page that stays open from visit to visit, where nothing is kept and nothing but the address changes."""
    context = chromium.new_context(color_scheme="light", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


@pytest.fixture
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """`visit("chapters/x.html#place")` opens a page of the book; `over` is "file" or "http", `storage=False` blocks it.

    From the disk Chromium now and then forgets what a page keeps (docs/decisions/tests.md): what is to be found again is asked
    of a server. A path that is an absolute file opens that, and its folder is the server's. A page of its own is begun for
    each visit, which takes longer than a small page, unless it is to be `tab`. At the end the test fails
    if any page logged an error, threw, or asked for anything but its own origin's files; where storage is blocked the
    theme itself throws, so errors are not held.
    """
    problems, end = [], contextlib.ExitStack()

    def open_page(
        path: str | Path,
        *,
        over: str = "file",
        dark: bool = False,
        width: int = 1280,
        storage: bool = True,
        tab: Page | None = None,
    ) -> Page:
        file, *after = re.split("(?=[?#])", str(path), maxsplit=1)
        target = BOOK / file
        if not target.is_file():
            pytest.fail(f"{target} is missing: run make book first")
        home, address = "file:", target.as_uri()
        if over == "http" and Path(file).is_absolute():
            home = end.enter_context(served(target.parent))
            address = home + target.name
        elif over == "http":
            home = request.getfixturevalue("server")
            address = home + file
        page = tab or begun(dark, width, storage)
        own = (home, "data:", "blob:")
        held = {"request": lambda r: None if r.url.startswith(own) else problems.append(f"{path} asks {r.url}")}
        if storage:
            held["pageerror"] = lambda error: problems.append(f"{path}: {error}")
            held["console"] = lambda m: problems.append(f"{path}: {m.text}") if m.type == "error" else None
        for event, listener in held.items():
            page.on(event, listener)
            end.callback(page.remove_listener, event, listener)
        page.goto(address + "".join(after))
        return page

    def begun(dark: bool, width: int, storage: bool) -> Page:
        context = chromium.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": 900}
        )
        end.callback(context.close)
        if not storage:
            context.add_init_script(BLOCKED_STORAGE)
        page = context.new_page()
        page.set_default_timeout(10_000)
        return page

    with end:
        yield open_page
    assert not problems
