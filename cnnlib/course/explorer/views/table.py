"""Table: rows of text and numbers.

A result is
    {"rows": [{column: value, …}, …]}
where a value is a text, a number or None, which is shown as a dash. The first column heads each row. Rows may have
different columns: the table has them all, in the order in which rows name them, and the same in all settings.
"""

from cnnlib.course import html

NEEDS = {"rows": ""}
SCRIPTS = ()
EXAMPLES = (
    {
        "rows": [{"Quantity": "output size", "Value": 28}, {"Quantity": "parameters", "Value": 156}],
        "sentence": "A window of 5 fits 28 times into 32 pixels.",
    },
    {
        "rows": [{"Quantity": "output size", "Value": None}, {"Quantity": "parameters", "Value": 6_534}],
        "sentence": "A window of 33 does not fit into 32 pixels.",
    },
)


def frame(results: list[dict]) -> dict:
    """The columns in their order, which a JSON object does not keep where a name is a number."""
    return {"columns": list(dict.fromkeys(column for result in results for row in result["rows"] for column in row))}


def fallback(result: dict) -> str:
    """The rows as a plain table."""
    columns = list(dict.fromkeys(column for row in result["rows"] for column in row))
    return html.table(columns, ([row.get(column) for column in columns] for row in result["rows"]))
