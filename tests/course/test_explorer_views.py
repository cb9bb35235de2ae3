"""The views of explorers: what each asks of a result, scales that all settings share, and the text without scripts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.views import VIEWS, decades, linear_axis, log_axis, nice_ticks
from cnnlib.course.html import escape

ODD = '"><img src=x onerror=1></script>&é中🧠'
SIZE = Knob("size", "Size", (1, 2, 4), 2)
COST = {"params": 10, "macs": 1000, "output_bytes": 4}


def bars(size: int) -> dict:
    rows = [{"name": name, "op": "conv"} | {key: size * value for key, value in COST.items()} for name in ("a", ODD)]
    return {"rows": rows, "totals": {key: 2 * size * value for key, value in COST.items()}}


def curves(size: int) -> dict:
    line = {"epochs": [1, 2], "mean": [size, 1], "low": [size, 1], "high": [size, 1], "runs": 1}
    return {"series": [line | {"label": ODD}], "y_label": ODD, "note": ODD}


def field(size: int) -> dict:
    units = [{"name": f"{ODD}{k}", "pixels": [[-k, k * size], [4 - k, 4 + k * size]], "jump": size} for k in (1, 2)]
    return {"input": 9, "fields": units}


def pipeline(size: int) -> dict:
    shapes = [(3, 8 * size, 8 * size), (16, 4 * size, 4 * size), (10 * size,)]
    return {"layers": [{"name": ODD, "what": ODD, "op": "conv", "shape": shape} for shape in shapes]}


def ranks(size: int) -> dict:
    rows = [
        {"name": ODD, "places": [1, 2], "values": ["1%", f"{size} MB"]},
        {"name": "b", "places": [2, 1], "values": ["2%", ODD]},
    ]
    return {"columns": ["error", ODD], "rows": rows, "chosen": ["b"]}


def scatter(size: int) -> dict:
    points = [
        {"name": ODD, "group": "one", "x": 3 * size, "y": 70.5},
        {"name": "b", "group": ODD, "x": 40_000, "y": None},
    ]
    return {
        "points": points,
        "x": {"label": f"size {ODD}", "unit": "B", "log": True},
        "y": {"label": "right", "unit": "%", "log": False},
    }


def stages(size: int) -> dict:
    row = {"name": ODD, "blocks": size, "channels": 8 * size, "size": 32, "receptive_field": size, **COST}
    return {"stages": [row], "shortcuts": None, "totals": {"receptive_field": size, **COST}}


def table(size: int) -> dict:
    return {"rows": [{"what": ODD, "1": size, "0": None}, {"what": "b", "1": 1234567, "0": 0.5}]}


EXAMPLES = {of.__name__: of for of in (bars, curves, field, pipeline, ranks, scatter, stages, table)}


def explorer(view: str, *changes) -> Explorer:
    def function(size: int) -> dict:
        result = EXAMPLES[view](size) | {"sentence": f"Size {size}"}
        for change in changes:
            change(result)
        return result

    return Explorer(function, [SIZE], view=view, title=f"A {view}")


def test_every_view_has_an_example_here():
    assert EXAMPLES.keys() == VIEWS.keys()


@pytest.mark.parametrize("view", VIEWS)
def test_what_the_author_writes_is_text_without_scripts_too(view):
    shown = explorer(view)._repr_html_()
    fallback = shown.split('class="cnn-fallback"')[1].split("</cnn-explorer>")[0]
    assert escape(ODD) in fallback
    assert "<img" not in shown
    assert re.sub(r"<(style|script).*?</\1>", "", shown, flags=re.DOTALL).count("</script>") == 0


@pytest.mark.parametrize("view", VIEWS)
def test_what_a_result_lacks_is_named(view):
    for key, needed in VIEWS[view].needs.items():
        with pytest.raises(ValueError, match=rf"view '{view}' needs \['{key}.*size=1"):
            explorer(view, lambda result, key=key: result.pop(key))
        for name in needed.split():

            def lack(result: dict, key=key, name=name) -> None:
                rows = result[key]
                (rows if isinstance(rows, dict) else rows[0]).pop(name)

            with pytest.raises(ValueError, match=rf"\['{key}: {name}'\].*size=1"):
                explorer(view, lack)


def test_bars_share_a_scale_for_each_cost_over_all_settings():
    assert explorer("bars").spec["frame"] == {key: 4 * value for key, value in COST.items()}


def test_boxes_share_a_scale_over_all_settings():
    assert explorer("pipeline").spec["frame"] == {"channels": 40, "size": 32}


def test_a_field_has_room_for_what_lies_outside_the_image_and_for_the_neighbour():
    assert explorer("field").spec["frame"] == {"low": -2, "high": 12 + 4}


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
        return result | axes | {"points": points, "sentence": ""}

    frame = Explorer(turned, [SIZE], view="scatter", title="x").spec["frame"]
    assert frame == explorer("scatter").spec["frame"]
    assert frame["groups"] == ["one", ODD]
    assert frame["axes"][f"size {ODD}"]["ends"] == [2, 50_000]
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
    with pytest.raises(ValueError, match=r"the axis 'right' has log=True and a value of -1; give it log=False"):
        explorer("scatter", lambda r: r["y"].update(log=True), lambda r: r["points"][0].update(y=-1))


def test_columns_of_a_table_keep_their_order():
    assert explorer("table").spec["frame"] == {"columns": ["what", "1", "0"]}


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
