"""A diagram of a traced network: an SVG and a text that say the same, both made from `graph.Graph`."""

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlib import palette
from cnnlib.analysis.graph import Graph, Node, attached, kind, main
from cnnlib.analysis.layout import (
    GAP,
    Drawing,
    Parallel,
    Tangle,
    decompose,
    heading,
    rect,
    size_text,
    small,
    text_width,
)
from cnnlib.analysis.trace import Layer

if TYPE_CHECKING:
    from cnnlib.analysis.anatomy import Anatomy

COSTS = {"params": "parameters", "macs": "MACs", "output_bytes": "output bytes"}
CHIPS = {
    "batch_norm": "BN", "local_response_norm": "LRN", "group_norm": "GN", "layer_norm": "LN", "instance_norm": "IN",
    "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "gelu": "GELU", "leaky_relu": "leaky ReLU", "div": "scaled",
    "mul": "scaled", "add": "shifted", "sub": "shifted", "pad": "zero pad", "mean": "mean", "sum": "sum",
}  # fmt: skip
JOIN_NAMES = {"add": "+", "cat": "concat", "mul": "×", "sub": "−", "div": "÷", "maximum": "max", "stack": "stack"}
SPOKEN = {"+": "addition", "concat": "concatenation", "BN": "batch norm", "LRN": "local response norm"}

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

# ------------------------------------------------------------------------------------------------ words


def window_text(sizes: tuple[int, ...]) -> str:
    """A stride: 2, or 2×1 where the axes differ."""
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))


def main_label(row: Layer) -> str:
    """What an operation is called: "7×7 conv, 64, /2"."""
    op, out = row.op, row.out_shape
    kernel = "×".join(map(str, row.window[0])) if row.window else ""
    stride = f", /{window_text(row.window[1])}" if row.window and max(row.window[1]) > 1 else ""
    if op.startswith("conv_transpose"):
        return f"{kernel} transposed conv, {out[0]}" + stride.replace("/", "×")
    if kind(row) == "conv" and row.window:
        groups = prod(out) * row.in_shape[0] * prod(row.window[0]) // row.macs
        depthwise = groups == row.in_shape[0] > 1
        how = "depthwise conv" if depthwise else f"conv, {groups} groups" if groups > 1 else "conv"
        return f"{kernel} {how}, {out[0]}{stride}"
    if kind(row) == "pool":
        name = "max pool" if "max" in op else "sum" if op == "sum" else "avg pool"
        if prod(out[1:]) == 1:
            return f"global {name}"
        return f"{kernel} {name}{stride}" if kernel else f"{name} to {'×'.join(map(str, out[1:]))}"
    if kind(row) == "linear":
        return f"linear, {out[-1]}"
    if kind(row) == "join":
        return JOIN_NAMES.get(op, op.replace("_", " "))
    step = row.in_shape[-1] // out[-1] if op == "slice" and out[-1] else 1
    if step > 1:
        return f"every {'2nd' if step == 2 else f'{step}th'} position"
    return CHIPS.get(op, op.replace("_", " "))


@dataclass
class Words:
    """How a node is called: `name` and `times`, what goes with its main operation (kind, text), and `more`."""

    name: str
    before: list[tuple[str, str]] = field(default_factory=list)
    after: list[tuple[str, str]] = field(default_factory=list)
    times: str = ""
    more: str = ""

    def spoken(self) -> str:
        """All of it in a line."""
        parts = [word for _, word in self.before] + [self.name] + [word for _, word in self.after]
        line = ", ".join(SPOKEN.get(part, part) for part in parts) + self.times
        line = f"{line} ({self.more})" if self.more else line
        return line.replace(", /", ", stride ").replace("avg pool", "average pool").replace(" conv)", " convolutions)")


def unit_words(rows: list[Layer]) -> Words:
    """How a unit is called."""
    rows = [row for i, row in enumerate(rows) if i == 0 or not row.op == rows[i - 1].op == "add"]  # a sum of many
    k = main(rows)
    chips = [(kind(row), CHIPS.get(row.op, row.op.replace("_", " "))) for row in rows]
    if rows[k].op == "stack" and len(rows) > k + 1:  # a mean of branches
        return Words(rows[k + 1].op, chips[:k], chips[k + 2 :])
    if attached(rows[k]):
        return Words(chips[0][1], [], chips[1:])
    return Words(main_label(rows[k]), chips[:k], chips[k + 1 :])


# ------------------------------------------------------------------------------------------------ the diagram


class Diagram:
    """A picture of a network. It shows itself in notebooks; `svg` is a file of its own, `alt` says the same in words."""

    def __init__(self, anatomy: "Anatomy", depth: int | None, color: str) -> None:
        self.anatomy = anatomy
        self.rows = anatomy.layers
        self.graph = Graph(self.rows, depth)
        self.color = color
        self.total = sum(getattr(row, color) for row in self.rows) if color in COSTS else 0
        drawing = Drawing(self)
        self.places = drawing.places
        self.width, self.height, self.body = self.draw(drawing)

    # ------------------------------------------------------------------------------------------------- what nodes say

    @cached_property
    def classes(self) -> dict[str, str]:
        """The class of each module that is not a mere container, by its path."""
        names = {path: type(module).__name__.lstrip("_") for path, module in self.anatomy.network.named_modules()}
        return {path: name for path, name in names.items() if name not in ("Sequential", "ModuleList", "ModuleDict")}

    def words(self, node: Node) -> Words:
        """How a node is called."""
        times = f" × {node.paths} side by side" if node.paths > 1 else ""
        times += f" × {node.times}" if node.times > 1 else ""
        if not node.parts:
            words = unit_words([self.rows[i] for i in node.rows])
            words.times = times
            return words
        name, module = node.name, self.module(node)
        more = "each reads all before" if node.grows else ""
        if not name:  # a pattern without a module of its own
            words = Words("", times=times.lstrip(), more=more)
        elif module and (times or name.isdigit()) and (name == node.path[-1] or name.isdigit()):
            words = Words(module, times=times, more=more)
        elif times and module:  # a stage of blocks that are all alike
            words = Words(name, times=f": {module}{times}", more=more)
        else:
            if name.isdigit():  # in a list of modules
                name = node.path[-2] if node.paths > 1 else " ".join(node.path[-2:])
            said = module.lower().replace("_", "") in name.lower().replace("_", "")  # inception3a is an Inception
            words = Words(name, times=times, more=more or module * (not said))
        if not words.more and not node.opened:
            words.more = self.summary(node)
        return words

    def module(self, node: Node) -> str:
        """The class of a module, or of the one around it that it is called by; empty for a container."""
        for end in range(len(node.path), 0, -1):
            found = self.classes.get(".".join(node.path[:end]), "")
            if found or node.path[end - 1] == node.name:
                return found
        return ""

    def summary(self, node: Node) -> str:
        """How many convolutions are in a module that stays closed, and their stride."""
        rows = [self.rows[i] for i in node.rows]
        convs = sum(kind(row) == "conv" for row in rows)
        strides = {row.window[1] for row in rows if row.window and max(row.window[1]) > 1}
        stride = f", /{window_text(max(strides))}" if len(strides) == 1 else ""
        return f"{convs} conv{stride}" if convs else ""

    def kinds(self, node: Node) -> list[str]:
        """The kinds of operations in a node; of a unit that of its main operation."""
        rows = [self.rows[i] for i in node.rows]
        if not node.parts:
            return [kind(rows[main(rows)])]
        return list(dict.fromkeys(kind(row) for row in rows if kind(row) != "other")) or ["other"]

    def tooltip(self, node: Node) -> str:
        """Where a node comes from and what it costs."""
        path = ".".join(node.path)
        names = path if node.parts else ", ".join(dict.fromkeys(self.rows[i].name for i in node.rows))
        costs = [f"{self.cost(node, cost):,} {word}" for cost, word in COSTS.items()]
        occurs = f"; {len(node.ranges)} times, in all" if len(node.ranges) > 1 else ""
        return f"{names}{occurs}: {', '.join(costs)}; output {size_text(self.leaving(node, node))}"

    def cost(self, node: Node, cost: str) -> int:
        """The cost of all that a node stands for."""
        return sum(getattr(self.rows[i], cost) for rows in node.ranges for i in rows)

    def share(self, node: Node) -> float:
        """What part of the cost that is shown a node has; 0 where none is."""
        return self.cost(node, self.color) / self.total if self.total else 0.0

    def share_text(self, node: Node) -> str:
        """The share of a node in the cost that is shown; empty where it has none."""
        percent = 100 * self.share(node)
        if percent < 0.1:
            return "<0.1%" if percent else ""
        return f"{percent:.1f}%" if percent < 10 else f"{percent:.0f}%"

    def shade(self, node: Node) -> float:
        """How opaque a node is: text stays readable at the most."""
        return 0.4 * self.share(node) / self.most if self.total else 0.0

    @cached_property
    def most(self) -> float:
        """The largest share of a closed node."""

        def closed(node: Node) -> list[Node]:
            return [below for part in node.parts for below in closed(part)] if node.opened else [node]

        return max(map(self.share, closed(self.graph.root))) or 1.0

    def entering(self, node: Node) -> list[tuple[int, ...]]:
        """What enters an opened node, each time that it occurs."""
        return [self.rows[rows.start].in_shape for rows in node.ranges if rows] or [self.anatomy.input_size]

    def leaving(self, part: Node, node: Node) -> list[tuple[int, ...]]:
        """What leaves a part of `node`, each time that `node` occurs."""
        last = {}
        for whole in node.ranges:
            for rows in part.ranges:
                if rows.start in whole:
                    last[whole.start] = self.rows[rows[-1]].out_shape
        return list(last.values())

    def changes(self, part: Node, before: list, after: list, whole: bool) -> bool:
        """Whether the shape after a part is worth a word: new height and width, or channels that no label tells.

        `whole`: the part is one of the network's own, not of a module's.
        """
        kinds = self.kinds(part)
        if kinds == ["linear"] or after == before:
            return False
        return whole or kinds != ["conv"] or [shape[1:] for shape in after] != [shape[1:] for shape in before]

    # ------------------------------------------------------------------------------------------------- the picture

    def ends(self) -> tuple[str, str]:
        """What enters the network and what leaves it."""
        given = " and ".join(size_text([size]) for size in self.anatomy.input_sizes)
        unread = [row.out_shape for row, readers in zip(self.rows, self.graph.readers, strict=True) if not readers]
        return f"input {given}", f"output {' and '.join(size_text([shape]) for shape in unread) or given}"

    def draw(self, drawing: Drawing) -> tuple[int, int, str]:
        """Width, height and marks of the whole picture."""
        inner = drawing.parts(self.graph.root)
        given, result = self.ends()
        widths = [text_width(words) + 24 for words in (given, result)]
        left = max(inner.left, *(width / 2 for width in widths)) + 2
        right = max(inner.right, *(width / 2 for width in widths)) + 2
        note = f"share of {self.total:,} {COSTS[self.color]}" if self.total else ""
        right = max(right, text_width(note, 11.5) + 4 - left)
        top, ends = 2 + 28, []
        bottom = top + GAP + inner.height + GAP
        for words, width, y in zip((given, result), widths, (2, bottom), strict=True):
            ends.append(rect("d-box", left - width / 2, y, width, 28, 14))
            ends.append(heading(left - width / 2 + 12, y + 18.5, "", words))
        drawing.down(left, top, top + GAP, inner.arrow)
        inner.draw(left, top + GAP)
        drawing.down(left, bottom - GAP, bottom, True)
        height = bottom + 30
        if note:
            ends.append(small(2, height + 15, note))
            height += 22
        return round(left + right), round(height), "\n".join(drawing.frames + drawing.lines + ends + drawing.boxes)

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
        what = f", shares of {COSTS[self.color]}" if self.total else ""
        return f"Diagram of {self.anatomy.model}{what}"

    def told(self, node: Node) -> list:
        """An opened node in words: a list of lines, each followed by a list of its own where there is more inside it."""
        edges = self.graph.edges(node)
        series = decompose(len(node.parts), edges)
        if not any(isinstance(item, Tangle) for item in series):
            return self.told_series(series, node)
        told = []
        for k in range(len(node.parts)):
            reads = ["the input" if a < 0 else str(a + 1) for a, b in edges if b == k]
            lines = self.told_series([k], node)
            told += [f"{k + 1}: {lines[0]}, reads {' and '.join(reads)}", *lines[1:]]
        return told

    def told_series(self, series: list, node: Node) -> list:
        """Some of the parts of `node` in words."""
        told: list = []
        shapes = self.entering(node)
        for item in series:
            if isinstance(item, Parallel):
                told += [f"{len(item.branches)} branches", []]
                for k, branch in enumerate(item.branches, 1):
                    told[-1] += [f"branch {k}", self.told_series(branch, node)] if branch else ["shortcut"]
                continue
            part = node.parts[item]
            share, after = self.share_text(part), self.leaving(part, node)
            changed = self.changes(part, shapes, after, whole=False)
            extra = [share, "to " + size_text(after) if changed else ""]
            told.append(", ".join([self.words(part).spoken(), *filter(None, extra)]))
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

        return f"{self.anatomy.model}: {joined(self.story)}."

    def __repr__(self) -> str:
        def lines(told: list, indent: str) -> list[str]:
            found = []
            for item in told:
                found += lines(item, indent + "  ") if isinstance(item, list) else [indent + item]
            return found

        return "\n".join([self.title, *lines(self.story, "  ")])


def diagram(anatomy: "Anatomy", depth: int | None = None, color: str = "operation") -> Diagram:
    """A picture of the network that `anatomy` has traced, from top to bottom.

    `depth` is how many levels of modules are opened, at least 1 (a wrapper like torchvision's `features` is none);
    None opens as many as one can take in, and where blocks are many, one of each kind. What repeats is folded. `color`
    is "operation", or a cost whose shares are shown: "params", "macs" or "output_bytes".

    Raises ValueError for another `color`, or a depth under 1.
    """
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise ValueError(f"depth={depth!r} is no number of levels; give 1 or more, or None for what is readable")
    if color != "operation" and color not in COSTS:
        known = ", ".join(f'"{name}"' for name in ("operation", *COSTS))
        raise ValueError(f"color={color!r} is unknown; there are {known}")
    return Diagram(anatomy, depth, color)
