"""The repository's address: written once, derived everywhere, checked."""

import json
import shutil
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book.extension.where_to_run import report_line, run_links
from book.tools import repository
from book.tools.repository import Repository

CELL = "import cnnlib"


@pytest.fixture
def project(tmp_path):
    """A copy of what bears the address, with two notebooks, while the address is unset."""
    for name in ("pyproject.toml", "CITATION.cff", "README.md", repository.ADDRESS, repository.FRONT_DOOR):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository.ROOT / name, tmp_path / name)
    for name in ("chapters/04_resnet.ipynb", "book/index.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cells = [new_markdown_cell("# Title"), new_code_cell(CELL, execution_count=1)]
        nbformat.write(new_notebook(cells=cells), tmp_path / name)
    repository.main(["none"], tmp_path)
    return tmp_path


def first_code(project, name="chapters/04_resnet.ipynb"):
    return next(c for c in nbformat.read(project / name, as_version=4).cells if c.cell_type == "code")


def test_unset_the_setup_cell_says_how_to_run_the_book(project):
    assert repository.findings(project) == []
    cell = first_code(project)
    assert cell.metadata.tags == repository.SETUP_TAGS
    namespace = {}
    exec(cell.source, namespace)  # not on Colab: nothing happens
    namespace["sys"].modules["google.colab"] = None
    try:
        with pytest.raises(RuntimeError, match=r"no public address yet.*make lab"):
            exec(cell.source, namespace)
    finally:
        del namespace["sys"].modules["google.colab"]


def test_set_everything_bears_the_address(project):
    assert repository.main(["owner/name"], project) == 0
    assert repository.main(["--check"], project) == 0
    assert json.loads((project / repository.ADDRESS).read_text(encoding="utf-8")) == {
        "github": "owner/name",
        "branch": "main",
    }
    for name in ("chapters/04_resnet.ipynb", "book/index.ipynb"):
        assert (
            f'"cnnlib @ git+https://github.com/owner/name@v{repository.version(project)}"'
            in first_code(project, name).source
        )
    assert 'repository-code: "https://github.com/owner/name"' in (project / "CITATION.cff").read_text(encoding="utf-8")
    colab = "https://colab.research.google.com/github/owner/name/blob/main/chapters/04_resnet.ipynb"
    assert colab in (project / "README.md").read_text(encoding="utf-8")


def test_setting_it_again_changes_only_the_address(project):
    before = {path: path.read_text(encoding="utf-8") for path in project.rglob("*") if path.is_file()}
    repository.main(["some/first"], project)
    repository.main(["some/second"], project)
    assert "some/first" not in "".join(path.read_text(encoding="utf-8") for path in before)
    repository.main(["none"], project)
    assert {path: path.read_text(encoding="utf-8") for path in before} == before
    assert len(nbformat.read(project / "book/index.ipynb", as_version=4).cells) == 3


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("chapters/04_resnet.ipynb", "owner/name", "someone/else"),
        ("chapters/04_resnet.ipynb", "remove-cell", "hide-cell"),
        ("CITATION.cff", "owner/name", "someone/else"),
        ("README.md", "blob/main", "blob/old"),
        ("pyproject.toml", 'version = "', 'version = "9.'),
        (repository.ADDRESS, "owner/name", "someone/else"),
    ],
)
def test_the_check_names_what_disagrees(project, capsys, name, old, new):
    repository.main(["owner/name"], project)
    path = project / name
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert repository.main(["--check"], project) == 1
    assert "does not agree" in capsys.readouterr().out


def test_a_notebook_without_code_needs_no_setup_cell(project):
    path = project / "book/index.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Title")]), path)
    before = path.read_text(encoding="utf-8")
    repository.main(["owner/name"], project)
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("remote", "github"),
    [
        ("https://github.com/owner/name.git\n", "owner/name"),
        ("https://github.com/owner/na.me", "owner/na.me"),
        ("https://token@github.com/owner/name", "owner/name"),
        ("git@github.com:owner/name.git", "owner/name"),
        ("ssh://git@github.com/owner/name", "owner/name"),
        ("https://gitlab.com/owner/name.git", None),
        ("https://github.com.evil.org/owner/name", None),
        ("", None),
    ],
)
def test_remotes(remote, github):
    assert repository.github_of(remote) == github


def test_gits_remote_is_taken_where_no_name_is_given(project, capsys):
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    assert repository.main([], project) == 1
    assert "GITHUB=owner/name" in capsys.readouterr().out
    subprocess.run(["git", "remote", "add", "origin", "git@github.com:owner/name.git"], cwd=project, check=True)
    assert repository.main([], project) == 0
    assert Repository.read(project).github == "owner/name"


@pytest.mark.parametrize("name", ["owner", "https://github.com/owner/name", "owner/name/tree", "owner/na me", ""])
def test_a_name_that_is_none(project, name):
    with pytest.raises(ValueError, match="owner/name"):
        Repository(name)
    if name:
        assert repository.main([name], project) == 1


def test_the_links_under_a_chapters_title():
    unset = run_links(Repository(), "chapters/04_resnet", "04.ipynb")
    assert "no public address yet" in unset and "make lab" in unset and "colab" not in unset
    known = run_links(Repository("owner/name", "dev"), "chapters/04_resnet", "04.ipynb")
    assert 'href="https://colab.research.google.com/github/owner/name/blob/dev/chapters/04_resnet.ipynb"' in known
    for links in (unset, known):
        assert 'href="04.ipynb" download' in links


@pytest.mark.parametrize(
    ("github", "site"),
    [
        (None, None),
        ("Some/book", "https://some.github.io/book/"),
        ("some/Some.github.io", "https://some.github.io/"),
    ],
)
def test_where_the_book_is_served(github, site):
    assert Repository(github).site == site


def test_the_front_door_shows_the_card_where_its_address_is_known(project):
    door = project / repository.FRONT_DOOR
    assert "og:image" not in door.read_text(encoding="utf-8")
    repository.main(["some/book"], project)
    assert '<meta property="og:image" content="https://some.github.io/book/_static/card.png" />' in door.read_text(
        encoding="utf-8"
    )
    assert repository.findings(project) == []
    repository.main(["none"], project)
    assert "og:image" not in door.read_text(encoding="utf-8")


def test_binder_opens_the_notebook_in_jupyterlab():
    address = Repository("owner/name", "dev").binder_url("chapters/04_resnet.ipynb")
    assert address == "https://mybinder.org/v2/gh/owner/name/dev?urlpath=lab/tree/chapters/04_resnet.ipynb"
    assert address in run_links(Repository("owner/name", "dev"), "chapters/04_resnet", "04.ipynb")
    assert Repository().binder_url("chapters/04_resnet.ipynb") is None


def test_mistakes_are_reported_where_the_repository_is():
    assert 'href="https://github.com/owner/name/issues/new"' in report_line(Repository("owner/name"))
    assert "no public address yet" in report_line(Repository())
