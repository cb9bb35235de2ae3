"""Receptive-field arithmetic: which input pixels a position of a map can see, exact through branches and joins.

Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks",
https://distill.pub/2019/computing-receptive-fields. Padding counts as pixels outside the image, so that a field can be
larger than the image.
"""

from typing import NamedTuple


class Field(NamedTuple):
    """The receptive fields of a map along one axis: position i sees the pixels lo + i·jump to hi + i·jump."""

    jump: int
    lo: int
    hi: int

    @property
    def size(self) -> int:
        """The number of pixels that a position sees."""
        return self.hi - self.lo + 1

    @property
    def start(self) -> float:
        """The centre of the field of position 0, in pixels; 0 is the centre of the first pixel."""
        return (self.lo + self.hi) / 2

    def window(self, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> "Field":
        """The field after a convolution or pooling with this window."""
        lo = self.lo - padding * self.jump
        return Field(self.jump * stride, lo, lo + (self.hi - self.lo) + dilation * (kernel_size - 1) * self.jump)

    def shift(self, positions: int, stride: int = 1) -> "Field":
        """The field of the map that keeps every `stride`-th position from `positions` on (negative: zeros in front)."""
        offset = positions * self.jump
        return Field(self.jump * stride, self.lo + offset, self.hi + offset)


Fields = tuple[Field, ...]  # the fields of a map, one for each axis: (height, width) for images
ALL: Fields | None = None  # each value sees the whole image: after global pooling or a linear layer
UNKNOWN: Fields = ()  # after an operation without a rule

PIXELS = Field(jump=1, lo=0, hi=0)  # the input: position i is pixel i


def join(fields: list[Field]) -> Field | None:
    """The field of a sum or concatenation: the union of the branches. None where their jumps differ."""
    if len({field.jump for field in fields}) != 1:
        return None
    return Field(fields[0].jump, min(field.lo for field in fields), max(field.hi for field in fields))
