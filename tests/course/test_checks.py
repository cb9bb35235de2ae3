"""What every check does: it ends, answers whatever the reader's code does, leaves the notebook alone, and finds differences."""

import math
import os
import random
import signal
import sys
import threading
from html.parser import HTMLParser

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnlib.course import checks
from cnnlib.course.checks import running
from cnnlib.course.checks.functions import FunctionExercise, check_function
from cnnlib.course.checks.modules import ModuleExercise, check_module
from cnnlib.course.checks.verdict import STATUS, Verdict

# --------------------------------------------------------------------------------------- functions held against ours

OUTPUT_SIZE = FunctionExercise(
    reference=lambda n, f, p, s: (n + 2 * p - f) // s + 1,
    inputs=((32, 5, 0, 1), (7, 3, 1, 2), (8, 3, 1, 2), (5, 5, 0, 3)),
    mistakes=((lambda n, f, p, s: (n + p - f) // s + 1, "Padding is on both sides."),),
    hint="Count the places where the window fits.",
)


def graded_size(function) -> Verdict:
    return check_function(function, OUTPUT_SIZE)


def test_the_right_function_passes_whatever_kind_of_number_it_returns():
    right = OUTPUT_SIZE.reference
    kinds = (int, float, torch.tensor, numpy.int64)
    for kind in kinds:
        assert graded_size(lambda *sizes, kind=kind: kind(right(*sizes))).status == "right"


def test_a_known_wrong_formula_is_named_and_the_first_difference_shown():
    def size(n, f, p, s):
        return (n + p - f) // s + 1

    verdict = graded_size(size)
    assert (verdict.status, verdict.message) == ("wrong", "Padding is on both sides.")
    assert verdict.detail == "size(7, 3, 1, 2) gives 3; it should give 4"


def test_an_unknown_wrong_formula_shows_how_many_values_are_right():
    def size(n, f, p, s):
        return math.ceil((n + 2 * p - f) / s + 1)

    verdict = graded_size(size)
    assert verdict.message == "3 of 4 values are right. Count the places where the window fits."
    assert verdict.detail == "size(8, 3, 1, 2) gives 5; it should give 4"


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (lambda *_: "28", "returns a `str`"),
        (lambda *_: True, "returns a `bool`"),
        (lambda *_: torch.zeros(2), "returns a `Tensor`"),
        (lambda *_: (28, 28), "Count the places"),
        (lambda *_: float("nan"), "Count the places"),
        (lambda *_: float("inf"), "Count the places"),
        (lambda *_: 10**5000, "Count the places"),
        (lambda n: n, "raised an error"),
        (28, "the function itself"),
    ],
)
def test_no_answer_of_a_function_breaks_the_check(answer, part):
    verdict = graded_size(answer)
    assert verdict.status == "wrong"
    assert part in verdict.message


def test_pairs_of_numbers_are_compared_one_by_one():
    exercise = FunctionExercise(lambda n: (n, n / 3), ((1,), (2,)), (), "Look again.")
    assert check_function(lambda n: [n, n * (1 / 3)], exercise).status == "right"
    verdict = check_function(lambda n: (n, 0.5), exercise)
    assert verdict.detail == "f(1) gives (1, 0.5); it should give (1, 0.3333333333)"


# ----------------------------------------------------------------------------------------- modules held against ours


class Branches(nn.Module):
    """Two convolutions side by side and a classifier: layers of several shapes, some of them alike."""

    order, bias = (0, 1), True

    def __init__(self, channels):
        super().__init__()
        convs = [nn.Conv2d(channels, 4, 3, padding="same"), nn.Conv2d(channels, 4, 3, padding=1)]
        self.one, self.other = (convs[i] for i in self.order)
        self.fc = nn.Linear(8, 3, bias=self.bias)

    def forward(self, x):
        return self.fc(torch.cat([self.one(x), self.other(x)], 1).mean((2, 3)))


BRANCHES = ModuleExercise(
    arguments=(2,),
    reference=lambda: Branches(2),
    shape=(3, 2, 5, 5),
    parts="two 3×3 convolutions and a linear layer",
    mistakes=((lambda b, x: b.fc(torch.cat([b.one(x), b.one(x)], 1).mean((2, 3))), "You use one branch twice."),),
    hint="Average over height and width.",
)


def graded_branches(**changes) -> Verdict:
    mine = type("Mine", (Branches,), changes)
    return check_module(mine, BRANCHES)


def test_layers_may_be_defined_in_any_order():
    assert graded_branches().status == "right"
    assert graded_branches(order=(1, 0)).status == "right"
    swapped = graded_branches(forward=lambda s, x: s.fc(torch.cat([s.other(x), s.one(x)], 1).mean((2, 3))))
    assert swapped.status == "right"  # the same function with the branches' names exchanged


def overwriting(self, x):
    features = torch.cat([self.one(x), self.other(x)], 1).mean((2, 3))
    logits = self.fc(features)
    features.zero_()  # which the backward pass still needs
    return logits


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"forward": lambda s, x: s.fc(torch.cat([s.other(x), s.other(x)], 1).mean((2, 3)))}, "one branch twice"),
        ({"forward": lambda s, x: s.fc(torch.cat([s.one(x), s.other(x)], 1).amax((2, 3)))}, "Average over"),
        ({"forward": lambda s, x: s.one(x)}, "to (3, 4, 5, 5); it should give (3, 3)"),
        ({"bias": False}, "The linear layer has no bias; it should have one."),
        ({"forward": lambda s, x: Branches.forward(s, x).detach()}, "no gradient can flow"),
        ({"forward": lambda s, x: Branches.forward(s, x) * (1 if s.training else 2)}, "after `eval()` it is not"),
        ({"forward": lambda s, x: Branches.forward(s, x.add_(1) - 1)}, "changes its input in place"),
        ({"forward": overwriting}, "its backward pass raised an error"),
    ],
    ids=["named", "unnamed", "shape", "bias", "detached", "eval", "input", "backward"],
)
def test_a_module_that_differs_is_told_where(changes, part):
    verdict = graded_branches(**changes)
    assert verdict.status == "wrong"
    assert part in repr(verdict)


def test_layers_in_a_python_list_are_found():
    def hide(self, channels):
        nn.Module.__init__(self)
        self.convs = [nn.Conv2d(channels, 4, 3)]

    assert "`self.convs`" in graded_branches(__init__=hide).message


@pytest.mark.parametrize("given", ["instance", "number"])
def test_what_is_no_class_is_refused_kindly(given):
    verdict = check_module(Branches(2) if given == "instance" else 3, BRANCHES)
    assert verdict.status == "wrong"
    assert "Hand over the class itself" in verdict.message


# ------------------------------------------------------------------------------------------- the reader's code runs


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.2)


def loop(*_):
    while True:
        pass


def stubborn(*_):
    while True:
        try:
            while True:
                pass
        except Exception:
            pass


def deaf(*_, times=3):
    for _ in range(times):
        try:
            while True:
                pass
        except:  # noqa: E722 -- what is tested
            pass
    return 28


@pytest.mark.parametrize("endless", [loop, stubborn, deaf])
def test_an_endless_loop_ends_with_a_message_and_the_line(impatient, endless):
    threads = set(threading.enumerate())
    verdict = graded_size(endless)
    assert verdict.status == "wrong"
    assert verdict.message.startswith("Stopped: after 0.2 s")
    assert set(threading.enumerate()) <= threads  # nothing runs on
    if endless is not deaf:
        assert verdict.detail.startswith("line ")


def test_an_endless_loop_in_a_module_ends(impatient):
    assert "Stopped" in graded_branches(forward=loop).message
    assert "Stopped" in graded_branches(__init__=loop).message


def test_the_limit_holds_outside_the_main_thread(impatient):
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(graded_size(loop)))
    thread.start()
    thread.join()
    assert "Stopped" in verdicts[0].message


def test_a_call_that_cannot_be_ended_is_left_behind(impatient, monkeypatch):
    monkeypatch.setattr(running, "STOPPING", 2)
    release = threading.Event()

    def waiting(*_):
        acquire = release.wait
        acquire(5)

    verdict = graded_size(waiting)
    release.set()
    assert verdict.message.startswith("After 0.2 s")
    assert "could not be stopped" in verdict.message and "restart the kernel" in verdict.message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends itself no SIGINT")
def test_an_interrupt_by_the_reader_is_passed_on_and_nothing_runs_on(request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background have it switched off
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    threads = set(threading.enumerate())

    def interrupted(*_):
        os.kill(os.getpid(), signal.SIGINT)
        loop()

    with pytest.raises(KeyboardInterrupt):
        graded_size(interrupted)
    assert set(threading.enumerate()) <= threads


class Mute(Exception):
    def __str__(self):
        raise ValueError


def raising(error):
    def function(*_):
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (ValueError("no <net>"), "ValueError: no <net>"),
        (SystemExit(2), "SystemExit: 2"),
        (KeyboardInterrupt(), "KeyboardInterrupt: no message"),
        (Mute(), "Mute: no message"),
        (TypeError(f"{object()!r} is not it"), "TypeError: <object object> is not it"),
        (RuntimeError("x" * 10_000), f"RuntimeError: {'x' * 600} …"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_is_shown_with_its_type_message_and_line(error, described):
    verdict = graded_size(raising(error))
    assert (verdict.status, verdict.message) == ("wrong", "`function(32, 5, 0, 1)` raised an error.")
    first, line = verdict.detail.splitlines()
    assert first == described
    assert line.startswith("line ") and line.endswith(": raise error")


def test_an_error_inside_a_library_shows_the_readers_own_line():
    verdict = graded_branches(forward=lambda s, x: s.fc(s.one(x)))
    assert verdict.detail.startswith("RuntimeError: ")
    assert "forward=lambda s, x: s.fc(s.one(x))" in verdict.detail.splitlines()[-1]


def test_recursion_without_end_is_an_error_like_others():
    assert "RecursionError" in graded_branches(forward=lambda s, x: s(x)).detail


def test_what_the_code_prints_is_shown(capsys):
    def size(*sizes):
        print("here", sizes[0])
        return OUTPUT_SIZE.reference(*sizes)

    assert graded_size(size).status == "right"
    assert capsys.readouterr().out.startswith("here 32\n")


def test_a_check_leaves_random_numbers_and_the_default_type_alone():
    def draw(*_):
        torch.manual_seed(1), torch.randn(3), random.random(), numpy.random.rand()
        torch.set_default_dtype(torch.float64)
        return 28

    before = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1].copy()
    graded_size(draw)
    graded_branches()
    after = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1]
    assert torch.equal(before[0], after[0]) and before[1] == after[1] and (before[2] == after[2]).all()
    assert torch.get_default_dtype() == torch.float32


def test_the_same_code_gets_the_same_answer_to_the_letter():
    first, second = (graded_branches(forward=lambda s, x: s.one)._repr_html_() for _ in range(2))
    assert first == second


# ------------------------------------------------------------------------------------------------ how it is shown


class Parts(HTMLParser):
    """The tags of a page and its text, without styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], "", None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open = tag

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        self.text += "" if self.open == "style" else data


@given(message=st.text(max_size=60), status=st.sampled_from(list(STATUS)))
def test_what_the_readers_code_says_is_text(message, status):
    shown = Parts(Verdict(status, "It raised an error.", "E: " + message)._repr_html_())
    assert set(shown.tags) == {"div", "p", "strong", "span", "pre", "style"}
    normal = message.replace("\r\n", "\n").replace("\r", "\n")
    assert normal in shown.text.replace("\r\n", "\n").replace("\r", "\n")


def test_markup_in_an_error_stays_text():
    verdict = graded_size(raising(ValueError('<script>alert("1")</script><b>')))
    assert "<script>" not in verdict._repr_html_() and "<b>" not in verdict._repr_html_()


def test_each_verdict_says_in_words_what_its_colour_says():
    verdicts = [Verdict(status, "so it is") for status in STATUS]
    assert [repr(v) for v in verdicts] == ["Right. so it is", "Not right yet. so it is", "Not written yet. so it is"]


def test_every_check_is_a_documented_function():
    for name in checks.__all__:
        assert getattr(checks, name).__doc__
