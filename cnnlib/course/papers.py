"""What the papers report: numbers that are cited, not computed."""

from importlib import resources


def reported(paper: str) -> list[dict]:
    """The numbers that a paper prints: `model`, `quantity`, `value`, how it is `printed`, and `where`.

    Raises ValueError for a paper that `papers.yaml` does not have.
    """
    import yaml

    papers = yaml.safe_load((resources.files("cnnlib.course") / "papers.yaml").read_text())
    if paper not in papers:
        raise ValueError(f"no paper is called {paper!r}; there is {', '.join(papers)}")
    return papers[paper]["numbers"]
