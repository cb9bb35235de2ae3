"""Pipeline: a box for each layer, as high as its map and as wide as its channels.

A result is
    {"layers": [{"name", "what", "op", "shape": (C, H, W) or (units,)}, …]}
with the image first. `what` is the operation in a word or two, as "conv 5×5". `op` is the kind of operation and decides
the colour: "conv", "linear", "pool", "activation", "norm" or "join"; "input" and "other" are grey.
For networks of up to about 20 layers. Boxes have the same scale in all settings.
"""

from cnnlib.course.html import table

NEEDS = {"layers": "name what op shape"}
SCRIPTS = ()
EXAMPLES = (
    {
        "layers": [
            {"name": "image", "what": "", "op": "input", "shape": [1, 32, 32]},
            {"name": "conv1", "what": "conv 5×5", "op": "conv", "shape": [6, 28, 28]},
            {"name": "fc", "what": "linear", "op": "linear", "shape": [10]},
        ],
        "sentence": "The image becomes a map of 28×28×6 and then 10 numbers.",
    },
    {
        "layers": [
            {"name": "image", "what": "", "op": "input", "shape": [1, 64, 64]},
            {"name": "conv1", "what": "conv 5×5", "op": "conv", "shape": [6, 60, 60]},
            {"name": "fc", "what": "linear", "op": "linear", "shape": [10]},
        ],
        "sentence": "The image becomes a map of 60×60×6 and then 10 numbers.",
    },
)


def frame(results: list[dict]) -> dict:
    """The most channels and the largest map in all settings.

    Raises ValueError for a result without layers, and where no layer has a channel.
    """
    if not all(result["layers"] for result in results):
        raise ValueError("a result has no layers; the first one is the image")
    shapes = [layer["shape"] for result in results for layer in result["layers"]]
    if (channels := max(s[0] for s in shapes)) < 1:
        raise ValueError(f"the most channels of any layer are {channels}; boxes are drawn from 1 on")
    return {"channels": channels, "size": max([1, *(max(s[1:]) for s in shapes if s[1:])])}


def fallback(result: dict) -> str:
    """A table of the layers and the shapes of their outputs, as H×W×C."""
    rows = (
        [one["name"], one["what"], "×".join(map(str, (*one["shape"][1:], one["shape"][0])))] for one in result["layers"]
    )
    return table(["layer", "operation", "output"], rows)
