"""A real Chromium over the built book, and a watch on what its pages do: each visit fails on an error or a foreign request."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: pip install -r requirements.txt")
from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.pages import served
from book.print_form import find_chromium

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "_build" / "html"
SUBFOLDER = "a/course"  # a book is often served from below the root
BLOCKED_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked", "SecurityError"); } });
"""


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


@pytest.fixture
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """`visit("chapters/x.html#place")` opens a page of the book; `over` is "file" or "http", `storage=False` blocks it.

    From the disk Chromium now and then forgets what a page keeps (docs/decisions/tests.md): what is to be found again is asked
    of a server. A path that is an absolute file opens that, and its folder is the server's. At the end the test fails
    if any page logged an error, threw, or asked for anything but its own origin's files; where storage is blocked the
    theme itself throws, so errors are not held.
    """
    contexts, problems, servers = [], [], contextlib.ExitStack()

    def open_page(
        path: str | Path, *, over: str = "file", dark: bool = False, width: int = 1280, storage: bool = True
    ) -> Page:
        file, *after = re.split("(?=[?#])", str(path), maxsplit=1)
        target = BOOK / file
        if not target.is_file():
            pytest.fail(f"{target} is missing: run make book first")
        home, address = "file:", target.as_uri()
        if over == "http" and Path(file).is_absolute():
            home = servers.enter_context(served(target.parent))
            address = home + target.name
        elif over == "http":
            home = request.getfixturevalue("server")
            address = home + file
        context = chromium.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        if not storage:
            context.add_init_script(BLOCKED_STORAGE)
        page = context.new_page()
        page.set_default_timeout(10_000)
        if storage:
            page.on("pageerror", lambda error: problems.append(f"{path}: {error}"))
            page.on("console", lambda m: problems.append(f"{path}: {m.text}") if m.type == "error" else None)
        own = (home, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else problems.append(f"{path} asks {r.url}"))
        page.goto(address + "".join(after))
        return page

    yield open_page
    for context in contexts:
        context.close()
    servers.close()
    assert not problems
