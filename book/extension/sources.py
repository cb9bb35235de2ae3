"""The pages below `_modules/`: the source of each module that the API reference documents, with a link both ways.

Sphinx's viewcode imports each module to find what is in it, so without torch it made no page.
"""

import multiprocessing
import sys
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.highlighting import PygmentsBridge

from . import incremental
from .library import Definition, library

FOLDER, INDEX = "_modules", "_modules/index"
WORTH_A_PROCESS = 8  # modules
# Stand in the page that the theme makes once for each folder, for what is different in each page.
NAME, TITLE, BODY = "the-name-of-a-source", "the-title-of-a-source", "the-body-of-a-source"


def page_of(module: str) -> str:
    """The page of a module."""
    return f"{FOLDER}/{module.replace('.', '/')}"


def documented(env: BuildEnvironment) -> dict[str, dict[str, tuple[str, str]]]:
    """The documented names of each module: (the page of its entry, the entry's anchor)."""
    if not hasattr(env, "documented_sources"):
        env.documented_sources = {}
    return env.documented_sources


def link(env: BuildEnvironment, found: Definition, anchor: str) -> nodes.reference:
    """The link from an entry, which has that anchor, to the source of what it describes."""
    documented(env).setdefault(found.module.name, {})[found.name] = (env.docname, anchor)
    page = env.app.builder.get_relative_uri(env.docname, page_of(found.module.name))
    text = nodes.inline("", "[source]", classes=["viewcode-link"])
    return nodes.reference("", "", text, internal=True, refuri=f"{page}#{found.name}")


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop the names that a page documented, before it is read again."""
    for module, names in list(documented(env).items()):
        kept = {name: place for name, place in names.items() if place[0] != docname}
        if kept:
            env.documented_sources[module] = kept
        else:
            del env.documented_sources[module]


def highlighted(source: str) -> list[str]:
    """A module's source as lines of HTML with their numbers. The first is what begins the block, so line 1 is at 1."""
    lines = PygmentsBridge("html").highlight_block(source, "python", linenos="inline").splitlines()
    before, first = lines[0].split("<pre>")
    return [f"{before}<pre>", first, *lines[1:]]


def body(app: Sphinx, module: str, lines: list[str]) -> str:
    """The page of a module: its lines, and around each documented name a block that links back to the entry."""
    lines, page = list(lines), page_of(module)
    for name, (docname, anchor) in documented(app.env)[module].items():
        start, end = library(app).find(f"{module}.{name}").lines
        back = f"{app.builder.get_relative_uri(page, docname)}#{anchor}"
        lines[start] = (
            f'<div class="viewcode-block" id="{name}">\n<a class="viewcode-back" href="{back}">[docs]</a>\n{lines[start]}'
        )
        lines[min(end, len(lines) - 1)] += "</div>\n"
    return f"<h1>Source code for {module}</h1>" + "\n".join(lines)


def overview(app: Sphinx, modules: list[str]) -> str:
    """A list of the modules, those of a package below it."""
    html, open_packages = ["\n"], [""]
    for module in modules:
        if module.startswith(open_packages[-1]):
            html.append("<ul>")
        else:
            open_packages.pop()
            while not module.startswith(open_packages[-1]):
                open_packages.pop()
                html.append("</ul>")
        open_packages.append(f"{module}.")
        html.append(f'<li><a href="{app.builder.get_relative_uri(INDEX, page_of(module))}">{module}</a></li>\n')
    return "<h1>All modules for which code is available</h1>" + "".join(html) + "</ul>" * (len(open_packages) - 1)


def start(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Find the modules whose page must be written, and let another core colour their source while this one goes on.

    Returns the pages that document them: without a page to write Sphinx would end here.
    """

    def is_old(page: str, made_from: object) -> bool:
        return not incremental.is_current(app, page, incremental.digest([incremental.shared(app), made_from]))

    sources = {module: library(app).module(module).source for module in sorted(documented(env))}
    app.old_sources = {
        module: source
        for module, source in sources.items()
        if is_old(page_of(module), [source, documented(env)[module]])
    }
    app.overview_is_old = bool(sources) and is_old(INDEX, list(sources))
    app.colouring = None
    if len(app.old_sources) > WORTH_A_PROCESS and sys.platform == "linux":  # elsewhere a fork may not be safe
        app.colouring = multiprocessing.get_context("fork").Pool(1)
        app.coloured = app.colouring.map_async(highlighted, app.old_sources.values(), chunksize=8)
    modules = sources if app.overview_is_old else app.old_sources
    return sorted({docname for module in modules for docname, _ in documented(env)[module].values()})


def write(app: Sphinx) -> list:
    """Write the pages whose source, entries or surroundings have changed.

    The theme takes as long for the frame of a page as for the rest of it, and in a folder all frames are the same.
    """
    if app.colouring:
        lines = app.coloured.get()
        app.colouring.terminate()
    else:
        lines = [highlighted(source) for source in app.old_sources.values()]
    frames: dict[str, str] = {}
    pages = [
        (page_of(module), module, body(app, module, its)) for module, its in zip(app.old_sources, lines, strict=True)
    ]
    if app.overview_is_old:
        pages.append((INDEX, "Overview: module code", overview(app, sorted(documented(app.env)))))
    for page, title, text in pages:
        folder, _, name = page.rpartition("/")
        file = Path(app.builder.get_outfilename(page))
        if folder not in frames:
            app.builder.handle_page(f"{folder}/{NAME}", {"title": TITLE, "body": BODY}, "page.html", str(file))
            frames[folder] = file.read_text(encoding="utf-8")
        html = frames[folder].replace(NAME, name).replace(TITLE, escape(title)).replace(BODY, text)
        file.write_text(html, encoding="utf-8")
    return []


def setup(app: Sphinx) -> None:
    """Connect to the reading of each page, to what follows, and to the end of writing."""
    app.connect("env-purge-doc", forget)
    app.connect("env-get-updated", start)
    app.connect("html-collect-pages", write)
