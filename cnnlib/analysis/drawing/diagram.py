"""A diagram of a traced network: an SVG and a text that say the same, both made from `graph.Graph`."""

from functools import cached_property
from html import escape
from pathlib import Path

from cnnlib import palette
from cnnlib.analysis.drawing.graph import Graph, Node
from cnnlib.analysis.drawing.labels import COSTS, Labels, shape_range
from cnnlib.analysis.drawing.layout import (
    GAP,
    Layout,
    Parallel,
    decompose,
    heading,
    reads_text,
    rect,
    small,
    text_width,
)
from cnnlib.analysis.trace import Layer

RULES = """
.cnn-diagram .d-box,.cnn-diagram .d-frame{fill:var(--cnn-surface);stroke:var(--cnn-line)}
.cnn-diagram .d-inner{fill:var(--cnn-sunken);stroke:var(--cnn-line)}
.cnn-diagram .d-share{fill:var(--cnn-accent)}
.cnn-diagram .d-edge{fill:none;stroke:var(--cnn-muted);stroke-width:1.3}
.cnn-diagram .d-tip{fill:var(--cnn-muted)}
.cnn-diagram .d-shortcut{fill:none;stroke:var(--cnn-join);stroke-width:2}
.cnn-diagram .d-other{fill:var(--cnn-line)}
.cnn-diagram text{fill:var(--cnn-text);font:13px Arial,Helvetica,sans-serif}
.cnn-diagram .d-name{font-weight:700}
.cnn-diagram .d-small{fill:var(--cnn-muted);font-size:11.5px}
.cnn-diagram .d-strong,.cnn-diagram .d-shaded .d-small{fill:var(--cnn-text)}
""".strip()
RULES += "".join(f"\n.cnn-diagram .d-{name}{{fill:var(--cnn-{name})}}" for name in palette.MARKS)
FIGURE = """
.cnn-diagram.cnn-diagram{margin:1em 0;padding:0;overflow-x:auto;background:none}
.cnn-diagram.cnn-diagram>svg{display:block;margin:0 auto;height:auto;max-width:100%}
""".strip()

# ------------------------------------------------------------------------------------------------ the diagram


class Diagram:
    """A picture of a network. It shows itself in notebooks; `svg` is a file of its own, `alt` says the same in words.

    `rows` are the operations of the network `name`, `classes` the class of each module by its path, `input_sizes`
    (C, H, W) for each input. `depth` is how many levels of modules are opened, at least 1 (a wrapper like torchvision's
    `features` is none); None opens as many as a reader can take in, and where blocks are many, one of each kind. What
    repeats is folded. `color` is "operation", or a cost whose shares are shown: "params", "macs" or "output_bytes".

    Raises ValueError for another `color`, or a depth under 1.
    """

    def __init__(
        self,
        name: str,
        rows: list[Layer],
        classes: dict[str, str],
        input_sizes: tuple[tuple[int, ...], ...],
        depth: int | None = None,
        color: str = "operation",
    ) -> None:
        if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
            raise ValueError(f"depth={depth!r} is no number of levels; give 1 or more, or None for what is readable")
        if color != "operation" and color not in COSTS:
            known = ", ".join(f'"{cost}"' for cost in ("operation", *COSTS))
            raise ValueError(f"color={color!r} is unknown; there are {known}")
        self.name, self.rows = name, rows
        self.graph = Graph(rows, depth)
        self.labels = Labels(rows, self.graph, classes, input_sizes, color)
        layout = Layout(self.graph, self.labels)
        self.width, self.height, self.body = self.draw(layout)
        self.places = layout.places

    # ------------------------------------------------------------------------------------------------- the picture

    def ends(self) -> tuple[str, str]:
        """What enters the network and what leaves it."""
        given = " and ".join(shape_range([size]) for size in self.labels.input_sizes)
        unread = [row.out_shape for row, readers in zip(self.rows, self.graph.readers, strict=True) if not readers]
        return f"input {given}", f"output {' and '.join(shape_range([shape]) for shape in unread) or given}"

    def draw(self, layout: Layout) -> tuple[int, int, str]:
        """Width, height and marks of the whole picture."""
        inner = layout.inside(self.graph.root)
        given, result = self.ends()
        widths = [text_width(words) + 24 for words in (given, result)]
        left = max(inner.left, *(width / 2 for width in widths)) + 2
        right = max(inner.right, *(width / 2 for width in widths)) + 2
        note = f"share of {self.labels.total:,} {COSTS[self.labels.color]}" if self.labels.total else ""
        right = max(right, text_width(note, 11.5) + 4 - left)
        top, ends = 2 + 28, []
        bottom = top + GAP + inner.height + GAP
        for words, width, y in zip((given, result), widths, (2, bottom), strict=True):
            ends.append(rect("d-box", left - width / 2, y, width, 28, 14))
            ends.append(heading(left - width / 2 + 12, y + 18.5, "", words))
        layout.down(left, top, top + GAP, inner.arrow)
        inner.draw(left, top + GAP)
        layout.down(left, bottom - GAP, bottom, True)
        height = bottom + 30
        if note:
            ends.append(small(2, height + 15, note))
            height += 22
        return round(left + right), round(height), "\n".join(layout.frames + layout.lines + ends + layout.boxes)

    def document(self, attributes: str, style: str = "") -> str:
        """The `<svg>` element. It has no ids: a page may show one picture twice."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-label="{escape(f"{self.title}. {self.alt}")}"{attributes}>\n'
            f"<title>{escape(self.title)}</title>\n{style}{self.body}\n</svg>"
        )

    @property
    def svg(self) -> str:
        """The picture as a file of its own: light, or dark where the reader's system is."""

        def rules(colours: dict[str, str]) -> str:
            css = RULES + "\n.cnn-diagram{background:var(--cnn-surface)}"
            for name, value in colours.items():
                css = css.replace(f"var(--cnn-{name})", value)
            return css

        dark = f"@media (prefers-color-scheme:dark){{\n{rules(palette.DARK)}\n}}"
        return self.document(' class="cnn-diagram"', f"<style>\n{rules(palette.LIGHT)}\n{dark}\n</style>\n")

    def _repr_html_(self) -> str:
        least = min(self.width, max(340, round(0.74 * self.width)))  # on a phone text of 13 pixels is at least 9.6
        style = f"<style>\n{palette.themed('.cnn-diagram')}\n{RULES}\n{FIGURE}\n</style>"
        svg = self.document(f' style="min-width:{least}px"')
        return f'<figure class="cnn-diagram">\n{style}\n{svg}\n</figure>'

    def save(self, path: str | Path) -> None:
        """Writes `svg` to a file."""
        Path(path).write_text(self.svg, encoding="utf-8")

    # ------------------------------------------------------------------------------------------------- in words

    @property
    def title(self) -> str:
        """What the picture is of."""
        what = f", shares of {COSTS[self.labels.color]}" if self.labels.total else ""
        return f"Diagram of {self.name}{what}"

    def told(self, node: Node) -> list:
        """An opened node in words: a list of lines, each followed by a list of its own where there is more inside it."""
        edges = self.graph.edges(node)
        series = decompose(len(node.parts), edges)
        if series is not None:
            return self.told_series(series, node)
        told = []
        for k in range(len(node.parts)):
            lines = self.told_series([k], node)
            told += [f"{k + 1}: {lines[0]}, {reads_text(k, edges)}", *lines[1:]]
        return told

    def told_series(self, series: list, node: Node) -> list:
        """Some of the parts of `node` in words."""
        told: list = []
        shapes = self.labels.entering(node)
        for item in series:
            if isinstance(item, Parallel):
                told += [f"{len(item.branches)} branches", []]
                for k, branch in enumerate(item.branches, 1):
                    told[-1] += [f"branch {k}", self.told_series(branch, node)] if branch else ["shortcut"]
                continue
            part = node.parts[item]
            share, after = self.labels.share_text(part), self.labels.leaving(part, node)
            changed = self.labels.changes(part, shapes, after, whole=False)
            extra = [share, "to " + shape_range(after) if changed else ""]
            told.append(", ".join([self.labels.words(part).spoken(), *filter(None, extra)]))
            if part.opened:
                told.append(self.told(part))
            shapes = after
        return told

    @cached_property
    def story(self) -> list:
        """The whole network in words, as `told` has it."""
        given, result = self.ends()
        return [given, *self.told(self.graph.root), result]

    @property
    def alt(self) -> str:
        """What the picture shows, as a paragraph."""

        def joined(told: list) -> str:
            words = ""
            for item in told:
                words += f" ({joined(item)})" if isinstance(item, list) else f"; {item}" if words else item
            return words

        return f"{self.name}: {joined(self.story)}."

    def __repr__(self) -> str:
        def lines(told: list, indent: str) -> list[str]:
            found = []
            for item in told:
                found += lines(item, indent + "  ") if isinstance(item, list) else [indent + item]
            return found

        return "\n".join([self.title, *lines(self.story, "  ")])
