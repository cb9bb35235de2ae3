"""The views of explorers: what each asks of a result, scales that all settings share, and the text without scripts."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from view_examples import examples, explorer, with_a_ninth_view

from cnnlib.course.explorer import Explorer, Knob, views
from cnnlib.course.explorer.scales import decades, linear_axis, log_axis, nice_ticks
from cnnlib.course.html import escape

ODD = '"><img src=x onerror=1></script>&é中🧠'
SIZE = Knob("size", "Size", (1, 2, 4), 2)


@pytest.mark.parametrize("view", views.names())
def test_a_view_describes_itself_and_has_examples(view):
    module = views.named(view)
    for key, names in module.NEEDS.items():
        assert [name for name in (key, *names.split()) if f'"{name}"' not in module.__doc__] == []
    assert len({str(result) for result in module.EXAMPLES}) == len(module.EXAMPLES) >= 2
    assert explorer(view).at() == module.EXAMPLES[0]


@pytest.mark.parametrize("view", views.names())
def test_what_the_author_writes_is_text_without_scripts_too(view):
    shown = explorer(view, mark=ODD)._repr_html_()
    fallback = shown.split('class="cnn-fallback"')[1].split("</cnn-explorer>")[0]
    assert fallback.count(escape(ODD)) >= 3  # the title, the sentence, and in what the view itself writes
    assert "<img" not in shown
    assert re.sub(r"<(style|script).*?</\1>", "", shown, flags=re.DOTALL).count("</script>") == 0


@pytest.mark.parametrize("view", views.names())
def test_what_a_result_lacks_is_named(view):
    for key, needed in {**views.named(view).NEEDS, "sentence": ""}.items():
        with pytest.raises(ValueError, match=rf"view '{view}' needs \['{key}.*example=0; help\(.*views\.{view}\"\)"):
            explorer(view, lambda result, key=key: result.pop(key))
        for name in needed.split():

            def lack(result: dict, key=key, name=name) -> None:
                rows = result[key]
                for row in [rows] if isinstance(rows, dict) else rows[:1]:
                    row.pop(name)

            with pytest.raises(ValueError, match=rf"\['{key}: {name}'\].*example=0"):
                explorer(view, lack)


def inside(value):
    """The first row of rows; another value as it is."""
    return value[0] if isinstance(value, list) and value else value


@pytest.mark.parametrize("view", views.names())
def test_what_is_no_json_or_has_another_form_is_refused(view):
    with pytest.raises(ValueError, match=r"example=0 is not JSON: .*float"):
        explorer(view, lambda result: result.update(extra=float("nan")))
    keys = [key for key, value in examples(view)[0].items() if isinstance(inside(value), dict)]
    assert keys
    for key, form in itertools.product(keys, (3, "text", [[]])):
        with pytest.raises(ValueError, match=rf"view '{view}' .*help\(.*views\.{view}\"\)"):
            explorer(view, lambda result, key=key, form=form: result.update({key: form}))


@pytest.mark.parametrize("view", views.names())
def test_the_frame_is_of_all_settings_and_in_any_order(view):
    module = views.named(view)
    results = examples(view)
    whole = module.frame(results)
    assert explorer(view).spec["frame"] == whole
    assert module.frame([*results, *results]) == whole
    assert module.frame(results[::-1]).keys() == whole.keys()


def test_another_view_takes_two_files(tmp_path):
    shown = with_a_ninth_view(tmp_path)
    assert 'data-view="slices"' in shown and '"frame":{"most":1}' in shown
    assert "<p>a</p></div></cnn-explorer>" in shown
    assert "cnnlibViews ??= {}).slices" in shown and "cnnlibViews ??= {}).bars" not in shown


def scatter(size: int) -> dict:
    points = [
        {"name": ODD, "group": "one", "x": 3 * size, "y": 70.5},
        {"name": "b", "group": ODD, "x": 40_000, "y": None},
    ]
    return {
        "points": points,
        "x": {"label": "size", "unit": "B", "log": True},
        "y": {"label": "right", "unit": "%", "log": False},
        "sentence": "",
    }


def test_bars_share_a_scale_for_each_cost_over_all_settings():
    frame = explorer("bars").spec["frame"]
    assert frame == {"params": 23_530, "macs": 235_200, "output_bytes": 37_632}


def test_boxes_share_a_scale_over_all_settings():
    assert explorer("pipeline").spec["frame"] == {"channels": 10, "size": 64}


def test_a_field_has_room_for_what_lies_outside_the_image_and_for_the_neighbour():
    assert explorer("field").spec["frame"] == {"low": -2, "high": 8 + 1}
    wide = explorer("field", lambda result: result["fields"][1].update(pixels=[[-1, 3], [7, 12]], jump=4))
    assert wide.spec["frame"] == {"low": -1, "high": 12 + 4}


@pytest.mark.parametrize(("view", "key"), [("field", "fields"), ("pipeline", "layers"), ("stages", "stages")])
def test_a_picture_of_nothing_is_refused(view, key):
    with pytest.raises(ValueError, match=f"a result has no {key}"):
        explorer(view, lambda result: result.update({key: []}))


@pytest.mark.parametrize(
    ("view", "change"),
    [
        ("pipeline", lambda result: [layer.update(shape=[0, 1, 1]) for layer in result["layers"]]),
        ("stages", lambda result: result["totals"].update(receptive_field=0)),
    ],
)
def test_sizes_of_nothing_are_refused(view, change):
    with pytest.raises(ValueError, match=" 0; "):
        explorer(view, change)


def test_a_line_that_stands_out_is_one_of_the_rows():
    with pytest.raises(ValueError, match="chosen='vgg16' is no name of a row"):
        explorer("ranks", lambda result: result["chosen"].append("vgg16"))


def test_an_image_comes_with_the_page_and_from_nowhere_else():
    explorer("field", lambda result: result.update(image="data:image/png;base64,AAAA"))
    with pytest.raises(ValueError, match=r"image='https://example.org/a.png' is no data URI"):
        explorer("field", lambda result: result.update(image="https://example.org/a.png"))


def test_an_axis_is_the_same_in_all_settings_across_and_up():
    def turned(size: int) -> dict:
        result = scatter(size)
        axes = {"x": result["y"], "y": result["x"]} if size == 4 else {}
        points = (
            [point | {"x": point["y"], "y": point["x"]} for point in result["points"]]
            if size == 4
            else result["points"]
        )
        return result | axes | {"points": points}

    frame = Explorer(turned, [SIZE], view="scatter", title="x").spec["frame"]
    assert frame == Explorer(scatter, [SIZE], view="scatter", title="x").spec["frame"]
    assert frame["groups"] == ["one", ODD]
    assert frame["axes"]["size"]["ends"] == [2, 50_000]
    assert frame["axes"]["right"]["ends"][0] <= 70.5 <= frame["axes"]["right"]["ends"][1]


def test_axes_may_show_any_value_of_the_points_which_are_stored_once():
    points = [{"name": f"{i}", "group": "g", "cost": 10**i, "error": 5 - i} for i in range(1, 4)]

    def chosen(size: int) -> dict:
        keys = ("cost", "error") if size == 1 else ("error", "cost")
        x, y = ({"label": key, "unit": "", "log": key == "cost", "of": key} for key in keys)
        lines = [{"label": "limit", "path": [(5, 1), (20_000, 4)] if size == 1 else [(1, 5), (4, 20_000)]}]
        return {
            "points": points,
            "x": x,
            "y": y,
            "size": {"label": "cost", "unit": "", "of": "cost"},
            "lines": lines,
            "sentence": "",
        }

    spec = Explorer(chosen, [SIZE], view="scatter", title="x").spec
    assert len(spec["table"]["points"]["rows"]) == 3
    assert spec["frame"]["sizes"] == {"cost": 1000}
    assert spec["frame"]["axes"]["cost"]["ends"] == [5, 20_000]  # a line counts as well
    with pytest.raises(ValueError, match="the axis 'cost' shows 'price', which '1' lacks"):
        Explorer(lambda size: chosen(size) | {"x": chosen(1)["x"] | {"of": "price"}}, [SIZE], view="scatter", title="x")


def test_a_logarithm_of_nothing_is_refused():
    def turn_over(result: dict) -> None:
        result["y"].update(log=True)
        result["points"][0] |= {"y": -1, "error": -1}

    with pytest.raises(ValueError, match=r"the axis 'top-1 error' has log=True and a value of -1; give it log=False"):
        explorer("scatter", turn_over)


def test_columns_of_a_table_keep_their_order_and_are_text():
    def numbered(result: dict) -> None:
        result["rows"][0] = {"what": 5, "1": 6, "0": None, ODD: 0}

    shown = explorer("table", numbered)
    assert shown.spec["frame"] == {"columns": ["what", "1", "0", ODD, "Quantity", "Value"]}
    assert f"<th>{escape(ODD)}</th>" in shown._repr_html_()


@given(st.floats(0.001, 1e6))
def test_ticks_span_the_values_in_round_steps(high):
    ticks = nice_ticks(0, high)
    assert ticks[0] == 0 and ticks[-1] >= high * (1 - 1e-6) and 2 <= len(ticks) <= 7


@given(st.lists(st.floats(1e-9, 1e12), min_size=1))
def test_a_logarithmic_axis_spans_the_values_with_few_ticks(values):
    axis = log_axis(values)
    low, high = axis["ends"]
    assert low <= min(values) and max(values) <= high and low < high
    assert 1 <= len(axis["ticks"]) <= 8
    assert all(low <= tick <= high for tick in axis["ticks"])
    assert all(f"{tick:e}"[0] in "125" and float(f"{tick:.0e}") == tick for tick in axis["ticks"])
    assert decades(values)[0] <= min(values)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_linear_axis_spans_the_values(values):
    low, high = linear_axis(values)["ends"]
    slack = 1e-6 * (1 + max(map(abs, values)))
    assert low <= min(values) + slack and max(values) - slack <= high and low < high
