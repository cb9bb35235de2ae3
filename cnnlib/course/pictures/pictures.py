"""Images side by side with their captions, and tables of dots: pictures that need no drawing library."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnlib.course.html import escape, style
from cnnlib.course.pictures.bitmap import bitmap


def signed(values: Tensor) -> Tensor:
    """Values around 0 as grey: 0 is the middle, the largest in size is black or white. Same shape, in 0 to 1."""
    return 0.5 + 0.5 * values / values.abs().max().clamp_min(torch.finfo(values.dtype).tiny)


def stretched(values: Tensor) -> Tensor:
    """Values as grey from their least (black) to their greatest (white). Same shape, in 0 to 1."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)


class Pictures:
    """Rows of images with a caption each; pixels stay sharp.

    `rows` maps what a row shows to its images, (caption, image) pairs; an image is (H, W), (1, H, W) or (3, H, W) with
    values in 0 to 1. `width` is that of one image on the page, in pixels. Raises ValueError for images of other shapes
    or values.
    """

    def __init__(self, rows: dict[str, Sequence[tuple[str, Tensor]]], *, width: int = 120) -> None:
        self.rows = {
            name: [
                (caption, bitmap(image[0] if image.dim() == 3 and len(image) == 1 else image)) for caption, image in row
            ]
            for name, row in rows.items()
        }
        self.width = width

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {', '.join(caption for caption, _ in row)}" for name, row in self.rows.items())

    def _repr_html_(self) -> str:
        return style("base.css", "pictures/pictures.css") + (
            '<div class="cnn-ui cnn-pictures">' + "".join(map(self._row, self.rows)) + "</div>"
        )

    def _row(self, name: str) -> str:
        shown = "".join(
            f'<figure style="width:{self.width}px"><img src="{data}" width="{self.width}" alt="{escape(f"{name}: {caption}")}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
            for caption, data in self.rows[name]
        )
        return f'<section><p class="cnn-row">{escape(name)}</p><div>{shown}</div></section>'


class Connections:
    """Which inputs each output reads, as a table of dots with the number of dots below: `reads[j]` are those of output j.

    Rows are the `inputs` maps that can be read, columns the outputs. An SVG, with its content in words.
    """

    def __init__(self, reads: Sequence[Sequence[int]], inputs: int, *, rows: str, columns: str) -> None:
        self.reads, self.inputs, self.rows, self.columns = [tuple(one) for one in reads], inputs, rows, columns

    def __repr__(self) -> str:
        marks = ["".join(" ●" if row in read else " ·" for read in self.reads) for row in range(self.inputs)]
        return f"{self.columns} →\n" + "\n".join(f"{self.rows} {row}{line}" for row, line in enumerate(marks))

    def _repr_html_(self) -> str:
        cell, left, top = 30, 96, 46
        width, height = left + cell * len(self.reads) + 12, top + cell * self.inputs + 34
        words = "; ".join(f"{self.columns} {j} reads {', '.join(map(str, read))}" for j, read in enumerate(self.reads))
        parts = [
            f'<text x="{left + cell * len(self.reads) / 2}" y="16" text-anchor="middle">map of {escape(self.columns)}</text>',
            f'<text x="4" y="{top + cell * self.inputs / 2 + 5}">map of {escape(self.rows)}</text>',
            f'<text x="{left - 10}" y="{height - 12}" text-anchor="end">reads</text>',
        ]
        for row in range(self.inputs):
            y = top + cell * row + cell / 2
            parts.append(f'<text x="{left - 4}" y="{y + 5}" text-anchor="end">{row}</text>')
            parts.append(f'<line x1="{left}" x2="{width - 12}" y1="{y}" y2="{y}"/>')
        for column, read in enumerate(self.reads):
            x = left + cell * column + cell / 2
            parts.append(f'<text x="{x}" y="{top - 8}" text-anchor="middle">{column}</text>')
            parts += [f'<circle cx="{x}" cy="{top + cell * row + cell / 2}" r="9"/>' for row in read]
            parts.append(f'<text x="{x}" y="{height - 12}" text-anchor="middle">{len(read)}</text>')
        drawing = (
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
        )
        return style("base.css", "pictures/pictures.css") + (
            f'<div class="cnn-ui cnn-connections" tabindex="0" role="group" aria-label="Connection table">{drawing}</div>'
        )
