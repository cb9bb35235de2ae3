"""Explorers of chapter 5: the families after ResNet, their knobs, and what small ones showed."""

import math
from collections.abc import Sequence

import torch

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.analysis.trace import Layer
from cnnlib.course.curves import provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.rows import anatomy_and_call, costs, totals
from cnnlib.course.explorer.settings import largest_share
from cnnlib.experiments.families import EQUAL_WRN, race_net
from cnnlib.models.densenet import DenseBlock, DenseLayer
from cnnlib.models.fractalnet import FractalBlock
from cnnlib.models.preact_resnet import ResidualUnit
from cnnlib.models.resnet import BasicBlock
from cnnlib.models.resnext import GroupedBlock
from cnnlib.models.squeezenet import Fire
from cnnlib.models.stochastic_depth import StochasticDepthBlock, linear_decay
from cnnlib.models.wide_resnet import WideBlock

__all__ = [
    "cardinality",
    "dense_block",
    "families",
    "race",
    "signals",
    "survival",
    "width_or_depth",
]

# ------------------------------------------------------------------------------------------- the families side by side

STEPS = ("low", "middle", "high")
# A family's network at each step of the first knob and of the second; what the knobs are called; how its stages join.
FAMILIES = {
    "pre-activation": ("cifar_preact_resnet", ("depth", (20, 56, 110)), ("width", (1, 2, 4)), "B"),
    "wide": ("cifar_wrn", ("depth", (16, 28, 40)), ("widen_factor", (2, 4, 10)), "B"),
    "ResNeXt": ("cifar_resnext", ("depth", (20, 29, 56)), ("cardinality", (2, 8, 16)), "B"),
    "stochastic depth": ("cifar_stochastic_depth_resnet", ("depth", (20, 56, 110)), ("survival_prob", (0.2, 0.5, 1)), "A"),
    "FractalNet": ("cifar_fractalnet", ("columns", (2, 3, 4)), ("width", (0.25, 0.5, 1)), None),
    "DenseNet": ("cifar_densenet", ("depth", (22, 40, 100)), ("growth_rate", (12, 24, 40)), None),
    "SqueezeNet": ("squeezenet", ("squeeze_ratio", (0.125, 0.25, 0.5)), ("width", (0.5, 1, 2)), None),
}  # fmt: skip
FIXED = {
    "ResNeXt": {"base_width": 64},
    "DenseNet": {"bottleneck": True},
    "SqueezeNet": {"num_classes": 10, "image_size": 32},
}
WORDS = {
    "depth": "{:g} layers", "width": "{:g} times as wide", "widen_factor": "widen factor {:g}",
    "cardinality": "cardinality {:g}", "survival_prob": "the last block survives with probability {:g}",
    "columns": "{:g} columns", "growth_rate": "growth rate {:g}", "squeeze_ratio": "squeeze ratio {:g}",
}  # fmt: skip


def families() -> Explorer:
    """Seven families after ResNet for images of 32×32: two knobs each, and what they cost and see."""
    knobs = [
        Knob("family", "Family", tuple(FAMILIES), default="pre-activation"),
        Knob("first", "Depth (columns; squeeze ratio)", STEPS, default="middle", kind="range"),
        Knob("second", "Width (cardinality; growth rate; survival)", STEPS, default="middle", kind="range"),
    ]
    return Explorer(families_setting, knobs, view="stages", title="The families after ResNet")


def families_setting(family: str, first: str, second: str) -> dict:
    """The result of `families` for one setting; every figure is `anatomy`'s.

    MACs of stochastic depth are those of a training step on average: a block counts as often as it survives.
    """
    name, *knobs, shortcuts = FAMILIES[family]
    chosen = {knob: values[STEPS.index(step)] for (knob, values), step in zip(knobs, (first, second), strict=True)}
    whole, code = anatomy_and_call(name, **chosen, **FIXED.get(family, {}))
    stages = by_stage(whole)
    rows = [stage_row(whole, stage, layers) for stage, layers in stages]
    shown = totals(whole) | {"receptive_field": whole.receptive_field[0]}
    skipped = ""
    if family == "stochastic depth":
        survive = [m.survival_prob for m in whole.module.modules() if isinstance(m, StochasticDepthBlock)]
        for row, (_, layers) in zip(rows, stages, strict=True):
            row["macs"] = expected_macs(whole, layers)
        shown["macs"] = sum(row["macs"] for row in rows)
        skipped = f" In training {sum(survive):.4g} of {len(survive)} blocks run on average: {shown['macs']:,} MACs."
    words = ", ".join(WORDS[knob].format(value) for knob, value in chosen.items())
    return {
        "stages": rows,
        "shortcuts": shortcuts,
        "totals": shown,
        "input": 32,
        "sentence": f"{family[0].upper()}{family[1:]}, {words}: {whole.params:,} parameters, {whole.macs:,} MACs, "
        f"{whole.output_bytes / 1e6:,.1f} MB of outputs; the last map sees {whole.receptive_field[0]} pixels a side."
        + skipped,
        "python": code,
    }


def by_stage(whole: Anatomy) -> list[tuple[str, list[Layer]]]:
    """The operations by stage: the modules of the first level that hold weights to convolve with, a fractal block each.

    What stands between (a norm, a pooling) goes with the stage before it, the global pooling with the classifier.
    """

    def stage(layer: Layer) -> str:
        return layer.name.removeprefix("blocks.").split(".")[0]

    heavy = {stage(layer) for layer in whole.layers if layer.macs}
    found: dict[str, list[Layer]] = {}
    waiting: list[Layer] = []
    for layer in whole.layers:
        name = stage(layer)
        if name in heavy:
            found.setdefault(name, []).extend(waiting)
            found[name].append(layer)
            waiting = []
        elif layer.op.startswith("adaptive"):
            waiting.append(layer)
        else:
            found[list(found)[-1]].append(layer)
    return list(found.items())


UNITS = (ResidualUnit, WideBlock, GroupedBlock, BasicBlock, FractalBlock, DenseLayer, Fire)


def stage_row(whole: Anatomy, name: str, layers: list[Layer]) -> dict:
    """One stage as the view "stages" wants it; its map is that before a pooling that follows it."""
    last = [layer for layer in layers if "pool" not in layer.op][-1]
    modules = dict(whole.module.named_modules())
    module = modules.get(name) or modules[f"blocks.{name}"]
    blocks = sum(isinstance(part, UNITS) for part in module.modules())
    return {
        "name": name.replace("dense_block", "dense").replace("transition", "trans."),
        "blocks": blocks,
        "channels": last.out_shape[0],
        "size": last.out_shape[1] if len(last.out_shape) == 3 else 1,
        "receptive_field": (last.receptive_field or whole.receptive_field)[0],
        **costs(layers),
    }


def expected_macs(whole: Anatomy, layers: list[Layer]) -> int:
    """MACs of some layers in a training step on average: those of a block times the probability that it survives."""
    modules = dict(whole.module.named_modules())
    blocks = (modules.get(".".join(layer.name.split(".")[:2])) for layer in layers)
    shares = [block.survival_prob if isinstance(block, StochasticDepthBlock) else 1.0 for block in blocks]
    return round(sum(layer.macs * share for layer, share in zip(layers, shares, strict=True)))


# ------------------------------------------------------------------------------------------- what passes the units

QUANTITIES = {
    "gradient": ("the gradient at its output", "norm of the gradient"),
    "signal": ("its output", "root mean square"),
    "weights": ("the gradient of its weights", "norm of the gradient"),
}


def signals(measured: dict[str, list[dict[str, list[float]]]], reference: str) -> Explorer:
    """The measurements of `unit_signals`: kind of network → one measurement a seed, beside those of the kind `reference`."""
    knobs = [
        Knob("kind", "Unit", tuple(kind for kind in measured if kind != reference),
             default=next(kind for kind in measured if kind != reference)),
        Knob("show", "Of each unit", tuple(QUANTITIES), default="gradient",
             format=lambda name: QUANTITIES[name][0]),
    ]  # fmt: skip

    def setting(kind: str, show: str) -> dict:
        series, ends = [], []
        for name in (reference, kind):
            seeds = [one[show] for one in measured[name]]
            columns = list(zip(*seeds, strict=True))
            curve = {
                "mean": [sum(c) / len(c) for c in columns],
                "low": [*map(min, columns)],
                "high": [*map(max, columns)],
            }
            shown = {key: [float(f"{value:.3g}") for value in values] for key, values in curve.items()}
            series.append({"label": name, "epochs": list(range(1, len(columns) + 1)), "runs": len(seeds)} | shown)
            ends.append(f"{name} {curve['mean'][0]:.2g} at the first unit and {curve['mean'][-1]:.2g} at the last")
        return {
            "series": series,
            "x_label": "residual unit, from the input",
            "y_label": QUANTITIES[show][1],
            "log_y": True,
            "sentence": f"{QUANTITIES[show][0][0].upper()}{QUANTITIES[show][0][1:]}: {'; '.join(ends)}.",
            "note": "110 layers, measured here before any training. On this axis a straight line multiplies by the same "
            "factor at each unit. A new stage, with half the positions, begins at units 19 and 37.",
        }

    return Explorer(setting, knobs, view="curves", title="What passes 54 units")


# ------------------------------------------------------------------------------------------- cardinality

# Xie et al. 2017, Table 2: cardinality and width of a path in conv2, at about the cost of ResNet-50's bottleneck.
EQUAL_COST = {1: 64, 2: 40, 4: 24, 8: 14, 32: 4}


def cardinality() -> Explorer:
    """One ResNeXt block of conv2 (256 channels at 56×56): paths and their width, at equal cost or at equal total width."""
    knobs = [
        Knob("paths", "Cardinality C", tuple(EQUAL_COST), default=32),
        Knob("keep", "Width of a path", ("cost", "total"), default="cost", kind="select",
             format={"cost": "as the paper: equal cost", "total": "64 / C: equal total width"}.get),
    ]  # fmt: skip
    return Explorer(cardinality_setting, knobs, view="bars", title="A ResNeXt block: how many paths?")


def cardinality_setting(paths: int, keep: str) -> dict:
    """The result of `cardinality` for one setting; every figure is `anatomy`'s."""
    width = EQUAL_COST[paths] if keep == "cost" else 64 // paths
    with torch.device("meta"):
        block = GroupedBlock(256, 64, cardinality=paths, base_width=width)
    whole = anatomy(block, input_size=(256, 56, 56))
    rows = []
    for name, op, parts in (
        ("1×1 down", "conv", ("conv1", "bn1", "relu1")),
        ("3×3 grouped", "conv", ("conv2", "bn2", "relu2")),
        ("1×1 up", "conv", ("conv3", "bn3")),
        ("sum", "join", None),
    ):
        layers = [
            layer for layer in whole.layers
            if (layer.name.split(".")[-1] in parts if parts else not layer.name.startswith("residual."))
        ]  # fmt: skip
        rows.append({"name": name, "op": op, **costs(layers)})
    return {
        "rows": rows,
        "totals": totals(whole),
        "sentence": f"{paths} path{'s' * (paths > 1)} of {width} channels, {paths * width} together: {whole.params:,} "
        f"parameters; {largest_share(rows, 'macs', 'MACs')}.",
        "python": f"cnnlib.models.resnext.GroupedBlock(256, 64, cardinality={paths}, base_width={width})",
    }


# ------------------------------------------------------------------------------------------- survival


def survival(
    depths: Sequence[int] = (20, 32, 56, 110), final: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
) -> Explorer:
    """Huang et al. 2016, eq. 4: how likely each block of a CIFAR ResNet survives a mini-batch."""
    knobs = [
        Knob("depth", "Depth (6n + 2)", depths, default=depths[-1]),
        Knob("final", "Survival of the last block", final, default=0.5),
    ]
    return Explorer(survival_setting, knobs, view="curves", title="Which blocks survive a mini-batch?")


def survival_setting(depth: int, final: float) -> dict:
    """The result of `survival` for one setting."""
    blocks = (depth - 2) // 2
    shares = linear_decay(final, blocks)
    expected, whole = sum(shares), math.prod(shares)
    curve = [round(share, 4) for share in shares]
    return {
        "series": [
            {"label": "linear decay", "epochs": list(range(1, blocks + 1)), "mean": curve, "low": curve, "high": curve,
             "runs": 0, "style": "residual"},
        ],
        "x_label": "block, from the input",
        "y_label": "probability that the block survives",
        "sentence": f"{depth} layers: of {blocks} blocks {expected:.2f} run on average, {2 * expected + 2:.1f} layers. All "
        f"of them run in {'every' if final == 1 else f'one of {1 / whole:,.0f}' if whole > 1e-9 else 'hardly any'} "
        f"mini-batch{'es' * (final < 1)}.",
        "note": "At test time all blocks run, each residual path times its probability.",
        "python": f"cnnlib.models.stochastic_depth.linear_decay({final:g}, {blocks})",
    }  # fmt: skip


# ------------------------------------------------------------------------------------------- dense connections


def dense_block(
    layers: Sequence[int] = (2, 4, 6, 12, 24), growth: Sequence[int] = (4, 12, 24, 32, 48), start: int = 24
) -> Explorer:
    """Huang et al. 2017: what each layer of a dense block reads, for the view "curves": plain, and with bottlenecks."""
    knobs = [
        Knob("layers", "Layers L", layers, default=12),
        Knob("growth", "Growth rate k", growth, default=12),
    ]

    def setting(layers: int, growth: int) -> dict:
        made = {}
        for label, bottleneck in (("plain layers", False), ("with bottlenecks", True)):
            with torch.device("meta"):
                block = DenseBlock(start, layers, growth, bottleneck=bottleneck, checkpointing=False, dropout=0.0)
            made[label] = [sum(p.numel() for p in layer.parameters() if p.dim() > 1) for layer in block.layers]
        reads = [start + i * growth for i in range(layers)]
        series = [
            {"label": label, "epochs": list(range(1, layers + 1)), "runs": 0}
            | {key: [weight / 1000 for weight in weights] for key in ("mean", "low", "high")}
            for label, weights in made.items()
        ]  # fmt: skip
        plain, narrow = (sum(weights) for weights in made.values())
        return {
            "series": series,
            "x_label": "layer of the block",
            "y_label": "weights of the layer (thousands)",
            "log_y": True,
            "sentence": f"{layers} layers, growth rate {growth}: {layers * (layers + 1) // 2} connections. The last layer "
            f"reads {reads[-1]} channels and adds {growth}; the block gives {reads[-1] + growth}. Weights: {plain:,} in "
            f"plain layers, {narrow:,} with bottlenecks.",
            "note": f"The block's input has {start} channels.",
        }

    return Explorer(setting, knobs, view="curves", title="What does a dense layer read?")


# ------------------------------------------------------------------------------------------- recorded runs

RACERS = {
    "resnet": "ResNet", "stochastic_depth": "stochastic depth", "wide": "wide", "resnext": "ResNeXt",
    "fractalnet": "FractalNet", "densenet": "DenseNet", "squeezenet": "Fire modules",
}  # fmt: skip
ERRORS = {"train_error": "on the training set", "test_error": "on the test set"}


def race(runs: list[dict]) -> Explorer:
    """The recorded race: each run's last error against what the budget does not fix."""
    knobs = [
        Knob("budget", "Equal for all", ("parameters", "macs"), default="parameters", kind="select",
             format={"parameters": "parameters", "macs": "MACs"}.get),
        Knob("error", "Error", tuple(ERRORS), default="test_error", format=ERRORS.get),
    ]  # fmt: skip

    def setting(budget: str, error: str) -> dict:
        free = "macs" if budget == "parameters" else "params"
        points, means = [], []
        for family, label in RACERS.items():
            chosen = select(runs, budget=budget, family=family)
            with torch.device("meta"):
                whole = anatomy(race_net(family, budget), input_size=(1, 8, 8))
            ends = [run["curves"][error][-1] for run in chosen]
            points += [
                {
                    "name": f"{label} {number}",
                    "group": label,
                    "x": getattr(whole, free),
                    "y": int(end) if end == int(end) else round(end, 2),
                }
                for number, end in enumerate(ends, start=1)
            ]
            means.append((sum(ends) / len(ends), f"{label} {min(ends):.1f} to {max(ends):.1f}"))
        name = "Training" if error == "train_error" else "Test"
        listed = "; ".join(words for _, words in sorted(means))
        return {
            "points": points,
            "x": {"label": "MACs" if free == "macs" else "parameters", "unit": "", "log": True},
            "y": {
                "label": f"{name.lower()} error",
                "unit": "%",
                "log": error == "test_error",
            },  # in training some reach 0
            "sentence": f"{name} error in % over seeds, equal {'parameters' if budget == 'parameters' else 'MACs'}: {listed}.",
        }

    return Explorer(setting, knobs, view="scatter", title="The race")


def width_or_depth(runs: list[dict]) -> Explorer:
    """Wide residual networks of equal parameters and MACs, deep and thin or shallow and wide, recorded."""
    knobs = [Knob("error", "Error", tuple(ERRORS), default="train_error", format=ERRORS.get)]

    def setting(error: str) -> dict:
        series, ends = [], []
        for depth, factor in EQUAL_WRN.items():
            curve = spread([run["curves"][error] for run in select(runs, depth=depth)])
            label = f"WRN-{depth}, k = {factor:g}"
            series.append({"label": label, "runs": len(select(runs, depth=depth))} | curve)
            ends.append(f"{label} {curve['mean'][-1]:.1f}% ({curve['low'][-1]:.1f} to {curve['high'][-1]:.1f})")
        name = "Training" if error == "train_error" else "Test"
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": f"{name.lower()} error (%)",
            "sentence": f"{name} error after {len(curve['epochs'])} epochs, mean and range over seeds: {'; '.join(ends)}.",
            "note": f"{provenance(runs)}. Textures of 16×16 pixels; bands are the range over seeds.",
        }

    return Explorer(setting, knobs, view="curves", title="Three nets of equal cost, trained")
