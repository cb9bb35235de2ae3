"""What every interactive output shares: JSON that is safe inside HTML, the inlined script and style, a little Markdown with formulas."""

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

from cnnlib.palette import themed

escape = html.escape


def embed(data: object) -> str:
    """`data` as JSON in a `<script>` that no value can close; raises ValueError for NaN, TypeError for non-JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json">{text}</script>'


@lru_cache
def asset(name: str) -> str:
    """A script or style of this folder, as "quiz/quiz.js", without its comments and indentation: pages do not need them."""
    text = (files("cnnlib.course") / name).read_text(encoding="utf-8")
    comment = r"(?s)/\*.*?\*/" if name.endswith(".css") else r"(?m)^\s*//.*$"
    text = re.sub(comment, "", text)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def style(*names: str) -> str:
    """One `<style data-cnnlib>` with the palette and the named files of this folder."""
    return "<style data-cnnlib>\n" + "\n".join([themed(".cnn-ui"), *map(asset, names)]) + "\n</style>"


def script(*names: str) -> str:
    """One inline `<script type="module" data-cnnlib>` with the named files of this folder, in that order.

    Inline, because an external module is blocked on `file://`; a module, because it runs after the page is parsed.
    """
    return '<script type="module" data-cnnlib>\n' + "\n".join(map(asset, names)) + "\n</script>"


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A plain HTML table; the first value of each row is its heading. Thousands are grouped, None is an empty cell."""

    def cell(value: Any) -> str:
        if value is None:
            return ""
        return escape(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))

    head = "".join(f"<th>{cell(column)}</th>" for column in columns)
    body = [[cell(value) for value in row] for row in rows]
    lines = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{text}</td>' for text in row[1:])}</tr>" for row in body)
    return f"<table><tr>{head}</tr>{lines}</table>"


_INLINE = ((r"\*\*(.+?)\*\*", "strong"), (r"\*(.+?)\*", "em"), (r"\^(.+?)\^", "sup"), (r"~(.+?)~", "sub"))


def markdown(text: str) -> str:
    """`code`, $formulas$, **strong**, *emphasis*, x^2^ and x~i~ as HTML; all else is escaped.

    Raises ValueError for a formula that is no TeX, and ImportError, saying what to install, for one without latex2mathml.
    """
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", " ".join(text.split()))
    for i, part in enumerate(parts):
        if part.startswith("`") and i % 2:
            parts[i] = f"<code>{escape(part[1:-1], quote=False)}</code>"
        elif i % 2:
            parts[i] = formula(part[1:-1])
        else:
            part = escape(part, quote=False)
            for pattern, tag in _INLINE:
                part = re.sub(pattern, rf"<{tag}>\1</{tag}>", part)
            parts[i] = part
    return "".join(parts)


@lru_cache
def formula(tex: str) -> str:
    """TeX as MathML, which browsers draw themselves: an output in a notebook has no KaTeX. Raises as `markdown` does."""
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise ImportError("formulas in questions are made by latex2mathml: pip install latex2mathml") from error
    if tex.count("{") != tex.count("}"):  # the converter lets some of these pass
        raise ValueError(f"the formula {tex!r} has braces that do not match")
    try:
        made = convert(tex).replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")  # which HTML does not need
        parts = list(ElementTree.fromstring(made).iter())
    except Exception as error:  # of its many kinds none has a common base
        raise ValueError(f"the formula {tex!r} is no TeX: {type(error).__name__} {error}".rstrip()) from error
    # The converter copies what stands in \text or \href as it is: a formula must not bring markup or links into a page.
    foreign = {part.tag for part in parts if not part.tag.startswith("m")} | {
        name
        for part in parts
        for name in part.attrib
        if name in ("href", "style", "class", "id") or name.startswith("on")
    }
    if foreign:
        raise ValueError(f"the formula {tex!r} makes {', '.join(sorted(foreign))}, which is not mathematics")
    return made


def slug(title: str) -> str:
    """A title as an id: "Nets for 32×32 images" is nets-for-32-32-images."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def anchor(heading: str) -> str:
    """Where the book puts a heading: "What is a block?" is at #what-is-a-block. Signs that are no ASCII fall out."""
    return slug(unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode())
