"""What a network's operations ask of a machine: arithmetic, and bytes to and from memory.

The roofline (Williams, Waterman, Patterson 2009, https://doi.org/10.1145/1498765.1498785): an operation takes no less
than its MACs at the machine's peak, and no less than its bytes at the machine's bandwidth. Which of the two is longer
follows from its arithmetic intensity, the MACs that it does for each byte that it moves.

Explained in chapter 6.
"""

from math import prod
from typing import NamedTuple

from cnnlib.analysis.result import Anatomy


class Work(NamedTuple):
    """One operation on a batch: `read` are the bytes of its input maps, `weights` of its parameters, `written` of its output.

    Each byte counts once, as if a cache held it until its last use: a machine moves at least so many.
    """

    name: str
    op: str
    macs: int
    read: int
    weights: int
    written: int

    @property
    def moved(self) -> int:
        """All bytes that come from memory or go there."""
        return self.read + self.weights + self.written

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: MACs for each byte moved."""
        return self.macs / self.moved

    def least_seconds(self, peak: float, bandwidth: float) -> float:
        """What the roofline allows: `peak` in MACs a second, `bandwidth` in bytes a second."""
        return max(self.macs / peak, self.moved / bandwidth)


def work(whole: Anatomy, batch: int = 1) -> list[Work]:
    """The operations of a network on `batch` images, in the order of its rows. Raises ValueError for a batch under 1."""
    if batch < 1:
        raise ValueError(f"batch={batch} is less than one image")
    size = whole.dtype.itemsize
    image = size * sum(map(prod, whole.input_sizes))
    return [
        Work(
            row.name,
            row.op,
            batch * row.macs,
            batch * sum(whole.layers[source].output_bytes if source >= 0 else image for source in row.inputs),
            size * row.params,
            batch * row.output_bytes,
        )
        for row in whole.layers
    ]
