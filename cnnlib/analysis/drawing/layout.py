"""Where the boxes and lines of a diagram go, from top to bottom, and the SVG marks that they are.

Convolutional networks are mostly series-parallel: between two places there is a sequence of boxes, or branches side by
side. A network that is neither, as some searched ones, becomes a list of boxes, with lines beside it; each box says what it
reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from cnnlib.analysis.drawing.graph import SINK, SOURCE, Graph, Node
from cnnlib.analysis.drawing.labels import Labels, shape_range

# ------------------------------------------------------------------------------------------------ series and parallel


@dataclass
class Parallel:
    """Branches between two places, each a series; an empty one is a shortcut."""

    branches: list[list]


def decompose(count: int, edges: list[tuple[int, int]]) -> list | None:
    """The series from SOURCE to SINK through places 0 to `count` - 1: places and Parallel.

    None where the edges are not series-parallel.
    """
    between: dict[tuple[int, int], list[list]] = {}
    for edge in edges:
        between.setdefault(edge, []).append([])

    def bundled(branches: list[list]) -> list:
        if len(branches) == 1:
            return branches[0]
        flat = []
        for branch in branches:
            nested = len(branch) == 1 and isinstance(branch[0], Parallel)
            flat.extend(branch[0].branches if nested else [branch])
        return [Parallel(sorted(flat, key=first_place))]

    busy = True
    while busy:
        busy = False
        for k in range(count):
            before = [edge for edge in between if edge[1] == k]
            behind = [edge for edge in between if edge[0] == k]
            if len(before) == len(behind) == 1:
                series = [*bundled(between.pop(before[0])), k, *bundled(between.pop(behind[0]))]
                between.setdefault((before[0][0], behind[0][1]), []).append(series)
                busy = True
    return bundled(between[SOURCE, SINK]) if set(between) == {(SOURCE, SINK)} else None


def reads_text(place: int, edges: list[tuple[int, int]]) -> str:
    """What the part at `place` of a list reads: "reads the input, 1 and 3", where 1 is the first part."""
    sources = sorted(source for source, reader in edges if reader == place)
    *others, last = ["the input" if source == SOURCE else str(source + 1) for source in sources]
    return f"reads {', '.join(others)} and {last}" if others else f"reads {last}"


def first_place(item) -> float:
    """The first place in a series or a part of one; a shortcut comes last."""
    if isinstance(item, int):
        return item
    inside = item.branches if isinstance(item, Parallel) else item if isinstance(item, list) else []
    return min(map(first_place, inside), default=float("inf"))


# ------------------------------------------------------------------------------------------------ layout

# heights between boxes
GAP = 18
LABEL_GAP = 28  # where a shape is written
BUS = 14  # of a fork
SPACE, PAD, HEADER, LINE, SMALL, STACK = 10, 10, 28, 18, 16, 4
# Widths of Arial's letters in thousandths of the size; all others are like digits.
LETTERS = {
    222: "ijl'", 278: " ,.:/tfI", 333: "r-()", 500: "ckvsxyzJ", 584: "×+−<÷", 667: "ABEKPSVXY", 722: "CDHNRUw",
    778: "GOQ", 833: "mM", 889: "%", 944: "W",
}  # fmt: skip
WIDTHS = {letter: width for width, letters in LETTERS.items() for letter in letters}


def text_width(words: str, size: float = 13, bold: bool = False) -> float:
    """How wide words are drawn: a browser with another font than Arial stretches or compresses them (`textLength`)."""
    return sum(WIDTHS.get(letter, 556) for letter in words) / 1000 * size * (1.08 if bold else 1)


def rect(css: str, x: float, y: float, width: float, height: float, radius: float, more: str = "") -> str:
    """A rectangle with round corners."""
    return (
        f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}"{more}/>'
    )


def small(x: float, y: float, words: str, strong: bool = False) -> str:
    """Small words."""
    return (
        f'<text class="d-small{" d-strong" * strong}" x="{x:.1f}" y="{y:.1f}" textLength="{text_width(words, 11.5):.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'
    )


def heading(x: float, y: float, name: str, times: str = "") -> str:
    """A name in bold, and how often it repeats."""
    bold = f'<tspan class="d-name">{escape(name)}</tspan>' if name else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" textLength="{heading_width(name, times):.1f}" lengthAdjust="spacingAndGlyphs">'
        f"{bold}{escape(times)}</text>"
    )


def heading_width(name: str, times: str = "") -> float:
    """How wide a heading is."""
    return text_width(name, bold=True) + text_width(times)


def chips_width(chips: list[tuple[str, str]]) -> float:
    """How wide small words with their colours are."""
    return sum(text_width(word, 11.5) + (20 if css else 9) for css, word in chips) - 9


def chips_marks(x: float, y: float, chips: list[tuple[str, str]]) -> list[str]:
    """Small words in a line, each with the colour of its operation in front."""
    marks = []
    for css, word in chips:
        if css:
            marks.append(rect(f"d-{css}", x, y + 3.5, 7, 7, 1.5))
            x += 11
        marks.append(small(x, y + 11, word))
        x += text_width(word, 11.5) + 9
    return marks


def elbow(x: float, y: float, column: float, end: float) -> str:
    """From (x, y) sideways and down a column."""
    r = min(8, abs(column - x), end - y) * (1 if column > x else -1)
    return f"M{x:.1f} {y:.1f}H{column - r:.1f}q{r:.1f} 0 {r:.1f} {abs(r):.1f}V{end:.1f}"


def back(column: float, x: float, end: float) -> str:
    """On down the column and sideways to (x, end)."""
    r = min(8, abs(column - x)) * (1 if x > column else -1)
    return f"V{end - abs(r):.1f}q0 {abs(r):.1f} {r:.1f} {abs(r):.1f}H{x:.1f}"


@dataclass
class Piece:
    """Something with an extent to the left and right of the line that enters at its top and leaves at its bottom."""

    left: float
    right: float
    height: float
    draw: Callable[[float, float], None]
    arrow: bool = False  # whether the line that enters has a tip


class Layout:
    """Lays out a graph and writes the marks down, in the order in which they lie on each other."""

    def __init__(self, graph: Graph, labels: Labels) -> None:
        self.graph, self.labels = graph, labels
        self.level = 0  # frames around what is laid out
        self.frames: list[str] = []
        self.lines: list[str] = []
        self.boxes: list[str] = []
        self.places: list[tuple[Node, float, float, float, float]] = []  # left, top, width, height of closed nodes

    # ------------------------------------------------------------------------------------------------- marks

    def line(self, path: str, tip: tuple[float, float] | None = None, shortcut: bool = False) -> None:
        """A line, with an arrow's tip at `tip`."""
        self.lines.append(f'<path class="{"d-shortcut" if shortcut else "d-edge"}" d="{path}"/>')
        if tip:
            x, y = tip
            css = "d-join" if shortcut else "d-tip"
            self.lines.append(f'<path class="{css}" d="M{x - 4:.1f} {y - 7:.1f}h8l-4 7z"/>')

    def down(self, x: float, top: float, bottom: float, arrow: bool = False) -> None:
        """A line straight down."""
        if bottom > top:
            end = bottom - 4 if arrow else bottom
            self.line(f"M{x:.1f} {top:.1f}V{end:.1f}", (x, bottom) if arrow else None)

    # ------------------------------------------------------------------------------------------------- nodes

    def node(self, node: Node, note: str = "") -> Piece:
        """A node, and a note in it."""
        return self.frame(node, note) if node.opened else self.box(node, note)

    def box(self, node: Node, note: str) -> Piece:
        """A unit, or a module that stays closed."""
        words, kinds = self.labels.words(node), self.labels.kinds(node)
        share = self.labels.share_text(node)
        more = [[("", line)] for line in (words.more, note) if line]
        pill = kinds == ["join"] and not words.before and not more
        beside = words.after if pill else []  # a join's ReLU stands in its line
        under = [words.after if not pill else [], *more]
        start, margin = (20, 11) if pill else (15, 8)  # of the text, from the left edge and to the right one
        chips_at = start + heading_width(words.name, words.times) + 9
        main_width = chips_at + chips_width(beside) if beside else chips_at - 9
        if share:
            main_width += text_width(share, 11.5) + 9
        width = max([main_width, *(start + chips_width(chips) for chips in (words.before, *under))]) + margin
        height = 10 + LINE + SMALL * sum(map(bool, (words.before, *under)))
        stack = STACK if max(node.times, node.paths) > 1 else 0

        def draw(x: float, y: float) -> None:
            left, radius = x - width / 2, height / 2 if pill else 5
            marks = [f"<title>{escape(self.labels.tooltip(node))}</title>"]
            if stack:
                marks.append(rect("d-box", left + stack, y + stack, width, height, radius))
            marks.append(rect("d-box", left, y, width, height, radius))
            if shade := self.labels.shade(node):
                marks.append(rect("d-share", left, y, width, height, radius, f' fill-opacity="{shade:.2f}"'))
            if pill:
                marks.append(f'<circle class="d-join" cx="{left + 12:.1f}" cy="{y + height / 2:.1f}" r="4"/>')
            each = (height - 8) / len(kinds)
            for i, css in enumerate(kinds if not pill else []):
                marks.append(rect(f"d-{css}", left + 4, y + 4 + i * each, 4.5, each, 0))
            base = y + 5
            if words.before:
                marks += chips_marks(left + start, base, words.before)
                base += SMALL
            marks.append(heading(left + start, base + 13.5, words.name, words.times))
            marks += chips_marks(left + chips_at, base + 2, beside)
            if share:
                marks.append(small(left + width - text_width(share, 11.5) - margin, base + 13.5, share, strong=True))
            base += LINE
            for chips in filter(None, under):
                marks += chips_marks(left + start, base, chips)
                base += SMALL
            css = ' class="d-shaded"' if shade else ""
            self.boxes.append(f"<g{css}>{''.join(marks)}</g>")
            self.places.append((node, left, y, width + stack, height + stack))

        return Piece(width / 2, width / 2 + stack, height + stack, draw, True)

    def frame(self, node: Node, note: str) -> Piece:
        """An opened module around its parts; its name stands left of the line that enters, more about it right."""
        words = self.labels.words(node)
        more = " · ".join(filter(None, (words.more, self.labels.share_text(node), note)))
        self.level += 1
        inner = self.inside(node)
        self.level -= 1
        css = "d-inner" if self.level % 2 else "d-frame"
        stack = STACK if max(node.times, node.paths) > 1 else 0
        left = max(inner.left + PAD, heading_width(words.name, words.times) + 20)
        right = max(inner.right + PAD, text_width(more, 11.5) + 18)
        height = HEADER + inner.height + PAD

        def draw(x: float, y: float) -> None:
            if stack:
                self.frames.append(rect(css, x - left + stack, y + stack, left + right, height, 7))
            self.frames.append(rect(css, x - left, y, left + right, height, 7))
            marks = [
                f"<title>{escape(self.labels.tooltip(node))}</title>",
                heading(x - left + 10, y + 18, words.name, words.times),
            ]
            if more:
                marks.append(small(x + 9, y + 17.5, more))
            self.boxes.append(f"<g>{''.join(marks)}</g>")
            self.down(x, y, y + HEADER, inner.arrow)
            inner.draw(x, y + HEADER)
            self.down(x, y + HEADER + inner.height, y + height + stack)

        return Piece(left, right + stack, height + stack, draw)

    # ------------------------------------------------------------------------------------------------- arrangements

    def inside(self, node: Node) -> Piece:
        """All parts of an opened node."""
        edges = self.graph.edges(node)
        series = decompose(len(node.parts), edges)
        return (
            self.listed(node, edges) if series is None else self.series(series, node, True, self.labels.entering(node))
        )

    def listed(self, node: Node, edges: list[tuple[int, int]]) -> Piece:
        """The parts of an opened node below each other, each with its number and what it reads.

        A line to the next part goes straight down. Other lines go around on the right, in a column for each source.
        """
        pieces = [self.node(part, f"{k + 1}: {reads_text(k, edges)}") for k, part in enumerate(node.parts)]
        end = len(pieces)  # the place behind the last part; SOURCE is -1, the place before the first
        links = [(a, end if b == SINK else b) for a, b in edges]
        around = sorted((a, b) for a, b in links if b != a + 1)
        until = dict(around)  # for each source its last reader
        columns: list[int] = []  # the place down to which each column is taken
        column_of = {}
        for source, reader in until.items():
            k = next((k for k, taken in enumerate(columns) if taken <= source), len(columns))
            columns[k : k + 1] = [reader]
            column_of[source] = k
        left, right = max(piece.left for piece in pieces), max(piece.right for piece in pieces)
        tops, bottoms = [GAP], []
        for piece in pieces:
            bottoms.append(tops[-1] + piece.height)
            tops.append(bottoms[-1] + GAP)

        def draw(x: float, y: float) -> None:
            for a, b in links:
                if b == a + 1:
                    self.down(x, y + (bottoms[a] if a >= 0 else 0), y + tops[b], b < end and pieces[b].arrow)
            for a, b in around:
                start = (x + pieces[a].right, y + bottoms[a] - pieces[a].height / 3) if a >= 0 else (x, y)
                stop = (x + pieces[b].right, y + tops[b] + pieces[b].height / 3) if b < end else (x, y + tops[b])
                column = x + right + SPACE * (1 + column_of[a])
                self.line(elbow(*start, column, (start[1] + stop[1]) / 2) + back(column, *stop))
                if b < end:
                    self.lines.append(f'<path class="d-tip" d="M{stop[0] + 7:.1f} {stop[1] - 4:.1f}v8l-7 -4z"/>')
            for piece, top in zip(pieces, tops, strict=False):
                piece.draw(x, y + top)

        return Piece(left, right + SPACE * (1 + len(columns)) * bool(columns), tops[-1], draw)

    def series(self, items: list, node: Node, trunk: bool, shapes: list) -> Piece:
        """Items of `node` below each other, joined by a line; on it the shape, where it changes (in a branch: H×W)."""
        pieces = [self.item(item, node, shapes) for item in items]
        labels = []
        for k, item in enumerate(items):
            part = node.parts[item] if isinstance(item, int) else None
            after = self.labels.leaving(part, node) if part else shapes
            changed = part is not None and self.labels.changes(part, shapes, after, trunk and self.level == 0)
            labels.append(shape_range(after) if changed and k < len(items) - 1 else "")
            shapes = after
        gaps = [0.0] * bool(pieces)
        for label, piece, above in zip(labels, pieces[1:], pieces, strict=False):
            least = GAP if piece.arrow or above.arrow else GAP / 2
            gaps.append(LABEL_GAP if label and piece.arrow else GAP + 4 if label else least)
        widths = [text_width(label, 11.5) + 8 for label in labels if label]
        left = max((piece.left for piece in pieces), default=0)
        right = max([piece.right for piece in pieces] + widths, default=0)

        def draw(x: float, y: float) -> None:
            for k, (gap, piece) in enumerate(zip(gaps, pieces, strict=True)):
                if k:
                    self.down(x, y, y + gap, piece.arrow)
                    if labels[k - 1]:
                        self.boxes.append(small(x + 7, y + 15, labels[k - 1]))
                piece.draw(x, y + gap)
                y += gap + piece.height

        arrow = bool(pieces) and pieces[0].arrow
        return Piece(left, right, sum(gaps) + sum(piece.height for piece in pieces), draw, arrow)

    def item(self, item, node: Node, shapes: list) -> Piece:
        """An item of a series: a part of `node`, or branches."""
        if isinstance(item, Parallel):
            return self.parallel([(not branch, self.series(branch, node, False, shapes)) for branch in item.branches])
        return self.node(node.parts[item])

    def parallel(self, branches: list[tuple[bool, Piece]]) -> Piece:
        """Branches side by side, ending level; of two that differ in height the higher one goes straight on."""
        height = max(piece.height for _, piece in branches)
        uneven = len(branches) == 2 and len({piece.height for _, piece in branches}) == 2
        one = uneven or sum(not shortcut for shortcut, _ in branches) == 1
        if one:
            branches = sorted(branches, key=lambda pair: -pair[1].height)
        at, offsets = 0.0, []
        for k, (_, piece) in enumerate(branches):
            at += piece.left + (SPACE if k else 0)
            offsets.append(at)
            at += piece.right
        if one:
            middle = offsets[0]
        elif len(branches) % 2:
            middle = offsets[len(branches) // 2]
        else:
            middle = (offsets[len(branches) // 2 - 1] + offsets[len(branches) // 2]) / 2

        def draw(x: float, y: float) -> None:
            top, bottom = y + BUS, y + BUS + height + BUS
            for (shortcut, piece), offset in zip(branches, offsets, strict=True):
                column = x + offset - middle
                start = top + (height - piece.height) / (2 if uneven else 1)
                if abs(column - x) < 0.1:
                    self.down(x, y, start, piece.arrow)
                    self.down(x, start + piece.height, bottom)
                elif shortcut:
                    self.line(elbow(x, y, column, top) + back(column, x, bottom), shortcut=True)
                else:
                    end = start - 4 if piece.arrow else start
                    self.line(elbow(x, y, column, end), (column, start) if piece.arrow else None)
                    self.line(f"M{column:.1f} {start + piece.height:.1f}" + back(column, x, bottom))
                piece.draw(column, start)

        return Piece(max(middle, 0), max(at - middle, 0), height + 2 * BUS, draw)
