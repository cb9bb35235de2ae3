"""Explorers: the table is the function's, the page carries it safely, and it stays small."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import cnnlib.course
from cnnlib import palette
from cnnlib.course.explorer import Explorer, Knob, views
from cnnlib.course.explorer.explorer import pack
from cnnlib.course.html import anchor, asset, embed, markdown, script, slug, style


def stages(depth: int, shortcut: str | None = "A") -> dict:
    alike = {"channels": 16, "size": 32, "macs": 8, "output_bytes": 4}
    rows = [
        alike | {"name": "conv1", "blocks": 0, "params": 464, "receptive_field": 3},
        alike | {"name": "stage1", "blocks": depth, "params": depth, "receptive_field": 9},
    ]
    totals = {"params": 464 + depth, "macs": 16, "output_bytes": 8, "receptive_field": 9}
    sentence = f"A net of {depth} blocks."
    return {"stages": rows, "shortcuts": shortcut, "totals": totals, "sentence": sentence, "python": f"make({depth})"}


def curves(depth: int, log: bool = False) -> dict:
    if depth == 3:
        return {"series": [], "sentence": "No run was recorded for this setting"}
    one = {"label": "a", "epochs": [1, 2], "mean": [8.0, 0.0], "low": [7, 0], "high": [9 * depth, 0.5], "runs": 3}
    return {"series": [one], "x_label": "epoch", "y_label": "error (%)", "log_y": log, "sentence": "s", "note": "n"}


DEPTH = Knob("depth", "Depth", (1, 2, 3), 2)
SHORTCUT = Knob("shortcut", "Shortcut", (None, "A"), "A")


def explorer(**options) -> Explorer:
    return Explorer(stages, [DEPTH, SHORTCUT], view="stages", **({"title": "A net"} | options))


class Tags(HTMLParser):
    """What a browser sees: elements by name, and the text of the JSON script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.json = ""
        self._in_json = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self._in_json = dict(attributes).get("type") == "application/json"

    def handle_endtag(self, tag):
        self._in_json = False

    def handle_data(self, data):
        if self._in_json:
            self.json += data
        else:
            self.text += data


def unpack(table: dict, index: int) -> dict:
    """The way back of `pack`, as `explorer.js` has it."""
    result = {}
    for key, column in table.items():
        here = column["at"][index]
        if "words" in column:
            result[key] = " ".join(column["words"][i] for i in here)
        elif "values" in column:
            result[key] = column["values"][here]
        elif isinstance(here, list):
            result[key] = [dict(zip(column["keys"], column["rows"][i], strict=True)) for i in here]
        else:
            result[key] = dict(zip(column["keys"], column["rows"][here], strict=True))
    return result


def test_the_table_is_what_the_function_gives():
    ours = explorer()
    assert ours.at(depth=3, shortcut=None) == stages(3, None)
    assert ours.at() == stages(2, "A")
    for index, (setting, result) in enumerate(ours.table.items()):
        assert result == stages(*setting)
        assert unpack(ours.spec["table"], index) == result


def test_knobs():
    assert DEPTH.kind == "range"
    assert SHORTCUT.kind == "select"
    assert Knob("width", "Width", (0.5, 1), 1, format="{:g}×").as_json()["steps"] == ["0.5×", "1×"]
    assert Knob("n", "N", ("a", "b"), "a", format={"a": "first", "b": "second"}.get).text("b") == "second"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Knob("depth", "Depth", (1, 2), 3), r"depth=3 is not a step .* \[1, 2\]"),
        (lambda: Knob("depth", "Depth", (1,), 1), "at least two"),
        (lambda: Knob("depth", "Depth", (1, 2, 1), 1), "twice"),
        (lambda: Knob("the depth", "Depth", (1, 2), 1), "argument"),
        (lambda: Knob("depth", "Depth", (1, 2), 1, kind="dial"), "dial"),
        (lambda: explorer().at(depth=7), r"depth=7 is not a step"),
        (lambda: explorer().at(width=7), r"no knob \['width'\].*depth.*shortcut"),
        (lambda: Explorer(stages, [DEPTH], view="pie", title="x"), r"no view 'pie'; there are bars, .*, table"),
        (lambda: Explorer(stages, [DEPTH, DEPTH], view="stages", title="x"), "one name"),
        (lambda: Explorer(stages, [], view="stages", title="x"), "at least one knob"),
        (lambda: Knob("depth", "Depth", (1, 1.2), 1, format="{:.0f}"), r"labels two steps alike: \['1', '1'\]"),
        (
            lambda: Explorer(lambda depth: {"sentence": ""}, [DEPTH], view="curves", title="x"),
            r"\['series'\].* depth=1",
        ),
        (
            lambda: Explorer(
                lambda depth: {"sentence": "", "rows": [{"a": 0.0 / depth, "b": object}]},
                [DEPTH],
                view="table",
                title="x",
            ),
            "depth=1 is not JSON: .*type",
        ),
        (
            lambda: Explorer(
                lambda depth: {"sentence": "", "rows": [{"a": float("nan")}]}, [DEPTH], view="table", title="x"
            ),
            "depth=1 is not JSON: .*float",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_huge_grid_is_refused_before_it_is_computed():
    knobs = [Knob("depth", "Depth", range(90), 2), Knob("width", "Width", range(70), 2)]
    with pytest.raises(ValueError, match=r"90 \(depth\) × 70 \(width\) = 6300 settings.*fewer steps"):
        Explorer(lambda **_: pytest.fail("computed"), knobs, view="stages", title="x")


def test_a_huge_table_is_refused():
    def layers(depth: int) -> dict:
        return stages(depth) | {"stages": [stages(depth)["stages"][0] | {"params": depth * i} for i in range(300)]}

    with pytest.raises(ValueError, match=r"100 \(depth\) settings make \d+ KB.*by stage"):
        Explorer(layers, [Knob("depth", "Depth", range(100), 2)], view="stages", title="x")


def test_a_title_in_any_script_has_an_address():
    assert explorer(title="Ein Netz: 56 Schichten").id == "ein-netz-56-schichten"
    assert explorer(title="感受野").id == "explorer"


def test_what_is_shown_is_deterministic_and_leaves_random_numbers_alone():
    before = torch.random.get_rng_state()
    assert explorer()._repr_html_() == explorer()._repr_html_()
    assert repr(explorer()) == "Explorer('A net', stages: 3 depth × 2 shortcut)"
    assert torch.equal(before, torch.random.get_rng_state())


def test_without_scripts_the_default_setting_is_readable():
    text = Tags(explorer()._repr_html_().split("<style")[0]).text
    for words in ("A net", "Depth 2", "A net of 2 blocks.", "stage1", "464"):
        assert words in text
    text = Tags(Explorer(curves, [DEPTH], view="curves", title="Runs")._repr_html_().split("<style")[0]).text
    assert "error (%)" in text


def test_curves_share_one_frame_over_all_settings():
    frame = Explorer(curves, [DEPTH], view="curves", title="Runs").spec["frame"]
    assert frame == {"x": [0, 0.5, 1, 1.5, 2], "y": [0, 5, 10, 15, 20], "log": False}
    frame = Explorer(lambda depth: curves(depth, log=True), [DEPTH], view="curves", title="Runs").spec["frame"]
    assert frame == {"x": [0, 0.5, 1, 1.5, 2], "y": [0.1, 1, 10, 100], "log": True}


cells = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8) | st.lists(st.integers(0, 9))
rows = st.fixed_dictionaries({"name": st.text(max_size=8), "cost": cells})
results = st.fixed_dictionaries(
    {"stages": st.lists(rows, max_size=3), "totals": rows, "sentence": st.text(), "any": cells}
)


@given(st.lists(results, min_size=1, max_size=6))
def test_packing_loses_nothing(table):
    packed = json.loads(json.dumps(pack(table)))
    assert [unpack(packed, i) for i in range(len(table))] == table


hostile = st.text() | st.sampled_from(
    ["</script>", "<!--<script>", '"><img src=x onerror=1>', "&lt;", "\u2028", "]]>", "é中🧠"]
)


@given(hostile)
def test_json_in_a_script_is_read_back_and_cannot_end_it(text):
    tags = Tags(embed({text: [text]}))
    assert tags.elements == ["script"]
    assert json.loads(tags.json) == {text: [text]}


@given(hostile, hostile, hostile)
def test_labels_are_text_and_never_markup(title, label, sentence):
    def function(depth: int) -> dict:
        return stages(depth) | {"sentence": sentence}

    def show(*texts: str) -> list[str]:
        knob = Knob("depth", texts[1], (1, 2), 1, format=lambda value: f"{texts[1]}{value}")
        page = Explorer(function, [knob], view="stages", title=texts[0])._repr_html_()
        return Tags(page).elements

    assert show(title, label) == show("plain", "plain")


@given(hostile)
def test_markdown_escapes_all_but_its_own_marks(text):
    without_formulas = text.replace("$", "")
    assert set(Tags(markdown(without_formulas)).elements) <= {"code", "strong", "em", "sup", "sub"}


@given(
    hostile | st.text(alphabet="\\{}<>&^_abc1 =\"'"),
    st.sampled_from(["{}", r"\text{{{}}}", r"\mathrm{{{}}}", r"x^{{{}}}"]),
)
def test_a_formula_is_mathematics_or_is_refused(text, around):
    try:
        made = markdown(f"${around.format(text.replace('$', ''))}$")
    except ValueError:
        return
    assert all(tag.startswith("m") for tag in Tags(made).elements)


@pytest.mark.parametrize(
    "tex", [r"\text{<script>}", r"\text{<b>x</b>}", r"\href{javascript:alert(1)}{x}", r"\style{color:red}{x}"]
)
def test_a_formula_brings_no_markup_and_no_link(tex):
    with pytest.raises(ValueError, match="formula"):
        markdown(f"${tex}$")


def test_markdown():
    assert markdown("*F*(*x*) + *x*, `a < b*c*`, L^2^ & **so** H~2~") == (
        "<em>F</em>(<em>x</em>) + <em>x</em>, <code>a &lt; b*c*</code>, L<sup>2</sup> &amp; <strong>so</strong> H<sub>2</sub>"
    )


def test_anchors_are_those_of_the_book():
    assert anchor("Do gradients vanish with depth?") == "do-gradients-vanish-with-depth"
    assert anchor("Does the 1×1 hurt?") == "does-the-11-hurt"
    assert anchor("What do 18 to 152 layers cost?") == "what-do-18-to-152-layers-cost"
    assert slug("Nets for 32×32 images") == "nets-for-32-32-images"


def test_scripts_are_small_and_close_only_their_own_tag():
    course = Path(cnnlib.course.__file__).parent
    names = sorted(path.relative_to(course).as_posix() for path in course.rglob("*.js"))
    assert {f"explorer/views/{view}.js" for view in views.names()} <= set(names)
    assert len(script(*names)) < 52_000  # an hour's reading
    assert Tags(script(*names)).elements == ["script"]
    assert "//" not in asset("explorer/explorer.js").replace("http://", "")
    assert "/*" not in style(*(path.relative_to(course).as_posix() for path in course.rglob("*.css")))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours, 1 to 21."""

    def luminance(colour: str) -> float:
        channels = [int(c, 16) / 255 for c in re.findall("[0-9a-f]{2}", colour)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_colours_are_legible(colours):
    assert colours.keys() == palette.LIGHT.keys()
    for ground in ("surface", "sunken"):
        for name in palette.TEXT:
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in palette.MARKS:
        assert contrast(colours[name], colours["surface"]) >= 3, name
        assert f"--cnn-{name}:{colours[name]}" in style()
