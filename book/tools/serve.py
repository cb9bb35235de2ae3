"""`make serve`: the built book on a local port. What you change is built at once, and the page that shows it is loaded anew.

The script that waits for that is put into pages when they are served; the files in `_build/html` are as they are
published. A page keeps its place: the section that the reader sees and the folds that are open.
"""

import argparse
import subprocess
import sys
import threading
import time
import webbrowser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from book.tools.build import ROOT, files

CHANGES = "/_changes"  # which a page asks for news of itself, as /_changes?/chapters/04_resnet.html
PAUSE = 0.3  # seconds between two looks
SCRIPT = """<script>
(() => {
  const key = `place:${location.pathname}`, top = (element) => element.getBoundingClientRect().top;
  const kept = JSON.parse(sessionStorage.getItem(key));
  sessionStorage.removeItem(key);
  addEventListener("load", () => {
    if (!kept) return;
    document.querySelectorAll("details").forEach((fold, i) => { fold.open = kept.open[i] ?? fold.open; });
    const section = document.getElementById(kept.section);
    if (section) scrollBy({ top: top(section) - kept.top, behavior: "instant" });
    else scrollTo({ top: kept.y, behavior: "instant" });
  });
  new EventSource(`/_changes?${location.pathname}`).onmessage = () => {
    const section = [...document.querySelectorAll("section[id]")].findLast((one) => top(one) <= innerHeight / 3);
    const open = [...document.querySelectorAll("details")].map((fold) => fold.open);
    const place = { y: scrollY, open, section: section?.id, top: section && top(section) };
    sessionStorage.setItem(key, JSON.stringify(place));
    location.reload();
  };
})();
</script>
"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the files of `server.html`, pages with the script in them, and says when a page has changed."""

    def __init__(self, request, client_address, server) -> None:
        super().__init__(request, client_address, server, directory=str(server.html))

    def do_GET(self) -> None:
        """Answer one request."""
        address = urlsplit(self.path)
        if address.path == CHANGES:
            return self.wait_for_change(self.file(address.query))
        page = self.file(address.path)
        if page.suffix != ".html" or not page.is_file():
            return super().do_GET()
        html = page.read_text(encoding="utf-8").replace("</body>", f"{SCRIPT}</body>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(html)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(html)

    def file(self, path: str) -> Path:
        """The file that an address stands for, below the folder that is served."""
        found = Path(self.translate_path(unquote(path)))
        return found / "index.html" if found.is_dir() else found

    def wait_for_change(self, page: Path) -> None:
        """Keep the connection, and send a line when the page is another and the build has ended."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        shown = content(page)
        try:
            while self.server.building.is_set() or content(page) == shown:
                self.wfile.write(b":\n\n")  # fails once the reader has left
                time.sleep(PAUSE)
            self.wfile.write(b"data: changed\n\n")
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing of each request: the terminal is for what the build says."""


def content(page: Path) -> bytes | None:
    """What a page holds; None while there is none."""
    return page.read_bytes() if page.is_file() else None


class Server(ThreadingHTTPServer):
    """Serves a folder on a port of this machine; 0 takes any that is free."""

    daemon_threads = True

    def __init__(self, html: Path, port: int) -> None:
        self.html, self.building = html, threading.Event()
        super().__init__(("127.0.0.1", port), Handler)


def state(root: Path) -> list[tuple[Path, int]]:
    """The files that a build reads, and when they were written."""
    return [(path, path.stat().st_mtime_ns) for path in files(root)]


def watch(server: Server, root: Path, built: list[tuple[Path, int]]) -> None:
    """Build whenever a file is not as it was when it was `built`. Never returns."""
    while True:
        time.sleep(PAUSE)
        try:
            now = state(root)
        except FileNotFoundError:
            continue  # one was being replaced
        if now != built:
            server.building.set()
            subprocess.run([sys.executable, "-m", "book.tools.build"], cwd=root)
            server.building.clear()
            built = now


def main() -> None:
    """Builds, serves and watches until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.serve", description=__doc__.partition("\n")[0])
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    built = state(ROOT)
    subprocess.run([sys.executable, "-m", "book.tools.build"], cwd=ROOT)
    server = Server(ROOT / "_build/html", port)
    threading.Thread(target=watch, args=(server, ROOT, built), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    print(f"{address} shows the book and follows your changes; Ctrl-C ends it.")
    webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
