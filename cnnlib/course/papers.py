"""What the papers report: numbers that are cited, not computed."""

from importlib import resources


def reported(paper: str) -> list[dict]:
    """The numbers that a paper prints: `model`, `quantity`, `value`, how it is `printed`, and `where`.

    Raises ValueError for a paper that `papers.yaml` does not have.
    """
    return _paper(paper)["numbers"]


def reference(paper: str) -> str:
    """The key of a paper in the bibliography. Raises as `reported` does."""
    return _paper(paper)["reference"]


def _paper(name: str) -> dict:
    import yaml

    papers = yaml.safe_load((resources.files("cnnlib.course") / "papers.yaml").read_text())
    if name not in papers:
        raise ValueError(f"no paper is called {name!r}; there is {', '.join(papers)}")
    return papers[name]
