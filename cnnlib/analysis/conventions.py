"""How many operations a network takes: the same rows, counted as each tool counts them."""

from collections.abc import Callable, Iterable
from math import prod
from typing import NamedTuple

from cnnlib.analysis.rules.joining import JOINS
from cnnlib.analysis.trace import Layer

NORMS = frozenset("batch_norm group_norm layer_norm instance_norm".split())
ACTIVATIONS = frozenset("relu hardtanh prelu elu leaky_relu gelu silu".split())  # nn.ReLU6 calls hardtanh


class Convention(NamedTuple):
    """A way of counting: its rule in words, and the count of one row of `Anatomy.layers`."""

    counts: str
    of: Callable[[Layer], int]


def values(layer: Layer) -> int:
    """Values that the operation writes for one image."""
    return prod(layer.out_shape)


def is_pooling(layer: Layer) -> bool:
    """Maximum and average pooling, adaptive or not."""
    return "_pool" in layer.op


def as_torchinfo(layer: Layer) -> int:
    """A module's weights and biases, times the positions of its map where it is a convolution, once otherwise."""
    if layer.op.startswith("conv"):
        return layer.macs + values(layer) * layer.biased
    return layer.params


def as_fvcore(layer: Layer) -> int:
    """MACs; two operations a value for batch norm (its variance is known), one a value read for adaptive pooling."""
    if layer.op == "batch_norm":
        return 2 * values(layer)
    if layer.op == "adaptive_avg_pool2d":
        return prod(layer.in_shape)
    return layer.macs


def as_ptflops(layer: Layer) -> int:
    """MACs and biases; two a value for batch norm, one for an activation, one a value read for pooling.

    So its rules say. ptflops 0.7.5 runs them twice for nn.ReLU and for pooling modules, once for the module and once for
    the function that it calls: its own figure is higher by these.
    """
    if layer.op in NORMS:
        return 2 * values(layer)
    if layer.op in ACTIVATIONS:
        return values(layer)
    if is_pooling(layer):
        return prod(layer.in_shape)
    return layer.macs + values(layer) * layer.biased


CONVENTIONS = {
    "macs": Convention("multiplies of convolutions, linear layers and matrix products", lambda layer: layer.macs),
    "flops": Convention("two operations for each of these: a multiply and an add", lambda layer: 2 * layer.macs),
    "macs and biases": Convention(
        "the multiplies, and an add for each value that gets a bias",
        lambda layer: layer.macs + values(layer) * layer.biased,
    ),
    "macs and joins": Convention(
        "the multiplies, and one operation for each value of a sum, product or maximum of maps",
        lambda layer: layer.macs + values(layer) * (layer.op in JOINS),
    ),
    "torchinfo": Convention(
        "multiplies and biases of convolutions; each parameter of all other modules once", as_torchinfo
    ),
    "fvcore": Convention(
        "multiplies; two a value for batch norm, one a value that adaptive average pooling reads", as_fvcore
    ),
    "ptflops": Convention(
        "multiplies and biases; two a value for batch norm, one for an activation, one a value that pooling reads",
        as_ptflops,
    ),
}


def count(layers: Iterable[Layer], convention: str) -> int:
    """Operations for one image under a convention of `CONVENTIONS`. Raises ValueError for another."""
    if convention not in CONVENTIONS:
        raise ValueError(f"convention={convention!r} is not one of {', '.join(map(repr, CONVENTIONS))}")
    return sum(map(CONVENTIONS[convention].of, layers))
