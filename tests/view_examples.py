"""Explorers over the examples of each view, and a copy of the library with one more view."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cnnlib.course.explorer import Explorer, Knob, views

ODD = '"><b id="odd">&amp; </script>é中🧠'
ROOT = Path(__file__).parents[1]


def inner(value: Any) -> Iterator[Any]:
    """All that lies in a result, itself and the keys included."""
    yield value
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from inner(part)


def marked(value: Any, mark: str, keys: set[str]) -> Any:
    """A copy of `value` with `mark` after each text, but for those that name a key."""
    if isinstance(value, str):
        return value if value in keys else value + mark
    if isinstance(value, dict):
        return {key: marked(part, mark, keys) for key, part in value.items()}
    return [marked(part, mark, keys) for part in value] if isinstance(value, list | tuple) else value


def examples(view: str, mark: str = "") -> list[dict]:
    """Copies of a view's examples, with `mark` after each of an author's texts."""
    keys = {key for part in inner(list(views.named(view).EXAMPLES)) if isinstance(part, dict) for key in part}
    return marked(views.named(view).EXAMPLES, mark, keys)


def explorer(view: str, change: Callable[[dict], Any] = lambda result: None, *, mark: str = "") -> Explorer:
    """A view's examples as the settings of one knob, each changed by `change`."""
    results = examples(view, mark)
    for result in results:
        change(result)
    knob = Knob("example", "Example", range(len(results)), 0)
    return Explorer(lambda example: results[example], [knob], view=view, title=f"A view {mark}")


NINTH = '''"""Slices: a name and a share for each."""

NEEDS = {"slices": "name share"}
SCRIPTS = ()
EXAMPLES = ({"slices": [{"name": "a", "share": 1}], "sentence": "s"}, {"slices": [], "sentence": "t"})


def frame(results):
    return {"most": max((one["share"] for result in results for one in result["slices"]), default=0)}


def fallback(result):
    return "".join(f"<p>{one['name']}</p>" for one in result["slices"])
'''
SCRIPT = """// Slices.
(window.cnnlibViews ??= {}).slices = (root, frame) => {
  const line = el("p", { class: "slices" });
  root.append(line);
  return ({ slices }) => {
    line.textContent = `${slices.map(({ name, share }) => `${name}: ${share}`).join(", ")} of ${frame.most}`;
  };
};
"""
DRAW = """
from cnnlib.course.explorer import Explorer, Knob, views
assert views.named("slices").__file__.startswith({folder!r})
results = views.named("slices").EXAMPLES
knob = Knob("example", "Example", (0, 1), 0)
print(Explorer(lambda example: results[example], [knob], view="slices", title="Slices")._repr_html_())
"""


def with_a_ninth_view(folder: Path) -> str:
    """The HTML of an explorer in a copy of the library, to which two files were added and nothing else."""
    shutil.copytree(ROOT / "cnnlib", folder / "cnnlib", ignore=shutil.ignore_patterns("__pycache__", "runs"))
    place = folder / "cnnlib" / "course" / "explorer" / "views"
    (place / "slices.py").write_text(NINTH, encoding="utf-8")
    (place / "slices.js").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", DRAW.format(folder=str(folder))],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
