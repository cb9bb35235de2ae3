"""The library as the API reference reads it: from the source alone."""

import pytest

from book.extension.api import described, listed
from book.extension.library import Library
from book.extension.sources import highlighted

FILES = {
    "lib/__init__.py": "from .parts import Part, make\n\n__all__ = ['Part', 'make']\n",
    "lib/make.py": "other = 1\n",
    "lib/parts.py": '''
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from .base import Base

if TYPE_CHECKING:
    from lib.late import Late


@dataclass
class Part(Base):
    """A part."""

    size: int = 3
    names: list[str] = field(default_factory=list)
    kind: str = field(default="x", repr=False)
    late: "Late | None" = None

    @property
    def area(self) -> int:
        return 9

    @area.setter
    def area(self, value):
        pass

    def run(self, x: Tensor, /, *rest: int, scale: float = 1.0, **more) -> typing.Any:
        return x

    @classmethod
    def of(cls, net: nn.Module, part: "Part") -> list["Part"]:
        """Made of a net."""


@typing.no_type_check
def make(size=(3, 3), *, net: nn.Module | None = None):
    return Part()
''',
    "lib/base.py": '''class Base:
    """The base."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.more = None

    def run(self):
        """Runs."""
''',
}


@pytest.fixture
def library(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Library(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "behind", "options"),
    [
        ("lib.Part", "class", "(size: int = 1)", {}),
        ("lib.Part.size", "attribute", "", {"value": "3", "type": "int"}),
        ("lib.Part.names", "attribute", "", {"value": "[]", "type": "list[str]"}),
        ("lib.Part.kind", "attribute", "", {"value": "'x'", "type": "str"}),
        ("lib.Part.area", "property", "", {"type": "int"}),
        (
            "lib.Part.run", "method",
            "(x: torch.Tensor, /, *rest: int, scale: float = 1.0, **more) -> Any", {},
        ),
        ("lib.Part.of", "method", "(net: torch.nn.Module, part: Part) -> list[Part]", {"classmethod": None}),
        ("lib.make", "function", "(size=(3, 3), *, net: torch.nn.Module | None = None)", {}),
    ],
)  # fmt: skip
def test_an_entry_has_its_signature_with_names_in_full(library, name, kind, behind, options):
    assert described(library.find(name), library) == (kind, behind, options)


def test_a_docstring_that_is_missing_is_that_of_the_class_above(library):
    assert library.docstring(library.find("lib.Part.run")) == "Runs."
    assert library.docstring(library.find("lib.make")) == ""


def test_what_a_package_imports_hides_the_module_of_that_name(library):
    assert library.find("lib.make").module.name == "lib.parts"
    assert library.find("lib.parts.make").name == "make"


@pytest.mark.parametrize("name", ["lib", "lib.nothing", "lib.Part.nothing", "other.thing", "lib.make.thing"])
def test_what_is_not_there_is_said(library, name):
    with pytest.raises(LookupError):
        library.find(name)


def test_a_star_lists_what_a_package_exports(library):
    assert listed("lib.*", library) == [("lib.Part", False), ("lib.make", False)]
    assert listed("lib.Part :members:", library) == [("lib.Part", True)]


def test_a_definition_begins_with_its_decorators(library):
    found = library.find("lib.make")
    start, end = found.lines
    lines = found.module.source.splitlines()
    assert lines[start - 1] == "@typing.no_type_check" and lines[end - 1] == "    return Part()"


def test_line_numbers_are_places_in_the_coloured_source():
    lines = highlighted("a = 1\nb = 2\n")
    assert ">a</span>" in lines[1] and ">b</span>" in lines[2]
