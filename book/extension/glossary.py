"""The glossary: a page made of `book/glossary.yaml`, and in each chapter a link from the first use of each term to its entry.

The link carries the definition: it shows under the line when the link is pointed at or has the keyboard's focus, and is
the link's accessible description. Only running text is linked, no heading, code, formula, table, link or output. A term
that no chapter uses, or that names a heading which is not there, is a warning, which `make book` turns into an error.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from cnnlib.course.html import slug as slug_of
from cnnlib.course.yaml_fields import load_entries

from .incremental import also_shown, remembered
from .prose import chapters, number, running_text, straight

PAGE, SOURCE = "book/glossary", "book/glossary.yaml"
NOT_LINKED = (
    nodes.title, nodes.reference, addnodes.pending_xref, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block,
    nodes.table,
)  # fmt: skip
LISTS = ("forms", "plain", "not_in")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A term, its other forms, phrases and chapters in which the words are meant otherwise, its definition, and where it is explained."""

    term: str
    definition: str
    chapter: str
    section: str | None = None
    forms: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()
    formula: str | None = None

    @property
    def slug(self) -> str:
        """The term as part of an id."""
        return slug_of(self.term)


def parse(text: str | bytes) -> dict[str, Entry]:
    """The entries of a YAML text by their terms, in alphabetical order.

    Raises ValueError, naming the entry, for a field that is missing, unknown or no text, and for a form that two entries claim.
    """
    entries, owner = {}, {}
    for place, fields in enumerate(load_entries(text, SOURCE), 1):
        where = f"{SOURCE}, entry {place} ({fields.get('term', 'no term')})"
        for name in ("term", "definition", "chapter"):
            if name not in fields:
                raise ValueError(f"{where}: {name} is missing")
        for name, value in fields.items():
            if name not in Entry.__dataclass_fields__:
                raise ValueError(
                    f"{where}: no field is called {name!r}; there are {', '.join(Entry.__dataclass_fields__)}"
                )
            values = value if name in LISTS else [value]
            if not isinstance(values, list) or not all(isinstance(one, str) and one.strip() for one in values):
                raise ValueError(
                    f"{where}: {name} must be {'a list of texts' if values is value else 'a text'}, got {value!r}"
                )
        lists = {name: tuple(fields[name]) for name in LISTS if name in fields}
        entry = Entry(**fields | lists)
        for form in (entry.term, *entry.forms):
            if form in owner:
                raise ValueError(f"{where}: {form!r} already stands for {owner[form]!r}")
            owner[form] = entry.term
        entries[entry.term] = entry
    return dict(sorted(entries.items(), key=lambda item: item[0].lower()))


def load(root: Path) -> dict[str, Entry]:
    """The book's entries. Raises as `parse` does."""
    return _parse((root / SOURCE).read_bytes())


_parse = lru_cache(maxsize=1)(parse)


class Matcher:
    """Finds the terms in a text: the longest form wins, and a form in small letters may also begin a sentence."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entry_of: dict[str, Entry | None] = {}
        for entry in entries:
            self.entry_of |= dict.fromkeys(entry.plain) | dict.fromkeys((entry.term, *entry.forms), entry)
        self.form_of = {self._spelled(form): form for form in sorted(self.entry_of, key=len, reverse=True)}
        # No group around each form: with a group the engine tries all of them at every word.
        self.pattern = re.compile(rf"(?<![\w×-])(?:{'|'.join(map(self._pattern, self.form_of.values()))})(?![\w-])")

    @staticmethod
    def _pattern(form: str) -> str:
        first = f"[{form[0]}{form[0].upper()}]" if form.islower() and form[0].isalpha() else re.escape(form[0])
        return first + straight(re.escape(form[1:])).replace(r"\ ", r"\s+")

    @staticmethod
    def _spelled(text: str) -> str:
        return " ".join(straight(text).split())

    def find(self, text: str) -> Iterator[tuple[int, int, Entry]]:
        """Where each use of a term begins and ends, in order."""
        for match in self.pattern.finditer(straight(text)):
            spelled = self._spelled(match[0])
            form = self.form_of.get(spelled) or self.form_of[spelled[0].lower() + spelled[1:]]
            if entry := self.entry_of[form]:
                yield match.start(), match.end(), entry


def matcher_of(entries: dict[str, Entry]) -> Matcher:
    """The matcher of all entries, made once."""
    return _matcher(tuple(entries.values()))


_matcher = lru_cache(maxsize=1)(Matcher)


class Use(nodes.inline):
    """The first use of a term in a chapter: its link, and the definition beside it."""


def visit_use(writer, node: Use) -> None:
    """Open the link."""
    writer.body.append(
        f'<span class="glossary-use" id="use-{node["slug"]}"><a class="glossary-term" href="{escape(node["address"])}" '
        f'aria-describedby="note-{node["slug"]}">'
    )


def depart_use(writer, node: Use) -> None:
    """Close it, and put the definition behind it."""
    writer.body.append(
        f'</a><span class="glossary-note" role="tooltip" id="note-{node["slug"]}">{escape(node["definition"])}</span></span>'
    )


def split(text: nodes.Text, found: Iterable[tuple[int, int, nodes.Element]]) -> None:
    """Put an element around each piece of a text: (where it begins, where it ends, the element)."""
    whole, at, parts = text.astext(), 0, []
    for start, end, element in found:
        element += nodes.Text(whole[start:end])
        parts += [nodes.Text(whole[at:start]), element]
        at = end
    if parts:
        text.parent.replace(text, [part for part in [*parts, nodes.Text(whole[at:])] if part.astext()])


def first_uses(
    document: nodes.document, matcher: Matcher, name: str
) -> Iterator[tuple[nodes.Text, list[tuple[int, int, Entry]]]]:
    """The texts of the chapter of that name that hold the first use of a term, each with where they stand in it."""
    seen = set()
    for text in running_text(document, NOT_LINKED):
        first = []
        for start, end, entry in matcher.find(text.astext()):
            if entry.term not in seen and name.removeprefix("chapters/") not in entry.not_in:
                seen.add(entry.term)
                first.append((start, end, entry))
        if first:
            yield text, first


def terms_and_sections(
    document: nodes.document, name: str, entries: dict[str, Entry]
) -> tuple[list[str], dict[str, str]]:
    """The terms that a chapter uses, and the ids of its sections by their headings."""
    terms = [entry.term for _, found in first_uses(document, matcher_of(entries), name) for _, _, entry in found]
    return terms, {straight(section[0].astext()): section["ids"][0] for section in document.findall(nodes.section)}


def read_chapter(app: Sphinx, document: nodes.document) -> None:
    """Find the terms of a chapter while its parsed text is at hand: to load it again takes longer than to search it."""
    if app.env.docname.startswith("chapters/") and PAGE in app.env.found_docs:
        remembered(app.env, app.env.docname, terms_and_sections, (load(Path(app.srcdir)),), document)


def collect(app: Sphinx, env: BuildEnvironment) -> None:
    """Note which chapters use each term, and where the sections are that explain them; say what is amiss."""
    if PAGE not in env.found_docs:
        return
    entries = load(Path(app.srcdir))
    used: dict[str, list[str]] = {term: [] for term in entries}
    sections: dict[tuple[str, str], str] = {}
    for name in chapters(env.found_docs):
        terms, ids = remembered(env, name, terms_and_sections, (entries,))
        sections |= {(name, heading): anchor for heading, anchor in ids.items()}
        for term in terms:
            used[term].append(name)
    for entry in entries.values():
        chapter = f"chapters/{entry.chapter}"
        if chapter not in env.found_docs:
            continue  # to come
        if (chapter, entry.section) not in sections:
            LOG.warning("glossary: %r is explained in %s, which has no section %r", entry.term, chapter, entry.section)
        if not used[entry.term]:
            LOG.warning("glossary: no chapter uses %r", entry.term)
    app.glossary = (entries, used, sections)


def link(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Link the first uses of a chapter; on the glossary's page, say where each term is explained and used."""
    if not hasattr(app, "glossary"):
        return
    entries, used, sections = app.glossary
    address = lambda name: app.builder.get_relative_uri(docname, name)  # noqa: E731
    if docname.startswith("chapters/"):
        for text, found in list(first_uses(document, matcher_of(entries), docname)):
            split(
                text,
                [
                    (a, b, Use(slug=e.slug, definition=e.definition, address=f"{address(PAGE)}#term-{e.slug}"))
                    for a, b, e in found
                ],
            )
    for places in list(document.findall(Places)) if docname == PAGE else []:
        entry = entries[places["term"]]
        chapter = f"chapters/{entry.chapter}"
        paragraph = nodes.paragraph(classes=["glossary-places"])
        if (chapter, entry.section) in sections:
            where = f"{address(chapter)}#{sections[chapter, entry.section]}"
            paragraph += [nodes.Text("Explained in "), nodes.reference("", entry.section, refuri=where, internal=True)]
            paragraph += nodes.Text(f" (chapter\u00a0{number(chapter)}). ")
        for i, name in enumerate(used[entry.term]):
            paragraph += nodes.Text(", " if i else "First used in: ")
            paragraph += nodes.reference(
                "", f"chapter\u00a0{number(name)}", refuri=f"{address(name)}#use-{entry.slug}", internal=True
            )
        places.replace_self([paragraph] if len(paragraph) else [])


class Places(nodes.General, nodes.Element):
    """Stands for the line that says where a term is explained and used, until all chapters are read."""


class Glossary(SphinxDirective):
    """`course-glossary`: all entries by letter, and in each definition a link to the other terms that it uses."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / SOURCE))
        entries = load(Path(self.env.srcdir))
        matcher = matcher_of(entries)
        sections: dict[str, nodes.definition_list] = {}
        made = []
        for entry in entries.values():
            letter = entry.term[0].upper() if entry.term[0].isalpha() else "0–9"
            if letter not in sections:
                section = nodes.section(ids=[f"letter-{letter.lower()}"], names=[letter])
                sections[letter] = nodes.definition_list(classes=["glossary"])
                section += [nodes.title("", letter), sections[letter]]
                made.append(section)
            sections[letter] += self.item(entry, matcher)
        return made

    @staticmethod
    def item(entry: Entry, matcher: Matcher) -> nodes.definition_list_item:
        """One entry: the term, its definition, its formula, and room for its places."""
        text = nodes.Text(entry.definition)
        sentence = nodes.paragraph("", "", text)
        others = {e.term: (a, b, e) for a, b, e in reversed(list(matcher.find(entry.definition))) if e is not entry}
        split(
            text,
            [
                (a, b, nodes.reference(refid=f"term-{e.slug}", internal=True, classes=["glossary-term"]))
                for a, b, e in sorted(others.values(), key=lambda found: found[0])
            ],
        )
        definition = nodes.definition("", sentence)
        if entry.formula:
            definition += nodes.math_block("", entry.formula, nowrap=False, number=None, label=None)
        definition += Places(term=entry.term)
        return nodes.definition_list_item("", nodes.term("", entry.term, ids=[f"term-{entry.slug}"]), definition)


def checked(app: Sphinx) -> None:
    """Stop before anything is read when the file is not as it should be. Raises ExtensionError that names the entry."""
    if (Path(app.srcdir) / SOURCE).is_file():
        try:
            load(Path(app.srcdir))
        except ValueError as error:
            raise ExtensionError(str(error)) from error


def shown_on(app: Sphinx, docname: str) -> list[object]:
    """The entries on a chapter's page; on the glossary's own, where they are used and explained."""
    if docname == PAGE or (docname.startswith("chapters/") and hasattr(app, "glossary")):
        entries, used, sections = app.glossary
        return [entries, used, sections] if docname == PAGE else [entries]
    return []


def setup(app: Sphinx) -> None:
    """Connect."""
    app.add_directive("course-glossary", Glossary)
    app.add_node(Use, html=(visit_use, depart_use))
    app.add_node(Places)
    app.connect("builder-inited", checked)
    app.connect("doctree-read", read_chapter)
    app.connect("env-updated", collect)
    app.connect("doctree-resolved", link)
    also_shown(app, shown_on)
