"""Results for views that show one network: the shapes on the way through it, and the costs of its parts."""

from cnnlib.course.explorer.rows import anatomy_and_call, pipeline_layers, rows_by_part, totals


def pipeline_setting(family: str, **options) -> dict:
    """A result of the view "pipeline": the shapes on the way through one network of a family.

    `family` and `options` are those of `create_model`, which raises ValueError for what it does not know.
    """
    whole, code = anatomy_and_call(family, **options)
    layers = pipeline_layers(whole)
    last = next(layer["shape"] for layer in reversed(layers) if len(layer["shape"]) == 3)
    return {
        "layers": layers,
        "sentence": f"{whole.depth} layers with weights. The image, {shape_text(whole.input_size)}, becomes a map of "
        f"{shape_text(last)} and then {layers[-1]['shape'][0]:,} numbers. {whole.params:,} parameters, {whole.macs:,} MACs.",
        "python": code,
    }


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape (C, H, W) as the text "H×W×C"."""
    return "×".join(map(str, (*shape[1:], shape[0])))


def bars_setting(family: str, **options) -> dict:
    """A result of the view "bars": the costs of the parts of one network of a family.

    `family` and `options` are those of `create_model`, which raises ValueError for what it does not know.
    """
    whole, code = anatomy_and_call(family, **options)
    rows = rows_by_part(whole)
    return {
        "rows": rows,
        "totals": totals(whole),
        "sentence": f"{whole.depth} layers with weights. {largest_share(rows, 'params', 'parameters')}, "
        f"{largest_share(rows, 'macs', 'MACs')} and {largest_share(rows, 'output_bytes', 'output bytes')}.",
        "python": code,
    }


def largest_share(rows: list[dict], cost: str, words: str) -> str:
    """A text with the row that has most of a cost, and its share: "fc6 has 62% of 61,100,840 parameters".

    `cost` is a key of the rows, such as "params", and `words` its name in the text.
    """
    most, whole = max(rows, key=lambda row: row[cost]), sum(row[cost] for row in rows)
    return f"{most['name']} has {most[cost] / whole:.0%} of {whole:,} {words}"
