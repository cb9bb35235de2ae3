"""One forward pass on the meta device that writes down every operation: shapes, parameters, MACs and receptive field.

A `TorchFunctionMode` sees functional calls, `+` and `cat` as well as modules. No weight is read and nothing is
computed: each operation has a rule that works out the shape of its output and what its positions see.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from cnnlib.analysis.receptive_field import PIXELS, Field, join

Fields = tuple[Field, ...]  # what the positions of a map see, one an axis: (height, width) for images
ALL: Fields | None = None  # each value sees the whole image: after global pooling or a linear layer
UNKNOWN: Fields = ()  # after an operation without a rule


class Layer(NamedTuple):
    """One operation that ran. Shapes are without the batch; `receptive_field`, `jump` and `start` are (height, width).

    They are None where a position sees the whole image (after global pooling or a linear layer), and where the
    operation, or one that it stands on, is one that the tracer does not know: then `known` is False.
    """

    name: str
    op: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    params: int
    macs: int
    output_bytes: int
    receptive_field: tuple[int, ...] | None
    jump: tuple[int, ...] | None
    start: tuple[float, ...] | None
    known: bool


class InputTooSmall(ValueError):
    """A window does not fit into the map that it gets."""


# One name for the spellings of an operation: `x + y`, `x += y`, `torch.add`.
SPELLINGS = {
    "__getitem__": "slice", "add_": "add", "sub_": "sub", "__rsub__": "sub", "mul_": "mul", "div_": "div",
    "__rdiv__": "div", "true_divide": "div", "concat": "cat", "concatenate": "cat", "relu_": "relu", "relu6_": "relu6",
    "clamp_": "clamp", "sigmoid_": "sigmoid", "dropout_": "dropout",
}  # fmt: skip

# Each position of the output depends on the same position of the input alone. A normalisation counts among them: what
# a position learns of the others is their mean and spread.
POINTWISE = frozenset(
    """relu relu6 leaky_relu elu celu selu gelu silu mish prelu rrelu softplus tanh sigmoid hardtanh hardswish
    hardsigmoid softmax log_softmax clamp exp log sqrt rsqrt neg abs pow square dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_alpha_dropout batch_norm instance_norm group_norm local_response_norm channel_shuffle
    native_channel_shuffle""".split()
)
JOINS = frozenset("add sub mul div cat maximum minimum".split())
# They move or rename values and cost nothing: no row of their own.
SILENT = frozenset("flatten view reshape squeeze unsqueeze contiguous clone detach to float identity".split())
SPLITS = frozenset("split chunk tensor_split".split())
TRANSPOSES = frozenset("transpose permute swapaxes".split())
REDUCTIONS = frozenset("mean sum amax".split())
# What is asked of a tensor, and constants made in its likeness.
QUESTIONS = frozenset("size dim numel new_zeros new_ones new_full new_empty zeros_like ones_like".split())


class Tracer(TorchFunctionMode):
    """Collects `rows` while a forward pass runs under it; `last_map` is what the last map with positions sees."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.rows: list[Layer] = []
        self.last_map: Fields | None = None
        self.names = {module: name for name, module in model.named_modules()}
        self.leaves = {module for module in self.names if next(module.children(), None) is None}
        self.running: list[nn.Module] = []  # the modules whose forward runs now, outermost first
        self.op = ""  # the operation that runs now
        self.images: list[Tensor] = []  # those of its arguments that stem from the image
        self.counted: set[int] = set()  # parameters that a row has already: shared ones count once

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        op = SPELLINGS.get(func.__name__, func.__name__)
        tensors = tensors_in(args, kwargs)
        images = [tensor for tensor in tensors if hasattr(tensor, "fields")]
        if op in QUESTIONS or not images:  # no images: constants or weights alone
            return func(*args, **kwargs)
        self.op, self.images = op, images
        output, fields, macs = RULES.get(op, Tracer.unknown)(self, func, *args, **kwargs)
        parts = tensors_in((output,), {})
        if not parts:
            return output
        for part in parts:
            part.fields = fields
        if fields is not ALL:
            self.last_map = fields
        if op not in NO_ROW:
            params = self.new_params(tensors) if len(tensors) > len(images) else 0
            self.rows.append(self.row(images[0], parts[0], params, macs))
        return output

    def row(self, source: Tensor, output: Tensor, params: int, macs: int) -> Layer:
        """What the operation that runs now goes down as."""
        receptive_field, jump, start = by_axis(output.fields) if output.fields else (None, None, None)
        return Layer(
            name=self.path(),
            op=self.op,
            in_shape=tuple(source.shape[1:]),
            out_shape=tuple(output.shape[1:]),
            params=params,
            macs=macs,
            output_bytes=output.numel() * output.element_size(),
            receptive_field=receptive_field,
            jump=jump,
            start=start,
            known=output.fields is not UNKNOWN,
        )

    def path(self) -> str:
        """The path of the module that runs; with the operation behind it where the module has parts of its own."""
        module = self.running[-1]
        path = self.names[module]
        return path if path and module in self.leaves else f"{path}.{self.op}".lstrip(".")

    def new_params(self, tensors: list[Tensor]) -> int:
        """Values of the parameters among `tensors` that no earlier row has."""
        new = {id(t): t.numel() for t in tensors if isinstance(t, nn.Parameter) and id(t) not in self.counted}
        self.counted.update(new)
        return sum(new.values())

    def end_map(self, x: Tensor) -> None:
        """Global pooling, flattening or a linear layer ends the map `x`: remembers what its positions saw."""
        if x.fields is not ALL:
            self.last_map = x.fields

    # ------------------------------------------------------------------------------------------------------ the rules
    # Each takes the function and its arguments, and returns the output, what its positions see, and its MACs.

    def convolution(self, func, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        out_channels, in_channels, *kernel = weight.shape
        batch, channels, *before = input.shape
        if channels != in_channels * groups:
            raise ValueError(f"{self.path()} reads {in_channels * groups} channels and gets {channels}")
        dims = len(kernel)
        stride, dilation = per_axis(stride, dims), per_axis(dilation, dims)
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if padding == "same":  # an odd rest goes behind, as torch does
            front, total = [r // 2 for r in reach], reach
        else:
            front = per_axis(0 if padding == "valid" else padding, dims)
            total = [2 * p for p in front]
        after = [(n + t - r - 1) // s + 1 for n, t, r, s in zip(before, total, reach, stride, strict=True)]
        if min(after) < 1:
            raise self.too_small(kernel, before)
        output = empty((batch, out_channels, *after), input)
        return output, windows(input, kernel, stride, front, dilation), output.numel() * in_channels * prod(kernel)

    def linear(self, func, input, weight, bias=None):
        out_features, in_features = weight.shape
        if input.shape[-1] != in_features:
            raise ValueError(f"{self.path()} reads {in_features} features and gets {input.shape[-1]}")
        self.end_map(input)
        output = empty((*input.shape[:-1], out_features), input)
        return output, ALL, output.numel() * in_features

    def max_pooling(self, func, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **rest):
        batch, channels, *before = input.shape
        kernel, stride, padding, dilation = (
            per_axis(value, len(before)) for value in (kernel_size, stride or kernel_size, padding, dilation)
        )
        after = []
        for n, k, s, p, d in zip(before, kernel, stride, padding, dilation, strict=True):
            room = n + 2 * p - d * (k - 1) - 1  # how far the window can move
            positions = (room + s - 1 if ceil_mode else room) // s + 1
            if ceil_mode and (positions - 1) * s >= n + p:  # a window that begins behind the image is left out
                positions -= 1
            after.append(positions)
        if min(after) < 1:
            raise self.too_small(kernel, before)
        return empty((batch, channels, *after), input), windows(input, kernel, stride, padding, dilation), 0

    def average_pooling(self, func, input, kernel_size, stride=None, padding=0, ceil_mode=False, *rest, **more):
        output, fields, _ = self.max_pooling(func, input, kernel_size, stride, padding, ceil_mode=ceil_mode)
        before = list(input.shape[2:])
        if per_axis(kernel_size, len(before)) == before:  # the window is the whole map: global pooling
            self.end_map(input)
            fields = ALL
        return output, fields, 0

    def adaptive_pooling(self, func, input, output_size, **rest):
        batch, channels, *before = input.shape
        after = [n if o is None else o for n, o in zip(before, per_axis(output_size, len(before)), strict=True)]
        output = empty((batch, channels, *after), input)
        if after == before or not input.fields:
            return output, input.fields, 0
        if max(after) == 1:  # global pooling
            self.end_map(input)
            return output, ALL, 0
        steps = [divmod(n, o) for n, o in zip(before, after, strict=True)]
        if any(remainder for _, remainder in steps):  # windows of several sizes
            return output, UNKNOWN, 0
        return output, tuple(field.window(step, step) for field, (step, _) in zip(input.fields, steps, strict=True)), 0

    def pointwise(self, func, *args, **kwargs):
        image = self.images[0]
        return image.detach(), image.fields, 0  # detach: the cheapest other tensor of this shape

    def joining(self, func, *args, **kwargs):
        images, shape = self.images, self.images[0].shape
        if self.op != "cat" and all(tensor.shape == shape for tensor in tensors_in(args, kwargs)):
            in_place = func.__name__.endswith("_") and args[0] is images[0]  # x += y: who holds x sees it change
            return images[0] if in_place else images[0].detach(), joined(images), 0
        return func(*on_meta(args), **on_meta(kwargs)), joined(images), 0

    def slicing(self, func, input, index):
        return func(input, index), sliced(input, index), 0

    def padding(self, func, input, pad, *args, **kwargs):
        return func(input, pad, *args, **kwargs), padded(input, pad), 0

    def splitting(self, func, input, *args, **kwargs):
        outputs = func(input, *args, **kwargs)
        return outputs, input.fields if keeps_positions(input, outputs[0]) else UNKNOWN, 0

    def transposing(self, func, input, *args, **kwargs):
        output = func(input, *args, **kwargs)
        dims = len(input.fields or ())
        still = keeps_positions(input, output) and output.stride()[-dims:] == input.stride()[-dims:]
        return output, input.fields if still else UNKNOWN, 0

    def reshaping(self, func, input, *args, **kwargs):
        output = func(input, *args, **kwargs)
        if keeps_positions(input, output):
            return output, input.fields, 0
        self.end_map(input)
        return output, ALL, 0

    def unknown(self, func, *args, **kwargs):
        return func(*on_meta(args), **on_meta(kwargs)), UNKNOWN, 0

    def too_small(self, kernel: list[int], size: list[int]) -> InputTooSmall:
        """The error for a window that does not fit."""
        window, size = ("×".join(map(str, sizes)) for sizes in (kernel, size))
        return InputTooSmall(f"{self.path()} has a window of {window} and gets a map of {size}")


RULES = {
    "linear": Tracer.linear,
    "slice": Tracer.slicing,
    "pad": Tracer.padding,
    **dict.fromkeys(POINTWISE, Tracer.pointwise),
    **dict.fromkeys(JOINS, Tracer.joining),
    **dict.fromkeys(SPLITS, Tracer.splitting),
    **dict.fromkeys(TRANSPOSES, Tracer.transposing),
    **dict.fromkeys(SILENT | REDUCTIONS, Tracer.reshaping),
    **{f"conv{d}d": Tracer.convolution for d in (1, 2, 3)},
    **{f"max_pool{d}d": Tracer.max_pooling for d in (1, 2, 3)},
    **{f"avg_pool{d}d": Tracer.average_pooling for d in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{d}d": Tracer.adaptive_pooling for kind in ("avg", "max") for d in (1, 2, 3)},
}
NO_ROW = SILENT | SPLITS | TRANSPOSES | {"__get__"}  # __get__: x.shape, and x.T, which no rule follows


def tensors_in(args: tuple, kwargs: dict) -> list[Tensor]:
    """The tensors among the arguments, with those inside lists and tuples."""
    found = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, tuple | list):
            found.extend(item for item in value if isinstance(item, Tensor))
    return found


def empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A tensor of this shape on the meta device: no memory."""
    return torch.empty(shape, dtype=like.dtype, device="meta")


def per_axis(value, dims: int) -> list[int]:
    """`value` for each of `dims` axes."""
    return list(value) * (dims // len(value)) if isinstance(value, tuple | list) else [value] * dims


def on_meta(value):
    """`value` with its tensors on the meta device, so that a weight in an operation without a rule is not read."""
    if isinstance(value, Tensor):
        return value if value.is_meta else value.to("meta")
    if isinstance(value, tuple | list):
        return type(value)(map(on_meta, value))
    if isinstance(value, dict):
        return {key: on_meta(item) for key, item in value.items()}
    return value


@lru_cache
def by_axis(fields: Fields) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """Receptive field, jump and start as a row has them, each (height, width)."""
    return tuple(f.size for f in fields), tuple(f.jump for f in fields), tuple(f.start for f in fields)


def windows(x: Tensor, kernel: list[int], stride: list[int], padding: list[int], dilation: list[int]) -> Fields | None:
    """Fields of the map after a window of these settings, each given by axis, went over `x`."""
    return x.fields and tuple(map(Field.window, x.fields, kernel, stride, padding, dilation))


def keeps_positions(x: Tensor, output: Tensor) -> bool:
    """Whether the axes of the positions, the last ones, are as long in `output` as in `x`, which has any."""
    dims = len(x.fields or ())
    return not dims or (output.dim() > dims and output.shape[-dims:] == x.shape[-dims:])


def joined(images: list[Tensor]) -> Fields | None:
    """What a sum or concatenation sees: the union, axis by axis, of the branches that have positions."""
    branches = [image.fields for image in images if image.fields is not ALL]
    if not branches:
        return ALL
    if len(set(map(len, branches))) != 1:
        return UNKNOWN
    axes = [join(list(axis)) for axis in zip(*branches, strict=True)]
    return UNKNOWN if None in axes else tuple(axes)


def sliced(x: Tensor, index) -> Fields | None:
    """Fields of `x[index]`: slices of an axis of positions move them and thin them out; other indices are not known.

    A list of channels picks among them and leaves the positions as they are.
    """
    index = index if isinstance(index, tuple) else (index,)
    dims = len(x.fields or ())
    if not dims:
        return x.fields
    if Ellipsis in index:
        before = index.index(Ellipsis)
        index = (*index[:before], *[slice(None)] * (x.dim() + 1 - len(index)), *index[before + 1 :])
    leading, positions = index[: x.dim() - dims], index[x.dim() - dims :]
    if not all(isinstance(item, int | slice | list) for item in leading) or not all(
        isinstance(i, slice) for i in positions
    ):
        return UNKNOWN
    steps = [item.indices(size)[::2] for item, size in zip(positions, x.shape[-dims:], strict=False)]
    steps += [(0, 1)] * (dims - len(steps))
    return tuple(field.shift(*step) for field, step in zip(x.fields, steps, strict=True))


def padded(x: Tensor, pad: tuple[int, ...]) -> Fields | None:
    """Fields of `F.pad(x, pad)`: zeros in front of an axis move position 0 out of the image. `pad`: last axis first."""
    if not x.fields:
        return x.fields
    before = list(pad[::2][: len(x.fields)])
    before += [0] * (len(x.fields) - len(before))
    return tuple(field.shift(-zeros) for field, zeros in zip(x.fields, reversed(before), strict=True))


@contextmanager
def watched(tracer: Tracer) -> Iterator[None]:
    """Evaluation mode, with `tracer` told which module runs. Afterwards its modules and torch's RNG are what they were."""
    modules = list(tracer.names)
    training = [module for module in modules if module.training]
    buffers = {module: dict(module._buffers) for module in modules if module._buffers}
    random_state = torch.get_rng_state()
    hooks = (
        register_module_forward_pre_hook(lambda module, args: tracer.running.append(module)),
        register_module_forward_hook(lambda module, args, output: (tracer.running.pop(), None)[1]),
    )
    try:
        for module in training:
            vars(module)["training"] = False  # as module.training = False, without the search among its parameters
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module in training:
            vars(module)["training"] = True
        for module, own in buffers.items():
            module._buffers.update(own)
        torch.set_rng_state(random_state)


def trace(model: nn.Module, input_size: tuple[int, ...]) -> tuple[list[Layer], tuple[int, ...] | None]:
    """The operations of one forward pass of one image of `input_size` (C, H, W), and what the last map sees.

    Raises InputTooSmall where a window does not fit, and ValueError where channels or features do not.
    """
    image = torch.empty((1, *input_size), device="meta")
    image.fields = (PIXELS,) * (len(input_size) - 1)
    tracer = Tracer(model)
    with torch.no_grad(), watched(tracer), tracer:
        model(image)
    return tracer.rows, by_axis(tracer.last_map)[0] if tracer.last_map else None
