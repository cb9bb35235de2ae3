"""A chapter's folder, read by what lies in it: the parts of a chapter are found and not listed."""

from collections.abc import Sequence
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlib.course.ledger.entries import parse as parse_claims
from cnnlib.course.quiz.questions import parse as parse_questions
from cnnlib.course.quiz.quiz import Quiz

if TYPE_CHECKING:
    from cnnlib.experiments.record import Suite

PARTS = ("checks", "explorers", "suites")  # modules, each imported when it is first asked for: they need torch


class Chapter:
    """A chapter: its package, its page in the book, its title, as the page's heading has it."""

    def __init__(self, package: str, *, page: str, title: str) -> None:
        self.package, self.page, self.title = package, page, title
        self.name = package.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"Chapter({self.name!r})"

    @property
    def number(self) -> int:
        """Its place in the book."""
        return int(self.page.partition("_")[0])

    def file(self, *parts: str) -> Traversable:
        """A file of the chapter's folder, which need not be there."""
        return files(self.package).joinpath(*parts)

    def part(self, name: str) -> Any:
        """The module `name` of the chapter. Raises AttributeError for another name, as a module does for what it lacks."""
        if name not in PARTS:
            raise AttributeError(f"module {self.package!r} has no attribute {name!r}")
        return import_module(f"{self.package}.{name}")

    def questions(self) -> list[dict[str, Any]]:
        """The checked questions of quiz.yaml; none without one. Raises ValueError, naming file, question and field."""
        file = self.file("quiz.yaml")
        return parse_questions(file.read_bytes(), f"{self.name}/quiz.yaml") if file.is_file() else []

    def quiz(self, only: Sequence[str] | None = None) -> Quiz:
        """The chapter's questions, or those with the ids in `only`, as a form. Raises as `Quiz` does."""
        return Quiz(self.page, self.questions(), only)

    def claims(self) -> list[dict[str, Any]]:
        """The checked entries of ledger.yaml; none without one. Raises ValueError, naming file, entry and field."""
        file = self.file("ledger.yaml")
        return parse_claims(file.read_bytes(), f"{self.name}/ledger.yaml") if file.is_file() else []

    def suites(self) -> "dict[str, Suite]":
        """The chapter's suites of recorded runs; none without suites.py."""
        return self.part("suites").SUITES if self.file("suites.py").is_file() else {}

    def suite(self, name: str) -> "Suite":
        """A suite of the chapter. Raises ValueError, with those there are, for another name."""
        suites = self.suites()
        if name not in suites:
            raise ValueError(
                f"no suite is called {name!r}; there is {', '.join(f'{self.name}/{one}' for one in suites) or 'none'}"
            )
        return suites[name]

    def runs(self, suite: str, file: Path | None = None) -> list[dict]:
        """The recorded runs of a suite, in the order of its grid; `file` None is the book's own.

        Raises ValueError for an unknown suite and for damaged runs.
        """
        from cnnlib.experiments.record import read_runs  # here, because it needs torch

        return read_runs(self.suite(suite), file or self.file("runs", f"{suite}.jsonl"))
