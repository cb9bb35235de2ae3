"""`make book`: builds what is not as it was at the last build, into `_build/html`.

What a build has read is kept as one digest a file, beside the parsed pages. Where all of them are the same there is
nothing to do, and Sphinx is not even imported. Where something has changed, Sphinx reads and writes the pages that show
it (`book/extension/incremental.py`); where that is the configuration, the table of contents or the book's own Python,
all pages. A build that fails or is interrupted leaves what the last whole one knew, so that its warnings come again.
"""

import argparse
import fcntl
import gc
import json
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
FILES = ("_config.yml", "_toc.yml", "requirements-book.txt", "constraints.txt")
FOLDERS = {"book": ("*",), "chapters": ("*.ipynb", "*.md"), "cnnlib": ("*.py", "*.yaml", "repository.json")}
NO_INPUT = {"__pycache__", ".ipynb_checkpoints"}
STATE = "inputs.json"
WHERE = "The book is in _build/html/index.html (make serve opens it)."
# What runs notebooks, and what Jupyter Book imports to list kernels. Nothing here runs a notebook: the outputs are
# committed. Importing these took a second, as long as all the rest.
UNUSED = {
    "myst_nb.core.execute.cache": "NotebookClientCache",
    "myst_nb.core.execute.direct": "NotebookClientDirect",
    "myst_nb.core.execute.inline": "NotebookClientInline",
    "jupyter_client": "kernelspec",
    "jupyter_client.kernelspec": "find_kernel_specs",
}


def files(root: Path) -> list[Path]:
    """The files that a build reads, in order."""
    paths = [root / name for name in FILES]
    for folder, patterns in FOLDERS.items():
        paths += [path for pattern in patterns for path in (root / folder).rglob(pattern)]
    return sorted(path for path in paths if path.is_file() and NO_INPUT.isdisjoint(path.parts))


def inputs(root: Path) -> dict[str, str]:
    """The digest of each of them, by its path from the root, and the interpreter."""
    digests = {path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files(root)}
    return {"python": sys.version, **digests}


def for_all_pages(name: str) -> bool:
    """Whether a change of that input can change any page in a way that no page says of itself."""
    return name in (*FILES, "python") or (name.startswith("book/") and name.endswith(".py"))


def imported_from(root: Path) -> list[str]:
    """The inputs that the build itself has imported, such as what reads questions: a change there can change any page."""
    files = [Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    return sorted(path.relative_to(root).as_posix() for path in files if path.is_relative_to(root / "cnnlib"))


def build(root: Path = ROOT) -> int:
    """Builds the book of the folder `root`; returns the exit status: 0, or 1 where there is a warning or an error."""
    folder = root / "_build"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make serve` may be building
        return build_in(root, folder)


def build_in(root: Path, folder: Path) -> int:
    """Builds into `folder`, in which nobody else builds; returns the exit status."""
    html, trees, unfinished = folder / "html", folder / ".doctrees", folder / ".unfinished"
    now = inputs(root)
    kept = json.loads((trees / STATE).read_bytes()) if (trees / STATE).is_file() else {}
    before = kept.get("inputs", {})
    whole = not unfinished.exists() and (html / "index.html").is_file()
    if whole and now == before:
        print(f"Nothing has changed. {WHERE}")
        return 0
    unfinished.touch()
    new_trees, new_html = folder / ".doctrees.new", folder / "html.new"
    for rest in (new_trees, new_html):  # of a build that was interrupted
        shutil.rmtree(rest, ignore_errors=True)
    changed = {name for name in now | before if now.get(name) != before.get(name)}
    anew = any(for_all_pages(name) for name in changed) or not changed.isdisjoint(kept.get("imported", []))
    if not anew:
        shutil.copytree(trees, new_trees)
        if not whole:  # what was written since is not known
            (new_trees / "pages.json").unlink()
    status = run_sphinx(root, new_html if anew else html, new_trees)
    if anew and (new_html / "search.html").is_file():
        shutil.rmtree(html, ignore_errors=True)
        new_html.rename(html)
    if html.is_dir():
        shutil.copy(root / "book/front_door.html", html / "index.html")  # Jupyter Book's own has no icon
    if status:
        shutil.rmtree(new_trees, ignore_errors=True)
        print("This build does not count: what is said above must be mended.", file=sys.stderr)
        return 1
    (new_trees / STATE).write_text(json.dumps({"inputs": now, "imported": imported_from(root)}), encoding="utf-8")
    shutil.rmtree(trees, ignore_errors=True)
    new_trees.rename(trees)
    unfinished.unlink()
    print(WHERE)
    return 0


def run_sphinx(root: Path, html: Path, trees: Path) -> int:
    """Builds with the configuration that Jupyter Book makes of `_config.yml`; returns the exit status."""
    from jupyter_book.config import get_final_config
    from sphinx.application import Sphinx
    from sphinx.cmd.build import handle_exception
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    asked = {"external_toc_path": str(root / "_toc.yml"), "latex_individualpages": False}
    config, _ = get_final_config(user_yaml=root / "_config.yml", cli_config=asked, sourcedir=root)
    config["source_suffix"] = {".rst": "restructuredtext"}  # Sphinx's own; its dict would keep what extensions add
    app = None
    try:
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                root, None, html, trees, "html", config, status=None, warning=sys.stderr, warningiserror=True, keep_going=True,
            )  # fmt: skip
            app.build()
            return app.statuscode
    except Exception as error:
        quiet = argparse.Namespace(pdb=False, verbosity=0, traceback=False)
        handle_exception(app, quiet, error, sys.stderr)
        return 2


if __name__ == "__main__":
    # A build makes millions of small objects and keeps them: to look for garbage among them took a fifth of the time.
    gc.disable()
    # jsonschema then knows no format of internationalised addresses, which nothing here asks for: half a second at its import.
    sys.modules["rfc3987_syntax"] = None
    for module, name in UNUSED.items():
        sys.modules[module] = ModuleType(module)
        setattr(sys.modules[module], name, None)
    sys.exit(build())
