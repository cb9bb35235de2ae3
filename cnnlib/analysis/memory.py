"""The memory of a training step: one pass on the meta device, in which every new storage is watched."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

T = TypeVar("T")

# Values that an optimiser keeps between steps for each learned value.
OPTIMIZERS = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2}


class Memory(NamedTuple):
    """Bytes of one training step on a batch of `batch` images.

    `weights` are parameters and buffers, `gradients` a value for each learned parameter, `optimizer_state` the values
    that the optimiser keeps between steps. `saved` are the tensors that autograd keeps for the backward pass. `peak` is
    the largest sum at one moment of a step: saved tensors go while gradients come, so it is less than the sum of all.
    Workspaces of the device's own kernels come on top of it.
    """

    batch: int
    optimizer: str
    weights: int
    gradients: int
    optimizer_state: int
    saved: int
    peak: int


class TrainingStep:
    """A training step of `model` on images of `image_shapes`, (N, C, H, W) each, without memory and without touching it.

    The pass runs in training mode on copies of parameters and buffers on the meta device. Its random numbers (skipped
    blocks, dropped paths) come from a seed of their own. Floating-point weights have the type `dtype`.
    """

    def __init__(self, model: nn.Module, image_shapes: list[tuple[int, ...]], dtype: torch.dtype) -> None:
        self.model, self.image_shapes, self.dtype = model, image_shapes, dtype
        own = dict(model.named_parameters()) | dict(model.named_buffers())
        self.weights = {
            name: torch.empty_like(
                tensor, device="meta", dtype=dtype if tensor.is_floating_point() else None
            ).requires_grad_(tensor.requires_grad)
            for name, tensor in own.items()
        }
        self.saved_storages: dict[int, int] = {}

    @property
    def weight_bytes(self) -> int:
        """Parameters and buffers."""
        return sum(tensor.nbytes for tensor in self.weights.values())

    @property
    def learned_bytes(self) -> int:
        """The parameters that get a gradient."""
        return sum(tensor.nbytes for tensor in self.weights.values() if tensor.requires_grad)

    def run(self, then: Callable[[list[Tensor]], T]) -> T:
        """`then(outputs)` of a forward pass, after which `saved_storages` has the storages that autograd keeps.

        `then` runs while the copies stand in the model: checkpointed blocks run again in its backward pass.
        """
        fixed = {storage_key(tensor) for tensor in self.weights.values()}

        def keep(tensor: Tensor) -> Tensor:
            if storage_key(tensor) not in fixed:
                self.saved_storages[storage_key(tensor)] = tensor.untyped_storage().nbytes()
            return tensor

        images = tuple(torch.empty(shape, device="meta", dtype=self.dtype) for shape in self.image_shapes)

        class ForwardThen(nn.Module):
            def __init__(self, model: nn.Module) -> None:
                super().__init__()
                self.model = model

            def forward(self, *images: Tensor) -> T:
                with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                    output = self.model(*images)
                leaves = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
                del output  # `then` decides how long they live
                return then(leaves)

        weights = {f"model.{name}": tensor for name, tensor in self.weights.items()}
        with training(self.model):
            return functional_call(ForwardThen(self.model), weights, images)

    def saved(self) -> int:
        """Bytes that autograd keeps from the forward pass."""
        # The outputs keep their saved tensors alive, so no storage counts twice.
        return self.run(lambda outputs: sum(self.saved_storages.values()))

    def saved_and_peak(self) -> tuple[int, int]:
        """Bytes that autograd keeps, and the most that lives at once besides the weights, through the backward pass."""

        def backward(outputs: list[Tensor]) -> int:
            total = sum(output.sum() for output in outputs)
            outputs.clear()  # the loss needs their sum alone
            saved = sum(self.saved_storages.values())
            if total.requires_grad:
                total.backward()
            return saved

        with LiveBytes(map(storage_key, self.weights.values())) as live:
            saved = self.run(backward)
        return saved, live.peak


def memory(
    model: nn.Module, input_sizes: list[tuple[int, ...]], dtype: torch.dtype, batch: int, optimizer: str
) -> Memory:
    """The `Memory` of one training step. Raises ValueError for a batch under 1 or an unknown optimiser."""
    if batch < 1:
        raise ValueError(f"batch={batch} is no number of images; give 1 or more")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer={optimizer!r} is not one of {', '.join(map(repr, OPTIMIZERS))}")
    step = TrainingStep(model, [(batch, *size) for size in input_sizes], dtype)
    saved, peak = step.saved_and_peak()
    state = OPTIMIZERS[optimizer] * step.learned_bytes
    return Memory(
        batch=batch,
        optimizer=optimizer,
        weights=step.weight_bytes,
        gradients=step.learned_bytes,
        optimizer_state=state,
        saved=saved,
        peak=step.weight_bytes + state + peak,
    )


def storage_key(tensor: Tensor) -> int:
    """A key that is unique among live storages."""
    return tensor.untyped_storage()._cdata


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of the storages that operations make while it is on: `peak` is the most that lived at once.

    `there` are the storages from before, which operations only view.
    """

    def __init__(self, there: Iterator[int]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.living = set(there)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(output):
            if isinstance(tensor, Tensor) and storage_key(tensor) not in self.living:
                self.born(tensor.untyped_storage())
        return output

    def born(self, storage: torch.UntypedStorage) -> None:
        """Counts a storage until it is freed."""
        self.living.add(storage._cdata)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.died, storage._cdata, storage.nbytes()).atexit = False

    def died(self, key: int, size: int) -> None:
        """Takes a freed storage off the count."""
        self.living.discard(key)
        self.now -= size


@contextmanager
def training(model: nn.Module) -> Iterator[None]:
    """Training mode, with a random state of its own; afterwards modes and random state are what they were."""
    modes = {module: module.training for module in model.modules()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model.train()
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
