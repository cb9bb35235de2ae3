"""What several explorers show of one network: its shapes on their way, and what its parts cost."""

from cnnlib.course.explorer.rows import built, by_part, shapes, totals


def pipeline_setting(family: str, **options) -> dict:
    """The shapes of one network of a family, for the view "pipeline"."""
    whole, code = built(family, **options)
    layers = shapes(whole)
    last = next(layer["shape"] for layer in reversed(layers) if len(layer["shape"]) == 3)
    return {
        "layers": layers,
        "sentence": f"{whole.depth} layers with weights. The image, {by_map(whole.input_size)}, becomes a map of "
        f"{by_map(last)} and then {layers[-1]['shape'][0]:,} numbers. {whole.params:,} parameters, {whole.macs:,} MACs.",
        "python": code,
    }


def by_map(shape: tuple[int, ...]) -> str:
    """(C, H, W) as "H×W×C"."""
    return "×".join(map(str, (*shape[1:], shape[0])))


def bars_setting(family: str, **options) -> dict:
    """What the parts of one network of a family cost, for the view "bars"."""
    whole, code = built(family, **options)
    rows = by_part(whole)
    return {
        "rows": rows,
        "totals": totals(whole),
        "sentence": f"{whole.depth} layers with weights. {largest(rows, 'params', 'parameters')}, "
        f"{largest(rows, 'macs', 'MACs')} and {largest(rows, 'output_bytes', 'output bytes')}.",
        "python": code,
    }


def largest(rows: list[dict], cost: str, words: str) -> str:
    """Which row has most of a cost, and its share in words: "fc6 has 62% of 61,100,840 parameters"."""
    most, whole = max(rows, key=lambda row: row[cost]), sum(row[cost] for row in rows)
    return f"{most['name']} has {most[cost] / whole:.0%} of {whole:,} {words}"
