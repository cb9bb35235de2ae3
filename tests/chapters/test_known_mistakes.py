"""The exercises of all chapters: our own solution passes, a stub is answered kindly, and each known mistake gets the message that names it."""

import inspect

import pytest
from torch import nn

from cnnlib import chapters
from cnnlib.course.checks.functions import FunctionExercise
from cnnlib.course.checks.modules import ModuleExercise

# In a chapter's checks.py a check is a function that says that it grades, and its exercise the constant of its name in capitals.
CHECKS = {
    name: check
    for chapter in chapters.in_order()
    for name, check in inspect.getmembers(chapter.part("checks"), inspect.isfunction)
    if (check.__doc__ or "").startswith("Grades ")
}
EXERCISES = {
    name.lower(): value
    for chapter in chapters.in_order()
    for name, value in vars(chapter.part("checks")).items()
    if isinstance(value, ModuleExercise | FunctionExercise)
}
# It looks at the reader's own network and has no reference: test_choosing_a_network_checks.py hands in its mistakes.
WITHOUT_EXERCISE = {"new_head"}
MISTAKES = [
    pytest.param(name, wrong, message, id=f"{name}: {message[:40]}")
    for name, exercise in EXERCISES.items()
    for wrong, message in exercise.mistakes
]


def test_every_check_has_its_exercise_and_every_exercise_its_check():
    assert CHECKS.keys() == EXERCISES.keys() | WITHOUT_EXERCISE
    assert {check.__module__ for check in CHECKS.values()} == {
        f"{chapter.package}.checks" for chapter in chapters.in_order()
    }
    assert all(exercise.mistakes for exercise in EXERCISES.values())


def test_no_two_chapters_have_a_check_of_one_name():
    """`EXERCISES` and `CHECKS` would keep one of the two alone."""
    names = [
        name
        for chapter in chapters.in_order()
        for name, value in vars(chapter.part("checks")).items()
        if isinstance(value, ModuleExercise | FunctionExercise)
    ]
    assert sorted(names) == sorted(set(names))


def handed_in(exercise, wrong=None):
    """Our own solution to an exercise as a reader would hand it in, or one of its known mistakes."""
    if isinstance(exercise, FunctionExercise):
        return wrong or exercise.reference

    def build(*_):
        module = exercise.reference()
        module.__class__ = type("Mine", (type(module),), {"forward": wrong} if wrong else {})
        return module

    return build


@pytest.mark.parametrize("name", EXERCISES)
def test_our_own_solution_is_right(name):
    assert CHECKS[name](handed_in(EXERCISES[name])).status == "right"


@pytest.mark.parametrize(("name", "wrong", "message"), MISTAKES)
def test_a_known_mistake_gets_its_own_message(name, wrong, message):
    verdict = CHECKS[name](handed_in(EXERCISES[name], wrong))
    assert (verdict.status, verdict.message) == ("wrong", message)


def stub(*_):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_is_answered_kindly(name):
    empty = type("Empty", (nn.Module,), {"__init__": lambda self, *_: nn.Module.__init__(self), "forward": stub})
    second = (lambda *_: None) if isinstance(EXERCISES[name], FunctionExercise) else empty
    for unwritten in (stub, second):
        assert CHECKS[name](unwritten).status == "unfinished"
