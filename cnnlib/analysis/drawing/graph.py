"""The boxes of a diagram: operations joined to units, units in their modules, repeats folded.

A unit is one convolution, linear layer, pooling or join with the normalisation and activation that go with it. Modules
are found by the paths of the rows. Consecutive parts that are alike in operations, windows, shapes and connections are
folded into one, whatever their names are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from cnnlib.analysis.rules.joining import JOINS
from cnnlib.analysis.rules.moving import REDUCTIONS
from cnnlib.analysis.rules.pointwise import POINTWISE
from cnnlib.analysis.trace import Layer

Path = tuple[str, ...]
SOURCE = -1  # where the edges into a node's parts begin …
SINK = -2  # … and where those out of them end
MOST_ALIKE = 2  # modules side by side; where more are alike, the first stands for all
ENOUGH, MOST = 24, 40  # boxes: up to the first number all are opened; the second is as many as a reader can take in


@dataclass(eq=False)
class Node:
    """A unit, or a module with its `parts`, which are drawn if it is `opened`."""

    ranges: list[range]  # the numbers of its rows: a range for each time that it occurs
    path: Path = ()  # of its module
    name: str = ""  # of its module, or of a module around it that holds nothing else
    parts: list["Node"] = field(default_factory=list)
    times: int = 1  # how often it follows itself
    paths: int = 1  # how many of it lie side by side between the same two places
    grows: bool = False  # whether it reads more channels each time, as a layer of a dense block does
    opened: bool = False

    @property
    def rows(self) -> range:
        """The rows of its first occurrence."""
        return self.ranges[0]

    def visible(self) -> int:
        """How many boxes are drawn for it."""
        return sum(part.visible() for part in self.parts) if self.opened else 1

    def units(self) -> Iterator["Node"]:
        """It and all below it that have no parts."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.units()


# ------------------------------------------------------------------------------------------------ operations to units


def operation_kind(row: Layer) -> str:
    """Which of the palette's colours an operation has; "other" for none."""
    op = row.op
    if op.startswith("conv"):
        return "conv"
    if "norm" in op:
        return "norm"
    if "pool" in op or (op in REDUCTIONS and len(row.in_shape) > 1):
        return "pool"
    if op in ("linear", "matmul", "bmm"):
        return "linear"
    if len(row.inputs) > 1 or op in ("cat", "stack"):
        return "join"
    return "activation" if op in POINTWISE and "dropout" not in op else "other"


def attached(row: Layer) -> bool:
    """Whether an operation goes with its neighbour: normalisation, activation, dropout, scaling."""
    scaling = row.op in JOINS and len(row.inputs) == 1
    return operation_kind(row) in ("norm", "activation") or row.op in POINTWISE or scaling


def continues_step(rows: list[Layer], i: int) -> bool:
    """Whether row `i` continues the step of the row before it.

    So do the mean of stacked maps, zeros behind every 2nd position, and a sum of more than two maps.
    """
    before = rows[i - 1].op if i else ""
    if before == rows[i].op == "add" and len(rows[i].inputs) > 1 < len(rows[i - 1].inputs):
        return i - 1 in rows[i].inputs
    if rows[i].inputs != (i - 1,):
        return False
    return (before == "stack" and rows[i].op in REDUCTIONS) or (before == "slice" and rows[i].op == "pad")


def homes(rows: list[Layer]) -> list[Path]:
    """The module that each row is a part of. One that only normalises and activates is not told from its parent."""
    paths = [tuple(row.name.split(".")[:-1]) for row in rows]
    real = {path[:n] for row, path in zip(rows, paths, strict=True) if not attached(row) for n in range(len(path) + 1)}
    return [next(path[:n] for n in range(len(path), -1, -1) if path[:n] in real or n == 0) for path in paths]


def find_units(rows: list[Layer]) -> list[Node]:
    """The rows as units, in the order in which they ran."""
    paths = homes(rows)
    readers = Counter(i for row in rows for i in set(row.inputs))
    units: list[Node] = []
    segment: list[int] = []

    def finish() -> None:
        mains = [i for i in segment if not attached(rows[i]) and (i == segment[0] or not continues_step(rows, i))]
        first = rows[segment[0]]
        before = (
            mains and operation_kind(first) in ("norm", "activation") and segment[-1] == mains[-1]
        )  # norm, ReLU, conv
        ends = [i + 1 for i in mains] if before else [*mains[1:], segment[-1] + 1]
        for start, end in zip([segment[0], *ends], ends, strict=False):
            units.append(Node([range(start, end)], paths[segment[0]]))

    for i, row in enumerate(rows):
        joined = continues_step(rows, i) and readers[i - 1] == 1
        if segment and not joined and set(row.inputs) == {i - 1} and readers[i - 1] == 1:
            inside, here = paths[segment[0]], paths[i]
            outside = attached(row) and not row.params and inside[: len(here)] == here  # forward's own F.relu
            joined = (here == inside or outside) and not (
                operation_kind(row) == "norm" and operation_kind(rows[i - 1]) == "join"
            )
        if segment and not joined:
            finish()
            segment = []
        segment.append(i)
    if segment:
        finish()
    return units


def main_place(rows: list[Layer]) -> int:
    """The place in a unit of the operation that names it."""
    return next((i for i, row in enumerate(rows) if not attached(row)), 0)


# ------------------------------------------------------------------------------------------------ units to modules


class Graph:
    """The network as a tree of nodes: `root` is the whole. `depth` levels are opened, None for as many as are readable."""

    def __init__(self, rows: list[Layer], depth: int | None = None) -> None:
        self.rows = rows
        self.readers: list[list[int]] = [[] for _ in rows]
        for i, row in enumerate(rows):
            for source in row.inputs:
                if source >= 0:
                    self.readers[source].append(i)
        self.root = Node([range(len(rows))], parts=self.modules(find_units(rows), ()))
        self.unwrap()
        self.tidy(self.root)
        self.root.opened = True
        if depth is None:
            self.open_readable()
        else:
            self.open_levels(self.root, depth)

    def modules(self, units: list[Node], path: Path) -> list[Node]:
        """`units`, all below the module at `path`, put into its direct parts."""
        level = len(path)
        runs = [(head, list(run)) for head, run in groupby(units, lambda unit: unit.path[: level + 1])]
        named = Counter(head for head, _ in runs)
        parts: list[Node] = []
        for head, inside in runs:
            if len(head) == level:
                parts.extend(inside)
                continue
            below = self.modules(inside, head)
            others = {self.rows[i].name for other, run in runs if other == head for unit in run for i in unit.rows}
            own = {self.rows[i].name for unit in inside for i in unit.rows}
            if len(below) == 1 and below[0].parts:  # a stage of one block, a block in a container
                below[0].name = head[-1]
            if len(below) == 1 or (named[head] > 1 and own != others):  # a list of columns, run a piece at a time
                parts.extend(below)
            else:
                parts.append(Node([range(inside[0].rows.start, inside[-1].rows.stop)], head, head[-1], below))
        return parts

    def unwrap(self) -> None:
        """Puts the parts of a wrapper, like torchvision's `features`, into its place: it holds nearly all there is."""
        while True:
            parts = self.root.parts
            largest = max(parts, key=lambda part: len(part.rows), default=None)
            if largest is None or not largest.parts or 2 * len(largest.rows) <= len(self.rows):
                return
            if any(below.parts for part in parts if part is not largest for below in part.parts):
                return  # its neighbours are stages too
            i = parts.index(largest)
            self.root.parts = [*parts[:i], *largest.parts, *parts[i + 1 :]]

    def tidy(self, node: Node) -> None:
        """Takes the frames from branches and folds repeats, from the inside out."""
        for part in node.parts:
            self.tidy(part)
        node.parts = self.bundled(node.parts)
        node.parts = self.folded(node)
        if not self.chain(node, node.parts):
            parts = []
            for part in node.parts:
                branch = part.times == part.paths == 1 and not any(below.parts for below in part.parts)
                parts.extend(part.parts if part.parts and branch and self.chain(part, part.parts) else [part])
            node.parts = parts
        if len(node.parts) == 1 and node.parts[0].parts and node is not self.root:  # a stage of equal blocks
            only = node.parts[0]
            node.parts, node.path, node.ranges = only.parts, only.path, only.ranges
            node.times, node.paths, node.grows = only.times, only.paths, only.grows

    def edges(self, node: Node, parts: list[Node] | None = None) -> list[tuple[int, int]]:
        """(from, to) for each connection between the parts of `node`, as places in `parts`; SOURCE and SINK outside."""
        inside = node.rows
        parts = node.parts if parts is None else parts
        place = {i: k for k, part in enumerate(parts) for rows in part.ranges if rows.start in inside for i in rows}
        found: dict[tuple[int, int], None] = {}
        for i, k in place.items():
            for source in self.rows[i].inputs:
                found[place.get(source, SOURCE), k] = None
            if not self.readers[i] or any(reader not in place for reader in self.readers[i]):
                found[k, SINK] = None
        return [(a, b) for a, b in found if a != b] if parts else [(SOURCE, SINK)]

    def chain(self, node: Node, parts: list[Node]) -> bool:
        """Whether each part reads the one before it and nothing else."""
        line = [SOURCE, *range(len(parts)), SINK]
        return set(self.edges(node, parts)) == set(pairwise(line))

    # ------------------------------------------------------------------------------------------------- repeats

    def signature(self, rows: Iterable[int], start: int, loose: bool = False) -> tuple:
        """Two parts are alike if their signatures are equal. Loose: they may read different numbers of channels."""
        found = []
        outside: dict[int, int] = {}
        for i in rows:
            row = self.rows[i]
            if loose:
                own = row.out_shape if operation_kind(row) in ("conv", "linear") else row.out_shape[1:]
                reads = tuple(dict.fromkeys(max(source - start, -1) for source in row.inputs))
                found.append((row.op, own, row.window, reads))
            else:
                reads = tuple(
                    source - start if source >= start else -1 - outside.setdefault(source, len(outside))
                    for source in row.inputs
                )
                found.append((row.op, row.in_shape, row.out_shape, row.window, row.macs, row.biased, reads))
        return tuple(found)

    def bundled(self, parts: list[Node]) -> list[Node]:
        """`parts`, in which the first of three or more alike modules with the same inputs and readers stands for all."""
        bundles: dict[tuple, list[Node]] = {}
        place = {i: k for k, part in enumerate(parts) for i in self.extent(part)}
        for k, part in enumerate(parts):
            span = self.extent(part)
            reads = tuple(sorted({source for i in span for source in self.rows[i].inputs if source not in span}))
            behind = {reader for i in span for reader in self.readers[i] if reader not in span}
            readers = frozenset(place.get(reader, SINK) for reader in behind)
            alike = (self.signature(span, span.start), self.form(part), reads, readers) if part.parts else (k,)
            bundles.setdefault(alike, []).append(part)
        result = []
        for first, *others in bundles.values():
            if len(others) < MOST_ALIKE:
                result += [first, *others]
                continue
            for other in others:
                merge(first, other)
            first.paths = 1 + len(others)
            result.append(first)
        return sorted(result, key=lambda part: part.rows.start)

    def folded(self, node: Node) -> list[Node]:
        """The parts of `node`, with repeats folded into the first."""
        parts = node.parts
        units_too = self.chain(node, parts)
        repeats = {start: (period, times, grows) for start, period, times, grows in self.repeats(parts, units_too)}
        result, k = [], 0
        while k < len(parts):
            if k not in repeats:
                result.append(parts[k])
                k += 1
                continue
            period, times, grows = repeats[k]
            copies = [parts[k + period * n : k + period * (n + 1)] for n in range(times)]
            first, *others = [
                copy[0] if period == 1 else Node([self.extent(*copy)], node.path, "", copy) for copy in copies
            ]
            for other in others:
                merge(first, other)
            first.times, first.grows = first.times * times, grows
            result.append(first)
            k += period * times
        return result

    def repeats(self, parts: list[Node], units_too: bool) -> list[tuple[int, int, int, bool]]:
        """(start, period, times, whether they grow) for the longest runs of alike parts, from the first on."""
        spans = [(part.rows.start, self.extent(part), self.form(part)) for part in parts]
        tight = [(self.signature(span, start), form) for start, span, form in spans]
        loose = [(self.signature(span, start, loose=True), form) for start, span, form in spans]
        found, k = [], 0
        while k < len(parts):
            best = (0, 0, 0, False)  # rows covered, less the period, period, times
            for period in range(1, (len(parts) - k) // 2 + 1):
                if loose[k] != loose[k + period] or 2 * period <= best[0]:
                    continue
                for signatures, grows in ((tight, False), (loose, True)):
                    times = 1
                    while signatures[k : k + period] == signatures[k + period * times : k + period * (times + 1)]:
                        times += 1
                    times = times > 1 and self.alike(parts, k, period, times, grows)
                    if times > 1 and (units_too or period > 1 or parts[k].parts):
                        best = max(best, (period * times, -period, times, grows))
            covered, period, times, grows = best
            if covered:
                found.append((k, -period, times, grows))
            k += covered or 1
        return found

    def alike(self, parts: list[Node], k: int, period: int, times: int, grows: bool) -> int:
        """How many of the `times` copies from part `k` on are connected alike, each to the one before it."""
        copies = []
        for n in range(times):
            copy = parts[k + period * n : k + period * (n + 1)]
            start = copy[0].rows.start
            rows = self.extent(*copy)
            reads = {source - start for i in rows for source in self.rows[i].inputs if source < start}
            channels = [self.rows[i].out_shape[0] for i in rows if self.rows[i].op == "cat"]
            if n and self.signature(rows, start, loose=grows) != copies[0][0]:
                break
            if n > 1 and not grows and reads != copies[1][1]:
                break
            if n and not grows and min(reads, default=0) < copies[-1][3] - start:  # reads more than the copy before it
                break
            if n and grows and not (channels and all(a < b for a, b in zip(copies[-1][2], channels, strict=True))):
                break
            copies.append((self.signature(rows, start, loose=grows), reads, channels, start))
        return len(copies)

    def extent(self, *parts: Node) -> range:
        """The rows of parts that follow each other, with all their repeats."""
        return range(parts[0].ranges[0].start, parts[-1].ranges[-1].stop)

    def form(self, node: Node) -> tuple:
        """How a node is divided."""
        return node.times, node.paths, tuple(map(self.form, node.parts)), len(node.rows)

    # ------------------------------------------------------------------------------------------------- what is opened

    def open_levels(self, node: Node, depth: int) -> None:
        """Opens `depth` levels of modules."""
        node.opened = bool(node.parts) and depth > 0
        for part in node.parts:
            self.open_levels(part, depth - 1)

    def open_readable(self) -> None:
        """Opens level by level while all fits; of the next level one part of each structure, the most frequent first."""
        level = [part for part in self.root.parts if part.parts]
        while level:
            boxes = self.root.visible()
            room = MOST - boxes
            if boxes + sum(len(node.parts) - 1 for node in level) <= ENOUGH:
                chosen = level
            else:
                kinds: dict[tuple, list[Node]] = {}
                for node in level:
                    kinds.setdefault(self.structure(node), []).append(node)
                chosen = []
                for nodes in sorted(kinds.values(), key=lambda nodes: -sum(len(n.ranges) * len(n.rows) for n in nodes)):
                    if len(nodes[0].parts) - 1 <= room:
                        chosen.append(nodes[0])
                        room -= len(nodes[0].parts) - 1
            for node in chosen:
                node.opened = True
            level = [part for node in chosen for part in node.parts if part.parts]

    def structure(self, node: Node) -> tuple:
        """Operations, kernels and connections of a block, without its channels: blocks of one kind share them."""
        if not node.parts:
            return tuple((self.rows[i].op, self.rows[i].window and self.rows[i].window[0]) for i in node.rows)
        return tuple(map(self.structure, node.parts)), tuple(self.edges(node))


def merge(node: Node, other: Node) -> None:
    """Makes `other`, which is alike, one more occurrence of `node`."""
    node.ranges += other.ranges
    for a, b in zip(node.parts, other.parts, strict=True):
        merge(a, b)
