"""The words and figures of a diagram: the name of each node, its colours, its costs and the shapes around it."""

from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from cnnlib.analysis.drawing.graph import Graph, Node, attached, main_place, operation_kind
from cnnlib.analysis.trace import Layer

COSTS = {"params": "parameters", "macs": "MACs", "output_bytes": "output bytes"}
CHIPS = {
    "batch_norm": "BN", "local_response_norm": "LRN", "group_norm": "GN", "layer_norm": "LN", "instance_norm": "IN",
    "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "gelu": "GELU", "leaky_relu": "leaky ReLU", "div": "scaled",
    "mul": "scaled", "add": "shifted", "sub": "shifted", "pad": "zero pad", "mean": "mean", "sum": "sum",
}  # fmt: skip
JOIN_NAMES = {"add": "+", "cat": "concat", "mul": "×", "sub": "−", "div": "÷", "maximum": "max", "stack": "stack"}
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")  # no names to show
SPOKEN = {"+": "addition", "concat": "concatenation", "BN": "batch norm", "LRN": "local response norm"}

# ------------------------------------------------------------------------------------------------ words


def window_text(sizes: tuple[int, ...]) -> str:
    """A stride: 2, or 2×1 where the axes differ."""
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))


def main_label(row: Layer) -> str:
    """The name of an operation: "7×7 conv, 64, /2"."""
    op, out = row.op, row.out_shape
    kernel = "×".join(map(str, row.window[0])) if row.window else ""
    stride = f", /{window_text(row.window[1])}" if row.window and max(row.window[1]) > 1 else ""
    if op.startswith("conv_transpose"):
        return f"{kernel} transposed conv, {out[0]}" + stride.replace("/", "×")
    if operation_kind(row) == "conv" and row.window:
        groups = prod(out) * row.in_shape[0] * prod(row.window[0]) // row.macs
        depthwise = groups == row.in_shape[0] > 1
        how = "depthwise conv" if depthwise else f"conv, {groups} groups" if groups > 1 else "conv"
        return f"{kernel} {how}, {out[0]}{stride}"
    if operation_kind(row) == "pool":
        name = "max pool" if "max" in op else "sum" if op == "sum" else "avg pool"
        if prod(out[1:]) == 1:
            return f"global {name}"
        return f"{kernel} {name}{stride}" if kernel else f"{name} to {'×'.join(map(str, out[1:]))}"
    if operation_kind(row) == "linear":
        return f"linear, {out[-1]}"
    if operation_kind(row) == "join":
        return JOIN_NAMES.get(op, op.replace("_", " "))
    step = row.in_shape[-1] // out[-1] if op == "slice" and out[-1] else 1
    if step > 1:
        return f"every {'2nd' if step == 2 else f'{step}th'} position"
    return CHIPS.get(op, op.replace("_", " "))


@dataclass
class Words:
    """The words of a node: `name` and `times`, the operations before and after the main one (kind, text), and `more`."""

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
    k = main_place(rows)
    chips = [(operation_kind(row), CHIPS.get(row.op, row.op.replace("_", " "))) for row in rows]
    if rows[k].op == "stack" and len(rows) > k + 1:  # a mean of branches
        return Words(rows[k + 1].op, chips[:k], chips[k + 2 :])
    if attached(rows[k]):
        return Words(chips[0][1], [], chips[1:])
    return Words(main_label(rows[k]), chips[:k], chips[k + 1 :])


def shape_range(shapes: list[tuple[int, ...]]) -> str:
    """A shape, "64×56×56"; of repeats that differ the range, "64–224×56×56"."""
    first, last = shapes[0], shapes[-1]
    if len(first) != len(last):
        return "×".join(map(str, last))
    return "×".join(str(a) if a == b else f"{a}–{b}" for a, b in zip(first, last, strict=True))


# ------------------------------------------------------------------------------------------------ the labels


class Labels:
    """Words and figures for the nodes of `graph`, whose rows are `rows`.

    `classes` has the class of each module by its path, `input_sizes` (C, H, W) for each input of the network. `color` is
    the cost whose shares are shown, or "operation".
    """

    def __init__(
        self,
        rows: list[Layer],
        graph: Graph,
        classes: dict[str, str],
        input_sizes: tuple[tuple[int, ...], ...],
        color: str,
    ) -> None:
        self.rows, self.graph, self.input_sizes, self.color = rows, graph, input_sizes, color
        bare = {path: name.lstrip("_") for path, name in classes.items()}
        self.classes = {path: name for path, name in bare.items() if name not in CONTAINERS}
        self.total = sum(getattr(row, color) for row in rows) if color in COSTS else 0

    def words(self, node: Node) -> Words:
        """How a node is called."""
        times = f" × {node.paths} side by side" if node.paths > 1 else ""
        times += f" × {node.times}" if node.times > 1 else ""
        if not node.parts:
            words = unit_words([self.rows[i] for i in node.rows])
            words.times = times
            return words
        name, module = node.name, self.class_name(node)
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
            named_alike = module.lower().replace("_", "") in name.lower().replace(
                "_", ""
            )  # inception3a is an Inception
            words = Words(name, times=times, more=more or module * (not named_alike))
        if not words.more and not node.opened:
            words.more = self.summary(node)
        return words

    def class_name(self, node: Node) -> str:
        """The class of a module, or of the module around it that gives it its name; empty for a container."""
        for end in range(len(node.path), 0, -1):
            found = self.classes.get(".".join(node.path[:end]), "")
            if found or node.path[end - 1] == node.name:
                return found
        return ""

    def summary(self, node: Node) -> str:
        """How many convolutions are in a module that stays closed, and their stride."""
        rows = [self.rows[i] for i in node.rows]
        convs = sum(operation_kind(row) == "conv" for row in rows)
        strides = {row.window[1] for row in rows if row.window and max(row.window[1]) > 1}
        stride = f", /{window_text(max(strides))}" if len(strides) == 1 else ""
        return f"{convs} conv{stride}" if convs else ""

    def kinds(self, node: Node) -> list[str]:
        """The kinds of operations in a node; of a unit that of its main operation."""
        rows = [self.rows[i] for i in node.rows]
        if not node.parts:
            return [operation_kind(rows[main_place(rows)])]
        return list(dict.fromkeys(operation_kind(row) for row in rows if operation_kind(row) != "other")) or ["other"]

    def tooltip(self, node: Node) -> str:
        """Where a node comes from and what it costs."""
        path = ".".join(node.path)
        names = path if node.parts else ", ".join(dict.fromkeys(self.rows[i].name for i in node.rows))
        costs = [f"{self.cost(node, cost):,} {word}" for cost, word in COSTS.items()]
        occurs = f"; {len(node.ranges)} times, in all" if len(node.ranges) > 1 else ""
        return f"{names}{occurs}: {', '.join(costs)}; output {shape_range(self.leaving(node, node))}"

    def cost(self, node: Node, cost: str) -> int:
        """The cost of all that a node stands for."""
        return sum(getattr(self.rows[i], cost) for rows in node.ranges for i in rows)

    def share(self, node: Node) -> float:
        """The share of a node in the cost that is shown; 0 where none is shown."""
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
        return [self.rows[rows.start].in_shape for rows in node.ranges if rows] or [self.input_sizes[0]]

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

        `whole`: the part belongs to the network itself, not to a module in it.
        """
        kinds = self.kinds(part)
        if kinds == ["linear"] or after == before:
            return False
        return whole or kinds != ["conv"] or [shape[1:] for shape in after] != [shape[1:] for shape in before]
