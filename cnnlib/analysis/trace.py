"""One forward pass on the meta device that writes down every operation: shapes, parameters, MACs and receptive field.

A `TorchFunctionMode` sees functional calls, `+` and `cat` as well as modules. No weight is read and nothing is
computed: convolutions, linear layers and batch norm only work out the shape of their output.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from cnnlib.analysis.receptive_field import PIXELS, Field, join

Fields = tuple[Field, ...]  # what the positions of a map see, one an axis: (height, width) for images


@dataclass(frozen=True)
class Layer:
    """One operation that ran. Shapes are without the batch; `receptive_field`, `jump` and `start` are (height, width).

    They are None where a position sees the whole image (after global pooling or a linear layer), and where the
    operation is one that the tracer does not know: then `known` is False.
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
    "__getitem__": "slice", "add_": "add", "__radd__": "add", "sub_": "sub", "mul_": "mul", "div_": "div",
    "true_divide": "div", "concat": "cat", "concatenate": "cat", "relu_": "relu", "clamp_": "clamp", "sigmoid_": "sigmoid",
}  # fmt: skip

# Each position of the output depends on the same position of the input alone.
POINTWISE = frozenset(
    """relu relu6 leaky_relu elu celu selu gelu silu mish prelu rrelu softplus tanh sigmoid hardtanh hardswish
    hardsigmoid softmax log_softmax clamp exp log sqrt rsqrt neg abs pow square dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_alpha_dropout local_response_norm""".split()
)
JOINS = frozenset("add sub mul div cat maximum minimum".split())
# They move or rename values and cost nothing: no row of their own.
SILENT = frozenset("flatten view reshape squeeze unsqueeze contiguous clone detach to float identity".split())


class Tracer(TorchFunctionMode):
    """Collects `rows` while a forward pass runs under it; `head` is what the last map with positions sees."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.rows: list[Layer] = []
        self.head: Fields | None = None
        self.names = {module: name for name, module in model.named_modules()}
        self.running: list[nn.Module] = []  # the modules whose forward runs now, outermost first
        self.counted: set[int] = set()  # parameters that a row has already: shared ones count once

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.__name__ == "__get__":  # x.shape and other attributes
            return func(*args, **kwargs)
        op = SPELLINGS.get(func.__name__, func.__name__)
        tensors = [value for value in flat(args, kwargs) if isinstance(value, Tensor)]
        images = [tensor for tensor in tensors if hasattr(tensor, "fields")]
        if not images:  # on constants or weights alone
            return func(*args, **kwargs)
        source = images[0]
        rule = RULES.get(op)
        fields, macs, known = source.fields, 0, True
        in_shape = tuple(source.shape[1:])
        if rule:
            output, fields, macs = rule(self, func, op, args, kwargs)
        else:
            output = func(*map(on_meta, args), **{key: on_meta(value) for key, value in kwargs.items()})
            if not isinstance(output, Tensor):
                for part in output if isinstance(output, tuple | list) else ():
                    if isinstance(part, Tensor):  # chunk, split
                        part.fields = source.fields if part.shape[2:] == source.shape[2:] else None
                return output
            if op in JOINS:
                fields = joined(images)
            elif op == "slice":
                fields = sliced(source, args[1])
            elif op == "pad":
                fields = padded(source, args[1] if len(args) > 1 else kwargs["pad"])
            elif op in SILENT or op == "mean":
                if output.shape[2:] != source.shape[2:]:  # the positions are gone
                    fields = self.enter_head(source.fields)
            elif op not in POINTWISE:
                fields, known = None, False
        output.fields = fields
        if op not in SILENT:
            self.rows.append(
                Layer(
                    name=self.row_name(op),
                    op=op,
                    in_shape=in_shape,
                    out_shape=tuple(output.shape[1:]),
                    params=self.new_params(tensors),
                    macs=macs,
                    output_bytes=output.numel() * output.element_size(),
                    receptive_field=fields and tuple(field.size for field in fields),
                    jump=fields and tuple(field.jump for field in fields),
                    start=fields and tuple(field.start for field in fields),
                    known=known,
                )
            )
        return output

    def row_name(self, op: str) -> str:
        """The path of the module that runs; with the operation behind it where the module has parts of its own."""
        module = self.running[-1]
        name = self.names[module]
        if not name or next(module.children(), None) is not None:
            return f"{name}.{op}".lstrip(".")
        return name

    def new_params(self, tensors: list[Tensor]) -> int:
        """Values of the parameters among `tensors` that no earlier row has."""
        new = {id(t): t.numel() for t in tensors if isinstance(t, nn.Parameter) and id(t) not in self.counted}
        self.counted.update(new)
        return sum(new.values())

    def enter_head(self, fields: Fields | None) -> None:
        """Global pooling, flattening or a linear layer ends the map: remembers what its positions saw."""
        self.head = fields or self.head

    # --------------------------------------------------------------- operations whose output shape we know: the rules

    def convolution(self, func: Callable, op: str, args: tuple, kwargs: dict):
        given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        given |= dict(zip(("input", "weight", "bias", "stride", "padding", "dilation", "groups"), args, strict=False))
        given |= kwargs
        x, weight = given["input"], given["weight"]
        channels = weight.shape[1] * given["groups"]
        if x.shape[1] != channels:
            raise ValueError(f"{self.row_name(op)} reads {channels} channels and gets {x.shape[1]}")
        dims = weight.dim() - 2
        kernel, stride, dilation = weight.shape[2:], per_axis(given["stride"], dims), per_axis(given["dilation"], dims)
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if given["padding"] == "same":  # an odd rest goes behind, as torch does
            before, total = [r // 2 for r in reach], reach
        else:
            before = [0] * dims if given["padding"] == "valid" else per_axis(given["padding"], dims)
            total = [2 * p for p in before]
        size = [(n + t - r - 1) // s + 1 for n, t, r, s in zip(x.shape[2:], total, reach, stride, strict=True)]
        if min(size) < 1:
            raise self.too_small(op, kernel, x)
        fields = x.fields and tuple(map(Field.window, x.fields, kernel, stride, before, dilation))
        output = x.new_empty((x.shape[0], weight.shape[0], *size))
        return output, fields, prod(output.shape) * weight.shape[1] * prod(kernel)

    def linear(self, func: Callable, op: str, args: tuple, kwargs: dict):
        x, weight = (*args, *kwargs.values())[:2]
        if x.shape[-1] != weight.shape[1]:
            raise ValueError(f"{self.row_name(op)} reads {weight.shape[1]} features and gets {x.shape[-1]}")
        output = x.new_empty((*x.shape[:-1], weight.shape[0]))
        return output, self.enter_head(x.fields), output.numel() * weight.shape[1]

    def batch_norm(self, func: Callable, op: str, args: tuple, kwargs: dict):
        x = args[0]
        return torch.empty_like(x), x.fields, 0

    def pooling(self, func: Callable, op: str, args: tuple, kwargs: dict):
        given = {"stride": None, "padding": 0, "dilation": 1}
        given |= dict(zip(("input", "kernel_size", "stride", "padding"), args, strict=False)) | kwargs
        x = given["input"]
        dims = x.dim() - 2
        kernel = per_axis(given["kernel_size"], dims)
        stride, padding, dilation = (
            per_axis(value, dims) for value in (given["stride"] or kernel, given["padding"], given["dilation"])
        )
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        if any(n + 2 * p < r for n, p, r in zip(x.shape[2:], padding, reach, strict=True)):
            raise self.too_small(op, kernel, x)
        output = func(*args, **kwargs)
        if op.startswith("avg") and max(output.shape[2:]) == 1 < max(x.shape[2:]):  # the window is the whole map
            return output, self.enter_head(x.fields), 0
        return output, x.fields and tuple(map(Field.window, x.fields, kernel, stride, padding, dilation)), 0

    def adaptive_pooling(self, func: Callable, op: str, args: tuple, kwargs: dict):
        x, output = args[0], func(*args, **kwargs)
        if output.shape[2:] == x.shape[2:]:
            return output, x.fields, 0
        if max(output.shape[2:]) == 1:
            return output, self.enter_head(x.fields), 0
        steps = [divmod(n, o) for n, o in zip(x.shape[2:], output.shape[2:], strict=True)]
        if x.fields is None or any(rest for _, rest in steps):  # windows of several sizes
            return output, None, 0
        return output, tuple(field.window(step, step) for field, (step, _) in zip(x.fields, steps, strict=True)), 0

    def too_small(self, op: str, kernel, x: Tensor) -> InputTooSmall:
        """The error for a window that does not fit."""
        window, size = ("×".join(map(str, sizes)) for sizes in (kernel, x.shape[2:]))
        return InputTooSmall(f"{self.row_name(op)} has a window of {window} and gets a map of {size}")


RULES = {
    "linear": Tracer.linear,
    "batch_norm": Tracer.batch_norm,
    **{f"conv{d}d": Tracer.convolution for d in (1, 2, 3)},
    **{f"{kind}_pool{d}d": Tracer.pooling for kind in ("avg", "max") for d in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{d}d": Tracer.adaptive_pooling for kind in ("avg", "max") for d in (1, 2, 3)},
}


def flat(args: tuple, kwargs: dict) -> Iterator:
    """Arguments, with those inside lists and tuples."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, tuple | list):
            yield from value
        else:
            yield value


def per_axis(value, dims: int) -> list[int]:
    """`value` for each of `dims` axes."""
    return list(value) * (dims // len(value)) if isinstance(value, tuple | list) else [value] * dims


def on_meta(value):
    """`value` with its tensors on the meta device, so that a weight in an operation without a rule is not read."""
    if isinstance(value, Tensor):
        return value if value.is_meta else value.to("meta")
    if isinstance(value, tuple | list):
        return type(value)(map(on_meta, value))
    return value


def joined(images: list[Tensor]) -> Fields | None:
    """What a sum or concatenation sees: the union, axis by axis, of the branches that have positions."""
    branches = [image.fields for image in images if image.fields]
    if not branches or len(set(map(len, branches))) != 1:
        return None
    axes = [join(list(axis)) for axis in zip(*branches, strict=True)]
    return None if None in axes else tuple(axes)


def sliced(x: Tensor, index) -> Fields | None:
    """Fields of `x[index]`: plain slices move and thin out positions, anything else ends them."""
    index = index if isinstance(index, tuple) else (index,)
    if x.fields is None or not all(isinstance(item, slice) for item in index):
        return None
    steps = [item.indices(size)[::2] for item, size in zip(index, x.shape, strict=False)][2:]
    steps += [(0, 1)] * (len(x.fields) - len(steps))
    return tuple(field.shift(*step) for field, step in zip(x.fields, steps, strict=True))


def padded(x: Tensor, pad: tuple[int, ...]) -> Fields | None:
    """Fields of `F.pad(x, pad)`: zeros in front of an axis move position 0 out of the image. `pad`: last axis first."""
    if x.fields is None:
        return None
    before = list(pad[::2][: len(x.fields)])
    before += [0] * (len(x.fields) - len(before))
    return tuple(field.shift(-zeros) for field, zeros in zip(x.fields, reversed(before), strict=True))


@contextmanager
def watched(model: nn.Module, tracer: Tracer) -> Iterator[None]:
    """Evaluation mode, with `tracer` told which module runs. Afterwards `model` and torch's RNG are what they were."""
    modules = list(model.modules())
    modes = [module.training for module in modules]
    buffers = [dict(module._buffers) for module in modules]
    random_state = torch.get_rng_state()
    hooks = (
        register_module_forward_pre_hook(lambda module, args: tracer.running.append(module)),
        register_module_forward_hook(lambda module, args, output: tracer.running.pop() and None),
    )
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode, own in zip(modules, modes, buffers, strict=True):
            module.training = mode
            module._buffers.update(own)
        torch.set_rng_state(random_state)


def trace(model: nn.Module, input_size: tuple[int, ...]) -> tuple[list[Layer], Fields | None]:
    """The operations of one forward pass of one image of `input_size` (C, H, W), and what the last map sees.

    Raises InputTooSmall where a window does not fit, and ValueError where channels or features do not.
    """
    image = torch.empty((1, *input_size), device="meta")
    image.fields = (PIXELS,) * (len(input_size) - 1)
    tracer = Tracer(model)
    with torch.no_grad(), watched(model, tracer), tracer:
        model(image)
    last_map = next((row for row in reversed(tracer.rows) if row.receptive_field), None)
    return tracer.rows, (tracer.head and tuple(f.size for f in tracer.head)) or (last_map and last_map.receptive_field)
