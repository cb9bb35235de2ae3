"""Data sets as tensors. What the course trains on by default ships with a library or is drawn: it needs no network."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from inspect import signature
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlib.training.shapes import SHAPES, draw_shapes


@dataclass(frozen=True)
class ImageData:
    """Images (N, C, H, W) as float32, normalised by the training set's mean and spread; labels (N,) as int64.

    Raises ValueError for data that cannot be trained on: an empty part, images and labels of different number, labels
    that are no class, images that are no floats or not finite, parts with images of different shape.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if images.dim() != 4 or not images.dtype.is_floating_point:
                raise ValueError(f"{part}_images is {images.dtype} {tuple(images.shape)}; give floats (N, C, H, W)")
            if labels.dim() != 1 or labels.dtype != torch.int64:
                raise ValueError(f"{part}_labels is {labels.dtype} {tuple(labels.shape)}; give int64 (N,)")
            if len(images) != len(labels) or not len(images):
                raise ValueError(
                    f"the {part} part has {len(images)} images and {len(labels)} labels; give as many, some"
                )
            if images.is_meta:
                continue
            if not images.isfinite().all():
                raise ValueError(f"{part}_images has pixels that are not finite")
            if labels.min() < 0 or labels.max() >= len(self.classes):
                raise ValueError(
                    f"{part}_labels goes from {labels.min()} to {labels.max()}, and there are {len(self.classes)} classes"
                )
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            shapes = (tuple(images.shape[1:]) for images in (self.train_images, self.test_images))
            raise ValueError("training images are {} and test images {}; give both one shape".format(*shapes))

    def to(self, device: torch.device | str) -> "ImageData":
        """The same data on `device`; itself when it is there already."""
        device = torch.device(device)
        if self.train_images.device == device:
            return self
        tensors = {key: value.to(device) for key, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **tensors)

    def only(self, classes: Sequence[str]) -> "ImageData":
        """The images of some classes, labelled 0, 1, … in the order given. Raises ValueError for one that is not there."""
        missing = [name for name in classes if name not in self.classes]
        if missing or len(set(classes)) < len(classes):
            raise ValueError(f"classes={list(classes)}: give each once, out of {', '.join(self.classes)}")
        new = torch.full((len(self.classes),), -1, device=self.train_labels.device)
        for label, name in enumerate(classes):
            new[self.classes.index(name)] = label
        parts = {}
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), new[getattr(self, f"{part}_labels")]
            parts[f"{part}_images"], parts[f"{part}_labels"] = images[labels >= 0], labels[labels >= 0]
        return replace(self, classes=tuple(classes), **parts)

    def __repr__(self) -> str:
        train, test, shape = len(self.train_images), len(self.test_images), tuple(self.train_images.shape[1:])
        return (
            f"ImageData({self.name!r}: {train} training and {test} test images of {shape}, {len(self.classes)} classes)"
        )


def normalised(name: str, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], classes) -> ImageData:
    """Data whose channels have mean 0 and spread 1 over the training images; the test images are shifted alike."""
    mean, spread = train[0].mean((0, 2, 3), keepdim=True), train[0].std((0, 2, 3), keepdim=True)
    train_images, test_images = ((images - mean) / spread for images in (train[0], test[0]))
    return ImageData(name, train_images, train[1], test_images, test[1], tuple(classes))


# ---------------------------------------------------------------------------------------------------- real, small

TRAINING_DIGITS = 1400  # of 1 797: a count that the batch sizes of the course divide into even steps


def digits(size: int = 16, train: int = TRAINING_DIGITS) -> ImageData:
    """Real handwritten digits: 1 797 scans of 8×8 pixels (UCI optdigits, test part), resized to `size`×`size`.

    They ship with scikit-learn. 1 400 are for training, or the first `train` of these; the split is a fixed shuffle, the
    same for every seed of a run. Raises ImportError, saying what to install, without scikit-learn, and ValueError for a
    size under 8 or a `train` that is not 1 to 1 400.
    """
    if not 1 <= train <= TRAINING_DIGITS:
        raise ValueError(f"train={train}: of the digits 1 to {TRAINING_DIGITS} are for training")
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
    kept, test = order[:train], order[TRAINING_DIGITS:]
    return normalised("digits", (images[kept], labels[kept]), (images[test], labels[test]), "0123456789")


PHOTOGRAPHS = {
    "brick": "brick", "grass": "grass", "gravel": "gravel", "coins": "coins", "print": "page", "handwriting": "text",
    "tissue": "immunohistochemistry", "stars": "hubble_deep_field",
}  # fmt: skip


def textures(size: int = 32, train: int = 1600, test: int = 400, seed: int = 0) -> ImageData:
    """Crops of `size`×`size` pixels from eight real photographs, in grey; the photograph is the class.

    The photographs ship with scikit-image, which names their sources. Training crops come from the left of each
    photograph, test crops from the right, with a gap between. Each photograph is brought to mean 0 and spread 1 first, so
    that brightness alone does not give it away. `train` and `test` are how many crops, as many of each class as can be.
    Raises ImportError, saying what to install, without scikit-image, and ValueError for a size under 8 or one that does
    not fit into the smallest part of a photograph.
    """
    try:
        import skimage.data
        from skimage.color import rgb2gray
    except ImportError as error:
        raise ImportError("the photographs ship with scikit-image: pip install scikit-image") from error
    parts: dict[str, list[Tensor]] = {"train": [], "test": []}
    for function in PHOTOGRAPHS.values():
        photograph = getattr(skimage.data, function)()
        grey = torch.tensor(rgb2gray(photograph) if photograph.ndim == 3 else photograph / 255, dtype=torch.float32)
        grey = (grey - grey.mean()) / grey.std()
        width = grey.shape[1]
        parts["train"].append(grey[:, : int(0.65 * width)])
        parts["test"].append(grey[:, int(0.7 * width) :])
    largest = min(min(part.shape) for part in parts["test"])
    if not 8 <= size <= largest:
        raise ValueError(f"size={size}: crops of these photographs have 8 to {largest} pixels a side")
    shuffle = torch.Generator().manual_seed(seed)
    made = {}
    for part, count in (("train", train), ("test", test)):
        labels = balanced_labels(part, count, len(PHOTOGRAPHS), shuffle)
        crops = []
        for label in labels.tolist():
            photograph = parts[part][label]
            top, left = (int(torch.randint(side - size + 1, (), generator=shuffle)) for side in photograph.shape)
            crops.append(photograph[top : top + size, left : left + size])
        made[part] = torch.stack(crops).unsqueeze(1), labels
    return normalised("textures", made["train"], made["test"], PHOTOGRAPHS)


def balanced_labels(part: str, count: int, classes: int, shuffle: torch.Generator) -> Tensor:
    """`count` labels in random order, as many of each class as can be. Raises ValueError for fewer than one a class."""
    if count < classes:
        raise ValueError(f"{part}={count} is less than one image a class; give {classes} or more")
    return (torch.arange(count) % classes)[torch.randperm(count, generator=shuffle)]


# ---------------------------------------------------------------------------------------------------- drawn


def shapes(
    size: int = 32,
    train: int = 2000,
    test: int = 1000,
    difficulty: float = 0.5,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> ImageData:
    """Coloured shapes of ten kinds (`SHAPES`), drawn on `device` (None: the CPU); the kind is the class, never the colour.

    `difficulty` 0 is one upright shape in the middle; up to 1, shapes move, turn, shrink, fade and are covered (see
    `draw_shapes`). The same options give the same scenes on every device; colours may differ there in the last digits.
    Raises ValueError for a size under 16, a difficulty outside 0 to 1, and fewer images than classes.
    """
    if size < 16:
        raise ValueError(f"size={size} is too small to tell the shapes apart; give 16 or more")
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty={difficulty} is not between 0 and 1")
    made = {}
    for number, (part, count) in enumerate((("train", train), ("test", test))):
        random = torch.Generator().manual_seed(2 * seed + number)
        labels = balanced_labels(part, count, len(SHAPES), random)
        batches = [draw_shapes(batch, size, difficulty, random, device) for batch in labels.split(1000)]
        made[part] = torch.cat(batches), labels.to(device)
    return normalised("shapes", made["train"], made["test"], SHAPES)


# ---------------------------------------------------------------------------------------------------- downloaded


def cache_folder() -> Path:
    """Where downloaded data sets lie: CNNLIB_DATA in the environment, else `~/.cache/cnnlib`."""
    return Path(os.environ.get("CNNLIB_DATA") or Path.home() / ".cache" / "cnnlib")


def downloaded(name: str, dataset: str) -> ImageData:
    """A data set of torchvision's, from the cache or, the first time, from the network."""
    try:
        from filelock import FileLock  # torch brings it
        from torchvision import datasets
    except ImportError as error:
        raise ImportError(f"{name} is read by torchvision: pip install torchvision") from error
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.lock"):  # of several processes one downloads
            parts = [getattr(datasets, dataset)(folder, train=train, download=True) for train in (True, False)]
    except (
        Exception
    ) as error:  # no network, a full disk, a wrong checksum, a file that was unpacked in part: many kinds
        raise ConnectionError(
            f"{name} could not be had: {type(error).__name__} {error}. It is downloaded once, into {folder}; without a "
            f"network put the files of torchvision.datasets.{dataset} there (CNNLIB_DATA names another folder), or use "
            f"{', '.join(sorted(DATA_SETS.keys() - DOWNLOADS))}, which need none. Files there that are damaged: delete them"
        ) from error
    pairs = []
    for part in parts:
        images = torch.as_tensor(part.data)
        images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
        pairs.append((images.float() / 255, torch.as_tensor(part.targets, dtype=torch.int64)))
    return normalised(name, *pairs, parts[0].classes)


def fashion_mnist() -> ImageData:
    """Fashion-MNIST (Xiao et al. 2017): 60 000 training and 10 000 test images of clothes, 28×28 pixels, grey.

    Downloaded once by torchvision. Raises ConnectionError, saying what to do, when that fails.
    """
    return downloaded("fashion_mnist", "FashionMNIST")


def cifar10() -> ImageData:
    """CIFAR-10 (Krizhevsky 2009): 50 000 training and 10 000 test photographs of ten classes, 32×32 pixels, RGB.

    Downloaded once by torchvision. Raises ConnectionError, saying what to do, when that fails.
    """
    return downloaded("cifar10", "CIFAR10")


DATA_SETS: dict[str, Callable[..., ImageData]] = {
    "digits": digits,
    "shapes": shapes,
    "textures": textures,
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
}
DOWNLOADS = {"fashion_mnist", "cifar10"}


def load_data(name: str, **options) -> ImageData:
    """A data set by name, with options of its own: `load_data("digits", size=16)`, `load_data("shapes", difficulty=1)`.

    "digits", "shapes" and "textures" need no network; "fashion_mnist" and "cifar10" are downloaded the first time.
    Raises ValueError for an unknown name or option, and what the data set raises.
    """
    if name not in DATA_SETS:
        near = get_close_matches(name, DATA_SETS, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"no data set is called {name!r}{meant}; there is {', '.join(DATA_SETS)}")
    known = signature(DATA_SETS[name]).parameters
    for option in options:
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}; it has {', '.join(known) or 'none'}")
    return DATA_SETS[name](**options)
