"""Data sets as tensors. What the course trains on by default ships with a library and needs no network."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ImageData:
    """Images (N, C, H, W) as float32, normalised by the training set's mean and spread; labels (N,) as int64."""

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]

    def to(self, device: torch.device) -> "ImageData":
        """The same data on `device`."""
        tensors = {key: value.to(device) for key, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **tensors)

    def __repr__(self) -> str:
        train, test, shape = len(self.train_images), len(self.test_images), tuple(self.train_images.shape[1:])
        return (
            f"ImageData({self.name!r}: {train} training and {test} test images of {shape}, {len(self.classes)} classes)"
        )


TRAINING_DIGITS = 1400  # of 1 797: a count that the batch sizes of the course divide into even steps


def digits(size: int = 16) -> ImageData:
    """Real handwritten digits: 1 797 scans of 8×8 pixels (UCI optdigits, test part), resized to `size`×`size`.

    They ship with scikit-learn. 1 400 are for training; the split is a fixed shuffle, the same for every seed of a run.
    Raises ImportError, saying what to install, without scikit-learn, and ValueError for a size under 8.
    """
    if size < 8:
        raise ValueError(f"size={size} is less than the 8×8 pixels that the digits have; give 8 or more")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("the digits ship with scikit-learn: pip install scikit-learn") from error
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16  # the scans count from 0 to 16
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    if size != 8:
        images = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    train, test = order[:TRAINING_DIGITS], order[TRAINING_DIGITS:]
    mean, spread = images[train].mean(), images[train].std()
    images = (images - mean) / spread
    return ImageData("digits", images[train], labels[train], images[test], labels[test], tuple("0123456789"))


DATA_SETS = {"digits": digits}


def load_data(name: str, **options) -> ImageData:
    """A data set by name: `load_data("digits", size=16)`. Raises ValueError for an unknown name."""
    if name not in DATA_SETS:
        raise ValueError(f"no data set is called {name!r}; there is {', '.join(DATA_SETS)}")
    return DATA_SETS[name](**options)
