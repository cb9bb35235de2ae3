"""The exercises of all chapters: our own solution passes, a stub is answered kindly, and each known mistake gets the message that names it."""

import pytest
from torch import nn

from cnnlib.course import checks
from cnnlib.course.checks import choosing, classic, inception, resnet, vgg
from cnnlib.course.checks.functions import FunctionExercise
from cnnlib.course.checks.modules import ModuleExercise

# In each chapter's file an exercise is the constant whose name, in capitals, is the check's.
EXERCISES = {
    name.lower(): one
    for chapter in (classic, vgg, inception, resnet, choosing)
    for name, one in vars(chapter).items()
    if isinstance(one, ModuleExercise | FunctionExercise)
}
MISTAKES = [
    pytest.param(name, wrong, message, id=f"{name}: {message[:40]}")
    for name, exercise in EXERCISES.items()
    for wrong, message in exercise.mistakes
]


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
    assert getattr(checks, name)(handed_in(EXERCISES[name])).status == "right"


@pytest.mark.parametrize(("name", "wrong", "message"), MISTAKES)
def test_a_known_mistake_gets_its_own_message(name, wrong, message):
    verdict = getattr(checks, name)(handed_in(EXERCISES[name], wrong))
    assert (verdict.status, verdict.message) == ("wrong", message)


def stub(*_):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_is_answered_kindly(name):
    empty = type("Empty", (nn.Module,), {"__init__": lambda self, *_: nn.Module.__init__(self), "forward": stub})
    second = (lambda *_: None) if isinstance(EXERCISES[name], FunctionExercise) else empty
    for unwritten in (stub, second):
        assert getattr(checks, name)(unwritten).status == "unfinished"
