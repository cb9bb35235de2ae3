"""Runs the reader's code: with a time limit, with its errors described, and with the notebook's state as it was.

The code runs in a thread of its own, so that a limit holds on every system and whichever thread the check is called
from; a signal would do on Linux and macOS only, and only in the main thread. An endless loop is ended by an exception
that is raised in that thread. It arrives between two steps of Python: a single call that never comes back, into the
operating system or a library, cannot be ended; then the thread is left behind, and the verdict says so.
"""

import contextvars
import ctypes
import linecache
import random
import re
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from cnnlib.course.checks.verdict import Answered, Verdict

SECONDS = 10  # for one check; a right answer takes a small part of one
STOPPING = 20  # times that a thread is told to end, a twentieth of a second apart
LONGEST = 600  # characters of an error's message that are shown


class TimeIsUp(SystemExit):
    """Raised in the reader's code when its time is up. `except Exception` lets a SystemExit pass."""


def graded(check: Callable[[], Verdict]) -> Verdict:
    """The verdict that `check()` returns or answers by raising `Answered`, or a verdict on what stopped it.

    Raises KeyboardInterrupt alone: an interrupt by the reader ends the check and is passed on.
    """
    verdicts: list[Verdict] = []
    stopped_at = ""

    def work() -> None:
        nonlocal stopped_at
        try:
            verdicts.append(check())
        except Answered as answer:
            verdicts.append(answer.verdict)
        except TimeIsUp as error:
            stopped_at = line_of(error)
        except BaseException as error:
            verdicts.append(Verdict("wrong", "The check ended with an error.", described(error)))

    # In a copy of this context, so that a notebook shows what the reader's code prints in the cell that runs the check.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    in_time = False
    with undisturbed():
        try:
            thread.start()
            thread.join(SECONDS)
            in_time = not thread.is_alive()
        finally:
            stop(thread)
    if in_time:
        return verdicts[0]
    late = f"after {SECONDS:g} s your code had not come back"
    if not thread.is_alive():
        return Verdict("wrong", f"Stopped: {late}. Is there a loop that never ends?", stopped_at)
    return Verdict(
        "wrong",
        f"{late.capitalize()}, and it could not be stopped. It may still run in the background: restart the kernel when "
        "you have mended it.",
    )


def stop(thread: threading.Thread) -> None:
    """Raises TimeIsUp in a thread until it ends: a bare `except:` in a loop can swallow it more than once."""
    for _ in range(STOPPING):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TimeIsUp))
        thread.join(1 / 20)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Random numbers (torch's on the CPU, Python's, NumPy's) and torch's default type are afterwards what they were."""
    numpy = sys.modules.get("numpy")
    python_state, numpy_state, dtype = random.getstate(), numpy and numpy.random.get_state(), torch.get_default_dtype()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python_state)
        torch.set_default_dtype(dtype)
        if numpy:
            numpy.random.set_state(numpy_state)


def call(function: Callable, *arguments: Any, doing: str) -> Any:
    """`function(*arguments)`, where the function is the reader's; what it raises becomes the answer."""
    try:
        return function(*arguments)
    except (TimeIsUp, Answered):
        raise
    except NotImplementedError:
        raise Answered("unfinished", "Something is still to be filled in. Then run this cell again.") from None
    except BaseException as error:  # also sys.exit(): nothing that the reader wrote ends the notebook
        raise Answered("wrong", f"{doing} raised an error.", described(error)) from None


def described(error: BaseException) -> str:
    """An exception as a reader needs it: its type, its message, and the line of theirs that it came from."""
    try:
        message = str(error)
    except Exception:
        message = ""
    message = re.sub(r" at 0x[0-9a-fA-F]+", "", message)  # an address differs from run to run
    if len(message) > LONGEST:
        message = message[:LONGEST] + " …"
    return "\n".join(filter(None, [f"{type(error).__name__}: {message or 'no message'}", line_of(error)]))


# Where code lies that is not the reader's.
LIBRARIES = [Path(__file__).parents[2], Path(torch.__file__).parents[1]]
LIBRARIES += [Path(path) for name, path in sysconfig.get_paths().items() if "lib" in name]


def line_of(error: BaseException) -> str:
    """The innermost line of the reader's code that an exception passed through, as "line 3: …"; empty without one."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        if not file.startswith("<frozen") and not any(Path(file).is_relative_to(folder) for folder in LIBRARIES):
            code = linecache.getline(file, line, frame.f_globals).strip()
            return f"line {line}: {code}" if code else ""
    return ""
