"""The package as a whole: public names, what importing it costs, and that all of it is explained."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cnnlib
from cnnlib import course
from cnnlib.chapters import in_order

PUBLIC = """anatomy compare create_model fit gradient_norms list_models load_data load_pretrained load_weights Anatomy Comparison History
ImageData Recipe paper_recipe"""
OPTIONAL = "torchvision timm sklearn skimage latex2mathml matplotlib pandas IPython ipywidgets yaml torchinfo tqdm PIL"


@pytest.mark.parametrize("name", PUBLIC.split())
def test_public_names(name):
    assert name in cnnlib.__all__ and hasattr(cnnlib, name)


def test_all_that_is_listed_is_there():
    assert sorted(cnnlib.__all__) == sorted(set(cnnlib.__all__))
    assert all(hasattr(cnnlib, name) for name in cnnlib.__all__)


@pytest.mark.parametrize("package", [cnnlib, course], ids=lambda package: package.__name__)
def test_names_that_are_imported_when_asked_for_are_like_any_others(package):
    assert set(package.__all__) <= set(dir(package))
    taken: dict = {}
    exec(f"from {package.__name__} import *", taken)
    assert {name: getattr(package, name) for name in package.__all__} == {
        name: taken[name] for name in taken if name != "__builtins__"
    }
    with pytest.raises(AttributeError, match=rf"^module '{package.__name__}' has no attribute 'nothing'$"):
        package.nothing  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec(f"from {package.__name__} import nothing")


def test_the_rooms_are_there_after_import_cnnlib():
    """As they were when the package imported them all."""
    code = (
        "import cnnlib; cnnlib.training.Flip, cnnlib.probes.removed, cnnlib.course.curves.select, cnnlib.analysis.Layer"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_book_is_built_without_torch():
    """What the build reads (chapters, their questions and claims, sources, the table of names) imports no torch."""
    code = """
import sys
sys.modules["torch"] = None  # an import of it fails
import cnnlib, cnnlib.course, cnnlib.chapters
for chapter in cnnlib.chapters.in_order():
    print(chapter.page, len(chapter.questions()), len(chapter.claims()), len(chapter.quiz()._repr_html_()) > 1000)
cnnlib.chapters.progress()._repr_html_()
from cnnlib.course.ledger.entries import sources
from cnnlib.course.quiz import examples
examples()._repr_html_(), sources(), dir(cnnlib), dir(cnnlib.course)
try:
    cnnlib.nothing
except AttributeError:
    print("no torch")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *chapters, last = done.stdout.splitlines()
    assert last == "no torch"
    assert [line.split()[0] for line in chapters] == [chapter.page for chapter in in_order()]
    assert all(line.endswith(" True") and " 0 " not in line for line in chapters)


def test_importing_needs_torch_alone():
    """In an interpreter where nothing optional is installed each part is imported as the first of the package, and works."""
    parts = [
        "cnnlib",
        "cnnlib.models",
        "cnnlib.analysis",
        "cnnlib.training",
        "cnnlib.probes",
        "cnnlib.experiments.record",
    ]
    code = f"""
import importlib, sys
for name in {OPTIONAL.split()!r}:
    sys.modules[name] = None  # an import of it fails
for module in {parts!r}:
    importlib.import_module(module)
    import cnnlib
    cnnlib.anatomy(cnnlib.create_model("cifar_resnet", depth=8, width=0.25)).table()
    print(module)
    for name in [name for name in sys.modules if name.partition(".")[0] == "cnnlib"]:
        del sys.modules[name]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == parts


def test_importing_brings_in_nothing_that_torch_does_not():
    code = "import sys, torch; before = set(sys.modules); import cnnlib; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert not tops & set(OPTIONAL.split())
    assert not any(name.startswith(("cnnlib.course", "cnnlib.chapters")) for name in done.stdout.split())


def test_the_version_is_the_projects():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cnnlib.__version__ == project["version"]


def modules():
    return [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(cnnlib.__path__, "cnnlib.")
        if not module.name.endswith("__main__")
    ]


def public_members():
    for module in modules():
        for name, member in vars(module).items():
            if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(member):
                yield f"{module.__name__}.{name}", member
                for attribute, value in vars(member).items():
                    inherited = any(hasattr(base, attribute) for base in member.__mro__[1:])
                    function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                    if inspect.isfunction(function) and not attribute.startswith("_") and not inherited:
                        yield f"{module.__name__}.{name}.{attribute}", function
            elif inspect.isfunction(member):
                yield f"{module.__name__}.{name}", member


ITS_CLASS_SAYS = ("forward",)  # of an nn.Module


def test_everything_public_has_a_docstring():
    missing = [module.__name__ for module in modules() if not module.__doc__]
    missing += [
        name
        for name, member in public_members()
        if not member.__doc__ and name.rpartition(".")[2] not in ITS_CLASS_SAYS
    ]
    assert not missing
