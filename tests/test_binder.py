"""The files in binder/: as repo2docker reads them, and (slow) what they say builds an environment that runs a chapter."""

import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from book.tools.repository import ROOT

BINDER = ROOT / "binder"
CHAPTER = "chapters/03_inception_bottleneck.ipynb"


def names(file: Path) -> set[str]:
    """The packages of a requirements file, less its options and comments."""
    return {
        line.partition("==")[0].lower()
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.match(r"\w", line)
    }


def test_every_package_is_pinned():
    assert names(BINDER / "requirements.txt") <= names(ROOT / "constraints.txt")
    assert "-c ../constraints.txt" in (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()


def test_what_the_chapters_need_is_there():
    """All that the project names for the library and for reading chapters, up to the tests' own tools."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    library = text.partition("# cnnlib and the chapters")[2].partition("# reading")[0]
    assert {line.partition("==")[0].lower() for line in library.split()} <= names(BINDER / "requirements.txt")


def test_the_files_are_as_repo2docker_reads_them():
    assert re.fullmatch(r"python-3\.\d+\n", (BINDER / "runtime.txt").read_text(encoding="utf-8"))
    assert (BINDER / "postBuild").read_text(encoding="utf-8").startswith("#!/bin/bash\n")
    assert os.access(BINDER / "postBuild", os.X_OK)


@pytest.mark.slow
def test_they_build_an_environment_that_runs_a_chapter(tmp_path):
    """In a fresh venv and a copy of the project. The index of CPU builds is left out: the registry's torch runs too."""
    project = tmp_path / "project"
    shutil.copytree(
        ROOT, project, ignore=shutil.ignore_patterns(".git", ".venv", "_build", "*.egg-info", "__pycache__")
    )
    requirements = project / "binder/requirements.txt"
    lines = requirements.read_text(encoding="utf-8").splitlines()
    requirements.write_text(
        "\n".join(line for line in lines if not line.startswith("--extra-index-url")) + "\n", encoding="utf-8"
    )
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    keep = {
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CNNLIB_QUIET": "1",
        "SOURCE_DATE_EPOCH": "0",
    }
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "HTTP", "http", "SSL", "REQUESTS"))
    }

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=project, env=environment | keep, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    run("python", "-m", "pip", "install", "--quiet", "--no-cache-dir", "-r", "binder/requirements.txt")
    run("binder/postBuild")
    assert run("python", "-c", "import cnnlib; print(cnnlib.__file__)").strip() == str(project / "cnnlib/__init__.py")
    run("python", "-m", "pip", "check")
    before = (project / CHAPTER).read_text(encoding="utf-8")
    run("jupyter", "execute", "--inplace", CHAPTER)
    assert (project / CHAPTER).read_text(encoding="utf-8") != before, "the chapter was not run"
