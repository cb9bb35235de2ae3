"""An epoch through `fit` beside the loop that everyone writes: a DataLoader, and `.item()` after each step."""

import os
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.timing import Row, side_by_side
from cnnlib import create_model, fit, load_data
from cnnlib.training import ImageData, best_device


def rows(times: int = 3) -> Iterator[Row]:
    """One row: an epoch of cifar_resnet20 on the digits, at most 0.8 of the usual loop's time, 0.33 on a GPU."""
    os.environ["CNNLIB_QUIET"] = "1"
    data, device = load_data("digits", size=16), best_device()
    models = [create_model("cifar_resnet20", in_channels=1) for _ in range(2)]
    ours, theirs = side_by_side(
        lambda: fit(models[0], data, epochs=1, device=device),
        lambda: usual_epoch(models[1], data, device),
        times,
    )
    share = 0.33 if device.type == "cuda" else 0.8
    what = f"epoch of cifar_resnet20, digits 16×16, {device.type}"
    yield Row(what, ours, "usual loop", theirs, f"{share:g}× the usual loop", ours <= share * theirs)


def usual_epoch(model: torch.nn.Module, data: ImageData, device: torch.device) -> tuple[float, float]:
    """One epoch and its test, as tutorials write it; returns training loss and test accuracy."""
    train = DataLoader(TensorDataset(data.train_images, data.train_labels), batch_size=128, shuffle=True)
    test = DataLoader(TensorDataset(data.test_images, data.test_labels), batch_size=512)
    model.to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    running, correct = 0.0, 0
    for images, labels in train:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(labels)
        correct += (logits.argmax(1) == labels).sum().item()
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in test:
            right += (model(images.to(device)).argmax(1) == labels.to(device)).sum().item()
    return running / len(data.train_labels), right / len(data.test_labels)
