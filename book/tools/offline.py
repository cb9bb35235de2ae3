"""`make dist`: the built book as one zip that a reader unpacks and opens, with no server, network or Python."""

import argparse
import zipfile
from pathlib import Path

from book.tools.repository import ROOT, version

HTML = ROOT / "_build" / "html"
NAME = "anatomy-of-convolutional-networks"
# What Sphinx leaves for its next build, and what no page reads.
LEFT_OUT = {".buildinfo", "objects.inv", ".nojekyll"}
READ_ME = """Anatomy of Convolutional Networks, version {version}

Open index.html in a browser. Explorers, quizzes and search work without a network.
Your answers stay in the browser. The notebooks lie in _sources/chapters.
"""


def pack(html: Path, folder: Path, release: str) -> Path:
    """Packs the site `html` into `folder`, below one directory, and returns the zip.

    Entries are in order and have one date, so that the same book gives the same file. Raises FileNotFoundError where
    the book is not built. Nothing half-written is left: the file gets its name when it is whole.
    """
    if not (html / "index.html").is_file():
        raise FileNotFoundError(f"no built book in {html}; run: make book")
    folder.mkdir(parents=True, exist_ok=True)
    inside = f"{NAME}-{release}"
    target = folder / f"{inside}.zip"
    unfinished = target.with_suffix(".part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
            add(book, f"{inside}/READ ME FIRST.txt", READ_ME.format(version=release).encode())
            for path in sorted(html.rglob("*")):
                if path.is_file() and path.name not in LEFT_OUT and path.suffix != ".map":
                    add(book, f"{inside}/{path.relative_to(html).as_posix()}", path.read_bytes())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def add(book: zipfile.ZipFile, name: str, content: bytes) -> None:
    """One file, dated as zip's first day, readable by all."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    book.writestr(entry, content)


def main() -> None:
    """Packs the built book into the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.offline", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    try:
        target = pack(HTML, folder, version())
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
