"""Benches: knobs and a Train button that really trains, where there is a kernel; recorded runs where there is none.

A bench *holds* ipywidgets and is not one: front ends without a kernel (the built page) take its `text/html`, the same
knobs over runs that were recorded; JupyterLab and Colab take the widget. Subclassing a widget does nothing on 7.7.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from cnnlib.course.curves import provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob, nice_ticks
from cnnlib.course.html import escape, style

KEPT = 4  # nets in the live picture: as many as there are pairs of colour and dash
AXES = {"x_label": "epoch", "y_label": "error (%)"}
LOOKS = (("conv", "none"), ("linear", "7 4"), ("pool", "2 3"), ("activation", "10 3 2 3"))


class Bench:
    """Turn the knobs, train `create(**setting)` on `data`, compare it with the nets trained before.

    The knobs' names are arguments of `create` and fields of the recorded runs' `config`. `epochs` is what the Train
    button starts with; the reader can change it. `recorded` are records as `cnnlib.training.record` writes them.

    Raises ValueError for knobs that `Explorer` would refuse. An error while training is shown in the bench.
    """

    def __init__(
        self,
        create: Callable[..., Any],
        knobs: Sequence[Knob],
        *,
        data: Any,
        epochs: int,
        recorded: Sequence[dict] = (),
        title: str = "Train one yourself",
    ) -> None:
        self.create, self.knobs, self.data, self.epochs, self.title = create, tuple(knobs), data, epochs, title
        self.runs = list(recorded)
        self.recorded = Explorer(self._recorded_curves, knobs, view="curves", title=f"{title}: recorded runs")
        self.trained: list[tuple[str, Any]] = []  # label and History of each net, oldest first
        self.thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Bench({self.title!r}, {' × '.join(knob.name for knob in self.knobs)}, {len(self.runs)} recorded runs)"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self.recorded._repr_html_()}
        try:
            model_id = self.widgets.all.model_id
        except ImportError:
            return bundle  # without ipywidgets the recorded runs are the bench
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        return bundle | {"application/vnd.jupyter.widget-view+json": view}

    # ---- The static page: recorded runs, grouped by the knobs.

    def _recorded_curves(self, **setting: Any) -> dict:
        name = self._name(setting)
        runs = select(self.runs, **setting)
        if not runs:
            return AXES | {"series": [], "sentence": f"No run was recorded for this setting ({name})."}
        groups = _by_recipe(runs, setting)
        recipe, best = min(groups.items(), key=lambda group: sum(run["curves"]["train_error"][-1] for run in group[1]))
        train, test = (spread([run["curves"][curve] for run in best]) for curve in ("train_error", "test_error"))
        model = str(setting.get("model", ""))
        look = "plain" if "plain" in model else "residual" if "resnet" in model else None
        series = [
            {"label": label, **curve, "runs": len(best), "style": look}
            for label, curve in (("training error", train), ("test error", test))
        ]
        between = f" ({train['low'][-1]:g} to {train['high'][-1]:g}% over {len(best)} seeds)" if len(best) > 1 else ""
        return AXES | {
            "series": series,
            "sentence": f"{name[0].upper()}{name[1:]}: after {train['epochs'][-1]} epochs the training error is "
            f"{train['mean'][-1]:g}%{between}, the test error {test['mean'][-1]:g}%.",
            "note": _note(best, recipe, len(groups)),
        }

    def _name(self, setting: Mapping[str, Any]) -> str:
        return ", ".join(f"{knob.label.lower()} {knob.text(setting[knob.name])}" for knob in self.knobs)

    # ---- With a kernel: widgets, and a thread that trains, so that Stop is heard.

    @cached_property
    def widgets(self) -> SimpleNamespace:
        """The bench's ipywidgets: `knobs` by name, `epochs`, `train`, `stop`, `progress`, `picture`, `message`, `all`.

        Raises ImportError where ipywidgets is not installed.
        """
        import ipywidgets as w

        def control(knob: Knob) -> Any:
            make = w.SelectionSlider if knob.kind == "range" else w.Dropdown
            options = [(knob.text(value), value) for value in knob.values]
            return make(options=options, value=knob.default, description=knob.label)

        ui = SimpleNamespace(
            knobs={knob.name: control(knob) for knob in self.knobs},
            epochs=w.BoundedIntText(value=self.epochs, min=1, max=1000, description="Epochs"),
            train=w.Button(description="Train", button_style="primary"),
            stop=w.Button(description="Stop", disabled=True),
            progress=w.IntProgress(value=0, min=0, max=self.epochs),
            picture=w.HTML(),
            message=w.HTML("Choose a network and press Train."),
        )
        ui.train.on_click(lambda _: self._start())
        ui.stop.on_click(lambda _: self._stopping.set())
        buttons = w.HBox([ui.train, ui.stop, ui.progress])
        ui.all = w.VBox([*ui.knobs.values(), ui.epochs, buttons, ui.message, ui.picture])
        return ui

    def _start(self) -> None:
        ui = self.widgets
        if self.thread and self.thread.is_alive():
            return
        setting = {name: control.value for name, control in ui.knobs.items()}
        self._stopping = threading.Event()
        ui.train.disabled, ui.stop.disabled = True, False
        ui.progress.value, ui.progress.max = 0, ui.epochs.value
        ui.message.value = "Training starts …"
        self.thread = threading.Thread(target=self._train, args=(setting, ui.epochs.value), daemon=True)
        self.thread.start()

    def _train(self, setting: dict[str, Any], epochs: int) -> None:
        import torch

        from cnnlib import fit

        ui = self.widgets
        try:
            # The same weights each time, and the reader's own random numbers stay as they were.
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                model = self.create(**setting)
            parameters = sum(p.numel() for p in model.parameters())
            label = f"{self._name(setting)}: {parameters:,} parameters"

            def after_epoch(history: Any) -> bool:
                done = len(history.train_error)
                ui.progress.value = done
                ui.message.value = (
                    f"Epoch {done} of {epochs}: training error {history.train_error[-1]:.1f}%, "
                    f"test error {history.test_error[-1]:.1f}%."
                )
                ui.picture.value = _picture([*self.trained[1 - KEPT :], (label, history)])
                return self._stopping.is_set()

            history = fit(model, self.data, epochs=epochs, on_epoch=after_epoch)
            self.trained.append((label, history))
            ui.message.value += f" {'Stopped' if self._stopping.is_set() else 'Done'} in {history.seconds:.1f} s."
        except Exception as error:  # whatever went wrong belongs in front of the reader, not in a thread's log
            ui.message.value = f"<b>Training ended with an error.</b> {type(error).__name__}: {escape(str(error))}"
        finally:
            ui.train.disabled, ui.stop.disabled = False, True


def _by_recipe(runs: list[dict], setting: Mapping[str, Any]) -> dict[str, list[dict]]:
    """Runs by what is neither a knob nor the seed: the same experiment under another learning rate is another group."""
    groups: dict[str, list[dict]] = {}
    for run in runs:
        rest = {k: v for k, v in run["config"].items() if k not in setting and k != "seed" and not isinstance(v, dict)}
        groups.setdefault(json.dumps(rest, sort_keys=True), []).append(run)
    return groups


def _note(runs: list[dict], recipe: str, recipes: int) -> str:
    """Where and when the shown runs were made, and what they share beside the knobs."""
    shared = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in json.loads(recipe).items())
    best = f" The best of {recipes} recipes by training error is shown." if recipes > 1 else ""
    return f"{provenance(runs)}: {shared}.{best}"


def _picture(runs: Sequence[tuple[str, Any]]) -> str:
    """Training error against epochs as a small SVG: what a script would draw, but widgets run none."""
    longest = max(len(history.train_error) for _, history in runs)
    ticks = nice_ticks(0, longest)
    left, right, top, bottom = 40, 560, 22, 220

    def x(epoch: float) -> float:
        return left + (right - left) * epoch / ticks[-1]

    def y(error: float) -> float:
        return bottom - (bottom - top) * error / 100

    parts = ['<text x="0" y="12" class="cnn-tick">training error (%)</text>']
    parts.append(f'<text x="{(left + right) / 2}" y="254" class="cnn-tick" text-anchor="middle">epoch</text>')
    for error in range(0, 101, 20):
        parts.append(f'<line class="cnn-grid" x1="{left}" x2="{right}" y1="{y(error)}" y2="{y(error)}"></line>')
        parts.append(f'<text class="cnn-tick" x="{left - 6}" y="{y(error) + 4}" text-anchor="end">{error}</text>')
    parts += [f'<text class="cnn-tick" x="{x(t)}" y="{bottom + 18}" text-anchor="middle">{t:g}</text>' for t in ticks]
    legend = []
    for (label, history), (colour, dash) in zip(runs, LOOKS, strict=False):
        look = f'class="cnn-line cnn-{colour}" stroke-dasharray="{dash}"'
        points = "L".join(f"{x(epoch):.1f} {y(error):.1f}" for epoch, error in enumerate(history.train_error, 1))
        last_x, last_y = points.split("L")[-1].split()
        parts.append(f'<path {look} d="M{points}"></path>')
        parts.append(f'<circle class="cnn-dot cnn-{colour}" r="3" cx="{last_x}" cy="{last_y}"></circle>')
        legend.append(f'<span><svg width="34" height="14"><path {look} d="M1 7h32"></path></svg>{escape(label)}</span>')
    return (
        f'{style("base.css", "explorer.css")}<div class="cnn-ui"><svg viewBox="0 0 570 256" width="570" role="img" '
        f'aria-label="Training error against epochs">{"".join(parts)}</svg><p class="cnn-legend">{"".join(legend)}</p></div>'
    )
