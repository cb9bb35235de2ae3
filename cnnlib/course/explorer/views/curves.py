"""Curves: lines with their spread over runs.

A result is
    {"series": [{"label", "epochs": [x, …], "mean": [y, …], "low": [y, …], "high": [y, …], "runs", "style"}, …],
     "x_label": text, "y_label": text, "log_y": True or False, "note": text}
with lists of one length in a series: `mean` is the line, `low` and `high` are the ends of its band. `runs` is the number
of runs behind the line, and 0 for a line that is computed. `style` is "plain" or "residual", which have a colour of their
own, and may be left out. `series` may be empty: the page then says that no run was recorded.

The other keys may be left out: the labels of the axes (with the unit, as "error (%)"), a logarithmic y axis for all
settings, and a note below the chart. Axes begin at 0 (a logarithmic one at a power of ten) and are the same in all
settings.
"""

from cnnlib.course.explorer.scales import decades, nice_ticks
from cnnlib.course.html import escape, table

NEEDS = {"series": "label epochs mean low high runs"}
SCRIPTS = ()
EXAMPLES = (
    {
        "series": [
            {
                "label": "plain-20", "style": "plain", "runs": 3,
                "epochs": [1, 2, 3], "mean": [40.0, 20.0, 12.5], "low": [35.0, 18.0, 11.0], "high": [45.0, 23.0, 14.0],
            },
            {
                "label": "constant", "runs": 0,
                "epochs": [1, 2, 3], "mean": [90.0, 90.0, 90.0], "low": [90.0, 90.0, 90.0], "high": [90.0, 90.0, 90.0],
            },
        ],
        "x_label": "epoch",
        "y_label": "error (%)",
        "note": "The band is the range over seeds.",
        "sentence": "After 3 epochs the error is 12.5%.",
    },
    {"series": [], "sentence": "No run was recorded at this rate."},
)  # fmt: skip


def frame(results: list[dict]) -> dict:
    """The ticks of both axes over all settings, and whether y is logarithmic."""
    series = [one for result in results for one in result["series"]]
    log = any(result.get("log_y") for result in results)
    ends = [value for one in series for value in (*one["low"], *one["high"])]
    x = nice_ticks(0, max((one["epochs"][-1] for one in series), default=1))
    y = decades([value for value in ends if value > 0]) if log else nice_ticks(min([0, *ends]), max(ends, default=1))
    return {"x": x, "y": y, "log": log}


def fallback(result: dict) -> str:
    """A table of each line's last value, and the note."""
    rows = [[one["label"], f"{one['mean'][-1]:.3g}", one["runs"] or None] for one in result["series"]]
    columns = ["run", f"{result.get('y_label') or ''}, last", "runs"]
    return (table(columns, rows) if rows else "") + f"<p>{escape(result.get('note') or '')}</p>"
