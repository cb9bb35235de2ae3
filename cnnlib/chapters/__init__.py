"""The chapters: a folder for each, with what is asked, graded, claimed, recorded and shown there.

    from cnnlib.chapters import resnet as chapter

    chapter.quiz()                                               # quiz.yaml
    chapter.checks.identity_block(MyBlock)                       # checks.py
    chapter.explorers.degradation(chapter.runs("degradation"))   # explorers.py; suites.py and runs/degradation.jsonl

and ledger.yaml, which `ledger()` shows for all of them. A new folder is a new chapter: nothing else lists them.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from cnnlib.course.chapter import Chapter

if TYPE_CHECKING:
    from cnnlib.course.ledger.ledger import Ledger
    from cnnlib.course.quiz import Progress


@cache
def in_order() -> tuple[Chapter, ...]:
    """The chapters, in the order of the book."""
    found = [import_module(f"{__name__}.{module.name}").chapter for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda chapter: chapter.page))


def named(name: str) -> Chapter:
    """The chapter of a folder, as "resnet". Raises ValueError, with the chapters there are, for another name."""
    for chapter in in_order():
        if chapter.name == name:
            return chapter
    raise ValueError(f"no chapter is called {name!r}; there is {', '.join(chapter.name for chapter in in_order())}")


def recorded_runs(suite: str) -> list[dict]:
    """The recorded runs of a suite, "chapter/suite", as "resnet/degradation".

    Raises ValueError, with those there are, for a chapter or a suite that is not there.
    """
    chapter, _, name = suite.partition("/")
    return named(chapter).runs(name)


def ledger() -> "Ledger":
    """The claims of all chapters, computed. Raises ValueError as `Ledger` does."""
    from cnnlib.course.ledger.ledger import Ledger

    return Ledger(in_order(), {"recorded_runs": cache(recorded_runs)})


def progress() -> "Progress":
    """The table of all chapters that have a quiz, with the score that a reader's browser keeps."""
    from cnnlib.course.quiz import Progress

    return Progress([chapter for chapter in in_order() if chapter.questions()])
