"""The one place that knows where this repository lives, and what follows from it.

The address stands in `cnnlib/course/repository.json`. Everything else that bears it is written from here: the first code
cell of each notebook, `CITATION.cff`, the lines in `README.md` and the front door, and, while the book is built, the links under each title.

    make repository GITHUB=owner/name     writes the address and all that follows (with no name: git's remote "origin")
    python -m book.tools.repository --check     says what does not agree with it
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from .files import read_notebook, write_whole

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "cnnlib/course/repository.json"
SETUP_TAGS = ["setup", "remove-cell"]
README_MARK = "<!-- where to run the chapters: written by make repository -->"
FRONT_DOOR = "book/front_door.html"
CARD_MARK = "    <!-- card: written by make repository -->"
CARD = "_static/card.png"  # drawn by book/tools/drawings.py
CITATION_MARK = "repository-code:"


@dataclass(frozen=True)
class Repository:
    """Where the project lives on GitHub: `owner/name`, or None while that is undecided."""

    github: str | None = None
    branch: str = "main"

    def __post_init__(self) -> None:
        """Raises ValueError for anything but owner/name, and a branch that is no text."""
        if self.github is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.github):
            raise ValueError(f"not a GitHub repository: {self.github!r}. Write it as owner/name.")
        if not isinstance(self.branch, str):
            raise ValueError(f"branch must be a text, got {self.branch!r}")

    @classmethod
    def read(cls, root: Path = ROOT) -> "Repository":
        """The address that the project has now. Raises ValueError, naming the file, where it is not as it should be."""
        try:
            return cls(**json.loads((root / ADDRESS).read_bytes()))
        except (TypeError, ValueError) as error:
            raise ValueError(f'{ADDRESS} must be {{"github": "owner/name" or null, "branch": …}}: {error}') from error

    @property
    def url(self) -> str | None:
        """The repository's page."""
        return self.github and f"https://github.com/{self.github}"

    @property
    def site(self) -> str | None:
        """Where GitHub Pages serves the built book of this repository; what must be absolute (a card's picture) begins so."""
        if not self.github:
            return None
        owner, name = self.github.split("/")
        host = f"https://{owner.lower()}.github.io/"
        return host if f"{name.lower()}/" == host.removeprefix("https://") else f"{host}{name}/"

    def colab_url(self, notebook: str) -> str | None:
        """Where Colab opens a notebook, given by its path from the root."""
        return self.github and f"https://colab.research.google.com/github/{self.github}/blob/{self.branch}/{notebook}"

    def binder_url(self, notebook: str) -> str | None:
        """Where Binder builds what binder/ says and opens a notebook, given by its path from the root."""
        return self.github and f"https://mybinder.org/v2/gh/{self.github}/{self.branch}?urlpath=lab/tree/{notebook}"


def notebooks(root: Path = ROOT) -> list[Path]:
    """Every notebook of the book."""
    return sorted(root.glob("chapters/*.ipynb")) + sorted(root.glob("book/*.ipynb"))


def version(root: Path = ROOT) -> str:
    """cnnlib's version, which is also the tag that Colab installs."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def setup_cell(repository: Repository, version: str) -> str:
    """The first code cell of each notebook: on Colab it installs cnnlib, elsewhere it does nothing."""
    if repository.url:
        package = f"cnnlib @ git+{repository.url}@v{version}"
        body = f'    %pip install --quiet --no-deps latex2mathml torchinfo "{package}"'
    else:
        body = (
            "    raise RuntimeError(\n"
            '        "This book has no public address yet, so there is nothing to install cnnlib from. "\n'
            '        "Run it on your machine: get the project\'s folder and type `make lab` in it."\n'
            "    )"
        )
    return f'# On Colab this installs cnnlib; on your own machine it does nothing.\nimport sys\n\nif "google.colab" in sys.modules:\n{body}'


def readme_line(repository: Repository, root: Path = ROOT) -> str:
    """The README's line about Colab."""
    if not repository.github:
        return f"{README_MARK} Colab: this project has no public address yet, so there is nothing to open there."
    links = [
        f"[{path.stem}]({repository.colab_url(f'chapters/{path.name}')})"
        for path in sorted(root.glob("chapters/*.ipynb"))
    ]
    return f"{README_MARK} Open in Colab: {', '.join(links)}."


def card_line(repository: Repository) -> str:
    """The front door's line about the picture that readers of links show: its address must be absolute."""
    if not repository.site:
        return CARD_MARK
    tags = {
        "og:title": "Anatomy of Convolutional Networks",
        "og:url": repository.site,
        "og:image": repository.site + CARD,
    }
    made = [f'<meta property="{name}" content="{text}" />' for name, text in tags.items()]
    return " ".join([CARD_MARK, *made, '<meta name="twitter:card" content="summary_large_image" />'])


def with_line(text: str, start: str, line: str | None) -> str:
    """The text with the line that starts so replaced, or without it when there is none to write.

    A line that the text lacks is put at its end.
    """
    lines = text.splitlines()
    at = next((position for position, old in enumerate(lines) if old.startswith(start)), len(lines))
    lines[at : at + 1] = [] if line is None else [line]
    return "\n".join(lines) + "\n"


def with_setup_cell(path: Path, source: str) -> str:
    """The text of a notebook with that source as its first code cell (a notebook without code needs none).

    Raises ValueError, naming the file, for one that is no notebook.
    """
    notebook, text = read_notebook(path), path.read_text(encoding="utf-8")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or (code[0].source == source and code[0].metadata.get("tags") == SETUP_TAGS):
        return text
    if "setup" in code[0].metadata.get("tags", []):
        code[0].source, code[0].metadata["tags"] = source, list(SETUP_TAGS)
    else:
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(SETUP_TAGS)}, id="setup")
        notebook.cells.insert(notebook.cells.index(code[0]), cell)
    return nbformat.writes(notebook) + "\n"


def derived(repository: Repository, root: Path = ROOT) -> dict[Path, str]:
    """Each file that bears the address, with the text it must have."""
    cell = setup_cell(repository, version(root))
    files = {path: with_setup_cell(path, cell) for path in notebooks(root)}
    url = repository.url and f'{CITATION_MARK} "{repository.url}"'
    citation, readme = root / "CITATION.cff", root / "README.md"
    cited = with_line(citation.read_text(encoding="utf-8"), "version:", f"version: {version(root)}")
    files[citation] = with_line(cited, CITATION_MARK, url)
    front_door = root / FRONT_DOOR
    files[front_door] = with_line(front_door.read_text(encoding="utf-8"), CARD_MARK, card_line(repository))
    files[readme] = with_line(readme.read_text(encoding="utf-8"), README_MARK, readme_line(repository, root))
    return files


def findings(root: Path = ROOT) -> list[str]:
    """What does not agree with the address, one sentence a file."""
    wanted = derived(Repository.read(root), root)
    return [
        f"{path.relative_to(root)} does not agree with {ADDRESS}; `make repository` writes it anew."
        for path, text in wanted.items()
        if path.read_text(encoding="utf-8") != text
    ]


def change(repository: Repository, root: Path = ROOT) -> list[Path]:
    """Write the address and all that follows from it; returns what changed."""
    files = derived(repository, root)
    files[root / ADDRESS] = json.dumps(asdict(repository)) + "\n"
    changed = [path for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        write_whole(path, files[path])
    return changed


def github_of(remote: str) -> str | None:
    """owner/name of a remote's address, https or ssh form; None where that is not GitHub."""
    match = re.fullmatch(
        r"(?:https://(?:[^@/]+@)?github\.com/|(?:ssh://)?git@github\.com[:/])([\w.-]+/[\w.-]+?)(?:\.git)?/?",
        remote.strip(),
    )
    return match and match[1]


def remote(root: Path = ROOT) -> str | None:
    """owner/name of git's remote "origin", None where there is none on GitHub."""
    answer = subprocess.run(["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True)
    return github_of(answer.stdout)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="make repository", description=__doc__.split("\n")[0])
    parser.add_argument("github", nargs="?", help='owner/name, or "none" to take the address back')
    parser.add_argument("--check", action="store_true", help="change nothing, say what does not agree")
    options = parser.parse_args(arguments)
    if options.check:
        problems = findings(root)
        print("\n".join(problems) or "All that bears the repository's address agrees with it.")
        return 1 if problems else 0
    github = options.github or remote(root)
    if github is None:
        print('git has no remote "origin" on GitHub. Name the repository: make repository GITHUB=owner/name')
        return 1
    try:
        repository = Repository(None if github == "none" else github, Repository.read(root).branch)
        changed = change(repository, root)
    except ValueError as error:
        print(error)
        return 1
    for path in changed:
        print(f"wrote {path.relative_to(root)}")
    print(f"The repository is {repository.url or 'not decided'}. Now: make execute, make book.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
