"""Which pages a build makes again: those whose text, or anything else that they show, is not as it was.

Sphinx reads a page again when the page or a file that it names as a dependency is newer. It knows nothing of what else
a page shows: the words of the glossary, the entries of the ledger, names and titles from other pages. So each page
has a signature of all that. Parts of the extension that show more on a page than its text say so (`also_shown`). A page
is written again when its signature is new, and when the file that was written is not the same any more.
"""

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from docutils import nodes
from myst_nb.sphinx_ext import add_global_html_resources
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from ..tools.repository import Repository

T = TypeVar("T")
STATE = "pages.json"  # beside the parsed pages


def digest(thing: object) -> str:
    """A short name for whatever has a `repr` that says all."""
    return sha256(repr(thing).encode()).hexdigest()[:16]


def digest_of_file(path: str | Path) -> str:
    """The same for the content of a file; empty for one that is not there."""
    path = Path(path)
    return sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def also_shown(app: Sphinx, on: Callable[[Sphinx, str], object]) -> None:
    """Let the signature of each page hold what `on(app, page)` gives: what the page shows besides its text."""
    vars(app).setdefault("shown_on", []).append(on)


def load_state(app: Sphinx) -> None:
    """What the last build wrote: page → its signature, the digest of its file, what search finds there."""
    file = Path(app.doctreedir, STATE)
    app.written = json.loads(file.read_bytes()) if file.is_file() else {}
    app.signatures = {}
    if app.builder.format == "html":
        app.builder.get_outdated_docs = list  # not by dates, too: dates may say that all pages are old when none is


def remembered(
    env: BuildEnvironment,
    docname: str,
    find: Callable[..., T],
    made_from: tuple,
    document: nodes.document | None = None,
) -> T:
    """`find(document, docname, *made_from)`, computed once for each state of the page and of what else it is made from."""
    kept = vars(env).setdefault("remembered", {}).setdefault(docname, {})
    name, state = f"{find.__module__}.{find.__name__}", digest(made_from)
    if kept.get(name, ("",))[0] != state:
        kept[name] = (state, find(env.get_doctree(docname) if document is None else document, docname, *made_from))
    return kept[name][1]


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what is known of a page before it is read again."""
    vars(env).get("remembered", {}).pop(docname, None)


def copy_style(app: Sphinx) -> None:
    """Copy myst-nb's style first. It does so last, and a link has the style's digest only where the file is there already."""
    Path(app.outdir, "_static").mkdir(parents=True, exist_ok=True)
    add_global_html_resources(app, None)


def read_from(env: BuildEnvironment, docname: str) -> list[str]:
    """The digests of the files that a page is read from."""
    files = [env.doc2path(docname), *(Path(env.srcdir, name) for name in sorted(env.dependencies[docname]))]
    return [digest_of_file(file) for file in files]


def changed_content(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> Iterable[str]:
    """Pages that were read from other content, even where the file is older than the last build, as one from git may be."""
    kept = getattr(env, "read_from", {})
    return [name for name in env.found_docs - added - changed if kept.get(name) != read_from(env, name)]


def keep_content(app: Sphinx, env: BuildEnvironment) -> None:
    """Note what each page has been read from."""
    env.read_from = {name: read_from(env, name) for name in env.found_docs}


def shared(app: Sphinx) -> str:
    """A digest of what all pages show: files of the look, titles and their order, names that a page may link to."""
    if not hasattr(app, "shared_digest"):
        env, root = app.env, Path(app.confdir)
        folders = [root / name for name in (*app.config.templates_path, *app.config.html_static_path)]
        files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
        standard, python = env.get_domain("std"), env.get_domain("py")
        slugs = {
            page: [(slug, *place[1:]) for slug, place in data.get("myst_slugs", {}).items()]
            for page, data in sorted(env.metadata.items())
        }
        app.shared_digest = digest(
            [
                vars(app.builder.build_info),  # the configuration
                [(file.name, digest_of_file(file)) for file in files],
                sorted(env.toctree_includes.items()),
                sorted((name, title.astext()) for name, title in env.titles.items()),
                sorted(standard.labels.items()),
                sorted(standard.anonlabels.items()),
                sorted((name, one.docname, one.node_id) for name, one in python.objects.items()),
                slugs,
                Repository.read(root),
            ]
        )
    return app.shared_digest


def is_current(app: Sphinx, page: str, signature: str) -> bool:
    """Whether the page that was written last has this signature and is still there; the signature is kept for the next build."""
    app.signatures[page] = signature
    kept = app.written.get(page, {})
    return kept.get("signature") == signature and kept["file"] == digest_of_file(app.builder.get_outfilename(page))


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages that show something that has changed."""
    if app.builder.format != "html":
        return []
    found = {name: digest([shared(app), *(on(app, name) for on in app.shown_on)]) for name in sorted(env.found_docs)}
    return [name for name, signature in found.items() if not is_current(app, name, signature)]


def save_state(app: Sphinx, exception: Exception | None) -> None:
    """Keep what has been written, and remove the files of pages that the book has no more."""
    if exception or app.builder.format != "html":
        return
    for page in app.written.keys() - app.signatures.keys():
        Path(app.builder.get_outfilename(page)).unlink(missing_ok=True)
        for source in Path(app.outdir, "_sources").glob(f"{page}.*"):
            source.unlink()
    state = {
        page: {"signature": signature, "file": digest_of_file(app.builder.get_outfilename(page))}
        for page, signature in app.signatures.items()
    }
    for page, places in app.places.items() if hasattr(app, "places") else ():
        state[page]["places"] = places
    Path(app.doctreedir, STATE).write_text(json.dumps(state), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect to each stage of a build: before the other parts at its start, behind them at its end."""
    app.connect("builder-inited", load_state, priority=100)
    app.connect("builder-inited", copy_style)
    app.connect("env-purge-doc", forget)
    app.connect("env-get-outdated", changed_content)
    app.connect("env-updated", keep_content)
    app.connect("env-get-updated", outdated)
    app.connect("build-finished", save_state, priority=900)
