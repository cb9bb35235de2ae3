"""Scatter: named points, each in the colour and form of its group.

A result is
    {"points": [{"name", "group", "x", "y"}, …], "x": {"label", "unit", "log"}, "y": {"label", "unit", "log"}}
where x or y of a point may be None: the point is then listed and not drawn. A unit is "", "B" (bytes), "s" (seconds),
"year", or any other text, which stands behind the value. `log` is True for a logarithmic axis, whose values must be
above 0. An axis is known by its label: it has the same scale in all settings that show it, across or up.

These may be added:
    an axis with "of": key shows that value of the points in place of x or y, so that points with all their values are on
    the page once, and knobs choose the axes;
    "size": {"label", "unit", "of": key} makes the area of a mark show a value of the points;
    "lines": [{"label", "path": [(x, y), …]}, …] draws lines behind the points.
"""

from cnnlib.course.explorer.scales import linear_axis, log_axis
from cnnlib.course.html import table

NEEDS = {"points": "name group", "x": "label unit log", "y": "label unit log"}
SCRIPTS = ()
EXAMPLES = (
    {
        "points": [
            {"name": "alexnet", "group": "AlexNet", "x": 61_100_840, "y": 43.5},
            {"name": "resnet50", "group": "ResNet", "x": 25_557_032, "y": 23.9},
            {"name": "resnet20", "group": "ResNet", "x": 269_722, "y": None},
        ],
        "x": {"label": "parameters", "unit": "", "log": True},
        "y": {"label": "top-1 error", "unit": "%", "log": False},
        "sentence": "resnet50 errs less with fewer parameters.",
    },
    {
        "points": [
            {"name": "alexnet", "group": "AlexNet", "year": 2012, "error": 43.5, "macs": 714_188_480},
            {"name": "resnet50", "group": "ResNet", "year": 2015, "error": 23.9, "macs": 4_089_184_256},
        ],
        "x": {"label": "year", "unit": "year", "log": False, "of": "year"},
        "y": {"label": "top-1 error", "unit": "%", "log": False, "of": "error"},
        "size": {"label": "MACs", "unit": "", "of": "macs"},
        "lines": [{"label": "half of the images", "path": [[2012, 50], [2015, 50]]}],
        "sentence": "Three years later resnet50 errs less and computes more.",
    },
)


def key_of(result: dict, axis: str) -> str:
    """The key of the points' values on an axis: "x" or "y", unless the axis names another."""
    return result[axis].get("of", axis)


def frame(results: list[dict]) -> dict:
    """The axis of each label, all groups, and for each key that marks show by their size the largest value.

    Raises ValueError for points that lack the value that an axis shows, and for a logarithm of 0 or less.
    """
    values: dict[str, list[float]] = {}
    logs: dict[str, bool] = {}
    sizes: dict[str, float] = {}
    for result in results:
        for number, axis in enumerate(("x", "y")):
            label, of = result[axis]["label"], key_of(result, axis)
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


def fallback(result: dict) -> str:
    """A table of the points' values on the axes, and of their sizes."""
    columns = [name for name in ("x", "y", "size") if result.get(name)]
    heads = (
        f"{axis['label']} ({axis['unit']})" if axis["unit"] else axis["label"] for axis in map(result.get, columns)
    )
    keys = [key_of(result, column) for column in columns]
    return table(["", *heads], ([point["name"], *(point[key] for key in keys)] for point in result["points"]))
