"""Tables of operations: as text, and in HTML, where stages open to their layers without a script."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from cnnlib.analysis.trace import Layer

HEADINGS = ("layer", "operation", "output", "parameters", "MACs", "output bytes", "field")
LEFT = 3  # columns of words, which begin at the left; the others are numbers
CONVENTION = "MACs: multiplies of convolutions and linear layers, one image; field: receptive field in pixels"
MISALIGNED = "† joins branches whose windows have different centres, or step differently"
UNKNOWN = "? not known: there is no rule for what this operation, or one before it, sees"
FEW = 16  # a group of at most so many operations opens to them, a larger one to smaller groups
MANY = 600  # above so many operations those groups do not open: the page would be too large

# ------------------------------------------------------------------------------------------------------ words


def shape_text(sizes: Iterable[int]) -> str:
    """A shape, kernel or field: "64×56×56"."""
    return "×".join(map(str, sizes))


def megabytes(count: int) -> str:
    """Bytes in units of 10⁶, to three digits below ten: "102.4", "6.95", "0.247"."""
    return f"{count / 1e6:,.1f}" if count >= 1e7 else f"{count / 1e6:.3g}"


def operation(row: Layer) -> str:
    """An operation: "conv2d 3×3 /2" (the stride behind the slash, where it is not 1), with † for a misaligned join."""
    words = [row.op]
    if row.window:
        kernel, stride = row.window
        words.append(shape_text(kernel))
        if set(stride) != {1}:
            words.append("/" + shape_text(stride if len(set(stride)) > 1 else stride[:1]))
    return " ".join(words + ["†"] * row.misaligned)


def row_cells(row: Layer) -> tuple[str, ...]:
    """A row as the table shows it."""
    return (
        row.name,
        operation(row),
        shape_text(row.out_shape),
        f"{row.params:,}",
        f"{row.macs:,}",
        f"{row.output_bytes:,}",
        shape_text(row.receptive_field) if row.receptive_field else "all" if row.known else "?",
    )


def marks(rows: list[Layer]) -> list[str]:
    """The meaning of each mark in the table of `rows`."""
    found = [MISALIGNED] if any(row.misaligned for row in rows) else []
    return found + ([] if all(row.known for row in rows) else [UNKNOWN])


# ------------------------------------------------------------------------------------------------------ groups


class Group(NamedTuple):
    """The sum of several rows, and the groups that it opens to: none for a single operation."""

    row: Layer
    parts: list["Group"]


def stem(name: str, depth: int) -> str:
    """The first `depth` parts of a dotted name."""
    return ".".join(name.split(".")[:depth])


def runs(rows: list[Layer], depth: int) -> list[list[Layer]]:
    """The rows cut where the first `depth` parts of their names change."""
    groups: list[list[Layer]] = []
    for row in rows:
        if not groups or stem(groups[-1][0].name, depth) != stem(row.name, depth):
            groups.append([])
        groups[-1].append(row)
    return groups


def summed(rows: list[Layer], depth: int) -> Layer:
    """One row for several that follow each other: costs add up, the output is the last one's."""
    last = rows[-1]
    return Layer(
        name=stem(rows[0].name, depth),
        op=last.op if len(rows) == 1 else f"{len(rows)} operations",
        in_shape=rows[0].in_shape,
        out_shape=last.out_shape,
        params=sum(row.params for row in rows),
        macs=sum(row.macs for row in rows),
        output_bytes=sum(row.output_bytes for row in rows),
        receptive_field=last.receptive_field,
        jump=last.jump,
        start=last.start,
        known=all(row.known for row in rows),
        misaligned=any(row.misaligned for row in rows),
        inputs=rows[0].inputs,
        biased=any(row.biased for row in rows),
        window=last.window if len(rows) == 1 else None,
    )


def fold(rows: list[Layer], depth: int = 1) -> list[Group]:
    """The rows by the first `depth` parts of their names, each group with its smaller groups."""
    return [Group(summed(run, depth), opened(run, depth)) for run in runs(rows, depth)]


def opened(rows: list[Layer], depth: int) -> list[Group]:
    """A group of rows opens to this: smaller groups where it is long and they are worth it, else its operations."""
    if len(rows) == 1:
        return []
    deeper = range(depth + 1, 2 + max(row.name.count(".") for row in rows))
    finer = next((d for d in deeper if len(runs(rows, d)) > 1), None)
    if len(rows) <= FEW or finer is None or len(runs(rows, finer)) * 4 > len(rows):
        return [Group(row, []) for row in rows]
    return fold(rows, finer)


def pruned(groups: list[Group]) -> list[Group]:
    """The groups without the operations that their innermost ones open to."""
    return [Group(row, pruned(parts) if any(part.parts for part in parts) else []) for row, parts in groups]


# ------------------------------------------------------------------------------------------------------ text


def text_table(heading: str, rows: list[tuple[str, ...]], below: list[str], left: int, totals: int = 0) -> str:
    """Lines of a table: `rows` has the headings first; `totals` rows at the end get a rule of their own."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    cut = len(lines) - totals
    ends = [rule, *lines[cut:]] if totals else []
    return "\n".join(line.rstrip() for line in [heading, rule, lines[0], rule, *lines[1:cut], *ends, *below])


def layers_text(title: str, rows: list[Layer], total: Layer, notes: list[str]) -> str:
    """A table of `rows` as text, `total` as its last line; `title` stands above it and `notes` below."""
    cells = [HEADINGS, *map(row_cells, rows), row_cells(total)]
    return text_table(title, cells, [CONVENTION, *notes], LEFT, totals=1)


# ------------------------------------------------------------------------------------------------------ HTML
# Every column has a width in `ch`, so that the tables inside `<details>` line up with the one around them: a table of a
# fixed layout is not widened by what a cell holds, and an inner one begins at the outer one's left edge. Colours are the
# page's own. Where a host drops the style, nested tables with their headings are left.

STYLE = """<style data-cnnlib>
.cnn-table.cnn-table.cnn-table {
  container-type: inline-size;
  margin: 0.5em 0;
  font-size: 0.8rem;
  line-height: 1.5;
  font-variant-numeric: tabular-nums;
  color: inherit;
  & p { max-width: 46rem; margin: 0 0 0.5em; font-size: inherit; }
  .cnn-scroll { overflow-x: auto; padding: 2px 0; }
  & table { table-layout: fixed; width: var(--w); max-width: none; margin: 0; border: 0; border-collapse: collapse; color: inherit; font-size: clamp(0.73rem, 1.6cqi, 0.8rem); }
  & col:nth-child(1) { width: var(--c1); } & col:nth-child(2) { width: var(--c2); } & col:nth-child(3) { width: var(--c3); }
  & col:nth-child(4) { width: var(--c4); } & col:nth-child(5) { width: var(--c5); } & col:nth-child(6) { width: var(--c6); }
  & col:nth-child(7) { width: var(--c7); } & col:nth-child(8) { width: var(--c8); }
  & :is(thead, tbody, tfoot, tr) { border: 0; background: none; }
  & :is(th, td) { padding: 0.15em 0.5em; border: 0; background: none; font-weight: inherit; line-height: inherit; text-align: right; vertical-align: top; white-space: nowrap; }
  & :is(th, td):nth-child(-n + 2), &:not(.cnn-two) :is(th, td):nth-child(3) { text-align: left; }
  & thead th { border-bottom: 1px solid; font-weight: 600; }
  & tfoot :is(th, td) { border-top: 1px solid; font-weight: 600; }
  & details { margin: 0; padding: 0; border: 0; background: none; box-shadow: none; }
  & summary { margin: 0; padding: 0; background: none; color: inherit; font: inherit; cursor: pointer; }
  & summary:focus-visible, .cnn-scroll:focus-visible { outline: 2px solid; outline-offset: -1px; }
  & details table { margin: 0.15em 0 0 calc(-0.5em - var(--c1)); border-block: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
  & details details table { border-block-style: dotted; }
  & details thead th { padding-block: 0; border: 0; font-size: 0; line-height: 0; }
  & details tbody th { padding-left: 1.7em; }
  & details details tbody th { padding-left: 2.9em; }
  & details details details tbody th { padding-left: 4.1em; }
}
</style>"""
INDENT = 2  # characters that each level of the names is moved to the right


def row_html(cells: tuple[str, ...], tag: str = "td", first: str = 'th scope="row"', opens: str = "") -> str:
    """A table row. `opens` is a table that the second cell opens to."""
    texts = [escape(cell, quote=False) for cell in cells]
    if opens:
        texts[1] = f"<details><summary>{texts[1]}</summary>{opens}</details>"
    rest = "".join(f"<{tag}>{text}</{tag[:2]}>" for text in texts[1:])
    return f"<tr><{first}>{texts[0]}</{first[:2]}>{rest}</tr>"


def table_html(label: str, headings: tuple[str, ...], body: list[str], foot: str = "") -> str:
    """A table whose columns are as wide as the properties `--c1` and so on say."""
    head, lines = row_html(headings, 'th scope="col"', 'th scope="col"'), "\n".join(body)
    return (
        f'<table aria-label="{escape(label)}"><colgroup>{"<col>" * len(headings)}</colgroup>\n'
        f"<thead>{head}</thead>\n<tbody>\n{lines}\n</tbody>{foot and f'<tfoot>{foot}</tfoot>'}</table>"
    )


def characters(cells: tuple[str, ...], words: bool) -> int:
    """How many digits wide a column is: letters are narrower than digits, "×" is wider."""
    longest = max(cells, key=len)
    return round(0.9 * len(longest)) if words and not longest[0].isdigit() else len(longest) + ("×" in longest)


def figure_html(above: str, table: str, below: list[str], rows: list[tuple[str, ...]], left: int) -> str:
    """A table in a box that scrolls, with lines above and below it; `rows` has all cells, for the widths."""
    widths = [f"{characters(column, i < 2)}ch + 1em" for i, column in enumerate(zip(*rows, strict=True))]
    columns = ";".join(f"--c{i}:calc({width})" for i, width in enumerate(widths, 1))
    before, after = ("".join(f"<p>{escape(line, quote=False)}</p>\n" for line in lines) for lines in ([above], below))
    return (
        f'{STYLE}\n<div class="cnn-table{" cnn-two" * (left == 2)}" style="{columns};--w:calc({" + ".join(widths)})">\n'
        f'{before}<div class="cnn-scroll" tabindex="0" role="group" aria-label="Scrolling table">\n{table}\n</div>\n{after}</div>'
    )


def layers_html(title: str, rows: list[Layer], total: Layer, notes: list[str]) -> str:
    """A table with a row for each stage of `rows`, which opens to its blocks and these to their operations."""
    last = row_cells(total)
    shown = [HEADINGS, last]

    def body(groups: list[Group], inside: str = "", level: int = 0) -> list[str]:
        lines = []
        for row, parts in groups:
            cells = (row.name.removeprefix(inside), *row_cells(row)[1:])
            shown.append((" " * INDENT * level + cells[0], cells[1] + "  " * bool(parts), *cells[2:]))
            below = body(parts, row.name + ".", level + 1)
            lines.append(row_html(cells, opens=below and table_html(row.name, HEADINGS, below)))
        return lines

    groups, below = fold(rows), list(notes)
    if len(rows) > MANY:
        groups = pruned(groups)
        below.append(f"Blocks do not open where there are more than {MANY} operations; table() has each.")
    table = table_html(title, HEADINGS, body(groups), row_html(last))
    return figure_html(f"{title}. {CONVENTION}.", table, below, shown, LEFT)
