"""The book's sign and its card for links, drawn from a network: `python -m book.tools.drawings` writes them to book/assets/.

Both show ResNet-34: each block as high as its map is wide and as wide as it has channels, with its shortcut above. The
figures come from `cnnlib.anatomy`; the SVGs are compared by a test, and a Chromium makes the PNGs from them.
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

import torch

import cnnlib
from cnnlib.palette import DARK, LIGHT

from .print_form import Fault, find_chromium, run
from .repository import ROOT

ASSETS = ROOT / "book/assets"
NETWORK = "resnet34"
STAGES = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")
CARD = (1200, 630)  # what readers of links ask for
TOUCH = 180  # pixels of a phone's icon


@dataclass(frozen=True)
class Block:
    """A residual block: its stage, the side of its map, its channels, and whether its shortcut is a projection."""

    stage: str
    side: int
    channels: int
    projects: bool


def blocks(whole: cnnlib.Anatomy) -> list[Block]:
    """The residual blocks of a ResNet in their order."""
    found: dict[tuple[str, ...], list] = {}
    for layer in whole.layers:
        stage, *inner = layer.name.split(".")
        if stage in STAGES and inner:
            found.setdefault((stage, inner[0]), []).append(layer)
    return [
        Block(stage, *reversed(layers[-1].out_shape[:2]), any(".shortcut." in layer.name for layer in layers))
        for (stage, _), layers in found.items()
    ]


def bars(shown: list[Block], left: float, width: float, bottom: float, height: float, gap: float) -> str:
    """The blocks from left to right on one line, with an arc over each: the shortcut, dashed where it projects."""
    total = sum(block.channels**0.5 for block in shown)
    highest = max(block.side for block in shown) ** 0.5
    scale = (width - gap * (len(shown) - 1)) / total
    parts, x = [], left
    for block in shown:
        wide, high = block.channels**0.5 * scale, block.side**0.5 / highest * height
        top = bottom - high
        rise = min(wide, height / 3) * 0.75
        dash = " p" * block.projects
        parts.append(
            f'<rect class="b" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="{wide / 6:.1f}"/>'
            f'<path class="s{dash}" d="M{x + wide * 0.1:.1f} {top - gap:.1f}q{wide * 0.4:.1f} {-rise * 1.6:.1f} {wide * 0.8:.1f} 0"/>'
        )
        x += wide + gap
    return "".join(parts)


def sign(whole: cnnlib.Anatomy) -> str:
    """The logo and favicon: the first block of each stage, in the colours of a light or a dark page."""
    firsts = [next(block for block in blocks(whole) if block.stage == stage) for stage in STAGES]
    drawn = bars(firsts, 2, 60, 60, 42, 2.5)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="The stages of a residual network">'
        f"<style>.b{{fill:{LIGHT['conv']}}}.s{{fill:none;stroke:{LIGHT['join']};stroke-width:3.2;stroke-linecap:round}}"
        f"@media(prefers-color-scheme:dark){{.b{{fill:{DARK['conv']}}}.s{{stroke:{DARK['join']}}}}}</style>{drawn}</svg>\n"
    )


def card(whole: cnnlib.Anatomy, title: str) -> str:
    """What a link to the book shows: its title above a whole network."""
    wide, high = CARD
    margin, bottom = 70, 520
    shown = blocks(whole)
    first, rest = title.split(" of ")
    facts = f"ResNet-34: {len(shown)} blocks, {whole.params:,} parameters, {whole.macs:,} MACs an image"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        f'font-family="DejaVu Sans, system-ui, sans-serif" role="img" aria-label="{escape(title)}">'
        f"<style>.b{{fill:{LIGHT['conv']}}}.s{{fill:none;stroke:{LIGHT['join']};stroke-width:4;stroke-linecap:round}}"
        f".p{{stroke:{LIGHT['conv']};stroke-dasharray:7 8}}</style>"
        f'<rect width="{wide}" height="{high}" fill="{LIGHT["surface"]}"/>'
        f'<text x="{margin}" y="120" font-size="66" font-weight="700" fill="{LIGHT["text"]}">{escape(first)} of</text>'
        f'<text x="{margin}" y="198" font-size="66" font-weight="700" fill="{LIGHT["text"]}">{escape(rest)}</text>'
        f'<text x="{margin}" y="252" font-size="29" fill="{LIGHT["muted"]}">An executable textbook: read, run, grade yourself</text>'
        f"{bars(shown, margin, wide - 2 * margin, bottom, 170, 9)}"
        f'<text x="{margin}" y="{bottom + 58}" font-size="25" fill="{LIGHT["muted"]}">{escape(facts)}</text></svg>\n'
    )


def drawings() -> dict[str, str]:
    """Each file of book/assets that is drawn here, with its text."""
    with torch.device("meta"):  # only shapes are needed
        whole = cnnlib.anatomy(cnnlib.create_model(NETWORK))
    return {"logo.svg": sign(whole), "card.svg": card(whole, "Anatomy of Convolutional Networks")}


def photograph(browser: str, svg: Path, png: Path, width: int, height: int, margin: int = 0) -> None:
    """Draw an SVG on a light page of that size into a PNG with few colours. Raises Fault where the browser does not run."""
    from PIL import Image

    page = png.with_suffix(".html")
    style = f"margin:0;padding:{margin}px;box-sizing:border-box;height:100vh;background:{LIGHT['surface']}"
    page.write_text(f'<body style="{style}"><img style="width:100%" src="{svg.as_uri()}">', encoding="utf-8")
    try:
        run(browser, f"--window-size={width},{height}", "--hide-scrollbars", f"--screenshot={png}", page.as_uri())
    finally:
        page.unlink()
    with Image.open(png) as image:
        few = image.convert("RGB").crop((0, 0, width, height)).quantize(64)
    few.save(png, optimize=True)


def main(assets: Path = ASSETS) -> int:
    """The command; returns its exit status."""
    for name, text in drawings().items():
        (assets / name).write_text(text, encoding="utf-8")
    browser = find_chromium()
    if not browser:
        print(
            "No Chromium here (set CHROMIUM=path): the SVGs are written, the PNGs stay as they were.", file=sys.stderr
        )
        return 1
    try:
        photograph(browser, assets / "card.svg", assets / "card.png", *CARD)
        photograph(browser, assets / "logo.svg", assets / "touch_icon.png", TOUCH, TOUCH, margin=18)
    except Fault as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
