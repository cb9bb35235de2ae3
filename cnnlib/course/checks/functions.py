"""Holds a function that the reader wrote against ours, on a list of inputs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnlib.course.checks.running import call, graded, undisturbed
from cnnlib.course.checks.verdict import Answered, Verdict


@dataclass(frozen=True)
class FunctionExercise:
    """A function to be written: `reference` gives the right value for each of `inputs`, tuples of arguments.

    A value is a number or a tuple of numbers. `mistakes` are pairs of a wrong function and what to say where the
    reader's gives the same values; `hint` is for a mistake that nobody knew of.
    """

    reference: Callable[..., Any]
    inputs: tuple[tuple, ...]
    mistakes: tuple[tuple[Callable[..., Any], str], ...]
    hint: str


def check_function(function: Callable[..., Any], exercise: FunctionExercise) -> Verdict:
    """The verdict on the reader's `function`; never raises, and ends when its time is up."""
    with undisturbed():  # ours first: the time is the reader's alone
        expected = [exercise.reference(*arguments) for arguments in exercise.inputs]
    return graded(lambda: compare_values(function, expected, exercise))


def compare_values(function: Callable[..., Any], expected: list, exercise: FunctionExercise) -> Verdict:
    """The verdict on `function`, or Answered. The first input that differs is shown."""
    if not callable(function):
        raise Answered("wrong", "Hand over the function itself, without calling it: its name and no parentheses.")
    calls = [f"{name_of(function)}({', '.join(map(repr, arguments))})" for arguments in exercise.inputs]
    found = [
        value_of(call(function, *arguments, doing=f"`{written}`"), written)
        for arguments, written in zip(exercise.inputs, calls, strict=True)
    ]
    differs = [not same(one, other) for one, other in zip(found, expected, strict=True)]
    if not any(differs):
        return Verdict("right", f"The same values as `cnnlib`'s, from `{calls[0]}` to `{calls[-1]}`.")
    first = differs.index(True)
    detail = f"{calls[first]} gives {shown(found[first])}; it should give {shown(expected[first])}"
    for wrong, message in exercise.mistakes:
        if all(same(one, wrong(*arguments)) for one, arguments in zip(found, exercise.inputs, strict=True)):
            return Verdict("wrong", message, detail)
    agree = f"{differs.count(False)} of {len(differs)} values are right. " if not all(differs) else ""
    return Verdict("wrong", agree + exercise.hint, detail)


def name_of(function: Callable) -> str:
    """The name that the reader gave it; a lambda has none."""
    name = getattr(function, "__name__", "")
    return name if str(name).isidentifier() else "f"


def value_of(value: Any, written: str) -> Any:
    """The reader's value as plain numbers; a tensor or array of one number is one. Answers for anything else."""
    if value is None:
        raise Answered("unfinished", f"`{written}` returns nothing yet.")
    if isinstance(value, tuple | list):
        return tuple(value_of(one, written) for one in value)
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Answered("wrong", f"`{written}` returns a `{type(value).__name__}`; it should return a number.")
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, floats up to rounding."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, tuple) or isinstance(other, tuple):
        return False
    return one == other or (isinstance(one, float) and math.isclose(one, other, rel_tol=1e-9))


def shown(value: Any) -> str:
    """A value as the book writes numbers."""
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
