"""Benches: knobs and a Train button that really trains, where there is a kernel; recorded runs where there is none.

A bench *holds* ipywidgets and is not one: front ends without a kernel (the built page) take its `text/html`, the same
knobs over runs that were recorded; JupyterLab and Colab take the widget. Subclassing a widget does nothing on 7.7.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

from cnnlib.course.curves import provenance, select, spread
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.explorer.scales import nice_ticks
from cnnlib.course.html import escape, style

RECORDED = ": recorded runs"  # how the title ends where there is no kernel
KEPT = 4  # nets in the live picture: as many as there are pairs of colour and dash
AXES = {"x_label": "epoch", "y_label": "error (%)"}
LOOKS = (("conv", "none"), ("linear", "7 4"), ("pool", "2 3"), ("activation", "10 3 2 3"))


class Trained(NamedTuple):
    """A net that the bench has trained, or is training: its knobs in words, its parameters, its History so far."""

    name: str
    parameters: int
    history: Any


class Bench:
    """Turn the knobs, train `create(**setting)` on `data`, compare it with the nets trained before.

    The knobs' names are arguments of `create` and fields of the recorded runs' `config`. `data` is an ImageData; or a
    mapping from names to ImageData, or to functions that load one when it is first trained on. Then the bench has one
    more knob, `data`, and `create` one more argument of that name: the chosen ImageData, since channels and classes may
    differ. `epochs` is what the Train button starts with; the reader can change it. `recorded` are records as
    `cnnlib.experiments.record` writes them.

    Raises ValueError for `epochs` under 1, a mapping of fewer than two data sets, and knobs that `Explorer` would
    refuse. An error while loading, building or training is shown in the bench.
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
        if epochs < 1:
            raise ValueError(f"epochs={epochs}; give at least 1")
        self.data, self.several = data, isinstance(data, Mapping)
        if self.several:
            self.data = dict(data)  # a copy: what was loaded takes its loader's place
            knobs = [*knobs, Knob("data", "Data", tuple(data), next(iter(data), None), kind="select")]
        self.create, self.knobs, self.epochs, self.title = create, tuple(knobs), epochs, title
        self.runs = list(recorded)
        self.recorded = Explorer(self._recorded_curves, knobs, view="curves", title=title + RECORDED)
        self.trained: list[Trained] = []  # oldest first
        self.thread: threading.Thread | None = None
        self._stopping = threading.Event()

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

        # As wide as the longest name: ipywidgets would cut it off.
        names = {"description_width": f"{max(len(knob.label) for knob in self.knobs) + 3}ch"}

        def control(knob: Knob) -> Any:
            # A menu for numbers too: the sliders of ipywidgets have no name that a screen reader could say.
            options = [(knob.text(value), value) for value in knob.values]
            return w.Dropdown(options=options, value=knob.default, description=knob.label, style=names)

        ui = SimpleNamespace(
            knobs={knob.name: control(knob) for knob in self.knobs},
            epochs=w.BoundedIntText(value=self.epochs, min=1, max=1000, description="Epochs", style=names),
            train=w.Button(description="Train", button_style="primary"),
            stop=w.Button(description="Stop", disabled=True),
            progress=w.IntProgress(
                value=0, min=0, max=self.epochs, description="Epochs done", style={"description_width": "initial"}
            ),
            picture=w.HTML(),
            message=w.HTML(_status_html("Choose a network and press Train.")),
        )
        ui.train.on_click(lambda _: self._start())
        ui.stop.on_click(lambda _: self._stop())
        buttons = w.HBox([ui.train, ui.stop, ui.progress], layout={"flex_flow": "row wrap"})
        ui.all = w.VBox([*ui.knobs.values(), ui.epochs, buttons, ui.message, ui.picture])
        return ui

    def _start(self) -> None:
        ui = self.widgets
        if self.thread and self.thread.is_alive():  # pressed twice, before the button was seen to be off
            return
        setting = {name: control.value for name, control in ui.knobs.items()}
        self._stopping.clear()
        ui.train.disabled, ui.stop.disabled = True, False
        ui.progress.value, ui.progress.max = 0, ui.epochs.value
        ui.message.value = _status_html("Training starts …")
        # What the knobs say now is trained; turned meanwhile, they are for the next net.
        self.thread = threading.Thread(target=self._train, args=(setting, ui.epochs.value), daemon=True)
        self.thread.start()

    def _stop(self) -> None:
        self._stopping.set()
        self.widgets.stop.disabled = True
        self.widgets.message.value = _status_html("Stops at the end of this epoch …")

    def _train(self, setting: dict[str, Any], epochs: int) -> None:
        import torch

        from cnnlib.training.loop import fit

        ui = self.widgets
        try:
            data = self._chosen_data(setting)
            # The same weights each time, and the reader's own random numbers stay as they were.
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                model = self.create(**(setting | {"data": data} if self.several else setting))
            parameters = sum(p.numel() for p in model.parameters())

            def after_epoch(history: Any) -> bool:
                done = len(history.train_error)
                left = history.seconds / done * (epochs - done)
                remaining = f"; about {_duration(left)} left" if left and not self._stopping.is_set() else ""
                ui.progress.value = done
                ui.message.value = _status_html(f"Epoch {done} of {epochs}: {_errors(history)}{remaining}.")
                now = Trained(self._name(setting), parameters, history)
                ui.picture.value = _picture([*self.trained[1 - KEPT :], now])
                return self._stopping.is_set()

            history = fit(model, data, epochs=epochs, on_epoch=after_epoch)
            self.trained.append(Trained(self._name(setting), parameters, history))
            done = len(history.train_error)
            how = "Done" if done == epochs else "Stopped"
            after = f"{how} after {done} of {epochs} epochs and {_duration(history.seconds)}"
            ui.message.value = _status_html(f"{after}: {_errors(history)}.")
        except Exception as error:  # whatever went wrong belongs in front of the reader, not in a thread's log
            what = f"{type(error).__name__}: {escape(str(error))}"
            ui.message.value = f'<div role="alert"><b>Training ended with an error.</b> {what}</div>'
            ui.picture.value = _picture(self.trained[-KEPT:]) if self.trained else ""
        finally:
            ui.train.disabled, ui.stop.disabled = False, True

    def _chosen_data(self, setting: Mapping[str, Any]) -> Any:
        """The data set that a setting names, loaded once; without a choice the only one."""
        if not self.several:
            return self.data
        name = setting["data"]
        if callable(self.data[name]):
            self.widgets.message.value = _status_html(f"Loading {name} …")
            self.data[name] = self.data[name]()
        return self.data[name]


def _status_html(text: str) -> str:
    """A message as HTML that a screen reader announces."""
    return f'<div role="status">{escape(text)}</div>'


def _errors(history: Any) -> str:
    return f"training error {history.train_error[-1]:.1f}%, test error {history.test_error[-1]:.1f}%"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


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


def _picture(runs: Sequence[Trained]) -> str:
    """Errors against epochs as two small SVGs above a table: what a script would draw, but widgets run none."""
    panels = _panel("training error (%)", [run.history.train_error for run in runs])
    panels += _panel("test error (%)", [run.history.test_error for run in runs])
    rows = "".join(
        f'<tr><th scope="row"><svg width="34" height="14" aria-hidden="true"><path {_look(i)} d="M1 7h32"></path></svg> '
        f"{escape(run.name)}</th><td>{run.parameters:,}</td><td>{len(run.history.train_error)}</td>"
        f"<td>{run.history.train_error[-1]:.1f}%</td><td>{run.history.test_error[-1]:.1f}%</td></tr>"
        for i, run in enumerate(runs)
    )
    columns = ("network", "parameters", "epochs", "training error", "test error")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    return (
        f'{style("base.css", "explorer/explorer.css", "bench/bench.css")}<div class="cnn-ui"><div class="cnn-panels">{panels}</div>'
        f'<div class="cnn-trained" tabindex="0" role="group" aria-label="Trained networks">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def _look(i: int) -> str:
    """How the line of the i-th net is drawn."""
    colour, dash = LOOKS[i]
    return f'class="cnn-line cnn-{colour}" stroke-dasharray="{dash}"'


def _panel(title: str, curves: Sequence[Sequence[float]]) -> str:
    """One error of each net, in per cent, against epochs."""
    ticks = [tick for tick in nice_ticks(0, max(map(len, curves))) if tick % 1 == 0]
    left, right, top, bottom = 34, 330, 26, 190

    def x(epoch: float) -> float:
        return left + (right - left) * epoch / ticks[-1]

    def y(error: float) -> float:
        return bottom - (bottom - top) * error / 100

    parts = [f'<text x="0" y="12" class="cnn-name">{title}</text>']
    parts.append(f'<text x="{(left + right) / 2}" y="224" class="cnn-tick" text-anchor="middle">epoch</text>')
    for error in range(0, 101, 20):
        parts.append(f'<line class="cnn-grid" x1="{left}" x2="{right}" y1="{y(error)}" y2="{y(error)}"></line>')
        parts.append(f'<text class="cnn-tick" x="{left - 6}" y="{y(error) + 4}" text-anchor="end">{error}</text>')
    parts += [f'<text class="cnn-tick" x="{x(t)}" y="{bottom + 17}" text-anchor="middle">{t:g}</text>' for t in ticks]
    for i, curve in enumerate(curves):
        points = [f"{x(epoch):.1f} {y(error):.1f}" for epoch, error in enumerate(curve, 1)]
        last_x, last_y = points[-1].split()
        parts.append(f'<path {_look(i)} d="M{"L".join(points)}"></path>')
        parts.append(f'<circle class="cnn-dot cnn-{LOOKS[i][0]}" r="3" cx="{last_x}" cy="{last_y}"></circle>')
    return f'<svg viewBox="0 0 340 230" role="img" aria-label="{title} against epochs">{"".join(parts)}</svg>'
