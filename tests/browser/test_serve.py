"""`make serve`: a page that has changed is loaded anew, and the reader stays where they were."""

import threading
import urllib.request

import pytest

from book.tools import serve

PAGE = (
    '<!doctype html><link rel="icon" href="data:,"><body>{above}<details><summary>Fold</summary>'
    "<p style='height: 700px'>In it</p></details>"
    "<section id='one' style='height: 2000px'>One</section><section id='two' style='height: 2000px'>{text}</section></body>"
)


@pytest.fixture
def site(tmp_path):
    server = serve.Server(tmp_path, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "page.html").write_text(PAGE.format(above="", text="Old"), encoding="utf-8")
    yield server
    server.shutdown()
    server.server_close()


def fetch(server: serve.Server, name: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{name}") as answer:
        return answer.read().decode()


def test_the_script_is_in_what_is_served_and_in_no_file(site):
    kept = (site.html / "page.html").read_text(encoding="utf-8")
    assert fetch(site, "page.html") == kept.replace("</body>", f"{serve.SCRIPT}</body>")
    (site.html / "index.html").write_text(kept, encoding="utf-8")
    assert "EventSource" in fetch(site, "")
    (site.html / "style.css").write_text("p {}", encoding="utf-8")
    assert fetch(site, "style.css") == "p {}"
    assert (site.html / "page.html").read_text(encoding="utf-8") == kept


def test_a_page_hears_of_its_change_when_the_build_has_ended(site):
    address = f"http://127.0.0.1:{site.server_port}{serve.CHANGES}?/page.html"
    with urllib.request.urlopen(address, timeout=30) as news:
        assert news.readline() == b":\n"
        site.building.set()
        (site.html / "page.html").write_text("New", encoding="utf-8")
        waiting = [news.readline() for _ in range(6)]
        assert not any(b"data" in line for line in waiting)
        site.building.clear()
        assert any(news.readline() == b"data: changed\n" for _ in range(20))


def test_the_reader_stays_where_they_were(site, chromium):
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    with page.expect_request(lambda request: serve.CHANGES in request.url):
        page.goto(f"http://127.0.0.1:{site.server_port}/page.html")
    page.evaluate("document.querySelector('details').open = true; document.getElementById('two').scrollIntoView()")
    top = "document.getElementById('two').getBoundingClientRect().top"
    before = page.evaluate(top)
    changed = PAGE.format(above="<p style='height: 300px'>Above</p>", text="New")
    (site.html / "page.html").write_text(changed, encoding="utf-8")
    page.wait_for_function("document.getElementById('two').textContent === 'New'")
    page.wait_for_function("document.readyState === 'complete'")
    assert page.evaluate("document.querySelector('details').open")
    assert abs(page.evaluate(top) - before) <= 1
    page.close()


def test_what_is_watched_is_what_a_build_reads(tmp_path):
    (tmp_path / "book").mkdir()
    page = tmp_path / "book/page.md"
    page.write_text("One", encoding="utf-8")
    before = serve.state(tmp_path)
    assert [path for path, _ in before] == [page] and serve.state(tmp_path) == before
    (tmp_path / "book/other.md").write_text("Two", encoding="utf-8")
    assert serve.state(tmp_path) != before
