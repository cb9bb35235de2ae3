"""Stages: the drawing of a network made of equal blocks, and what each stage costs.

A result is
    {"stages": [{"name", "blocks", "channels", "size", "params", "macs", "output_bytes", "receptive_field"}, …],
     "shortcuts": "A" or "B" or "C" or None, "totals": {"params", "macs", "output_bytes", "receptive_field"},
     "input": pixels a side}
with `blocks` 0 for a stage that is one layer, and `channels` and `size` (pixels a side) of the stage's output. Sizes and
receptive fields, which are in pixels of the input, are one number or (height, width). `params` are weights and biases,
`macs` multiply-accumulates for one image, `output_bytes` the bytes of all outputs for one image.

Shortcuts are He et al.'s: A pads with zeros, B projects where the shape changes, C projects everywhere; None draws no
shortcuts. "input" may be left out where the first stage keeps the size. "op" of a stage, which may be left out, decides
its colour, as in the view "bars": a stage is "conv" unless its name is "fc".
"""

from typing import Any

from cnnlib.course.explorer.costs import COSTS
from cnnlib.course.html import table

NEEDS = {
    "stages": "name blocks channels size params macs output_bytes receptive_field",
    "shortcuts": "",
    "totals": "params macs output_bytes receptive_field",
}
SCRIPTS = ("explorer/costs.js",)
EXAMPLES = (
    {
        "stages": [
            {"name": "conv1", "blocks": 0, "channels": 16, "size": 32,
             "params": 464, "macs": 442_368, "output_bytes": 196_608, "receptive_field": 3},
            {"name": "stage1", "blocks": 1, "channels": 16, "size": 32,
             "params": 4_672, "macs": 4_718_592, "output_bytes": 524_288, "receptive_field": 7},
        ],
        "shortcuts": "A",
        "totals": {"params": 5_136, "macs": 5_160_960, "output_bytes": 720_896, "receptive_field": 7},
        "sentence": "One block of 16 channels.",
    },
    {
        "stages": [
            {"name": "conv1", "blocks": 0, "channels": 16, "size": 32,
             "params": 464, "macs": 442_368, "output_bytes": 196_608, "receptive_field": 3},
            {"name": "stage1", "blocks": 2, "channels": 16, "size": 32,
             "params": 9_344, "macs": 9_437_184, "output_bytes": 1_048_576, "receptive_field": 11},
        ],
        "shortcuts": None,
        "totals": {"params": 9_808, "macs": 9_879_552, "output_bytes": 1_245_184, "receptive_field": 11},
        "sentence": "Two blocks of 16 channels, without shortcuts.",
    },
)  # fmt: skip


def side(size: Any) -> int:
    """The longer side of a size that is one number or (height, width)."""
    return size if isinstance(size, int | float) else max(size)


def frame(results: list[dict]) -> dict:
    """The most channels and the largest receptive field in all settings.

    Raises ValueError for a result without stages, and where no stage has a channel or none sees a pixel.
    """
    if not all(result["stages"] for result in results):
        raise ValueError("a result has no stages")
    stages = [stage for result in results for stage in result["stages"]]
    channels = max(stage["channels"] for stage in stages)
    field = max(side(result["totals"]["receptive_field"]) for result in results)
    if min(channels, field) < 1:
        raise ValueError(f"the most channels are {channels} and the largest receptive field {field}; both begin at 1")
    return {"channels": channels, "receptive_field": field}


def fallback(result: dict) -> str:
    """A table of the stages, their sizes and costs."""
    rows = (
        [s["name"], s["blocks"] or None, s["channels"], side(s["size"] or 1), *(s[cost] for cost in COSTS)]
        for s in result["stages"]
    )
    return table(["stage", "blocks", "channels", "size", *COSTS.values()], rows)
