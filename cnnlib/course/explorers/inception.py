"""Explorers of chapter 3: the branches of Inception modules."""

from collections.abc import Sequence

from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorers.settings import largest
from cnnlib.course.rows import built, costs, totals

BRANCHES = {"conv1x1": "1×1", "conv3x3": "3×3", "conv5x5": "5×5", "pool": "pooling", "cat": "concat"}


def inception_module(
    reductions: Sequence[int | None] = (None, 16, 32, 64, 128),
    in_channels: Sequence[int] = (128, 192, 256, 320),
    depths: Sequence[int] = (1, 2),
) -> Explorer:
    """Szegedy et al. 2014, Fig. 2: what the branches of Inception modules cost, with 1×1 reductions and without (None)."""
    knobs = [
        Knob("reduction", "Reductions to", reductions, default=64, kind="range",
             format=lambda channels: "none" if channels is None else f"{channels} channels"),
        Knob("in_channels", "Input channels", in_channels, default=256),
        Knob("depth", "Modules in a row", depths, default=depths[0]),
    ]  # fmt: skip
    return Explorer(inception_setting, knobs, view="bars", title="An Inception module by branch")


def inception_setting(reduction: int | None, in_channels: int, depth: int) -> dict:
    """What `inception_module` shows for one setting."""
    if reduction is None:
        whole, code = built("naive_inception_module", in_channels=in_channels, depth=depth)
    else:
        whole, code = built(
            "inception_module", in_channels=in_channels, reduce3x3=reduction, reduce5x5=reduction, depth=depth
        )
    ops = {"pool": "pool", "cat": "join"}
    rows = []
    for branch, name in BRANCHES.items():
        layers = [layer for layer in whole.layers if layer.name.split(".")[2] == branch]
        rows.append({"name": name, "op": ops.get(branch, "conv"), **costs(layers)})
    out = whole.layers[-1].out_shape[0]
    return {
        "rows": rows,
        "totals": totals(whole),
        "sentence": f"{'No reductions' if reduction is None else f'Reductions to {reduction} channels'}: {in_channels} "
        f"channels in, {out} out. {whole.params:,} parameters; {largest(rows, 'macs', 'MACs')}.",
        "python": code,
    }
