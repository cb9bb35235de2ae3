"""Explorers of chapter 6: networks side by side, the time that they take, and what to choose."""

from collections.abc import Sequence
from functools import cache
from math import prod

import torch

from cnnlib.analysis import Anatomy, Layer, anatomy
from cnnlib.analysis.roofline import work
from cnnlib.chapters.choosing_a_network.networks import FAMILIES
from cnnlib.course.curves import provenance, select
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.papers import reported
from cnnlib.course.ranking import spearman
from cnnlib.models import create_model

__all__ = [
    "challenge",
    "compared",
    "correlations",
    "guide",
    "model_costs",
    "rankings",
    "roofline",
    "scatter_of_networks",
    "time_by_kind",
    "transfer",
]

NETWORKS = {
    "alexnet": "AlexNet", "vgg16": "VGG", "vgg19": "VGG", "googlenet": "Inception", "bn_inception": "Inception",
    "squeezenet1_1": "SqueezeNet", "resnet18": "ResNet", "resnet34": "ResNet", "resnet50": "ResNet", "resnet101": "ResNet",
    "resnet152": "ResNet", "wide_resnet50_2": "Wide ResNet, ResNeXt", "resnext50_32x4d": "Wide ResNet, ResNeXt",
    "densenet121": "DenseNet", "densenet169": "DenseNet",
}  # fmt: skip


QUANTITIES = {
    "params": ("parameters", ""),
    "macs": ("MACs", ""),
    "output_bytes": ("output bytes", "B"),
    "saved_bytes": ("bytes kept for training", "B"),
    "depth": ("layers with weights", ""),
}


def model_costs(networks: dict[str, str] | None = None) -> Explorer:
    """The costs of the course's networks for one image of 224×224 pixels, on axes to choose.

    `networks` has the names of models, each with the group that it is drawn as.
    """
    figures = []
    for name, group in (NETWORKS if networks is None else networks).items():
        with torch.device("meta"):
            model = create_model(name)
        whole = anatomy(model, (3, 224, 224))
        figures.append({"name": name, "group": group} | {key: getattr(whole, key) for key in QUANTITIES})
    across, up = ("params", "macs", "output_bytes"), ("macs", "output_bytes", "saved_bytes", "depth")
    knobs = [
        Knob("x", "Across", across, default="params", format=lambda key: QUANTITIES[key][0]),
        Knob("y", "Up", up, default="macs", format=lambda key: QUANTITIES[key][0]),
    ]

    def extremes(key: str) -> str:
        low, high = (end(figures, key=lambda one: one[key]) for end in (min, max))
        name = QUANTITIES[key][0]
        return f"{name[0].upper()}{name[1:]}: {low[key]:,} ({low['name']}) to {high[key]:,} ({high['name']})."

    def setting(x: str, y: str) -> dict:
        axes = {
            axis: {"label": QUANTITIES[key][0], "unit": QUANTITIES[key][1], "log": True}
            for axis, key in (("x", x), ("y", y))
        }
        points = [{"name": one["name"], "group": one["group"], "x": one[x], "y": one[y]} for one in figures]
        shown = " ".join(extremes(key) for key in dict.fromkeys((x, y)))
        return {"points": points, **axes, "sentence": f"{len(figures)} networks at 224×224. {shown}"}

    return Explorer(setting, knobs, view="scatter", title="What networks cost")


# ------------------------------------------------------------------------------------------------ networks for ImageNet

COMPARED = {
    "top1": ("top-1 error", "%"),
    "top5": ("top-5 error", "%"),
    "params": ("parameters", ""),
    "macs": ("MACs", ""),
    "saved": ("memory for training", "B"),
    "seconds": ("time", "s"),
}
MEASURED_AT = {"batch": 1, "threads": 1}


def compared(times: list[dict]) -> list[dict]:
    """The networks for ImageNet with all that chapter 6 compares, a row each.

    `name`, `group` and the keys of `COMPARED`: errors in per cent as published for one crop (None where there is no such
    number), `saved` the bytes that autograd keeps for one image, `seconds` the median of the recorded `times` at
    `MEASURED_AT`. Each network reads images of its own size.
    """
    seconds = select(times, **MEASURED_AT)[0]["times"]
    published = {(row["model"], row["quantity"]): row["value"] for row in reported("single_crop")}
    return [
        {
            "name": name,
            "group": group,
            "top1": published.get((name, "top-1 error")),
            "top5": published.get((name, "top-5 error")),
            **costs_of(name),
            "seconds": seconds[name]["median"],
        }
        for group, names in FAMILIES.items()
        for name in names
    ]


@cache
def costs_of(name: str) -> dict[str, int]:
    """Parameters, MACs and saved bytes of a network, by `anatomy`."""
    with torch.device("meta"):
        whole = anatomy(create_model(name))
    return {"params": whole.params, "macs": whole.macs, "saved": whole.saved_bytes}


def scatter_of_networks(times: list[dict]) -> Explorer:
    """All networks on two axes to choose, the area of a mark to choose as well, with the rank correlation of the axes."""
    rows = compared(times)
    axes = tuple(COMPARED)
    knobs = [
        Knob("x", "Across", axes, default="macs", format=lambda key: COMPARED[key][0]),
        Knob("y", "Up", axes, default="seconds", format=lambda key: COMPARED[key][0]),
        Knob("size", "Area of a mark", ("none", "params", "macs", "saved"), default="params", kind="select",
             format=lambda key: "all alike" if key == "none" else COMPARED[key][0]),
    ]  # fmt: skip

    def axis(key: str) -> dict:
        label, unit = COMPARED[key]
        return {"label": label, "unit": unit, "log": unit != "%", "of": key}

    def setting(x: str, y: str, size: str) -> dict:
        known = [row for row in rows if row[x] is not None and row[y] is not None]
        if x == y:
            low, high = (end(known, key=lambda row: row[x]) for end in (min, max))
            comparison = (
                f"One quantity on both axes: every mark is on the diagonal, from {low['name']} to {high['name']}."
            )
        else:
            found = spearman([row[x] for row in known], [row[y] for row in known])
            comparison = f"Rank correlation of {COMPARED[x][0]} and {COMPARED[y][0]}: {found:.2f}, {in_words(found)}."
        area = "" if size == "none" else f" Area: {COMPARED[size][0]}."
        return {
            "points": rows,
            "x": axis(x),
            "y": axis(y),
            "size": None if size == "none" else {"label": COMPARED[size][0], "unit": COMPARED[size][1], "of": size},
            "sentence": f"{len(known)} networks. {comparison}{area}",
        }

    return Explorer(setting, knobs, view="scatter", title="Networks on two axes")


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def in_words(correlation: float) -> str:
    """A rank correlation in a few words."""
    strength = abs(correlation)
    if strength < 0.3:
        return "hardly any common order"
    much = (
        "nearly one order" if strength > 0.9 else "much the same order" if strength > 0.7 else "a loosely common order"
    )
    return much if correlation > 0 else f"{much}, the other way round"


RANKED = ("top1", "macs", "params", "saved", "seconds")


def rankings(times: list[dict]) -> Explorer:
    """Five rankings of the networks whose error is published, side by side, with one or two networks to follow."""
    rows = sorted((row for row in compared(times) if row["top1"] is not None), key=lambda row: row["top1"])
    names = [row["name"] for row in rows]
    where = {key: [int(place) for place in order([row[key] for row in rows])] for key in RANKED}
    shown = [
        {
            "name": row["name"],
            "places": [where[key][i] for key in RANKED],
            "values": [amount(row[key], COMPARED[key][1]) for key in RANKED],
        }
        for i, row in enumerate(rows)
    ]
    others = [name for name in ("alexnet", "vgg16", "googlenet", "densenet121") if name in names]
    knobs = [
        Knob("network", "Follow", names, default="resnet50"),
        Knob("other", "and", ("nobody", *others), default="vgg16"),
    ]

    def setting(network: str, other: str) -> dict:
        chosen = list(dict.fromkeys(name for name in (network, other) if name != "nobody"))
        places = [
            f"{name}: "
            + ", ".join(
                f"{ordinal(place)} in {COMPARED[key][0]}" for key, place in zip(RANKED, row["places"], strict=True)
            )
            for name in chosen
            for row in shown
            if row["name"] == name
        ]
        return {
            "columns": [COMPARED[key][0] for key in RANKED],
            "rows": shown,
            "chosen": chosen,
            "sentence": f"Of {len(rows)} networks, the least of each first. {'; '.join(places)}.",
        }

    return Explorer(setting, knobs, view="ranks", title="Five rankings")


def order(values: list[float]) -> list[int]:
    """The place of each value, 1 for the least; of equal ones the earlier is first."""
    ordered = sorted(range(len(values)), key=lambda i: values[i])
    return [ordered.index(i) + 1 for i in range(len(values))]


def amount(value: float, unit: str) -> str:
    """A value as a person says it: 138 M, 61 MB, 12 ms, 23.9%."""
    if unit == "%":
        return f"{value:.1f}%"
    if unit == "s":
        return f"{1000 * value:,.0f}\u202fms" if value >= 0.01 else f"{1000 * value:.1f}\u202fms"
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if value >= power:
            return f"{value / power:.3g}\u202f{letter}{unit}"
    return f"{value:.3g}\u202f{unit}".strip()


def correlations(times: list[dict], keys: Sequence[str] = RANKED) -> dict[str, dict[str, float]]:
    """Spearman's correlation of each pair of rankings, over the networks whose error is published: by label, by label."""
    rows = [row for row in compared(times) if row["top1"] is not None]
    columns = {COMPARED[key][0]: [row[key] for row in rows] for key in keys}
    return {one: {other: round(spearman(a, b), 2) for other, b in columns.items()} for one, a in columns.items()}


# ------------------------------------------------------------------------------------------------ the challenge by year


def challenge() -> Explorer:
    """ILSVRC by year: top-5 error or depth, of what was submitted and of one network; cited, but for the depths."""
    rows = []
    for row in reported("ilsvrc"):
        depth = depth_of(row["network"]) if row["network"] else None
        name = f"{row['model']} ×{row['networks']}" if (row["networks"] or 1) > 1 else row["model"]
        rows.append({"name": name, "group": row["entry"], "year": row["year"], "error": row["value"], "depth": depth})
    entries = ("all", *dict.fromkeys(row["group"] for row in rows))
    knobs = [
        Knob("y", "Up", ("error", "depth"), default="error",
             format={"error": "top-5 error", "depth": "layers with weights"}.get),
        Knob("show", "Show", entries, default="all", format=str),
    ]  # fmt: skip

    def setting(y: str, show: str) -> dict:
        points = [row for row in rows if show in ("all", row["group"]) and row[y] is not None]
        axis = {"label": "top-5 error", "unit": "%"} if y == "error" else {"label": "layers with weights", "unit": ""}
        return {
            "points": points,
            "x": {"label": "year", "unit": "year", "log": False, "of": "year"},
            "y": {**axis, "log": y == "depth", "of": y},
            "sentence": f"Shown: {show}, {len(points)} marks. {challenge_sentence(points, y)}",
        }

    return Explorer(setting, knobs, view="scatter", title="The ImageNet challenge by year")


def challenge_sentence(points: list[dict], y: str) -> str:
    """A sentence about the marks of a setting of `challenge`."""
    if not points:
        return "Before 2012 no network was entered among the winners, so there is no depth to show."
    first, last = points[0], points[-1]
    if y == "error":
        return f"{first['name']} in {first['year']}: {first['error']:g}%. {last['name']} in {last['year']}: {last['error']:g}%."
    deepest = max(points, key=lambda row: row["depth"])
    return (
        f"{first['depth']} layers in {first['year']}, {deepest['depth']} in {deepest['year']} ({deepest['name']}), "
        f"{last['depth']} in {last['year']}; only of networks that are in cnnlib."
    )


@cache
def depth_of(name: str) -> int:
    """Layers with weights on the longest way through a network."""
    with torch.device("meta"):
        return anatomy(create_model(name)).depth


# ------------------------------------------------------------------------------------------------ time and its reasons

KINDS = {
    "conv 1×1": lambda row: row.op == "conv2d" and max(row.window[0]) == 1,
    "conv 3×3": lambda row: row.op == "conv2d" and max(row.window[0]) == 3,
    "larger conv": lambda row: row.op == "conv2d",
    "linear": lambda row: row.op == "linear",
    "batch norm": lambda row: row.op in ("batch_norm", "local_response_norm"),
    "ReLU": lambda row: row.op == "relu",
    "pooling": lambda row: "pool" in row.op,
    "joins": lambda row: row.op in ("add", "cat"),
}


def kind_of(row: Layer) -> str:
    """Which of `KINDS` an operation is; "other" for none."""
    return next((name for name, fits in KINDS.items() if fits(row)), "other")


def time_by_kind(times: list[dict], **config) -> dict[str, dict[str, float]]:
    """Shares of a forward pass's time, in recorded times: network → kind of operation → share; they add up to 1."""
    record = select(times, **(MEASURED_AT | config))[0]
    shares = {}
    for name, seconds in record["operations"].items():
        found = dict.fromkeys([*KINDS, "other"], 0.0)
        for row, took in zip(anatomy_of(name).layers, seconds, strict=True):
            found[kind_of(row)] += took / sum(seconds)
        shares[name] = found
    return shares


@cache
def anatomy_of(name: str) -> Anatomy:
    """The anatomy of a network with its usual options."""
    with torch.device("meta"):
        return anatomy(create_model(name))


def roofline(times: list[dict]) -> Explorer:
    """Each convolution and linear layer of a network under the roof of the machine that was measured."""
    names = list(times[0]["operations"])
    threads = sorted({run["config"]["threads"] for run in times})
    knobs = [
        Knob("network", "Network", names, default="resnext50_32x4d"),
        Knob("threads", "Threads", threads, default=threads[0], kind="select"),
    ]

    def setting(network: str, threads: int) -> dict:
        record = select(times, batch=1, threads=threads)[0]
        peak, bandwidth = record["machine"]["peak"], record["machine"]["bandwidth"]
        points, total, least = {}, 0.0, 0.0
        for row, task, took in zip(
            anatomy_of(network).layers, work(anatomy_of(network)), record["operations"][network], strict=True
        ):
            total, least = total + took, least + task.least_seconds(peak, bandwidth)
            if row.macs:
                points[row.name] = {
                    "name": row.name,
                    "group": "linear" if row.op == "linear" else window_of(row),
                    "x": float(f"{task.intensity:.3g}"),
                    "y": float(f"{task.macs / took:.3g}"),
                }
        corner = peak / bandwidth
        ends = [0.2, corner, 1000]
        return {
            "points": list(points.values()),
            "lines": [
                {
                    "label": "the roof: bandwidth, then peak",
                    "path": [[u, float(f"{min(peak, u * bandwidth):.3g}")] for u in ends],
                }
            ],
            "x": {"label": "MACs for each byte moved", "unit": "", "log": True},
            "y": {"label": "MACs a second", "unit": "", "log": True},
            "sentence": f"{network}, {threads} thread{'s' * (threads > 1)}: all its operations take {amount(total, 's')}, "
            f"{total / least:.1f} times what the roof allows. Below {corner:.1f} MACs a byte memory is the limit.",
        }

    return Explorer(setting, knobs, view="scatter", title="Layers under the roof")


def window_of(row: Layer) -> str:
    """The window of a convolution, "1×1" or "3×3, grouped"."""
    grouped = row.macs < row.in_shape[0] * row.out_shape[0] * prod(row.window[0]) * prod(row.out_shape[1:])
    size = max(row.window[0])
    return ("1×1" if size == 1 else "3×3" if size == 3 else "larger window") + (", grouped" if grouped else "")


# ------------------------------------------------------------------------------------------------ choosing, transfer

LIMITS = {
    "seconds": "time on this CPU",
    "params": "size of the download",
    "macs": "arithmetic (energy, other processors)",
    "saved": "memory for training",
}
ALLOWED = (45, 31, 26, 23, 21)


def guide(times: list[dict]) -> Explorer:
    """The networks that cost least of what is scarce, among those whose error is low enough."""
    rows = [row for row in compared(times) if row["top1"] is not None]
    knobs = [
        Knob("limit", "What is scarce", tuple(LIMITS), default="seconds", format=LIMITS.get),
        Knob("error", "Top-1 error at most", ALLOWED, default=ALLOWED[len(ALLOWED) // 2], format="{}%"),
    ]

    def setting(limit: str, error: int) -> dict:
        able = sorted((row for row in rows if row["top1"] <= error), key=lambda row: row[limit])
        best, rest = able[0], able[1:]
        others = (
            f" The next is {rest[0]['name']}, with {rest[0][limit] / best[limit]:.2f} times as much." if rest else ""
        )
        label, unit = COMPARED[limit]
        return {
            "rows": [
                {"network": row["name"]} | {COMPARED[key][0]: amount(row[key], COMPARED[key][1]) for key in RANKED}
                for row in able[:8]
            ],
            "sentence": f"{len(able)} of {len(rows)} networks err on at most {error}%. Least {label}: {best['name']}, "
            f"{amount(best[limit], unit)}.{others}",
        }

    return Explorer(setting, knobs, view="table", title="Which network?")


WAYS = {"from scratch": "plain", "fine-tuned": "residual", "frozen": None, "untrained": None}


def transfer(runs: list[dict]) -> Explorer:
    """Test error against the number of labels, for four ways to use them, recorded on a near task and a far one."""
    targets = {"shapes": "five other shapes", "digits": "handwritten digits"}
    knobs = [
        Knob("target", "New task", tuple(targets), default="shapes", format=targets.get),
        Knob("show", "Show", ("all", "scratch and fine-tuned", "the two probes"), default="all", kind="select"),
    ]
    kept = {
        "all": tuple(WAYS),
        "scratch and fine-tuned": ("from scratch", "fine-tuned"),
        "the two probes": ("frozen", "untrained"),
    }

    def setting(target: str, show: str) -> dict:
        mine = select(runs, target=target)
        labels = sorted({run["config"]["labels"] for run in mine})
        series = []
        for way in kept[show]:
            errors = [[run["errors"][way] for run in select(mine, labels=count)] for count in labels]
            curve = {
                "mean": [round(sum(e) / len(e), 2) for e in errors],
                "low": [min(e) for e in errors],
                "high": [max(e) for e in errors],
            }
            series.append({"label": way, "epochs": labels, "runs": len(errors[0]), "style": WAYS[way], **curve})
        few = labels[1]
        errors = ", ".join(f"{one['label']} {one['mean'][1]:.0f}%" for one in series)
        return {
            "series": series,
            "x_label": "labels",
            "y_label": "test error (%)",
            "sentence": f"{targets[target].capitalize()}, {few} labels: {errors} wrong on average.",
            "note": f"{provenance(mine)}. The network before had learned five shapes; the bands are the range over seeds.",
        }

    return Explorer(setting, knobs, view="curves", title="Few labels")
