"""`import cnnlib` beside `import torch`, each in a fresh interpreter."""

from collections.abc import Iterator

from benchmarks.timing import Row, interpreter, side_by_side


def rows(times: int = 7) -> Iterator[Row]:
    """One row: what importing the package adds should be lost in the noise."""
    ours, theirs = side_by_side(interpreter("import cnnlib"), interpreter("import torch"), times)
    yield Row("import cnnlib", ours, "import torch", theirs, "1.1× torch", ours <= 1.1 * theirs)
