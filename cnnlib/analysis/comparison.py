"""`cnnlib.compare`: what several networks cost, side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from cnnlib.analysis.drawing.table import figure_html, megabytes, row_html, shape_text, table_html, text_table
from cnnlib.analysis.result import Anatomy, anatomy
from cnnlib.models.registry import create_model

if TYPE_CHECKING:
    import pandas

HEADINGS = ("network", "input", "parameters", "MACs", "output bytes", "weights, MB", "depth", "field")
LEFT = 2
TITLE = "{} networks, one image each"
CONVENTION = (
    "MACs: multiplies of convolutions and linear layers; weights: with buffers; depth: layers with weights on the longest "
    "way from image to output; field: receptive field in pixels, before global pooling or the first linear layer"
)


@dataclass(frozen=True)
class Comparison:
    """A table with a row for each network: `anatomies` by label, in the order of the rows."""

    anatomies: dict[str, Anatomy]

    def to_frame(self) -> "pandas.DataFrame":
        """A row for each network, with its label as index; sizes and the field are tuples.

        The columns are input_size, params, macs, output_bytes, weight_bytes, depth and receptive_field. Raises
        ImportError without pandas.
        """
        import pandas

        columns = "input_size params macs output_bytes weight_bytes depth receptive_field".split()
        rows = [[getattr(seen, name) for name in columns] for seen in self.anatomies.values()]
        return pandas.DataFrame(rows, columns=columns, index=pandas.Index(self.anatomies, name="network"))

    def texts(self) -> list[tuple[str, ...]]:
        """The cells of the table, row by row."""
        return [
            (
                label,
                " and ".join(map(shape_text, seen.input_sizes)),
                f"{seen.params:,}",
                f"{seen.macs:,}",
                f"{seen.output_bytes:,}",
                megabytes(seen.weight_bytes),
                f"{seen.depth:,}",
                shape_text(seen.receptive_field) if seen.receptive_field else "?",
            )
            for label, seen in self.anatomies.items()
        ]

    def __repr__(self) -> str:
        title = TITLE.format(len(self.anatomies))
        return text_table(title, [HEADINGS, *self.texts()], CONVENTION.split("; "), LEFT)

    def _repr_html_(self) -> str:
        title, rows = TITLE.format(len(self.anatomies)), self.texts()
        table = table_html(title, HEADINGS, list(map(row_html, rows)))
        return figure_html(f"{title}. {CONVENTION}.", table, [], [HEADINGS, *rows], LEFT)


Network = str | nn.Module | Anatomy


def compare(
    networks: Network | Iterable[Network] | Mapping[str, Network],
    input_size: tuple[int, ...] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> Comparison:
    """Parameters, MACs, memory, depth and receptive field of several networks, a row each.

    `networks` has names that `create_model` knows (built without memory), modules, or anatomies; a mapping gives each
    its label. `input_size` (C, H, W) and `dtype` hold for those that are no anatomy yet; None takes the network's own
    size. Networks of one label get a number behind it.

    Raises ValueError where there is no network, and, naming the network, for what `create_model` or `anatomy` refuse;
    TypeError for what is none of the three.
    """
    if isinstance(networks, Network):
        networks = [networks]
    given = list(networks.items()) if isinstance(networks, Mapping) else [(None, network) for network in networks]
    if not given:
        raise ValueError("there is no network to compare; give a list, as compare(['resnet18', 'resnet50'])")
    anatomies: dict[str, Anatomy] = {}
    for label, network in given:
        label = label or label_of(network)
        try:
            seen = analysed(network, input_size, dtype)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None
        namesakes = sum(other == label or other.startswith(f"{label} (") for other in anatomies)
        anatomies[f"{label} ({namesakes + 1})" if namesakes else label] = seen
    return Comparison(anatomies)


def label_of(network: Network) -> str:
    """A name itself, the class of a module. Raises TypeError for what is no network."""
    if isinstance(network, str):
        return network
    if isinstance(network, Anatomy):
        return network.name
    if isinstance(network, nn.Module):
        return type(network).__name__
    raise TypeError(
        f"compare takes names, modules and anatomies, and got {network!r}, of type {type(network).__name__}"
    )


def analysed(network: Network, input_size: tuple[int, ...] | None, dtype: torch.dtype) -> Anatomy:
    """The anatomy of a network that may be a name or an anatomy already."""
    if isinstance(network, Anatomy):
        return network
    if isinstance(network, str):
        with torch.device("meta"):
            network = create_model(network)
    return anatomy(network, input_size, dtype=dtype)
