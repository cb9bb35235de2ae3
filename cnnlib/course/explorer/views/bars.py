"""Bars: what each part of a network costs.

A result is
    {"rows": [{"name", "op", "params", "macs", "output_bytes"}, …],
     "totals": {"params", "macs", "output_bytes"},
     "shares": True or False}
with a row for each part. `params` are weights and biases, `macs` multiply-accumulates for one image, `output_bytes` the
bytes of all outputs for one image; `totals` are those of the whole network, of which the page shows the shares.
`op` is the kind of operation and decides the colour: "conv", "linear", "pool", "activation", "norm" or "join"; "input"
and "other" are grey.

A bar shows an amount, with one scale for all settings. With "shares", which may be left out, it shows a share of its
own network: for settings whose amounts differ too much for one scale.
"""

from cnnlib.course.explorer.costs import COSTS
from cnnlib.course.html import table

NEEDS = {"rows": "name op params macs output_bytes", "totals": "params macs output_bytes"}
SCRIPTS = ("explorer/costs.js",)
EXAMPLES = (
    {
        "rows": [
            {"name": "conv1", "op": "conv", "params": 156, "macs": 117_600, "output_bytes": 18_816},
            {"name": "fc", "op": "linear", "params": 11_770, "macs": 11_760, "output_bytes": 40},
        ],
        "totals": {"params": 11_926, "macs": 129_360, "output_bytes": 18_856},
        "sentence": "A network of 6 channels.",
    },
    {
        "rows": [
            {"name": "conv1", "op": "conv", "params": 312, "macs": 235_200, "output_bytes": 37_632},
            {"name": "fc", "op": "linear", "params": 23_530, "macs": 23_520, "output_bytes": 40},
        ],
        "totals": {"params": 23_842, "macs": 258_720, "output_bytes": 37_672},
        "sentence": "A network of 12 channels.",
    },
)


def frame(results: list[dict]) -> dict:
    """The largest amount of each cost in all settings."""
    return {cost: max((row[cost] for result in results for row in result["rows"]), default=0) for cost in COSTS}


def fallback(result: dict) -> str:
    """A table of the parts and the total."""
    rows = [*result["rows"], {"name": "total", **result["totals"]}]
    return table(["part", *COSTS.values()], ([row["name"], *(row[cost] for cost in COSTS)] for row in rows))
