"""The views of explorers: what a result must hold, scales over all settings, and the text where scripts do not run.

Each has a script of its name, `view_<name>.js`, which draws one result. What the keys mean is in the docstring of
`Explorer`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnlib.course.html import escape

COSTS = {"params": "parameters", "macs": "MACs", "output_bytes": "output bytes"}


@dataclass(frozen=True)
class View:
    """One way to draw a result. `needs` has its keys, each with the keys of the rows (or of the one row) below it."""

    needs: Mapping[str, str]
    frame: Callable[[list[dict]], dict]  # over all settings, so that two pictures can be compared
    fallback: Callable[[dict], str]
    scripts: tuple[str, ...] = ()  # what the script of this view needs before it

    def missing(self, result: Mapping[str, Any]) -> list[str]:
        """What the view draws and `result` lacks: "sentence", or "stages: macs" where a row lacks it."""
        lacks = [key for key in self.needs if key not in result]
        for key, needed in self.needs.items():
            rows = result.get(key) or []
            for row in [rows] if isinstance(rows, Mapping) else rows if needed else []:
                lacks += [f"{key}: {name}" for name in needed.split() if name not in row]
        return list(dict.fromkeys(lacks))


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A plain HTML table; the first of each row heads it. Whole numbers are grouped, None is left out."""

    def cell(value: Any) -> str:
        if value is None:
            return ""
        return escape(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))

    head = "".join(f"<th>{cell(column)}</th>" for column in columns)
    body = [[cell(value) for value in row] for row in rows]
    lines = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{text}</td>' for text in row[1:])}</tr>" for row in body)
    return f"<table><tr>{head}</tr>{lines}</table>"


# ------------------------------------------------------------------------------------------------ scales and ticks


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that span low to high, about that many."""
    raw = (high - low) / about
    raw = raw if raw > 1e-9 else 1  # ticks have ten decimals
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
    first = math.floor(low / step)
    last = max(first + 1, math.ceil(high / step))
    return [round(i * step, 10) for i in range(first, last + 1)]


def power_below(value: float) -> int:
    """The exponent of the power of ten that is not above `value`; just below one, the logarithm is rounded up to it."""
    power = math.floor(math.log10(value))
    return power - (10.0**power > value)


def decades(values: list[float]) -> list[float]:
    """At most about six powers of ten around the values; an exact zero is drawn on the lowest."""
    first = power_below(min(values, default=1))
    last = max(first + 1, math.ceil(math.log10(max(values, default=10))))
    stride = math.ceil((last - first) / 6)
    return [float(f"1e{power}") for power in range(first, last + stride, stride)]


def log_axis(values: list[float]) -> dict[str, list[float]]:
    """Where a logarithmic axis ends, at 1, 2 or 5 times a power of ten, and its ticks: all of those, if there are few."""
    low, high = min(values, default=1), max(values, default=10)
    powers = range(power_below(low), power_below(high) + 2)
    steps = [float(f"{m}e{power}") for power in powers for m in (1, 2, 5)]
    first = max(i for i, step in enumerate(steps) if step <= low)
    last = next(i for i, step in enumerate(steps) if step >= high and i > first)
    inside = steps[first : last + 1]
    ends = [inside[0], inside[-1]]
    ticks = inside if len(inside) <= 7 else [tick for tick in decades(values) if ends[0] <= tick <= ends[1]]
    return {"ends": ends, "ticks": ticks}


def linear_axis(values: list[float]) -> dict[str, list[float]]:
    """Where an axis ends and its ticks, both round; it need not begin at 0."""
    ticks = nice_ticks(min(values, default=0), max(values, default=1), 6)
    return {"ends": [ticks[0], ticks[-1]], "ticks": ticks}


def _side(size: Any) -> int:
    """Of a square given by one side or by (height, width)."""
    return size if isinstance(size, int | float) else max(size)


# --------------------------------------------------------------------------------------------------- stages and bars


def _stages_frame(results: list[dict]) -> dict:
    stages = [stage for result in results for stage in result["stages"]]
    fields = [result["totals"]["receptive_field"] for result in results]
    return {"channels": max(s["channels"] for s in stages), "receptive_field": max(map(_side, fields))}


def _stages_fallback(result: dict) -> str:
    rows = (
        [s["name"], s["blocks"] or None, s["channels"], _side(s["size"] or 1), *(s[cost] for cost in COSTS)]
        for s in result["stages"]
    )
    return table(["stage", "blocks", "channels", "size", *COSTS.values()], rows)


def _bars_frame(results: list[dict]) -> dict:
    return {cost: max((row[cost] for result in results for row in result["rows"]), default=0) for cost in COSTS}


def _bars_fallback(result: dict) -> str:
    rows = [*result["rows"], {"name": "total", **result["totals"]}]
    return table(["part", *COSTS.values()], ([row["name"], *(row[cost] for cost in COSTS)] for row in rows))


# ------------------------------------------------------------------------------------------------ curves and scatter


def _curves_frame(results: list[dict]) -> dict:
    series = [one for result in results for one in result["series"]]
    log = any(result.get("log_y") for result in results)
    ends = [value for one in series for value in (*one["low"], *one["high"])]
    x = nice_ticks(0, max((one["epochs"][-1] for one in series), default=1))
    y = decades([value for value in ends if value > 0]) if log else nice_ticks(min([0, *ends]), max(ends, default=1))
    return {"x": x, "y": y, "log": log}


def _curves_fallback(result: dict) -> str:
    rows = [[one["label"], f"{one['mean'][-1]:.3g}", one["runs"] or None] for one in result["series"]]
    columns = ["run", f"{result.get('y_label') or ''}, last", "runs"]
    return (table(columns, rows) if rows else "") + f"<p>{escape(result.get('note') or '')}</p>"


def _column(result: dict, axis: str) -> str:
    """The key of the points' values on an axis: its own name, unless the axis says another."""
    return result[axis].get("of", axis)


def _scatter_frame(results: list[dict]) -> dict:
    """The axis of each quantity, by its label: over all settings, and the same whether it lies across or up."""
    values: dict[str, list[float]] = {}
    logs: dict[str, bool] = {}
    sizes: dict[str, float] = {}
    for result in results:
        for number, axis in enumerate(("x", "y")):
            label, of = result[axis]["label"], _column(result, axis)
            if missing := [point["name"] for point in result["points"] if of not in point]:
                raise ValueError(f"the axis {label!r} shows {of!r}, which {missing[0]!r} lacks")
            logs[label] = bool(result[axis]["log"])
            found = values.setdefault(label, [])
            found.extend(p[of] for p in result["points"] if p[of] is not None)
            found.extend(spot[number] for line in result.get("lines", ()) for spot in line["path"])
        if result.get("size"):
            of = result["size"]["of"]
            sizes[of] = max([sizes.get(of, 0), *(p[of] for p in result["points"] if p[of] is not None)])
    for label, found in values.items():
        if logs[label] and min(found, default=1) <= 0:
            raise ValueError(f"the axis {label!r} has log=True and a value of {min(found):g}; give it log=False")
    axes = {label: (log_axis if logs[label] else linear_axis)(found) for label, found in values.items()}
    groups = list(dict.fromkeys(p["group"] for result in results for p in result["points"]))
    return {"axes": axes, "groups": groups} | ({"sizes": sizes} if sizes else {})


def _scatter_fallback(result: dict) -> str:
    columns = [name for name in ("x", "y", "size") if result.get(name)]
    heads = (
        f"{axis['label']} ({axis['unit']})" if axis["unit"] else axis["label"] for axis in map(result.get, columns)
    )
    of = [_column(result, column) for column in columns]
    return table(["", *heads], ([point["name"], *(point[key] for key in of)] for point in result["points"]))


def _ranks_frame(results: list[dict]) -> dict:
    return {"rows": max(len(result["rows"]) for result in results)}


def _ranks_fallback(result: dict) -> str:
    return table(["", *result["columns"]], ([row["name"], *row["values"]] for row in result["rows"]))


# ----------------------------------------------------------------------------------------- field, pipeline and table


def _field_frame(results: list[dict]) -> dict:
    ends = [end for result in results for field in result["fields"] for axis in field["pixels"] for end in axis]
    jumps = [result["fields"][-1]["jump"] for result in results if result["fields"]]  # room for the neighbour
    inputs = [result["input"] - 1 for result in results]
    for image in {result.get("image") for result in results} - {None}:
        if not image.startswith("data:image/"):
            raise ValueError(f"image={image[:60]!r} is no data URI of an image; a page asks nothing of other places")
    return {"low": min([0, *ends]), "high": max([*inputs, *ends]) + max(jumps, default=0)}


def _field_fallback(result: dict) -> str:
    rows = ([f["name"], *(f"{first} to {last}" for first, last in f["pixels"]), f["jump"]] for f in result["fields"])
    return table(["layer", "sees rows", "sees columns", "jump"], rows)


def _pipeline_frame(results: list[dict]) -> dict:
    shapes = [layer["shape"] for result in results for layer in result["layers"]]
    return {"channels": max(s[0] for s in shapes), "size": max([1, *(max(s[1:]) for s in shapes if s[1:])])}


def _pipeline_fallback(result: dict) -> str:
    rows = (
        [one["name"], one["what"], "×".join(map(str, (*one["shape"][1:], one["shape"][0])))] for one in result["layers"]
    )
    return table(["layer", "operation", "output"], rows)


def _table_frame(results: list[dict]) -> dict:
    """The columns, in the order in which rows name them: a JSON object does not keep it when a name is a number."""
    return {"columns": list(dict.fromkeys(column for result in results for row in result["rows"] for column in row))}


def _table_fallback(result: dict) -> str:
    columns = list(dict.fromkeys(column for row in result["rows"] for column in row))
    return table(columns, ([row.get(column) for column in columns] for row in result["rows"]))


VIEWS = {
    "bars": View(
        {"rows": "name op params macs output_bytes", "totals": "params macs output_bytes", "sentence": ""},
        _bars_frame, _bars_fallback, ("explorer/costs.js",),
    ),
    "curves": View({"series": "label epochs mean low high runs", "sentence": ""}, _curves_frame, _curves_fallback),
    "field": View({"input": "", "fields": "name pixels jump", "sentence": ""}, _field_frame, _field_fallback),
    "pipeline": View({"layers": "name what op shape", "sentence": ""}, _pipeline_frame, _pipeline_fallback),
    "ranks": View({"columns": "", "rows": "name places values", "sentence": ""}, _ranks_frame, _ranks_fallback),
    "scatter": View(
        {"points": "name group", "x": "label unit log", "y": "label unit log", "sentence": ""},
        _scatter_frame, _scatter_fallback,
    ),
    "stages": View(
        {
            "stages": "name blocks channels size params macs output_bytes receptive_field",
            "shortcuts": "", "totals": "params macs output_bytes receptive_field", "sentence": "",
        },
        _stages_frame, _stages_fallback, ("explorer/costs.js",),
    ),
    "table": View({"rows": "", "sentence": ""}, _table_frame, _table_fallback),
}  # fmt: skip
