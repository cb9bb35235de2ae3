"""`cnnlib.anatomy`: what each layer of a network costs and sees."""

import difflib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnlib.analysis.conventions import count
from cnnlib.analysis.drawing import table
from cnnlib.analysis.drawing.diagram import Diagram
from cnnlib.analysis.memory import Memory, TrainingStep, memory
from cnnlib.analysis.rules.step import InputTooSmall
from cnnlib.analysis.trace import Layer, trace

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Anatomy:
    """A network's operations and totals, for one image.

    `params` counts learnable values (batch norm's running statistics are none), `trainable_params` those that are not
    frozen, `macs` the multiplies of convolutions, linear layers and other matrix products, `output_bytes` what all
    operations write. `weight_bytes` are those of parameters and buffers, floating-point ones in the type `dtype`: a file
    of weights is as large. `receptive_field` is (height, width) in pixels of the last map before global pooling or the
    first linear layer. `input_sizes` has (C, H, W) for each input of the network.

    `name` is the class of the network, and `module` the network itself. All but `saved_bytes` and `memory` stays as it
    was at the analysis, whatever happens to the module later.
    """

    name: str
    input_sizes: tuple[tuple[int, ...], ...]
    dtype: torch.dtype
    layers: list[Layer]
    params: int
    trainable_params: int
    macs: int
    output_bytes: int
    weight_bytes: int
    receptive_field: tuple[int, ...] | None
    classes: dict[str, str] = field(repr=False, compare=False)  # of each module, by its path
    module: nn.Module = field(repr=False, compare=False)

    @property
    def input_size(self) -> tuple[int, ...]:
        """(C, H, W) of the input, of the first where there are several."""
        return self.input_sizes[0]

    @property
    def dtype_name(self) -> str:
        """The type of images, maps and weights: "float32"."""
        return str(self.dtype).removeprefix("torch.")

    @cached_property
    def depth(self) -> int:
        """Layers with weights on the longest way from image to output: convolutions and linear layers.

        So papers count: 50 for ResNet-50, whose projections are on a shorter way.
        """
        depths: list[int] = []
        for row in self.layers:
            before = max((depths[number] for number in row.inputs if number >= 0), default=0)
            depths.append(before + (row.op == "linear" or row.op.startswith("conv")))
        return max(depths, default=0)

    @cached_property
    def saved_bytes(self) -> int:
        """Bytes that autograd keeps for the backward pass, for one image in training mode: computed when asked for.

        Weights and buffers, which are there anyway, are not among them; the image is.
        """
        return TrainingStep(self.module, [(1, *size) for size in self.input_sizes], self.dtype).saved()

    def operations(self, convention: str = "macs") -> int:
        """Operations for one image, counted as `convention` says: one of `cnnlib.analysis.conventions.CONVENTIONS`.

        "macs", "flops" (two for each), "macs and biases", "macs and joins", and the rules of "torchinfo", "fvcore" and
        "ptflops". Raises ValueError for another.
        """
        return count(self.layers, convention)

    def memory(self, batch: int = 1, optimizer: str = "momentum") -> Memory:
        """Bytes of one training step on `batch` images: weights, gradients, the optimiser's state, saved maps, peak.

        `optimizer` is "sgd", "momentum", "rmsprop" or "adam". Raises ValueError for another, or a batch under 1.
        """
        return memory(self.module, list(self.input_sizes), self.dtype, batch, optimizer)

    def table(self, depth: int | None = None) -> str:
        """The layers as text. `depth=1` sums up by the first part of the name (the stage), 2 by the first two."""
        return table.layers_text(self.title, self.grouped(depth), self.total(), self.notes())

    def to_frame(self) -> "pandas.DataFrame":
        """The layers as a pandas DataFrame, one row an operation and one column a field of `Layer`.

        Raises ImportError without pandas.
        """
        import pandas

        return pandas.DataFrame(self.layers, columns=Layer._fields)

    def to_dict(self) -> dict:
        """The whole anatomy in the types of JSON: shapes are lists, a missing value is None.

        `model` (its `name`) and `dtype` ("float32") are strings, `inputs` has [C, H, W] for each input, `convention`
        says what is counted. `totals` has `params`, `trainable_params`, `macs`, `output_bytes`, `weight_bytes`, `depth`
        and `receptive_field`, [height, width] or None. `layers` has an object for each operation, in the order in which
        they ran, with the fields of `Layer`; its `inputs` are numbers in this list, -1 the image.
        """
        totals = "params trainable_params macs output_bytes weight_bytes depth receptive_field".split()
        return {
            "model": self.name,
            "inputs": as_lists(self.input_sizes),
            "dtype": self.dtype_name,
            "convention": table.CONVENTION,
            "totals": {name: as_lists(getattr(self, name)) for name in totals},
            "layers": [{name: as_lists(value) for name, value in row._asdict().items()} for row in self.layers],
        }

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict()` as JSON; `indent` is the number of spaces a level, None puts all on one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    @property
    def title(self) -> str:
        """What was analysed: "ResNet, input 3×224×224"."""
        return f"{self.name}, input {' and '.join(map(table.shape_text, self.input_sizes))}"

    def notes(self) -> list[str]:
        """The lines below a table: the size of the weights, what is frozen, and the marks that the table has."""
        found = [f"weights: {table.megabytes(self.weight_bytes)} MB in {self.dtype_name}, buffers included"]
        if self.trainable_params < self.params:
            found.append(f"trainable parameters: {self.trainable_params:,}")
        return found + table.marks(self.layers)

    def grouped(self, depth: int | None) -> list[Layer]:
        """The rows of `table(depth)`: layers whose names begin alike summed up, where they follow each other."""
        if depth is None:
            return self.layers
        return [table.summed(run, depth) for run in table.runs(self.layers, depth)]

    def total(self) -> Layer:
        """The last line of the table."""
        nothing = Layer(
            "", "0 operations", self.input_size, self.input_size, 0, 0, 0, None, None, None, True, False, (-1,), False
        )
        whole = table.summed(self.layers or [nothing], 1)
        return whole._replace(
            name="total", params=self.params, receptive_field=self.receptive_field, misaligned=False, window=None
        )

    def pixels(self, layer: str | int, position: tuple[int, ...] = ()) -> tuple[tuple[int, int], ...]:
        """Which pixels a unit sees: ((top, bottom), (left, right)), the first and the last, both among them.

        `layer` is a name of `layers`, the beginning of such a name ("conv4_x": its last operation), or the number of a
        row. `position` is (i, j) on its map, (0, 0) at the top left. Padding counts: a range may begin before 0 or end
        behind the image. After global pooling or a linear layer it is the whole image, of the first input.

        Raises ValueError for a layer that is not there or runs several times, for one whose field is not known, and for
        a position outside its map.
        """
        row = self.row(layer)
        if not row.known:
            raise ValueError(f"what {row.name} sees is not known: there is no rule for {row.op}, or for one before it")
        sizes = row.out_shape[-len(row.jump) :] if row.jump else row.out_shape[1:]
        inside = len(position) == len(sizes) and all(0 <= p < n for p, n in zip(position, sizes, strict=True))
        if not inside and (row.jump or position):
            where = (
                f"whose positions are {table.shape_text(sizes)}, from 0" if sizes else "which has none: leave it out"
            )
            raise ValueError(f"position={tuple(position)} is not on the map of {row.name}, {where}")
        if not row.jump:
            return tuple((0, size - 1) for size in self.input_size[1:])
        tops = [
            int(start - (size - 1) / 2) + p * jump
            for p, size, jump, start in zip(position, row.receptive_field, row.jump, row.start, strict=True)
        ]
        return tuple((top, top + size - 1) for top, size in zip(tops, row.receptive_field, strict=True))

    def row(self, layer: str | int) -> Layer:
        """The operation of this name or number. Raises ValueError where there is none, or the name stands for several.

        The beginning of a name, as "conv4_x", stands for the last operation whose name begins so.
        """
        if isinstance(layer, int):
            if not -len(self.layers) <= layer < len(self.layers):
                raise ValueError(f"layer={layer} is no row of {self.name}, which has {len(self.layers)}")
            return self.layers[layer]
        named = [number for number, row in enumerate(self.layers) if row.name == layer]
        if len(named) > 1:
            raise ValueError(f"{layer!r} runs {len(named)} times, as rows {', '.join(map(str, named))}; give a number")
        named = named or [number for number, row in enumerate(self.layers) if row.name.startswith(f"{layer}.")]
        if named:
            return self.layers[named[-1]]
        known = dict.fromkeys(table.stem(row.name, depth) for depth in range(1, 9) for row in self.layers)
        near = [name for name in known if name.endswith(f".{layer}")][:3]
        near = near or difflib.get_close_matches(layer, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "table() has all names"
        raise ValueError(f"{self.name} has no layer {layer!r}; {hint}")

    def diagram(self, depth: int | None = None, color: str = "operation") -> Diagram:
        """A drawing of the network, made from its rows: blocks, branches, joins, shortcuts; repeats are folded.

        `depth` is how many levels of modules are opened; None opens what a reader can take in. `color` is "operation", or
        a cost whose shares are shown: "params", "macs" or "output_bytes". Raises ValueError for another, or a depth
        under 1.
        """
        return Diagram(self.name, self.layers, self.classes, self.input_sizes, depth, color)

    def __repr__(self) -> str:
        return self.table(depth=1)

    def _repr_html_(self) -> str:
        return table.layers_html(self.title, self.layers, self.total(), self.notes())


def as_lists(value):
    """`value` with lists for tuples."""
    return [as_lists(item) for item in value] if isinstance(value, tuple) else value


def anatomy(
    model: nn.Module,
    input_size: tuple[int, ...] | list[tuple[int, ...]] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> Anatomy:
    """What each operation of `model` costs and sees, from one forward pass without numbers.

    `input_size` is (C, H, W), or a list of them for a model of several inputs; None takes `model.input_size`. `dtype`
    is the type of images and maps. The pass runs in evaluation mode on the meta device: no weight is read or
    allocated, and the model is left as it was.

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
    several = isinstance(input_size[0], tuple | list)
    sizes = tuple(map(tuple, input_size)) if several else (tuple(input_size),)
    try:
        traced = trace(model, sizes, dtype)
    except InputTooSmall as error:
        side = None if several else smallest_square(model, sizes[0], dtype)
        advice = f"; {sizes[0][0]}×{side}×{side} is the smallest square that passes" if side else ""
        raise ValueError(f"input_size={input_size} is too small for {name}: {error}{advice}") from None
    layers, parameters = traced.rows, list(traced.parameters.values())
    owners = [module._buffers for module in traced.paths if module._buffers]
    buffers = {id(b): b for own in owners for b in own.values() if b is not None}
    params = sum(map(Tensor.numel, parameters))
    return Anatomy(
        name=name,
        input_sizes=sizes,
        dtype=dtype,
        layers=layers,
        params=params,
        trainable_params=params - sum([p.numel() for p in parameters if not p.requires_grad]),
        macs=sum([layer.macs for layer in layers]),
        output_bytes=sum([layer.output_bytes for layer in layers]),
        weight_bytes=bytes_in([*parameters, *buffers.values()], dtype),
        receptive_field=tuple(axis.size for axis in traced.last_map) if traced.last_map else None,
        classes={path: type(module).__name__ for module, path in traced.paths.items()},
        module=model,
    )


def bytes_in(tensors: list[Tensor], dtype: torch.dtype) -> int:
    """Bytes of `tensors` with floating-point ones in the type `dtype`."""
    others = [tensor for tensor in tensors if tensor.dtype is not dtype and tensor.is_floating_point()]
    change = sum(tensor.numel() * (dtype.itemsize - tensor.itemsize) for tensor in others)
    return sum([tensor.nbytes for tensor in tensors]) + change


def smallest_square(model: nn.Module, input_size: tuple[int, ...], dtype: torch.dtype) -> int | None:
    """Side of the smallest square input whose windows all fit; None where other errors come in between."""

    def fits(side: int) -> bool:
        try:
            trace(model, [(input_size[0], *[side] * (len(input_size) - 1))], dtype)
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
