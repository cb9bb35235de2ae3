"""The training loop of the course: short enough to read, the same on a CPU, on a GPU, and on several."""

import atexit
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnnlib.models.layers import Auxiliary
from cnnlib.training.augment import Transform
from cnnlib.training.checkpoint import Checkpoint
from cnnlib.training.data import ImageData
from cnnlib.training.recipes import Recipe, skips_layers


@dataclass
class History:
    """What `fit` measured: one value an epoch. Losses are means over images; accuracies are fractions.

    Training figures are the running ones of the epoch, taken in training mode as in the papers' curves.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False  # from the keyboard, before all epochs were done

    @property
    def train_error(self) -> list[float]:
        """Training error by epoch, in per cent."""
        return [100 * (1 - accuracy) for accuracy in self.train_accuracy]

    @property
    def test_error(self) -> list[float]:
        """Test error by epoch, in per cent."""
        return [100 * (1 - accuracy) for accuracy in self.test_accuracy]

    def __repr__(self) -> str:
        return f"History({len(self.train_loss)} epochs{', interrupted' * self.interrupted})"


def best_device() -> torch.device:
    """CUDA where there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fit(
    model: nn.Module,
    data: ImageData,
    *,
    epochs: int,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    compile: bool = False,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[History], bool | None] | None = None,
) -> History:
    """Trains `model` on `data` in place and returns its history.

    The whole data set lies on the device. `seed` orders the batches and draws the augmentation (the weights are the
    model's own). `device` None is the best there is; on CUDA the step runs in mixed precision. `compile` has
    torch.compile make kernels of the network first. After each epoch everything goes to the file `checkpoint`; where it
    exists, the run goes on from it. `on_epoch(history)` is called after each epoch and ends the run by returning True,
    and takes the place of the progress bar, which CNNLIB_QUIET=1 in the environment hides. Interrupted from the
    keyboard, `fit` returns the epochs that are whole, and `interrupted` says so.

    Under `torchrun` each process trains on its part of every batch, as one process would on all of it but for batch
    norm, whose statistics are each process's own.

    Raises ValueError for `epochs` under 1, data that the model cannot read, a model with too few outputs and a checkpoint
    of another run, OSError when the checkpoint cannot be written, and FloatingPointError when the loss is not finite.
    """
    if epochs < 1:
        raise ValueError(f"epochs={epochs}; give at least 1")
    recipe = recipe or Recipe()
    run = prepare(model, data, recipe, seed, device, compile)
    settings = {"epochs": epochs, "seed": seed, "recipe": recipe, "data": run.data, "model": outline(model)}
    parts = {"model": model, "optimizer": run.optimizer, "scaler": run.scaler}
    saved = Checkpoint(checkpoint, settings, parts, {"shuffle": run.shuffle, "chance": run.chance})
    history = History()
    first = saved.load(history)
    started = time.perf_counter() - history.seconds
    todo = range(first, epochs)

    try:
        for epoch in todo if on_epoch or run.rank else progress(todo):
            train_loss, train_accuracy = train_epoch(model, run, recipe, epoch, epochs)
            test_loss, test_accuracy = evaluate(model, run.data.test_images, run.data.test_labels)
            history.train_loss.append(train_loss)
            history.train_accuracy.append(train_accuracy)
            history.test_loss.append(test_loss)
            history.test_accuracy.append(test_accuracy)
            history.seconds = time.perf_counter() - started
            if not run.rank:
                saved.save(history)
            if on_epoch and on_epoch(history):
                break
    except KeyboardInterrupt:
        history.interrupted = True
    model.to(memory_format=torch.contiguous_format)  # as it came: weights can be viewed as vectors
    return history


@dataclass
class Run:
    """What the epochs of a run share."""

    data: ImageData  # all of it on the device
    network: nn.Module  # what a step calls: the model, compiled or averaged over processes where that was asked for
    optimizer: torch.optim.Optimizer
    half: torch.dtype | None  # what a step computes in; None: float32
    scaler: torch.amp.GradScaler  # keeps small gradients in float16 above 0; does nothing for other types
    augment: list[Transform]  # fitted to the training images
    shuffle: torch.Generator  # orders the batches, the same in every process
    chance: torch.Generator  # draws the augmentation, on the device, each process its own
    rank: int  # the number of this process
    processes: int


def prepare(
    model: nn.Module, data: ImageData, recipe: Recipe, seed: int, device: torch.device | str | None, compile: bool
) -> Run:
    """Brings model and data to the device and makes what a run needs. Raises ValueError as `fit` does."""
    device = torch.device(device) if device else best_device()
    rank, processes = join_processes(device)
    model.to(device, memory_format=memory_format(model, device))
    data = data.to(device)
    check_outputs(model, data)
    network = in_parallel(model, device) if processes > 1 else model
    half = half_precision(device)
    return Run(
        data=data,
        network=torch.compile(network) if compile else network,
        optimizer=recipe.make_optimizer(model),
        half=half,
        scaler=torch.amp.GradScaler(device.type, enabled=half == torch.float16),
        augment=[transform.fitted(data.train_images) for transform in recipe.augment],
        shuffle=torch.Generator().manual_seed(seed),
        chance=torch.Generator(device).manual_seed(seed + rank),
        rank=rank,
        processes=processes,
    )


def train_epoch(model: nn.Module, run: Run, recipe: Recipe, epoch: int, epochs: int) -> tuple[float, float]:
    """Trains on each image once: the mean loss and the accuracy over the epoch, taken before each step.

    Raises FloatingPointError when the loss is not finite.
    """
    model.train()
    data, device = run.data, run.data.train_images.device
    order = torch.randperm(len(data.train_images), generator=run.shuffle).to(device)
    batches = order.split(recipe.batch_size)
    totals = torch.zeros(2, device=device)  # loss and right answers: they stay on the device, no wait in a step
    for step, batch in enumerate(batches):
        # The rate of this step: schedules go by the share of the run that is done, not by epochs.
        for group in run.optimizer.param_groups:
            group["lr"] = recipe.rate_at((epoch + step / len(batches)) / epochs)
        # This process's part of the batch, cut out of the data where it lies.
        mine = batch[run.rank :: run.processes]
        images, labels = data.train_images[mine], data.train_labels[mine]
        # Whole batches are augmented, on the device, so that no loader is waited for.
        for transform in run.augment:
            images = transform(images, run.chance)
        # Half precision for the network and the loss alone: the backward pass and the weights choose for themselves.
        with torch.autocast(device.type, dtype=run.half, enabled=run.half is not None):
            logits, loss = loss_of(run.network(images), labels, recipe)
        # Gradients add up in torch: those of the step before have to go first.
        run.optimizer.zero_grad()
        # The loss is summed, so one division makes the mean; processes average their gradients, hence the factor.
        run.scaler.scale(loss * run.processes / len(batch)).backward()
        if recipe.clip:
            run.scaler.unscale_(run.optimizer)  # the limit is meant for gradients as they are
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        # The scaler leaves a step out whose gradients overflowed, and then scales less.
        run.scaler.step(run.optimizer)
        run.scaler.update()
        totals += torch.stack([loss.detach(), (logits.argmax(1) == labels).sum()])

    if run.processes > 1:
        dist.all_reduce(totals)
        share_buffers(model)
    mean_loss, accuracy = (totals / len(data.train_images)).tolist()
    if not torch.isfinite(totals).all():
        raise FloatingPointError(
            f"the training loss is {mean_loss} in epoch {epoch + 1}: the learning rate "
            f"{recipe.learning_rate:g} is too high for this network; try a tenth of it"
        )
    return mean_loss, accuracy


def loss_of(output: Tensor | Auxiliary, labels: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) and the cross-entropy, summed over images; auxiliary heads add theirs with their weight."""
    logits, heads = output if isinstance(output, Auxiliary) else (output, ())

    def loss(scores: Tensor) -> Tensor:
        return F.cross_entropy(scores, labels, reduction="sum", label_smoothing=recipe.label_smoothing)

    return logits, loss(logits) + recipe.auxiliary_weight * sum(map(loss, heads))


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 512) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of `model` in evaluation mode; images (N, C, H, W), labels (N,)."""
    model.eval()
    logits = torch.cat([model(batch) for batch in images.split(batch_size)])
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def half_precision(device: torch.device) -> torch.dtype | None:
    """What a step computes in on a GPU: bfloat16 where the hardware has it, else float16; None elsewhere: float32."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def memory_format(model: nn.Module, device: torch.device) -> torch.memory_format:
    """The order of values in weights and maps: channels last, which convolutions are fastest with.

    The other one on a CPU where a strided 1×1 convolution reads few channels: there oneDNN's gradient of its weights
    writes past the end of its memory (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """
    block = 16  # channels that AVX-512 takes at once; AVX2 takes 8
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    unsafe = any(
        conv.kernel_size == (1, 1) and max(conv.stride) > 1 and conv.in_channels // conv.groups < block
        for conv in convolutions
    )
    return torch.contiguous_format if unsafe and device.type == "cpu" else torch.channels_last


@torch.no_grad()
def check_outputs(model: nn.Module, data: ImageData) -> None:
    """Raises ValueError for images that the model refuses, and where it has fewer outputs than there are classes."""
    logits = model.eval()(data.train_images[:1])
    if logits.dim() != 2 or logits.shape[1] < len(data.classes):
        raise ValueError(
            f"the model makes one image into values of shape {tuple(logits.shape)}, and {data.name!r} has "
            f"{len(data.classes)} classes; build it with num_classes={len(data.classes)}"
        )


# ---------------------------------------------------------------------------------------------- several processes


def join_processes(device: torch.device) -> tuple[int, int]:
    """The number of this process and how many there are: 0 and 1, unless `torchrun` started it."""
    if "RANK" not in os.environ:
        return 0, 1
    if not dist.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    return dist.get_rank(), dist.get_world_size()


def in_parallel(model: nn.Module, device: torch.device) -> DistributedDataParallel:
    """`model` with gradients that are averaged over the processes; all start from the weights of process 0."""
    gpus = [device] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=gpus, find_unused_parameters=skips_layers(model))


def share_buffers(model: nn.Module) -> None:
    """Gives all processes the buffers of process 0: each has statistics of batch norm of its own."""
    for buffer in model.buffers():
        dist.broadcast(buffer, 0)


# ---------------------------------------------------------------------------------------------- the rest


def outline(model: nn.Module) -> str:
    """What tells one model from another: the shapes of its parameters."""
    return f"{type(model).__name__} {[tuple(p.shape) for p in model.parameters()]}"


def progress(epochs: range):
    """`epochs` with a bar that shows the time left, where someone watches and tqdm is installed."""
    if os.environ.get("CNNLIB_QUIET"):
        return epochs
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return epochs
    return tqdm(epochs, unit="epoch", leave=False)
