"""The training loop of the course: short enough to read, the same on a CPU and on a GPU."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.training.data import ImageData


@dataclass(frozen=True)
class Recipe:
    """How to train. The default is He et al. 2015, Sec. 4.2, but for the number of steps, which `fit` is told.

    SGD with `momentum`, `weight_decay` on all parameters, and a learning rate that is divided by 10 at each of
    `milestones`, given as fractions of the run (the paper: 32k and 48k of 64k steps).
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    batch_size: int = 128
    milestones: tuple[float, ...] = (0.5, 0.75)

    def rate_at(self, progress: float) -> float:
        """The learning rate when `progress` (0 to 1) of the run is done."""
        return self.learning_rate / 10 ** sum(progress >= milestone for milestone in self.milestones)


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

    @property
    def train_error(self) -> list[float]:
        """Training error by epoch, in per cent."""
        return [100 * (1 - accuracy) for accuracy in self.train_accuracy]

    @property
    def test_error(self) -> list[float]:
        """Test error by epoch, in per cent."""
        return [100 * (1 - accuracy) for accuracy in self.test_accuracy]

    def __repr__(self) -> str:
        return f"History({len(self.train_loss)} epochs)"


def best_device() -> torch.device:
    """CUDA where there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fit(
    model: nn.Module,
    data: ImageData,
    *,
    epochs: int,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    on_epoch: Callable[[History], bool | None] | None = None,
) -> History:
    """Trains `model` on `data` in place and returns its history.

    The whole data set lies on the device. `seed` orders the batches (the weights are the model's own). `device` None is
    the best there is; on CUDA the step runs in mixed precision. `on_epoch(history)` is called after each epoch and ends
    the run by returning True, and takes the place of the progress bar. CNNLIB_QUIET=1 in the environment hides the bar.

    Raises ValueError for `epochs` under 1 or data that the model cannot read, and FloatingPointError when the loss is
    no longer finite.
    """
    if epochs < 1:
        raise ValueError(f"epochs={epochs}; give at least 1")
    recipe = recipe or Recipe()
    device = torch.device(device) if device else best_device()
    model.to(device)
    data = data.to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    shuffle = torch.Generator().manual_seed(seed)
    history = History()
    started = time.perf_counter()

    for epoch in range(epochs) if on_epoch else progress(range(epochs)):
        model.train()
        batches = torch.randperm(len(data.train_images), generator=shuffle).to(device).split(recipe.batch_size)
        loss_sum = correct = torch.zeros((), device=device)
        for step, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at((epoch + step / len(batches)) / epochs)
            images, labels = data.train_images[batch], data.train_labels[batch]
            with torch.autocast(device.type, enabled=device.type == "cuda"):
                logits = model(images)
                loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum = loss_sum + loss.detach() * len(batch)  # stays on the device: no wait in a step
            correct = correct + (logits.argmax(1) == labels).sum()

        train_loss = loss_sum.item() / len(data.train_images)
        if not torch.isfinite(loss_sum):
            raise FloatingPointError(
                f"the training loss is {train_loss} in epoch {epoch + 1}: the learning rate "
                f"{recipe.learning_rate:g} is too high for this network; try a tenth of it"
            )
        test_loss, test_accuracy = evaluate(model, data.test_images, data.test_labels)
        history.train_loss.append(train_loss)
        history.train_accuracy.append(correct.item() / len(data.train_images))
        history.test_loss.append(test_loss)
        history.test_accuracy.append(test_accuracy)
        history.seconds = time.perf_counter() - started
        if on_epoch and on_epoch(history):
            break
    return history


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 512) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of `model` in evaluation mode; images (N, C, H, W), labels (N,)."""
    model.eval()
    logits = torch.cat([model(batch) for batch in images.split(batch_size)])
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def progress(epochs: range):
    """`epochs` with a bar that shows the time left, where someone watches and tqdm is installed."""
    if os.environ.get("CNNLIB_QUIET"):
        return epochs
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return epochs
    return tqdm(epochs, unit="epoch", leave=False)
