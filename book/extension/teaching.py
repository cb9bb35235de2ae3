"""What the page for teachers says about the chapters, from the chapters themselves, so that it cannot go stale.

`session-plan` shows a plan of `book/sessions.yaml` with the minutes that its sections take; `exercise-list` what each
exercise asks for, from the docstring of its check; `question-list` how many questions each section has.
"""

import ast
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from cnnlib.course.chapter import Chapter
from cnnlib.course.yaml_fields import load_yaml

from .incremental import also_shown, digest_of_file, remembered
from .prose import chapters, folder_of, number, running_text, straight

PAGE, PLANS = "book/for_teachers", "book/sessions.yaml"
# What takes how long. Slow reading, since formulas and code are read along; the rest is what we plan with.
WORDS_A_MINUTE, MINUTES_AN_EXPLORER, MINUTES_AN_EXERCISE, MINUTES_A_QUESTION = 150, 2, 10, 1.5
WHOLE = "all"
LOG = logging.getLogger(__name__)


@dataclass
class Section:
    """A section of a chapter: its heading, its id on the page, and what there is to do in it."""

    heading: str
    anchor: str
    words: int
    explorers: int
    questions: Counter = field(default_factory=Counter)  # kind → how many


@dataclass
class Exercise:
    """An exercise of a chapter: the name of its check, its title there, what it asks for."""

    check: str
    title: str
    asks: str


@dataclass
class TaughtChapter:
    """What the page for teachers needs of a chapter."""

    title: str
    sections: list[Section]
    exercises: list[Exercise]
    page: str


def checks(chapter: Chapter) -> dict[str, str]:
    """What each check of a chapter asks for, in the words of its docstring.

    Read from the source, as building the book has no torch to import it with.
    """
    source = chapter.file("checks.py")
    found = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body if source.is_file() else []:
        words = isinstance(node, ast.FunctionDef) and ast.get_docstring(node)
        if words and words.startswith("Grades "):
            found[node.name] = " ".join(words.removeprefix("Grades ").split("\n\n")[0].split())
    return found


def chapter_of(document: nodes.document, name: str, known: dict[str, str], quiz: str) -> TaughtChapter:
    """A chapter's sections and exercises, from its parsed page and its folder; `quiz` is the digest of its questions."""
    (top,) = [node for node in document.children if isinstance(node, nodes.section)]
    sections = []
    for part in top.children:
        if isinstance(part, nodes.section):
            outputs = " ".join(raw.astext() for raw in part.findall(nodes.raw))
            words = sum(len(text.split()) for text in running_text(part, ()))
            explorers = outputs.count("<cnn-explorer ")
            sections.append(Section(straight(part[0].astext()), part["ids"][0], words, explorers))
    by_heading = {section.heading: section for section in sections}
    folder = folder_of(name)
    for question in folder.questions() if folder else []:
        if question["section"] not in by_heading:
            LOG.warning("%s/quiz.yaml: %s has no section %r", folder.name, name, question["section"])
            continue
        by_heading[question["section"]].questions[question["kind"]] += 1
    exercises, title = [], ""
    for node in document.findall(lambda one: isinstance(one, nodes.strong | nodes.literal_block)):
        if isinstance(node, nodes.strong) and re.match(r"\d+ · ", node.astext()):
            title = straight(node.astext()).partition(" · ")[2].rstrip(".?") + (
                "?" if node.astext().endswith("?") else ""
            )
        elif called := re.fullmatch(r"chapter\.checks\.(\w+)\(\w+\)", node.astext().strip()):
            exercises.append(Exercise(called[1], title, known[called[1]]))
    return TaughtChapter(straight(top[0].astext()), sections, exercises, name)


def read_chapter(app: Sphinx, name: str, document: nodes.document | None = None) -> TaughtChapter:
    """The chapter of that name, as it was found last where nothing has changed."""
    folder = folder_of(name)
    made_from = (checks(folder), digest_of_file(str(folder.file("quiz.yaml")))) if folder else ({}, "")
    return remembered(app.env, name, chapter_of, made_from, document)


def read_while_at_hand(app: Sphinx, document: nodes.document) -> None:
    """Read a chapter when it has been parsed: to load it again takes longer."""
    if app.env.docname.startswith("chapters/") and PAGE in app.env.found_docs:
        read_chapter(app, app.env.docname, document)


def collect(app: Sphinx, env: BuildEnvironment) -> None:
    """Read all chapters, once they are parsed."""
    if PAGE in env.found_docs:
        app.chapters = {name: read_chapter(app, name) for name in chapters(env.found_docs)}


class Generated(nodes.General, nodes.Element):
    """Stands for what is made from the chapters, until all of them are read."""


class SessionPlan(SphinxDirective):
    """`session-plan`: one plan, by its name in the file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / PLANS))
        return [Generated(make=session_plan, plan=self.arguments[0])]


class ExerciseList(SphinxDirective):
    """`exercise-list`: a table of all exercises."""

    def run(self) -> list[nodes.Node]:
        return [Generated(make=exercise_list)]


class QuestionList(SphinxDirective):
    """`question-list`: a table of all sections that have questions."""

    def run(self) -> list[nodes.Node]:
        return [Generated(make=question_list)]


def fill(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Put what is made in its places."""
    for place in list(document.findall(Generated)):
        place.replace_self(place["make"](app, place))


def link(app: Sphinx, chapter: TaughtChapter, text: str, anchor: str = "") -> nodes.reference:
    """A link from the page for teachers into a chapter."""
    address = app.builder.get_relative_uri(PAGE, chapter.page) + (anchor and f"#{anchor}")
    return nodes.reference("", text, refuri=address, internal=True)


def coded(text: str) -> list[nodes.Node]:
    """A text whose names in backticks are code."""
    parts = text.split("`")
    return [nodes.literal("", part) if i % 2 else nodes.Text(part) for i, part in enumerate(parts) if part]


def table(headings: list[str], rows: list[list[list[nodes.Node]]]) -> nodes.table:
    """A table; each cell is the nodes of its one paragraph."""

    def row(cells: list[list[nodes.Node]]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))

    columns = [nodes.colspec(colwidth=1) for _ in headings]
    head = nodes.thead("", row([[nodes.Text(heading)] for heading in headings]))
    body = nodes.tbody("", *map(row, rows))
    return nodes.table("", nodes.tgroup("", *columns, head, body, cols=len(headings)))


def minutes(sections: list[Section], exercises: list[Exercise]) -> dict[str, int]:
    """How long a session's parts take, in whole minutes."""
    questions = sum(sum(section.questions.values()) for section in sections)
    return {
        "reading": math.ceil(sum(section.words for section in sections) / WORDS_A_MINUTE),
        "knobs": MINUTES_AN_EXPLORER * sum(section.explorers for section in sections),
        "exercises": MINUTES_AN_EXERCISE * len(exercises),
        "questions": math.ceil(MINUTES_A_QUESTION * questions),
    }


def chosen(app: Sphinx, session: dict) -> list[tuple[TaughtChapter, list[Section]]]:
    """The sections that a session names; what is not there is a warning, a chapter to come is left out."""
    parts = []
    for name, headings in session["read"].items():
        chapter = app.chapters.get(f"chapters/{name}")
        if chapter is None:
            continue
        last = ("Check yourself",)
        wanted = [s.heading for s in chapter.sections if s.heading not in last] if headings == WHOLE else headings
        by_heading = {section.heading: section for section in chapter.sections}
        for heading in set(wanted) - set(by_heading):
            LOG.warning("%s: chapter %s has no section %r", PLANS, name, heading)
        parts.append((chapter, [by_heading[heading] for heading in wanted if heading in by_heading]))
    return parts


def parse_plans(text: str | bytes) -> dict[str, list[dict]]:
    """The plans of a YAML text by name, each a list of sessions.

    Raises ValueError, naming the plan, the session and the field, for one that is missing, unknown or of the wrong kind.
    """
    plans = load_yaml(text, PLANS)
    if not isinstance(plans, dict) or not plans:
        raise ValueError(f"{PLANS} must have fields, one for each plan")
    for name, sessions in plans.items():
        if not isinstance(sessions, list) or not sessions:
            raise ValueError(f"{PLANS}, {name}: must be a list of sessions, got {sessions!r}")
        for place, session in enumerate(sessions, 1):
            check_session(session, f"{PLANS}, {name}, session {place}")
    return plans


def check_session(session: dict, where: str) -> None:
    """That a session has its fields. Raises ValueError that begins with `where` and names the field."""
    if not isinstance(session, dict):
        raise ValueError(f"{where}: must be fields, got {session!r}")
    for name in session.keys() - {"title", "read", "exercises", "in class"}:
        raise ValueError(f"{where}: no field is called {name!r}; there are title, read, exercises, in class")
    for name in ("title", "in class"):
        if not isinstance(session.get(name), str):
            raise ValueError(f"{where}: {name} must be a text, got {session.get(name)!r}")
    if not isinstance(session.get("read"), dict):
        raise ValueError(f"{where}: read must be chapters with their headings, got {session.get('read')!r}")
    lists = {f"read, {chapter}": headings for chapter, headings in session["read"].items() if headings != WHOLE}
    for name, texts in (lists | {"exercises": session.get("exercises", [])}).items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{where}: {name} must be a list of texts, got {texts!r}")


def session_plan(app: Sphinx, place: Generated) -> list[nodes.Node]:
    """One plan: for each session what to read, how long it takes, and what to do in class."""
    plans = parse_plans((Path(app.srcdir) / PLANS).read_bytes())
    if place["plan"] not in plans:
        LOG.warning("%s has no plan %r; there is %s", PLANS, place["plan"], ", ".join(plans))
        return []
    made = nodes.enumerated_list(enumtype="arabic", prefix="", suffix=".", classes=["sessions"])
    for session in plans[place["plan"]]:
        parts = chosen(app, session)
        known = {exercise.check: exercise for chapter, _ in parts for exercise in chapter.exercises}
        missing = [name for name in session.get("exercises", []) if name not in known]
        if missing and all(f"chapters/{name}" in app.chapters for name in session["read"]):
            LOG.warning(
                "%s, %r: the chapters read there have no exercise %s", PLANS, session["title"], ", ".join(missing)
            )
        exercises = [known[name] for name in session.get("exercises", []) if name in known]
        made += session_item(app, session, parts, exercises)
    return [made]


def session_item(app: Sphinx, session: dict, parts: list, exercises: list[Exercise]) -> nodes.list_item:
    """One session."""
    takes = minutes([section for _, sections in parts for section in sections], exercises)
    said = ", ".join(f"{count} for {name}" for name, count in takes.items() if count)
    first = nodes.paragraph("", "", nodes.strong("", f"{session['title']}."))
    if said:
        first += nodes.Text(f" {sum(takes.values())} minutes: {said}.")
    reading = nodes.bullet_list()
    for chapter, sections in parts:
        line = nodes.paragraph("", "", link(app, chapter, f"Chapter {number(chapter.page)}"), nodes.Text(": "))
        for i, section in enumerate(sections):
            line += [nodes.Text(" · " if i else ""), link(app, chapter, section.heading, section.anchor)]
        reading += nodes.list_item("", line)
    for name in session["read"]:
        if f"chapters/{name}" not in app.chapters:
            reading += nodes.list_item("", nodes.paragraph("", f"Chapter {number(name)}, which is to come"))
    if exercises:
        titles = " · ".join(exercise.title for exercise in exercises)
        reading += nodes.list_item("", nodes.paragraph("", f"Exercises: {titles}"))
    return nodes.list_item(
        "", first, reading, nodes.paragraph("", "", nodes.emphasis("", "In class: "), *coded(session["in class"]))
    )


def exercise_list(app: Sphinx, place: Generated) -> list[nodes.Node]:
    """All exercises, by chapter."""
    rows = []
    for chapter in app.chapters.values():
        for exercise in chapter.exercises:
            rows.append(
                [
                    [nodes.Text(str(number(chapter.page)))],
                    [link(app, chapter, exercise.title, "check-yourself")],
                    coded(exercise.asks),
                ]
            )
    return [table(["chapter", "exercise", "what is graded"], rows)]


def question_list(app: Sphinx, place: Generated) -> list[nodes.Node]:
    """How many questions each section has, and of which kinds."""
    rows = []
    for chapter in app.chapters.values():
        for section in chapter.sections:
            if section.questions:
                kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(section.questions.items()))
                rows.append(
                    [
                        [nodes.Text(str(number(chapter.page)))],
                        [link(app, chapter, section.heading, section.anchor)],
                        [nodes.Text(str(section.questions.total()))],
                        [nodes.Text(kinds)],
                    ]
                )
        total = sum((section.questions for section in chapter.sections), Counter()).total()
        rows.append(
            [
                [nodes.Text(str(number(chapter.page)))],
                [nodes.strong("", "all sections")],
                [nodes.strong("", str(total))],
                [],
            ]
        )
    return [table(["chapter", "section", "questions", "of which kind"], rows)]


def shown_on(app: Sphinx, docname: str) -> list[object]:
    """What the page for teachers is made from."""
    return [app.chapters, digest_of_file(Path(app.srcdir, PLANS))] if docname == PAGE else []


def setup(app: Sphinx) -> None:
    """Connect."""
    app.add_directive("session-plan", SessionPlan)
    app.add_directive("exercise-list", ExerciseList)
    app.add_directive("question-list", QuestionList)
    app.add_node(Generated)
    app.connect("doctree-read", read_while_at_hand)
    app.connect("env-updated", collect)
    app.connect("doctree-resolved", fill)
    also_shown(app, shown_on)
