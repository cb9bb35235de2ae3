"""The teaching parts: explorers, benches, quizzes, checks and source listings. What each chapter asks is in `cnnlib.chapters`."""

from importlib import import_module
from importlib.util import find_spec

# Each name is imported when it is first asked for, as in `cnnlib` itself.
_HOMES = {
    "Bench": "bench.bench",
    "Explorer": "explorer.explorer",
    "Knob": "explorer.explorer",
    "Ledger": "ledger.ledger",
    "NetworkTable": "landing.networks",
    "Prediction": "pictures.prediction",
    "Progress": "quiz.progress",
    "Quiz": "quiz.quiz",
    "Timeline": "landing.networks",
    "reported": "papers",
    "source": "listing",
}
__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        if find_spec(f"cnnlib.course.{name}"):  # a part of the package, as after an import of it
            return import_module(f"cnnlib.course.{name}")
        raise AttributeError(f"module 'cnnlib.course' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"cnnlib.course.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
