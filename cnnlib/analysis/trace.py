"""One forward pass on the meta device that writes down every operation: shapes, parameters, MACs and receptive field.

A `TorchFunctionMode` sees functional calls, `+` and `cat` as well as modules. No weight is read and nothing is
computed: each operation has a rule (`rules/`) that works out the shape of its output and what its positions see.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import RLock, get_ident
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlib.analysis.receptive_field import ALL, PIXELS, UNKNOWN, Fields
from cnnlib.analysis.rules import BIASED, NO_ROW, QUESTIONS, RULES, SPELLINGS
from cnnlib.analysis.rules.modules import ONE_FUNCTION
from cnnlib.analysis.rules.step import tensors_in
from cnnlib.analysis.rules.unknown import unknown


class Layer(NamedTuple):
    """One operation that ran. Shapes leave out the batch; a value for each axis is (height, width) for images.

    `receptive_field`, `jump` and `start` are None where a position sees the whole image (after global pooling or a linear
    layer), and where the tracer cannot tell: then `known` is False.
    """

    name: str  # path of its module, with the operation behind it where the module has parts of its own
    op: str  # torch's name of it, one for all spellings: "conv2d", "add"
    in_shape: tuple[int, ...]  # of the first map that it reads
    out_shape: tuple[int, ...]
    params: int  # learnable values that no earlier row has
    macs: int  # multiplies of convolutions, linear layers and other matrix products
    output_bytes: int  # of its output
    receptive_field: tuple[int, ...] | None  # pixels that a position sees
    jump: tuple[int, ...] | None  # pixels from a position to the next
    start: tuple[float, ...] | None  # centre of the field of position 0, in pixels; 0 is the first pixel
    known: bool  # whether it and all operations before it have a rule for receptive fields
    misaligned: bool  # whether it joins branches whose windows have different centres, or step differently
    inputs: tuple[int, ...]  # numbers of the rows whose outputs it reads, 0 the first; -1 is the image
    biased: bool  # whether a bias is added to each output
    window: tuple[tuple[int, ...], tuple[int, ...]] | None = None  # kernel and stride of a convolution or pooling


class Tracer(TorchFunctionMode):
    """Collects `rows` while a forward pass runs under it; `last_map` has the fields of the last map with positions.

    Each tensor that stems from the image carries `fields`, the receptive fields of its positions, and `row`, the number
    of the row that wrote it.
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
        output, fields, macs = RULES.get(op, unknown)(self, func, *args, **kwargs)
        outputs = tensors_in((output,), {})
        if not outputs:
            return output
        if fields is not ALL:
            self.last_map = fields
        if op in NO_ROW:
            row = sources[0]
        else:
            row = len(self.rows)
            params = self.new_params(tensors) if len(tensors) > len(images) else 0
            biased = op in BIASED and ((len(args) > 2 and args[2] is not None) or kwargs.get("bias") is not None)
            self.rows.append(self.row(images[0], outputs[0], fields, params, macs, sources, biased))
        for each in outputs:
            each.fields, each.row = fields, row
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
        """The row of the operation that runs now."""
        return Layer(
            self.path(),
            self.op,
            tuple(source.shape)[1:],
            tuple(output.shape)[1:],
            params,
            macs,
            output.nbytes,
            *(field_columns(fields) if fields else NOWHERE),
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
        """Remembers the fields of the map `x`, which global pooling, flattening or a linear layer ends."""
        if x.fields is not ALL:
            self.last_map = x.fields


NOWHERE = (None, None, None)


@lru_cache
def field_columns(fields: Fields) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """Receptive field, jump and start as a row has them, each (height, width)."""
    return tuple(f.size for f in fields), tuple(f.jump for f in fields), tuple(f.start for f in fields)


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


ONE_TRACE = RLock()  # one trace at a time: `watched` puts its own call into the modules
CALL = "_compiled_call_impl"  # a module calls this in place of its forward; `module.compile()` sets it


@contextmanager
def watched(tracer: Tracer) -> Iterator[None]:
    """Evaluation mode, in which `tracer` knows the running module. Afterwards modules and torch's RNG are as before."""
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

    with ONE_TRACE:  # around the lines that keep the state, too: another trace would have changed it
        modules = list(tracer.paths)
        training = [module for module in modules if module.training]
        compiled = [(module, vars(module)[CALL]) for module in modules if CALL in vars(module)]
        buffers = {module: dict(module._buffers) for module in modules if module._buffers}
        random_state = torch.get_rng_state()
        # Write through `vars(module)`: it skips nn.Module's slow `__setattr__`. And write to each module, not to their
        # class: when a class changes, Python forgets what it knows about the attributes of all its modules.
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
    """The tracer of one forward pass: one image of each of `input_sizes` (C, H, W).

    Raises InputTooSmall where a window does not fit, and ValueError where channels or features do not.
    """
    images = [torch.empty((1, *size), device="meta", dtype=dtype) for size in input_sizes]
    for image in images:
        image.fields, image.row = (PIXELS,) * (image.dim() - 2), -1
    tracer = Tracer(model)
    with torch.no_grad(), watched(tracer), tracer:
        model(*images)
    return tracer
