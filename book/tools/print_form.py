"""The book on paper: every page of the built book in one file, with nothing on it that paper cannot do.

    make print          writes _build/print/anatomy.html and, where a Chromium is found, anatomy.pdf

An explorer becomes the picture of its default setting and a table of what each knob does; a bench, the final errors of
its recorded runs; a question, boxes to tick or a line to write on. Hints, answers and worked solutions stand at the back.
It reads what `make book` wrote, so it needs no torch. Only the pictures of explorers and the PDF want a browser.
"""

import base64
import itertools
import json
import mimetypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import ascii_lowercase

import yaml
from bs4 import BeautifulSoup, Tag

from cnnlib.course.bench.bench import RECORDED
from cnnlib.course.explorer.explorer import unpack

from .repository import ROOT, version

HTML = ROOT / "_build/html"
OUT = ROOT / "_build/print"
SCREEN_ONLY = {"headerlink", "run-links", "viewcode-link", "glossary-note", "cnn-foot"}
SHEET = 660  # pixels of an A4 sheet between the margins of print_form.css


class Fault(Exception):
    """What was asked for cannot be done; the message is all that the reader needs."""


@dataclass
class Page:
    """One page of the book. `key` is the part of its address that its ids begin with in the print form."""

    name: str  # book/index
    part: str  # the caption of _toc.yml above it
    article: Tag
    questions: list[str] = field(default_factory=list)  # the id of each, in their order

    @property
    def key(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def title(self) -> str:
        return self.article.h1.get_text(" ", strip=True)


@dataclass
class Back:
    """What stands at the back, for one page: HTML of each entry."""

    hints: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    solutions: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------- reading the book


def toc(path: Path) -> Iterator[tuple[str, str]]:
    """The pages of a `_toc.yml` in their order, each with its part: ("book/index", "")."""
    contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    yield contents["root"], ""
    for part in contents["parts"]:
        for chapter in part["chapters"]:
            yield chapter["file"], part["caption"]


def read(html: Path = HTML, contents: Path = ROOT / "_toc.yml") -> list[Page]:
    """The built pages. Raises Fault where one is missing."""
    pages = []
    for name, part in toc(contents):
        path = html / f"{name}.html"
        if not path.is_file():
            raise Fault(f"{path} is missing: run make book first")
        article = soup(path.read_text(encoding="utf-8")).select_one("article.bd-article")
        for image in article.find_all("img", src=True):
            image["src"] = data_uri(path.parent, image["src"])
        pages.append(Page(name, part, article))
    return pages


def soup(html: str) -> BeautifulSoup:
    """Parsed markup."""
    return BeautifulSoup(html, "html.parser")


def data_uri(folder: Path, address: str) -> str:
    """A file beside a page as an address that holds it; an address that already does stays."""
    if address.startswith("data:"):
        return address
    path = folder / address.partition("?")[0]
    kind = mimetypes.guess_type(path.name)[0] or "font/woff2"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


# --------------------------------------------------------------------------------------------------------- explorers


def result_at(spec: dict, steps: Iterable[int]) -> dict:
    """The result where each knob stands at the given step."""
    index = 0
    for knob, step in zip(spec["knobs"], steps, strict=True):
        index = index * len(knob["steps"]) + step
    return unpack(spec["table"], index)


def effects(spec: dict) -> str:
    """A table: what the picture says at each step of each knob, with the others at their default."""
    defaults = [knob["default"] for knob in spec["knobs"]]
    bodies = []
    for place, knob in enumerate(spec["knobs"]):
        rows = []
        for step, label in enumerate(knob["steps"]):
            here = [*defaults[:place], step, *defaults[place + 1 :]]
            head = (
                f'<th scope="rowgroup" rowspan="{len(knob["steps"])}">{escape(knob["label"])}</th>' if not step else ""
            )
            star = " *" if step == knob["default"] else ""
            rows.append(
                f'<tr>{head}<th scope="row">{escape(label)}{star}</th>'
                f"<td>{escape(result_at(spec, here)['sentence'])}</td></tr>"
            )
        bodies.append(f"<tbody>{''.join(rows)}</tbody>")
    return (
        '<table class="p-settings"><caption>What each knob does, the others at their default (*).</caption>'
        '<thead><tr><th scope="col">Knob</th><th scope="col">Setting</th><th scope="col">What the picture then says</th>'
        f"</tr></thead>{''.join(bodies)}</table>"
    )


def recorded(spec: dict) -> str:
    """A table of a bench: the errors at the end of the runs of each setting that has some."""
    knobs = spec["knobs"]
    rows, labels = [], []
    for steps in itertools.product(*(range(len(knob["steps"])) for knob in knobs)):
        series = result_at(spec, steps)["series"]
        if not series:
            continue
        labels = [one["label"] for one in series]
        cells = [f"<th>{escape(knob['steps'][step])}</th>" for knob, step in zip(knobs, steps, strict=True)]
        cells += [f"<td>{final(one)}</td>" for one in series]
        cells += [f"<td>{series[0]['runs']}</td><td>{series[0]['epochs'][-1]:,}</td>"]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    heads = [*(knob["label"] for knob in knobs), *(f"{label} (%)" for label in labels), "runs", "epochs"]
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    return (
        '<table class="p-runs"><caption>At the end of the recorded runs: the mean, and from the lowest to the highest.</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def final(series: dict) -> str:
    """The last value of a curve, with its spread where several runs have one."""
    low, mean, high = (series[name][-1] for name in ("low", "mean", "high"))
    return f"{mean:g}" if low == high else f"{mean:g} ({low:g} to {high:g})"


def print_explorers(pages: list[Page], browser: str | None) -> None:
    """Each explorer becomes its title, its picture, its sentence and its table; without a browser, less the picture."""
    explorers = [explorer for page in pages for explorer in page.article.find_all("cnn-explorer")]
    pictures = draw(pages, explorers, browser) if browser else [None] * len(explorers)
    for explorer, picture in zip(explorers, pictures, strict=True):
        spec = json.loads(explorer.script.string)
        bench = spec["title"].endswith(RECORDED)
        knobs = spec["knobs"]
        standing = ", ".join(f"{knob['label']} {knob['steps'][knob['default']]}" for knob in knobs)
        sentence = result_at(spec, [knob["default"] for knob in knobs])["sentence"]
        shown = picture or f'<div class="p-values">{explorer.select_one(".cnn-fallback table") or ""}</div>'
        printed = (
            f'<div class="p-explorer" id="{explorer["id"]}"><div class="p-whole"><p class="p-title">{escape(spec["title"])}</p>'
            f'<p class="p-standing">Shown at {escape(standing)}.</p><p>{escape(sentence)}</p>'
            f'<div class="cnn-ui">{shown}</div></div>{recorded(spec) if bench else effects(spec)}</div>'
        )
        explorer.replace_with(soup(printed))


def draw(pages: list[Page], explorers: list[Tag], browser: str) -> list[str]:
    """The markup of each explorer's picture at its default setting, drawn as wide as the sheet by its own script.

    Raises Fault where one does not draw.
    """
    styles, scripts = (
        "".join(dict.fromkeys(str(one) for page in pages for one in page.article.select(f"{kind}[data-cnnlib]")))
        for kind in ("style", "script")
    )
    body = f'<body style="width:{SHEET}px;margin:0">{"".join(map(str, explorers))}{scripts}</body>'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "explorers.html"
        path.write_text(f'<!doctype html><html data-theme="light"><meta charset="utf-8">{styles}{body}</html>', "utf-8")
        drawn = soup(run(browser, "--dump-dom", path.as_uri()))
    pictures = [one.select_one(".cnn-picture") for one in drawn.select("cnn-explorer")]
    if len(pictures) != len(explorers) or not all(pictures):
        missing = [one["id"] for one, picture in zip(explorers, pictures, strict=False) if not picture]
        raise Fault(f"the browser did not draw {', '.join(missing) or 'the explorers'}")
    return [str(picture) for picture in pictures]


# ------------------------------------------------------------------------------------------- questions and exercises


def print_questions(page: Page, back: Back) -> None:
    """Questions to answer with a pencil; their hints and keys go to the back, and each place links to the other."""
    for number, question in enumerate(page.article.select("cnn-quiz fieldset"), 1):
        place = f"question-{number}"
        page.questions.append(question["data-id"])
        key, hint = question.select_one(".cnn-key"), question.select_one(".cnn-hint")
        see, where = question.select_one(".cnn-see"), question.select_one(".cnn-back")
        legend = question.legend
        legend.select_one(".cnn-number").string = f"{number}."
        if question["data-kind"] == "ordering":  # there are no buttons on paper
            legend.select_one(".cnn-how").string = "Write the letters in their order."
        code = question.select_one(".cnn-code")
        space, answer = answer_space(question), answered(question, key)
        links = [f'<a href="#answer-{number}">Answer</a>']
        back_link = f'<a href="#{place}">Question {number}</a>'
        if hint:
            links.insert(0, f'<a href="#hint-{number}">Hint</a>')
            back.hints.append(f'<li id="hint-{number}">{back_link}. {hint.p.decode_contents()}</li>')
        back.answers.append(
            f'<div class="p-answer" id="answer-{number}" data-question="{question["data-id"]}">'
            f"<p>{back_link}. {answer}{see or ''}{where or ''}</div>"
        )
        printed = (
            f'<div class="p-question" id="{place}" data-question="{question["data-id"]}">'
            f"<p><strong>{legend.decode_contents()}</strong></p>{code or ''}{space}<p class='p-links'>{' · '.join(links)}</p></div>"
        )
        question.parent.replace_with(soup(printed))


def answer_space(question: Tag) -> str:
    """Boxes, circles or a line to write on."""
    if question["data-kind"] in ("numeric", "predict"):
        unit = question.select_one(".cnn-key")["data-unit"]
        return f'<p class="p-write">Your answer: <span class="p-line"></span> {escape(unit)}</p>'
    if question["data-kind"] == "ordering":
        items = "".join(f"<li>{item.span.decode_contents()}</li>" for item in question.select(".cnn-items li"))
        return f'<ol type="a">{items}</ol><p class="p-write">The order: <span class="p-line"></span></p>'
    box = "○" if question["data-kind"] == "single" else "□"
    options = "".join(
        f'<li><span class="p-box">{box}</span> {option.span.decode_contents()}</li>'
        for option in question.select(".cnn-option")
    )
    return f'<ol class="p-options" type="a">{options}</ol>'


def answered(question: Tag, key: Tag) -> str:
    """The key, with the letters that the options have; the paragraph that it begins with is open."""
    if question["data-kind"] in ("numeric", "predict"):
        return f"{key.p.decode_contents()}</p>{key.ul or ''}"
    if question["data-kind"] == "ordering":
        letters = {
            item["data-place"]: letter
            for item, letter in zip(question.select(".cnn-items li"), ascii_lowercase, strict=False)
        }
        order = ", ".join(letters[str(place)] for place in range(len(letters)))
        return f"<strong>{order}</strong>. {key.p.decode_contents()}</p>"
    options = key.select("li")
    right = [
        letter for option, letter in zip(options, ascii_lowercase, strict=False) if option["data-correct"] == "true"
    ]
    key.ol["type"] = "a"
    return f"<strong>{', '.join(right)}</strong>.</p>{key.ol}"


def print_exercises(page: Page, back: Back) -> None:
    """A stub stays in the text, with room below; its worked solution goes to the back."""
    for number, solution in enumerate(page.article.select("details:has(> summary)"), 1):
        if solution.summary.get_text(strip=True) != "A worked solution":
            continue
        number = len(back.solutions) + 1
        solution.summary.decompose()
        back.solutions.append(
            f'<div class="p-solution" id="solution-{number}"><p><a href="#exercise-{number}">Exercise {number}</a></p>'
            f"{solution.decode_contents()}</div>"
        )
        for cell in itertools.islice(solution.find_previous_siblings("div", class_="cell"), 1):
            for verdict in cell.select(".cell_output"):  # which only says that nothing is written yet
                verdict.decompose()
        solution.replace_with(
            soup(f'<p class="p-links" id="exercise-{number}"><a href="#solution-{number}">A worked solution</a></p>')
        )


# ------------------------------------------------------------------------------------------------------- one document


def of_a_screen(tag: Tag) -> bool:
    """Whether paper has no use for a tag."""
    if tag.name == "style":
        return tag.has_attr("scoped")
    return tag.name in ("script", "button") or not SCREEN_ONLY.isdisjoint(tag.get("class", ()))


def clean(page: Page) -> None:
    """Take out what only a screen can use, and open what is folded."""
    for gone in page.article.find_all(of_a_screen):  # one walk: a list of selectors tries each of them on every tag
        gone.decompose()
    for word in page.article.find_all(class_="glossary-term"):
        del word["aria-describedby"]  # the note that a screen shows; the link leads to the glossary
    for folded in page.article.find_all("details"):
        if folded.find_parent("table"):  # the operations of a stage, whose sums stand beside
            folded.replace_with(folded.summary.get_text())
        else:
            folded.summary.name = "p"
            folded.name = "div"


def relink(page: Page, part: Tag, keys: dict[str, str]) -> None:
    """Begin each id with the page's key, and lead each link to where its target now is; a link off the book stays.

    What leads to a page that is not printed (sources, the index) becomes plain text.
    """
    for tag in part.find_all(True):
        if "id" in tag.attrs:
            tag["id"] = f"{page.key}--{tag['id']}"
        for name in ("for", "aria-labelledby", "aria-describedby"):
            if name in tag.attrs:
                tag[name] = " ".join(f"{page.key}--{one}" for one in tag[name].split())
        for name, value in tag.attrs.items():
            if isinstance(value, str) and "url(#" in value:
                tag[name] = value.replace("url(#", f"url(#{page.key}--")
    for link in part.find_all(["a", "use"], href=True):
        address, _, fragment = link["href"].partition("#")
        fragment = fragment.partition("?")[0]  # the knobs of an explorer
        if re.match(r"[a-z]+:", address):
            continue
        target = os.path.normpath(os.path.join(os.path.dirname(page.name), address)) if address else f"{page.name}.html"
        if target in keys:
            link["href"] = f"#{keys[target]}--{fragment}" if fragment else f"#{keys[target]}"
        else:
            link.unwrap()


def contents(pages: list[Page], backs: list[tuple[str, str]]) -> str:
    """The table of contents: pages under their parts, each with its sections."""
    lines = []
    for part, group in itertools.groupby(pages, key=lambda page: page.part):
        lines.append(f"<h2>{escape(part)}</h2>" if part else "")
        for page in group:
            sections = "".join(
                f'<li><a href="#{section["id"]}">{escape(section.h2.get_text(" ", strip=True))}</a></li>'
                for section in page.article.select("section[id]:has(> h2)")
            )
            lines.append(f'<p><a href="#{page.key}">{escape(page.title)}</a></p><ul>{sections}</ul>')
    lines.append("<h2>At the back</h2>")
    lines += [f'<p><a href="#{key}">{title}</a></p>' for key, title in backs]
    return f'<nav class="p-contents" aria-labelledby="contents"><h1 id="contents">Contents</h1>{"".join(lines)}</nav>'


BACKS = {"hints": "Hints", "answers": "Answers", "solutions": "Worked solutions"}


def document(pages: list[Page], browser: str | None) -> str:
    """The whole book as one page of HTML without scripts. Raises Fault where an explorer does not draw."""
    styles = dict.fromkeys(style.string for page in pages for style in page.article.find_all("style", scoped=None))
    print_explorers(pages, browser)
    backs = {page.key: Back() for page in pages}
    keys = {f"{page.name}.html": page.key for page in pages}
    for page in pages:
        print_questions(page, backs[page.key])
        print_exercises(page, backs[page.key])
        clean(page)
        for style in page.article.find_all("style"):
            style.decompose()
        relink(page, page.article, keys)
    parts = []
    for kind, title in BACKS.items():
        chapters = []
        for page in pages:
            if entries := getattr(backs[page.key], kind):
                one = soup("".join(entries) if kind != "hints" else f"<ul>{''.join(entries)}</ul>")
                relink(page, one, keys)
                chapters.append(f"<h2>{escape(page.title)}</h2>{one}")
        parts.append(f'<section class="p-page" id="{kind}"><h1>{title}</h1>{"".join(chapters)}</section>')
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    heads = "".join(
        f"@page {sheet(key)}{{@top-right{{content:{json.dumps(title, ensure_ascii=False)}}}}}#{key_selector(key)}{{page:{sheet(key)}}}"
        for key, title in [*((page.key, page.title) for page in pages), *BACKS.items()]
    )
    body = "".join(
        f'<section class="p-page" id="{page.key}">{page.article.decode_contents()}</section>' for page in pages
    )
    return (
        f'<!doctype html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{escape(config["title"])}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{"".join(look())}{"".join(styles)}{heads}</style></head>\n'
        f"<body>{title_page(config)}{contents(pages, list(BACKS.items()))}<main>{body}{''.join(parts)}</main></body></html>\n"
    )


def sheet(key: str) -> str:
    """The name of a page's sheets in CSS, for the running head."""
    return "p-" + key


def key_selector(key: str) -> str:
    """An id in CSS, where none may begin with a digit."""
    return f"\\3{key[0]} {key[1:]}" if key[0].isdigit() else key


def title_page(config: dict) -> str:
    """The first sheet."""
    logo = (ROOT / "book/assets/logo.svg").read_text(encoding="utf-8")
    return (
        f'<header class="p-cover">{logo}<p class="p-book">{escape(config["title"])}</p><p>{escape(config["author"])}</p>'
        f"<p>Version {version()}. The print form: explorers are tables here, and the answers are at the back. "
        "Text, figures and questions: CC BY 4.0. Code: MIT.</p></header>"
    )


def look(html: Path = HTML) -> Iterator[str]:
    """The styles: of formulas with their fonts, of code in light colours, and of paper."""
    katex = html / "_static/katex"
    css = (katex / "katex.min.css").read_text(encoding="utf-8")
    yield re.sub(r"url\((fonts/[^)]+)\)", lambda found: f"url({data_uri(katex, found[1])})", css)
    code = (html / "_static/pygments.css").read_text(encoding="utf-8")
    yield "\n".join(line for line in code.splitlines() if 'data-theme="dark"' not in line)
    yield (ROOT / "book/tools/print_form.css").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------ browser


def find_chromium() -> str | None:
    """The environment's CHROMIUM, else one on PATH; None where there is none.

    The headless shell is the same engine without the window around the page, which costs a second for each page opened.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def run(browser: str, *arguments: str) -> str:
    """What a headless Chromium says. Raises Fault where it does not start, fails or does not end in five minutes."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # as root its sandbox cannot be set up
    command = [browser, "--headless=new", "--disable-gpu", "--window-size=1000,1400", *root, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault(f"{browser} does not run: {error}") from error
    if done.returncode:
        raise Fault(f"{browser} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def pdf(browser: str, page: Path) -> Path:
    """Print a page beside itself, with an outline of its headings. Raises Fault as `run` does."""
    made = page.with_suffix(".pdf")
    run(browser, "--no-pdf-header-footer", "--generate-pdf-document-outline", f"--print-to-pdf={made}", page.as_uri())
    return made


def main(out: Path = OUT) -> int:
    """The command; returns its exit status."""
    browser = find_chromium()
    try:
        text = document(read(), browser)
        out.mkdir(parents=True, exist_ok=True)
        page = out / "anatomy.html"
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page}")
        if not browser:
            print(
                "No Chromium here (set CHROMIUM=path): explorers have their tables and no pictures, and there is no PDF."
            )
            return 0
        print(f"wrote {pdf(browser, page)}")
    except Fault as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
