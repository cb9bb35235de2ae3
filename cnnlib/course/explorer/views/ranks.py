"""Ranks: the places of named things in several rankings, a line for each.

A result is
    {"columns": [heading, …], "rows": [{"name", "places": [place, …], "values": [text, …]}, …], "chosen": [name, …]}
with a column for each ranking, and a place and a value for each column in every row. Place 1 is the first, at the top.
`values` are what was ranked, with units, for the table below the picture. `chosen` are the names of the rows whose
lines stand out; it may be empty.
"""

from cnnlib.course.html import table

NEEDS = {"columns": "", "rows": "name places values", "chosen": ""}
SCRIPTS = ()
EXAMPLES = (
    {
        "columns": ["top-1 error", "MACs"],
        "rows": [
            {"name": "resnet50", "places": [1, 2], "values": ["23.9%", "4.1 G"]},
            {"name": "alexnet", "places": [2, 1], "values": ["43.5%", "0.7 G"]},
        ],
        "chosen": ["resnet50"],
        "sentence": "resnet50 errs least and computes most.",
    },
    {
        "columns": ["top-1 error", "MACs"],
        "rows": [
            {"name": "resnet50", "places": [1, 2], "values": ["23.9%", "4.1 G"]},
            {"name": "alexnet", "places": [2, 1], "values": ["43.5%", "0.7 G"]},
        ],
        "chosen": ["alexnet"],
        "sentence": "alexnet errs most and computes least.",
    },
)


def frame(results: list[dict]) -> dict:
    """The most rows of any setting. Raises ValueError for a chosen name that no row has."""
    for result in results:
        if unknown := [name for name in result["chosen"] if name not in [row["name"] for row in result["rows"]]]:
            raise ValueError(f"chosen={unknown[0]!r} is no name of a row")
    return {"rows": max(len(result["rows"]) for result in results)}


def fallback(result: dict) -> str:
    """A table of the values."""
    return table(["", *result["columns"]], ([row["name"], *row["values"]] for row in result["rows"]))
