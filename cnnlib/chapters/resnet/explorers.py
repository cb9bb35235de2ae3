"""Explorers of chapter 4: residual networks, and what training them showed."""

from collections.abc import Sequence

from cnnlib.course.curves import best_rate, provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.rows import anatomy_and_call, costs, totals

__all__ = [
    "cifar_resnet",
    "degradation",
    "gradients",
    "lesions",
    "slow_fitting",
]

SHORTCUTS = {"none": "none (plain)", "A": "A: zero padding", "B": "B: projections"}


def cifar_resnet(
    depths: tuple[int, ...] = (8, 14, 20, 32, 44, 56, 110), widths: tuple[float, ...] = (0.5, 1, 2, 4)
) -> Explorer:
    """Depth, width and shortcut of the CIFAR networks of He et al. 2015 (Sec. 4.2): stages, parameters, MACs, field."""
    knobs = [
        Knob("depth", "Depth (6n + 2)", depths, default=20),
        Knob("width", "Width (channels ×)", widths, default=1, format="{:g}×"),
        Knob("shortcut", "Shortcuts", tuple(SHORTCUTS), default="A", format=SHORTCUTS.get),
    ]
    return Explorer(cifar_resnet_setting, knobs, view="stages", title="A residual network for 32×32 images")


def cifar_resnet_setting(depth: int, width: float, shortcut: str) -> dict:
    """The result of `cifar_resnet` for one setting; every figure is `anatomy`'s."""
    plain = shortcut == "none"
    options = {"depth": depth, "width": width} | ({} if plain else {"shortcut": shortcut})
    whole, code = anatomy_and_call("cifar_plain" if plain else "cifar_resnet", **options)
    stages = {
        "conv1": ("conv1", "bn1", "relu"),
        **{f"stage{i}": (f"stage{i}",) for i in (1, 2, 3)},
        "fc": ("avgpool", "fc"),
    }
    rows = []
    for name, parts in stages.items():
        layers = [layer for layer in whole.layers if layer.name.split(".")[0] in parts]
        shape, field = layers[-1].out_shape, layers[-1].receptive_field or whole.receptive_field
        rows.append(
            {
                "name": name,
                "blocks": len(getattr(whole.module, name)) if name.startswith("stage") else 0,
                "channels": shape[0],
                "size": shape[1] if len(shape) == 3 else 1,
                "receptive_field": field[0],
                **costs(layers),
            }
        )
    field, pixels = whole.receptive_field[0], whole.input_size[1]
    blocks = sum(row["blocks"] for row in rows)
    kind = (
        f"plain-{depth}: {blocks} blocks and no shortcut"
        if plain
        else f"ResNet-{depth}: {blocks} blocks and as many shortcuts"
    )
    seen = (
        "all of the image"
        if field >= 2 * pixels - 1
        else "more than the image's width"
        if field > pixels
        else "part of the image"
    )
    return {
        "stages": rows,
        "shortcuts": None if plain else shortcut,
        "totals": {**totals(whole), "receptive_field": field},
        "input": pixels,
        "sentence": f"{kind}. {whole.params:,} parameters, {whole.macs:,} MACs; "
        f"a position of the last map sees {field} pixels a side: {seen}.",
        "python": code,
    }


NETS = (("cifar_plain", 20), ("cifar_plain", 56), ("cifar_resnet", 20), ("cifar_resnet", 56))


def degradation(runs: list[dict]) -> Explorer:
    """Training and test error of plain and residual nets of 20 and 56 layers, recorded at several learning rates."""
    rates = sorted({run["config"]["learning_rate"] for run in runs})
    knobs = [
        Knob("rate", "Learning rate", ("best", *rates), default="best", kind="select",
             format=lambda rate: "each net's best" if rate == "best" else f"{rate:g}"),
        Knob("error", "Error", ("train_error", "test_error"), default="train_error",
             format={"train_error": "on the training set", "test_error": "on the test set"}.get),
    ]  # fmt: skip

    def setting(rate, error: str) -> dict:
        series, ends = [], []
        for model, depth in NETS:
            used = best_rate(runs, model, depth) if rate == "best" else rate
            chosen = select(runs, model=model, depth=depth, learning_rate=used)
            curve = spread([run["curves"][error] for run in chosen])
            label = f"{'plain' if model == 'cifar_plain' else 'ResNet'}-{depth}"
            style = "plain" if model == "cifar_plain" else "residual"
            series.append({"label": f"{label} (rate {used:g})", "runs": len(chosen), "style": style} | curve)
            ends.append(f"{label} {curve['mean'][-1]:.1f}%")
        name = "Training" if error == "train_error" else "Test"
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": f"{name.lower()} error (%)",
            "sentence": f"{name} error after {len(curve['epochs'])} epochs, mean over seeds: {', '.join(ends)}.",
            "note": f"{provenance(runs)}. Digits of 8×8 pixels; lines are means, bands the spread over "
            f"seeds; the rate is divided by 10 at a half and at three quarters.",
        }

    return Explorer(setting, knobs, view="curves", title="Plain and residual nets, trained to the end")


def slow_fitting(short: list[dict], long: list[dict]) -> Explorer:
    """Plain-56 at its best learning rate, with the epochs of `short` and with those of `long`: training and test error."""
    recordings = {runs[0]["config"]["epochs"]: runs for runs in (short, long)}
    knobs = [Knob("epochs", "Epochs in all", tuple(recordings), default=min(recordings), kind="select")]

    def setting(epochs: int) -> dict:
        rate = best_rate(recordings[epochs], "cifar_plain", 56)
        chosen = select(recordings[epochs], model="cifar_plain", depth=56, learning_rate=rate)
        series = [
            {"label": f"{name} error", "runs": len(chosen)} | spread([run["curves"][curve] for run in chosen])
            for name, curve in (("training", "train_error"), ("test", "test_error"))
        ]
        return {
            "series": series,
            "x_label": "epoch",
            "y_label": "error (%)",
            "sentence": f"plain-56, {epochs} epochs at rate {rate:g}, mean over seeds: training error "
            f"{series[0]['mean'][-1]:.1f}%, test error {series[1]['mean'][-1]:.1f}%.",
            "note": f"{provenance(chosen)}. The rate is divided by 10 at a half and at three quarters of the epochs.",
        }

    return Explorer(setting, knobs, view="curves", title="Plain-56 with more time")


LOWEST_NORM = 1e-9  # drawn as the lowest line: far below it, the other curves would be flat


def gradients(norms: dict[int, dict[str, list[list[float]]]]) -> Explorer:
    """Gradient norms by layer, measured: depth → kind of network → one list of norms (first layer first) a seed."""
    knobs = [Knob("depth", "Depth (layers with weights)", tuple(norms), default=max(norms))]

    def setting(depth: int) -> dict:
        series, firsts = [], []
        for kind, seeds in norms[depth].items():
            layers = list(zip(*seeds, strict=True))
            curves = {"mean": mean, "low": min, "high": max}
            shown = {
                name: [max(LOWEST_NORM, rounded(of(values), 3)) for values in layers] for name, of in curves.items()
            }
            series.append({"label": kind, "epochs": list(range(1, len(layers) + 1)), "runs": len(seeds)} | shown)
            firsts.append(f"{kind} {rounded(curves['mean'](layers[0]), 2):g}")
        return {
            "series": series,
            "x_label": "layer, from the input",
            "y_label": "norm of the gradient",
            "log_y": True,
            "sentence": f"{depth} layers. Norm at the first layer: {', '.join(firsts)}.",
            "note": f"Measured here, before any training. Norms under {LOWEST_NORM:g} lie on the lowest line.",
        }

    return Explorer(setting, knobs, view="curves", title="Gradients by layer, before training")


def mean(values: Sequence[float]) -> float:
    """Their arithmetic mean."""
    return sum(values) / len(values)


def rounded(value: float, digits: int) -> float:
    """`value` to so many significant digits."""
    return float(f"{value:.{digits}g}")


def lesions(
    errors: dict[str, dict[str, list[list[float]]]], sound: dict[str, list[float]], names: Sequence[str]
) -> Explorer:
    """Test error of trained nets without some of their blocks (Veit et al. 2016, Sec. 4), measured.

    `errors` has, for "one" block and for "several", kind of network → one list of errors in per cent a seed: without
    the block of each name in `names`, and without 1, 2, … blocks drawn at random. `sound` has those of the whole nets.
    """
    knobs = [
        Knob("taken", "Taken out", ("one", "several"), default="one", kind="select",
             format={"one": "one block, each in turn", "several": "several blocks at random"}.get),
        Knob("kind", "Networks", ("both", *sound), default="both", kind="select"),
    ]  # fmt: skip

    def setting(taken: str, kind: str) -> dict:
        shown = {name: runs for name, runs in errors[taken].items() if kind in ("both", name)}
        series = [
            {"label": f"{name} (whole: {mean(sound[name]):.1f}%)", "runs": len(runs), "style": name} | spread(runs)
            for name, runs in shown.items()
        ]
        removed = "One block" if taken == "one" else f"Up to {len(series[0]['epochs'])} blocks"
        worst = ", ".join(f"{one} {max(curve['mean']):.0f}%" for one, curve in zip(shown, series, strict=True))
        return {
            "series": series,
            "x_label": "block taken out, from the input" if taken == "one" else "blocks taken out",
            "y_label": "test error (%)",
            "sentence": f"{removed} taken out. Highest test error, mean over seeds: {worst}.",
            "note": f"Measured here; lines are means, bands the spread over seeds. "
            f"Blocks, from the input: {', '.join(f'{number} is {name}' for number, name in enumerate(names, 1))}.",
        }

    return Explorer(setting, knobs, view="curves", title="Networks without some of their blocks")
