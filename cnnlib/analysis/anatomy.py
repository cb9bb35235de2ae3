"""`cnnlib.anatomy`: what each layer of a network costs and sees."""

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from cnnlib.analysis.trace import InputTooSmall, Layer, trace

if TYPE_CHECKING:
    import pandas

CONVENTION = "MACs: multiplies of convolutions and linear layers, one image; field: receptive field in pixels"
HEADINGS = ("layer", "operation", "output", "parameters", "MACs", "output bytes", "field")


@dataclass(frozen=True)
class Anatomy:
    """A network's operations and totals, for one image in float32.

    `params` counts learnable values (batch norm's running statistics are none), `trainable_params` those that are not
    frozen, `macs` the multiplies of convolutions and linear layers, `output_bytes` what all operations write.
    `receptive_field` is (height, width) in pixels of the last map before global pooling or the first linear layer.
    """

    model: str
    input_size: tuple[int, ...]
    layers: list[Layer]
    params: int
    trainable_params: int
    macs: int
    output_bytes: int
    receptive_field: tuple[int, ...] | None

    def table(self, depth: int | None = None) -> str:
        """The layers as text. `depth=1` sums up by the first part of the name (the stage), 2 by the first two."""
        rows = [HEADINGS, *(texts(row) for row in self.grouped(depth)), texts(self.total())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        rule = "-" * len(lines[0])
        lines = [self.title(), rule, lines[0], rule, *lines[1:-1], rule, lines[-1], CONVENTION]
        return "\n".join(line.rstrip() for line in lines)

    def to_frame(self) -> "pandas.DataFrame":
        """The layers as a pandas DataFrame, one row an operation. Raises ImportError without pandas."""
        import pandas

        return pandas.DataFrame(self.layers, columns=Layer._fields)

    def grouped(self, depth: int | None) -> list[Layer]:
        """The rows of `table(depth)`: layers whose names begin alike summed up, where they follow each other."""
        if depth is None:
            return self.layers
        groups: list[list[Layer]] = []
        for layer in self.layers:
            if not groups or stem(groups[-1][0].name, depth) != stem(layer.name, depth):
                groups.append([])
            groups[-1].append(layer)
        return [summed(group, depth) for group in groups]

    def total(self) -> Layer:
        """The last line of the table."""
        nothing = Layer("", "0 operations", self.input_size, self.input_size, 0, 0, 0, None, None, None, True)
        whole = summed(self.layers or [nothing], 1)
        return whole._replace(name="total", params=self.params, receptive_field=self.receptive_field)

    def title(self) -> str:
        """What was analysed."""
        return f"{self.model}, input {'×'.join(map(str, self.input_size))}"

    def __repr__(self) -> str:
        return self.table(depth=1)

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str, first: str) -> str:
            opened = [first] + [tag] * (len(cells) - 1)
            aligned = ["left" if i < 3 else "right" for i in range(len(cells))]
            return "".join(
                f'<{tag} style="text-align:{align}">{html.escape(text)}</{tag[:2]}>'
                for tag, align, text in zip(opened, aligned, cells, strict=True)
            )

        body = "\n".join(f"<tr>{line(texts(row), 'td', ROW)}</tr>" for row in self.grouped(1))
        return (
            '<table class="dataframe anatomy" style="font-size:0.85em;white-space:nowrap">\n'
            f'<caption style="caption-side:top;text-align:left;white-space:normal">{html.escape(self.title())}. '
            f"{CONVENTION}.</caption>\n<thead><tr>{line(HEADINGS, COLUMN, COLUMN)}</tr></thead>\n"
            f"<tbody>\n{body}\n</tbody>\n<tfoot><tr>{line(texts(self.total()), 'td', ROW)}</tr></tfoot></table>"
        )


ROW, COLUMN = 'th scope="row"', 'th scope="col"'


def stem(name: str, depth: int) -> str:
    """The first `depth` parts of a dotted name."""
    return ".".join(name.split(".")[:depth])


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
    )


def texts(row: Layer | tuple[str, ...]) -> tuple[str, ...]:
    """A row as the table shows it."""
    field = "×".join(map(str, row.receptive_field)) if row.receptive_field else "all" if row.known else "?"
    return (
        row.name,
        row.op,
        "×".join(map(str, row.out_shape)),
        f"{row.params:,}",
        f"{row.macs:,}",
        f"{row.output_bytes:,}",
        field,
    )


def anatomy(model: nn.Module, input_size: tuple[int, ...] | None = None) -> Anatomy:
    """What each operation of `model` costs and sees, from one forward pass without numbers.

    `input_size` is (C, H, W); None takes `model.input_size`. The pass runs in evaluation mode on the meta device: no
    weight is read or allocated, and the model is left as it was.

    Raises ValueError without an input size, for one that is too small (and says what passes), and for one whose
    channels the model does not read.
    """
    name = type(model).__name__
    if input_size is None:
        input_size = getattr(model, "input_size", None)
        if input_size is None:
            raise ValueError(
                f"{name} has no input_size of its own; give one, as anatomy(model, input_size=(3, 224, 224))"
            )
    input_size = tuple(input_size)
    try:
        layers, receptive_field = trace(model, input_size)
    except InputTooSmall as error:
        side = smallest_square(model, input_size)
        advice = f"; {input_size[0]}×{side}×{side} is the smallest square that passes" if side else ""
        raise ValueError(f"input_size={input_size} is too small for {name}: {error}{advice}") from None
    parameters = list(model.parameters())
    return Anatomy(
        model=name,
        input_size=input_size,
        layers=layers,
        params=sum(p.numel() for p in parameters),
        trainable_params=sum(p.numel() for p in parameters if p.requires_grad),
        macs=sum(layer.macs for layer in layers),
        output_bytes=sum(layer.output_bytes for layer in layers),
        receptive_field=receptive_field,
    )


def smallest_square(model: nn.Module, input_size: tuple[int, ...]) -> int | None:
    """Side of the smallest square input whose windows all fit; None where other errors come in between."""

    def fits(side: int) -> bool:
        try:
            trace(model, (input_size[0], *[side] * (len(input_size) - 1)))
        except InputTooSmall:
            return False
        return True

    try:
        high = next((side for side in (2**k for k in range(1, 12)) if fits(side)), None)
        low = high and high // 2
        while high and high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle, high)
    except ValueError:
        return None
    return high
