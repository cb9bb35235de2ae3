"""One forward pass on the meta device that writes down every operation: shapes, parameters, MACs and receptive field.

A `TorchFunctionMode` sees functional calls, `+` and `cat` as well as modules. No weight is read and nothing is
computed: each operation has a rule that works out the shape of its output and what its positions see.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from math import prod
from threading import RLock, get_ident
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlib.analysis.receptive_field import PIXELS, Field, join

Fields = tuple[Field, ...]  # what the positions of a map see, one an axis: (height, width) for images
ALL: Fields | None = None  # each value sees the whole image: after global pooling or a linear layer
UNKNOWN: Fields = ()  # after an operation without a rule


class Layer(NamedTuple):
    """One operation that ran. Shapes are without the batch; `receptive_field`, `jump` and `start` are (height, width).

    They are None where a position sees the whole image (after global pooling or a linear layer), and where the
    operation, or one that it stands on, is one whose positions the tracer cannot follow: then `known` is False.
    `misaligned` is True for a join whose branches see windows with different centres, or step differently.
    `inputs` are the numbers of the rows whose outputs the operation reads, 0 the first; -1 is the image.
    `biased` says whether a bias is added to each output. `window` is kernel and stride of a convolution or pooling, each
    (height, width); None for others.
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
    misaligned: bool
    inputs: tuple[int, ...]
    biased: bool
    window: tuple[tuple[int, ...], tuple[int, ...]] | None = None


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
JOINS = frozenset("add sub mul div maximum minimum".split())
# They move or rename values and cost nothing: no row of their own.
SILENT = frozenset("flatten view reshape squeeze unsqueeze contiguous clone detach to float identity".split())
SPLITS = frozenset("split chunk tensor_split".split())
TRANSPOSES = frozenset("transpose permute swapaxes".split())
REDUCTIONS = frozenset("mean sum amax".split())
# What is asked of a tensor, and constants made in its likeness.
QUESTIONS = frozenset("size dim numel new_zeros new_ones new_full new_empty zeros_like ones_like".split())


class Tracer(TorchFunctionMode):
    """Collects `rows` while a forward pass runs under it; `last_map` is what the last map with positions sees.

    Each tensor that stems from the image carries `fields`, what its positions see, and `row`, the number of the row
    that wrote it.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.rows: list[Layer] = []
        self.last_map: Fields | None = None
        self.paths = paths(model)
        self.parameters = {id(p): p for module in self.paths for p in module._parameters.values() if p is not None}
        self.uncounted = {key: parameter.numel() for key, parameter in self.parameters.items()}
        self.running: list[nn.Module] = []  # the modules whose forward runs now, outermost first
        self.op = ""  # the operation that runs now
        self.images: list[Tensor] = []  # those of its arguments that stem from the image
        self.misaligned = False  # whether it joins branches whose centres differ
        self.window = None  # its kernel and stride

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        op = func.__name__
        op = SPELLINGS.get(op, op)
        tensors = tensors_in(args, kwargs)
        images = [tensor for tensor in tensors if hasattr(tensor, "fields")]
        if op in QUESTIONS or not images:  # no images: constants or weights alone
            return func(*args, **kwargs)
        self.op, self.images, self.misaligned, self.window = op, images, False, None
        sources = tuple([image.row for image in images])  # before a rule that works in place
        output, fields, macs = RULES.get(op, Tracer.unknown)(self, func, *args, **kwargs)
        parts = tensors_in((output,), {})
        if not parts:
            return output
        if fields is not ALL:
            self.last_map = fields
        if op in NO_ROW:
            row = sources[0]
        else:
            row = len(self.rows)
            params = self.new_params(tensors) if len(tensors) > len(images) else 0
            biased = op in BIASED and ((len(args) > 2 and args[2] is not None) or kwargs.get("bias") is not None)
            self.rows.append(self.row(images[0], parts[0], fields, params, macs, sources, biased))
        for part in parts:
            part.fields, part.row = fields, row
        return output

    def one_function(self, module: nn.Module, op: str, image: Tensor, arguments: tuple) -> Tensor:
        """The row of a module that does nothing but call the function `op` on `image`, with `arguments` behind it."""
        self.op, self.images, self.misaligned, self.window = op, [image], False, None
        with torch._C.DisableTorchFunction():  # as inside __torch_function__, which must not see what its rules call
            output, fields, macs = RULES[op](self, None, image, *arguments)
            params = self.new_params(module._parameters.values()) if module._parameters else 0
            biased = op in BIASED and arguments[1] is not None
            if fields is not ALL:
                self.last_map = fields
            output.fields, output.row = fields, len(self.rows)
            self.rows.append(self.row(image, output, fields, params, macs, (image.row,), biased))
        return output

    def row(self, source: Tensor, output: Tensor, fields, params: int, macs: int, sources, biased: bool) -> Layer:
        """What the operation that runs now goes down as."""
        return Layer(
            self.path(),
            self.op,
            tuple(source.shape)[1:],
            tuple(output.shape)[1:],
            params,
            macs,
            output.nbytes,
            *(by_axis(fields) if fields else NOWHERE),
            fields is not UNKNOWN,
            self.misaligned,
            sources,
            biased,
            self.window,
        )

    def path(self) -> str:
        """The path of the module that runs; with the operation behind it where the module has parts of its own."""
        module = self.running[-1]
        path = self.paths.get(module, "")  # a module that the forward made for itself has no name
        return path if path and not module._modules else f"{path}.{self.op}".lstrip(".")

    def new_params(self, tensors: Iterable[Tensor | None]) -> int:
        """Values of the parameters among `tensors` that no earlier row has: shared ones count once."""
        return sum([self.uncounted.pop(id(tensor), 0) for tensor in tensors])

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
        dims, kernel = len(kernel), tuple(kernel)
        stride, dilation = per_axis(stride, dims), per_axis(dilation, dims)
        padding = padding if padding == "same" else per_axis(0 if padding == "valid" else padding, dims)
        after, front = convolved(tuple(before), kernel, stride, padding, dilation)
        if min(after) < 1:
            raise self.too_small(kernel, before)
        self.window = kernel, stride
        output = empty((batch, out_channels, *after), input)
        return (
            output,
            windows(input.fields, kernel, stride, front, dilation),
            output.numel() * in_channels * prod(kernel),
        )

    def transposed_convolution(
        self, func, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
    ):
        in_channels, out_channels, *kernel = weight.shape
        batch, channels, *before = input.shape
        if channels != in_channels:
            raise ValueError(f"{self.path()} reads {in_channels} channels and gets {channels}")
        settings = [per_axis(value, len(kernel)) for value in (stride, padding, output_padding, dilation)]
        after = [
            (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
            for n, k, s, p, extra, d in zip(before, kernel, *settings, strict=True)
        ]
        if min(after) < 1:
            raise self.too_small(kernel, before)
        self.window = tuple(kernel), settings[0]
        fields = input.fields
        if fields and max(settings[0]) > 1:
            fields = UNKNOWN  # positions of different phases see windows of different sizes
        elif fields:  # a convolution whose kernel is turned around
            padding = [d * (k - 1) - p for k, p, d in zip(kernel, settings[1], settings[3], strict=True)]
            fields = windows(fields, tuple(kernel), per_axis(1, len(kernel)), tuple(padding), settings[3])
        output = empty((batch, out_channels * groups, *after), input)
        return output, fields, input.numel() * out_channels * prod(kernel)

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
        self.window = kernel, stride
        return empty((batch, channels, *after), input), windows(input.fields, kernel, stride, padding, dilation), 0

    def average_pooling(self, func, input, kernel_size, stride=None, padding=0, ceil_mode=False, *rest, **more):
        output, fields, _ = self.max_pooling(func, input, kernel_size, stride, padding, ceil_mode=ceil_mode)
        before = tuple(input.shape[2:])
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
        first, shape = self.images[0], self.images[0].shape
        fields, self.misaligned = joined(tuple([image.fields for image in self.images]))
        if all([tensor.shape == shape for tensor in tensors_in(args, kwargs)]):
            in_place = func.__name__.endswith("_") and args[0] is first  # x += y: who holds x sees it change
            return first if in_place else first.detach(), fields, 0
        return func(*on_meta(args), **on_meta(kwargs)), fields, 0

    def concatenating(self, func, tensors, dim=0, **rest):
        fields, self.misaligned = joined(tuple([image.fields for image in self.images]))
        first, dim = tensors[0], rest.pop("axis", dim)
        dim %= max(1, first.dim())
        alike = {(t.dtype, t.dim(), *t.shape[:dim], *t.shape[dim + 1 :]) for t in tensors}
        if rest or len(alike) > 1:  # what else torch allows, and its errors
            return func(on_meta(tensors), dim, **on_meta(rest)), fields, 0
        # Torch's own rule on the meta device takes half a millisecond: most of the time of a DenseNet.
        shape = (*first.shape[:dim], sum([t.shape[dim] for t in tensors]), *first.shape[dim + 1 :])
        return empty(shape, first), fields, 0

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
        from torch.utils.flop_counter import FlopCounterMode  # takes a tenth of a second, and most networks need none

        with FlopCounterMode(display=False) as counter:  # matrix products under whatever name
            output = func(*on_meta(args), **on_meta(kwargs))
        return output, UNKNOWN, counter.get_total_flops() // 2

    def too_small(self, kernel: list[int], size: list[int]) -> InputTooSmall:
        """The error for a window that does not fit."""
        window, size = ("×".join(map(str, sizes)) for sizes in (kernel, size))
        return InputTooSmall(f"{self.path()} has a window of {window} and gets a map of {size}")


RULES = {
    "linear": Tracer.linear,
    "slice": Tracer.slicing,
    "pad": Tracer.padding,
    "cat": Tracer.concatenating,
    **dict.fromkeys(POINTWISE, Tracer.pointwise),
    **dict.fromkeys(JOINS, Tracer.joining),
    **dict.fromkeys(SPLITS, Tracer.splitting),
    **dict.fromkeys(TRANSPOSES, Tracer.transposing),
    **dict.fromkeys(SILENT | REDUCTIONS, Tracer.reshaping),
    **{f"conv{d}d": Tracer.convolution for d in (1, 2, 3)},
    **{f"conv_transpose{d}d": Tracer.transposed_convolution for d in (1, 2, 3)},
    **{f"max_pool{d}d": Tracer.max_pooling for d in (1, 2, 3)},
    **{f"avg_pool{d}d": Tracer.average_pooling for d in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{d}d": Tracer.adaptive_pooling for kind in ("avg", "max") for d in (1, 2, 3)},
}
BIASED = frozenset(["linear", *(f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3))])
# Modules that do nothing but call one function, and its arguments behind the image (None: this one does more). The
# tracer is told at once, without their forward and torch's dispatch.
ONE_FUNCTION = {
    nn.Conv2d: ("conv2d", lambda m: (
        None if m.padding_mode != "zeros" else (m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups)
    )),
    nn.MaxPool2d: ("max_pool2d", lambda m: (
        None if m.return_indices else (m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode)
    )),
    nn.Linear: ("linear", lambda m: (m.weight, m.bias)),
    nn.BatchNorm2d: ("batch_norm", lambda m: ()),
    nn.ReLU: ("relu", lambda m: ()),
    nn.Dropout: ("dropout", lambda m: ()),
}  # fmt: skip
NO_ROW = SILENT | SPLITS | TRANSPOSES | {"__get__"}  # __get__: x.shape, and x.T, which no rule follows


def paths(model: nn.Module) -> dict[nn.Module, str]:
    """Every module of the model and the path under which it is first found, as `named_modules` has them, only quicker."""
    found: dict[nn.Module, str] = {}

    def visit(module: nn.Module, path: str) -> None:
        if module not in found:
            found[module] = path
            for name, child in module._modules.items():
                if child is not None:
                    visit(child, f"{path}.{name}" if path else name)

    visit(model, "")
    return found


def tensors_in(args: tuple, kwargs: dict) -> list[Tensor]:
    """The tensors among the arguments, with those inside lists and tuples."""
    found = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found.extend([item for item in value if isinstance(item, Tensor)])
    return found


def empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A tensor of this shape on the meta device: no memory."""
    return torch.empty(shape, dtype=like.dtype, device="meta")


def per_axis(value, dims: int) -> tuple[int, ...]:
    """`value` for each of `dims` axes."""
    return tuple(value) * (dims // len(value)) if isinstance(value, (tuple, list)) else (value,) * dims


def on_meta(value):
    """`value` with its tensors on the meta device, so that a weight in an operation without a rule is not read."""
    if isinstance(value, Tensor):
        return value if value.is_meta else value.to("meta")
    if isinstance(value, tuple | list):
        return type(value)(map(on_meta, value))
    if isinstance(value, dict):
        return {key: on_meta(item) for key, item in value.items()}
    return value


NOWHERE = (None, None, None)


@lru_cache
def by_axis(fields: Fields) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """Receptive field, jump and start as a row has them, each (height, width)."""
    return tuple(f.size for f in fields), tuple(f.jump for f in fields), tuple(f.start for f in fields)


Axes = tuple[int, ...]  # a setting, or a size, for each axis of the positions


@lru_cache(maxsize=4096)  # few shapes make up a deep network
def convolved(before: Axes, kernel: Axes, stride: Axes, padding: Axes | str, dilation: Axes) -> tuple[Axes, Axes]:
    """Size of the map after a convolution, and the padding in front of it. `padding` may be "same"."""
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    same = padding == "same"  # an odd rest goes behind, as torch does
    front = tuple([r // 2 for r in reach]) if same else padding
    total = reach if same else [2 * p for p in front]
    return tuple([(n + t - r - 1) // s + 1 for n, t, r, s in zip(before, total, reach, stride, strict=True)]), front


@lru_cache(maxsize=4096)
def windows(fields: Fields | None, kernel: Axes, stride: Axes, padding: Axes, dilation: Axes) -> Fields | None:
    """Fields of the map after a window of these settings went over one whose positions see `fields`."""
    return fields and tuple(map(Field.window, fields, kernel, stride, padding, dilation))


def keeps_positions(x: Tensor, output: Tensor) -> bool:
    """Whether the axes of the positions, the last ones, are as long in `output` as in `x`, which has any."""
    dims = len(x.fields or ())
    return not dims or (output.dim() > dims and output.shape[-dims:] == x.shape[-dims:])


@lru_cache(maxsize=4096)
def joined(branches: tuple[Fields | None, ...]) -> tuple[Fields | None, bool]:
    """What a sum or concatenation sees: the union, axis by axis, of the branches that have positions.

    And whether these see windows with different centres, or step differently, along some axis.
    """
    maps = [fields for fields in branches if fields is not ALL]
    if not maps:
        return ALL, False
    apart = any(len({(f.jump, f.lo + f.hi) for f in axis}) > 1 for axis in zip(*filter(None, maps), strict=False))
    if len(set(map(len, maps))) != 1:
        return UNKNOWN, apart
    axes = [join(list(axis)) for axis in zip(*maps, strict=True)]
    return (UNKNOWN if None in axes else tuple(axes)), apart


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


ONE_TRACE = RLock()  # at a time: `watched` puts its own call into the modules
CALL = "_compiled_call_impl"  # where a module keeps what is called in its forward's place, as `module.compile()` does


@contextmanager
def watched(tracer: Tracer) -> Iterator[None]:
    """Evaluation mode, with `tracer` told which module runs. Afterwards its modules and torch's RNG are what they were."""
    thread, running = get_ident(), tracer.running

    def call(module: nn.Module, *args, **kwargs):
        if get_ident() != thread:  # another thread trains meanwhile
            return module._call_impl(*args, **kwargs)
        running.append(module)
        try:
            if module._forward_pre_hooks or module._forward_hooks:  # they may make the weight that forward reads
                return module._call_impl(*args, **kwargs)
            if (known := ONE_FUNCTION.get(type(module))) and "forward" not in vars(module):
                op, arguments_of = known
                if len(args) == 1 and hasattr(args[0], "fields") and (arguments := arguments_of(module)) is not None:
                    return tracer.one_function(module, op, args[0], arguments)
            return module.forward(*args, **kwargs)
        finally:
            running.pop()

    with ONE_TRACE:  # also what is kept for afterwards: it is not to be another trace's
        modules = list(tracer.paths)
        training = [module for module in modules if module.training]
        compiled = [(module, vars(module)[CALL]) for module in modules if CALL in vars(module)]
        buffers = {module: dict(module._buffers) for module in modules if module._buffers}
        random_state = torch.get_rng_state()
        # All through vars: as module.training = False, without the search among its parameters. And each module, not
        # their class: when that changes, Python forgets what it knows about the attributes of all of them.
        try:
            for module in modules:
                vars(module)[CALL] = partial(call, module)
            for module in training:
                vars(module)["training"] = False
            yield
        finally:
            for module in modules:
                vars(module).pop(CALL, None)
            for module, own in compiled:
                vars(module)[CALL] = own
            for module in training:
                vars(module)["training"] = True
            for module, own in buffers.items():
                module._buffers.update(own)
            torch.set_rng_state(random_state)


def trace(model: nn.Module, input_sizes: Iterable[tuple[int, ...]], dtype: torch.dtype) -> Tracer:
    """What one forward pass of one image of each of `input_sizes` (C, H, W) wrote down.

    Raises InputTooSmall where a window does not fit, and ValueError where channels or features do not.
    """
    images = [torch.empty((1, *size), device="meta", dtype=dtype) for size in input_sizes]
    for image in images:
        image.fields, image.row = (PIXELS,) * (image.dim() - 2), -1
    tracer = Tracer(model)
    with torch.no_grad(), watched(tracer), tracer:
        model(*images)
    return tracer
