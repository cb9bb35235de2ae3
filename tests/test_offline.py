"""The zip of the book: whole, the same each time, and no trace of a failure."""

import zipfile

import pytest

from book.tools.offline import NAME, pack


@pytest.fixture
def html(tmp_path):
    site = tmp_path / "html"
    (site / "chapters").mkdir(parents=True)
    (site / "index.html").write_text("front door", encoding="utf-8")
    (site / "chapters" / "ä.html").write_text("a page", encoding="utf-8")
    (site / "objects.inv").write_text("for Sphinx", encoding="utf-8")
    (site / "theme.css.map").write_text("for who writes the theme", encoding="utf-8")
    return site


def test_it_holds_the_pages_below_one_folder(html, tmp_path):
    book = zipfile.ZipFile(pack(html, tmp_path / "dist", "1.2"))
    inside = f"{NAME}-1.2/"
    assert set(book.namelist()) == {inside + name for name in ("READ ME FIRST.txt", "index.html", "chapters/ä.html")}
    assert book.read(f"{inside}chapters/ä.html") == b"a page"
    assert b"version 1.2" in book.read(f"{inside}READ ME FIRST.txt")


def test_the_same_book_gives_the_same_file(html, tmp_path):
    first, second = (pack(html, tmp_path / name, "1.2").read_bytes() for name in ("one", "two"))
    assert first == second


def test_without_a_book_it_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="run: make book"):
        pack(tmp_path, tmp_path / "dist", "1.2")


def test_a_failure_leaves_nothing_behind(html, tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        pack(html, tmp_path / "dist", "1.2")
    assert not list((tmp_path / "dist").iterdir())
