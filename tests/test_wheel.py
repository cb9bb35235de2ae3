"""The wheel alone, beside torch: what Colab and `pip install` get, with nothing of this folder in reach."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cnnlib"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built with the setuptools that is installed: no network. From a copy of what is in git's hands, so that nothing
    of this folder is touched."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for path in own_files():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, source]
    subprocess.run(command, check=True)
    (found,) = out.glob("*.whl")
    return found


def own_files() -> list[Path]:
    """Every file of the package, data and scripts included."""
    return [path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def test_it_holds_every_file_of_the_package(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(ROOT)) for path in own_files()} <= packed


def test_it_brings_no_folder_but_the_package(wheel):
    folders = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert all(folder.startswith("cnnlib") for folder in folders), folders


def test_it_runs_alone(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); import cnnlib; assert 'site' in cnnlib.__file__;"
        "sys.argv = ['cnnlib', 'anatomy', 'resnet50']; runpy.run_module('cnnlib', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "site"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "25,557,032" in done.stdout
