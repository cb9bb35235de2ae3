"""`source(BasicBlock)`: the lines of the library that are the idea, shown in a chapter."""

import inspect
import json
import textwrap
from collections.abc import Callable
from importlib import resources


def repository() -> dict:
    """Where the book's repository is: `{"github": "owner/name" or None, "branch": …}`, set by `make repository`."""
    return json.loads((resources.files("cnnlib.course") / "repository.json").read_text(encoding="utf-8"))


class Source:
    """Source code that shows as highlighted Markdown in a notebook and on a page, and as plain text in a terminal."""

    def __init__(self, code: str, origin: str, path: str) -> None:
        self.code = code
        self.origin = origin
        self.path = path

    def _repr_markdown_(self) -> str:
        place = repository()
        origin = f"`{self.origin}`"
        if place["github"]:
            origin = f"[{origin}](https://github.com/{place['github']}/blob/{place['branch']}/{self.path})"
        return f"```python\n{self.code}\n```\n\nFrom {origin}."

    def __repr__(self) -> str:
        return f"{self.code}\n# {self.origin}"


def source(thing: type | Callable) -> Source:
    """The source of a class or function of `cnnlib`, without its docstring.

    Raises ValueError for what is not `cnnlib`'s own: a chapter shows the library that it runs.
    """
    module = inspect.getmodule(thing)
    if module is None or module.__name__.split(".")[0] != "cnnlib":
        raise ValueError(f"{thing!r} is not part of cnnlib; source shows the library's own classes and functions")
    code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    if thing.__doc__:
        code = without_docstring(code)
    return Source(code, f"{module.__name__}.{thing.__qualname__}", module.__name__.replace(".", "/") + ".py")


def without_docstring(code: str) -> str:
    """`code` of one class or function less the docstring that opens its body: the chapter's text says it already."""
    lines = code.split("\n")
    first = next(i for i, line in enumerate(lines) if line.lstrip().startswith(('"""', 'r"""')))
    last = next(
        i
        for i in range(first, len(lines))
        if lines[i].rstrip().endswith('"""') and (i > first or lines[i].count('"""') == 2)
    )
    rest = lines[last + 1 :]
    while rest and not rest[0]:
        rest.pop(0)
    return "\n".join(lines[:first] + rest)
