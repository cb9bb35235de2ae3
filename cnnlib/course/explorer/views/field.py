"""Field: what one unit sees of a square image, and each unit on the way to it.

A result is
    {"input": pixels a side, "fields": [{"name", "pixels": ((top, bottom), (left, right)), "jump"}, …],
     "image": a data URI or None}
with a field for each layer; the last is the layer of the unit itself. `pixels` are the first and the last row and column
that the unit sees, counted from 0 as `Anatomy.pixels` gives them; they may lie outside the image, in the padding. `jump`
is the distance in pixels to the field of the next unit.

"image" may be left out; `cnnlib.course.pictures.bitmap.bitmap` makes a data URI. The image fills the input's square.
"""

from cnnlib.course.html import table

NEEDS = {"input": "", "fields": "name pixels jump"}
SCRIPTS = ()
EXAMPLES = (
    {
        "input": 9,
        "fields": [
            {"name": "conv1", "pixels": [[3, 5], [3, 5]], "jump": 1},
            {"name": "conv2", "pixels": [[2, 6], [2, 6]], "jump": 1},
        ],
        "sentence": "A unit in the middle sees 5×5 pixels.",
    },
    {
        "input": 9,
        "fields": [
            {"name": "conv1", "pixels": [[-1, 1], [-1, 1]], "jump": 1},
            {"name": "conv2", "pixels": [[-2, 2], [-2, 2]], "jump": 1},
        ],
        "sentence": "A unit in the corner sees 5×5 pixels, of which 3×3 are in the image.",
    },
)


def frame(results: list[dict]) -> dict:
    """The first and the last pixel that is drawn in any setting, with room for the neighbour.

    Raises ValueError for a result without fields, and for an image that is no data URI.
    """
    if not all(result["fields"] for result in results):
        raise ValueError("a result has no fields; the last one is of the unit that is shown")
    ends = [end for result in results for field in result["fields"] for axis in field["pixels"] for end in axis]
    jumps = [result["fields"][-1]["jump"] for result in results]
    inputs = [result["input"] - 1 for result in results]
    for image in {result.get("image") for result in results} - {None}:
        if not image.startswith("data:image/"):
            raise ValueError(f"image={image[:60]!r} is no data URI of an image; a page asks nothing of other places")
    return {"low": min([0, *ends]), "high": max([*inputs, *ends]) + max(jumps)}


def fallback(result: dict) -> str:
    """A table of the rows and columns that a unit of each layer sees."""
    rows = ([f["name"], *(f"{first} to {last}" for first, last in f["pixels"]), f["jump"]] for f in result["fields"])
    return table(["layer", "sees rows", "sees columns", "jump"], rows)
