"""Sums over the figures of the Inception papers, written as the figures are: no model is built.

A row is a module: its paths, parted by `|`, and their layers from input to output. `3x3/2V:32` is a convolution of
stride 2 without padding that gives 32 channels; `max/2V` and `avg` are poolings of 3×3; `{1x3:384 3x1:384}` are two
convolutions on one map. A row that begins with `+` is residual: a linear 1×1 with biases is added to its input.
"""

import re
from typing import NamedTuple

LAYER = re.compile(r"(?:(max|avg)|(\d)x(\d))(?:/(\d))?(V?)(?::(\d+))?")


class Map(NamedTuple):
    """A map of a square image: channels, side, and what a position sees: (height, width) and jump in pixels."""

    channels: int
    side: int
    field: tuple[int, int]
    jump: int


class FigureSum:
    """Parameters, running statistics, MACs and convolutions of all `rows`, and the last map, for 1,000 classes."""

    def __init__(self, rows: list[str]) -> None:
        self.params = self.statistics = self.macs = self.convs = 0
        self.maps = [Map(3, 299, (1, 1), 1)]  # before the first row, an image, and after each
        for row in rows:
            self.maps.append(self.residual(row[1:]) if row.startswith("+") else self.module(row, self.maps[-1]))
        self.last = self.maps[-1]
        self.params += (self.last.channels + 1) * 1000
        self.macs += self.last.channels * 1000

    def residual(self, row: str) -> Map:
        before = self.maps[-1]
        inside = self.module(row, before)
        weights = inside.channels * before.channels
        self.params += weights + before.channels
        self.macs += weights * before.side**2
        self.convs += 1
        return inside._replace(channels=before.channels)

    def module(self, row: str, before: Map) -> Map:
        return joined([self.path(path, before) for path in row.split("|")])

    def path(self, path: str, x: Map) -> Map:
        for layers in re.findall(r"\{.+?\}|\S+", path):
            x = joined([self.layer(layer, x) for layer in layers.strip("{}").split()])
        return x

    def layer(self, text: str, x: Map) -> Map:
        pooling, height, width, stride, valid, channels = LAYER.fullmatch(text).groups()
        height, width, stride = int(height or 3), int(width or 3), int(stride or 1)
        side = (x.side - height) // stride + 1 if valid else x.side
        if not pooling:
            weights = height * width * x.channels * int(channels)
            self.params += weights + 2 * int(channels)  # batch norm has a scale and a shift …
            self.statistics += 2 * int(channels)  # … and a mean and a variance
            self.macs += weights * side**2
            self.convs += 1
        field = (x.field[0] + (height - 1) * x.jump, x.field[1] + (width - 1) * x.jump)
        return Map(int(channels or x.channels), side, field, x.jump * stride)


def joined(paths: list[Map]) -> Map:
    """Maps stacked: windows are centred alike, so the largest holds the others."""
    (side, jump), *others = {(path.side, path.jump) for path in paths}
    assert not others
    heights, widths = zip(*(path.field for path in paths), strict=True)
    return Map(sum(path.channels for path in paths), side, (max(heights), max(widths)), jump)
