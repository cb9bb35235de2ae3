"""The sign and the card: drawn from the network, committed as drawn."""

import re
from xml.etree import ElementTree

import pytest
from PIL import Image

import cnnlib
from book.tools import drawings
from book.tools.repository import CARD, ROOT
from cnnlib.palette import DARK, LIGHT

DRAWN = drawings.drawings()


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_committed_is_what_is_drawn(name):
    assert (drawings.ASSETS / name).read_text(encoding="utf-8") == DRAWN[name], (
        "python -m book.tools.drawings draws it anew"
    )


def test_the_card_has_a_bar_for_each_block_of_the_network():
    shown = drawings.blocks(cnnlib.anatomy(cnnlib.create_model("resnet34")))
    assert [block.stage for block in shown] == ["conv2_x"] * 3 + ["conv3_x"] * 4 + ["conv4_x"] * 6 + ["conv5_x"] * 3
    assert [(block.side, block.channels) for block in shown[::5]] == [(56, 64), (28, 128), (14, 256), (7, 512)]
    assert [i for i, block in enumerate(shown) if block.projects] == [3, 7, 13]  # the first of each stage but one
    svg = ElementTree.fromstring(DRAWN["card.svg"])
    bars = [one for one in svg.iter("{http://www.w3.org/2000/svg}rect") if one.get("class") == "b"]
    ratios = [float(bar.get("width")) ** 2 / block.channels for bar, block in zip(bars, shown, strict=True)]
    assert max(ratios) / min(ratios) < 1.01  # areas of squares, up to a tenth of a pixel
    ratios = [float(bar.get("height")) ** 2 / block.side for bar, block in zip(bars, shown, strict=True)]
    assert max(ratios) / min(ratios) < 1.01
    right = max(float(bar.get("x")) + float(bar.get("width")) for bar in bars)
    assert right <= drawings.CARD[0] - 60


def test_the_sign_is_for_light_and_dark_pages():
    for colours in (LIGHT, DARK):
        assert colours["conv"] in DRAWN["logo.svg"] and colours["join"] in DRAWN["logo.svg"]
    assert "prefers-color-scheme:dark" in DRAWN["logo.svg"]
    assert not re.search(r"https?://(?!www\.w3\.org)", "".join(DRAWN.values()))


@pytest.mark.parametrize(("name", "size"), [("card.png", (1200, 630)), ("touch_icon.png", (180, 180))])
def test_the_pictures_have_the_size_that_is_asked_for(name, size):
    path = drawings.ASSETS / name
    with Image.open(path) as image:
        assert image.size == size
        assert len(image.convert("RGB").getcolors(2**24)) > 8  # something is on it
    assert path.stat().st_size < 100_000


def test_the_card_is_where_the_pages_say():
    assert (ROOT / "book/assets" / CARD.removeprefix("_static/")).is_file()


def test_without_a_browser_the_svgs_are_written_and_the_rest_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(drawings, "find_chromium", lambda: None)
    assert drawings.main(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(DRAWN)
    assert "set CHROMIUM=path" in capsys.readouterr().err
