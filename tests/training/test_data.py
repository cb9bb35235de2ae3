"""Data sets: split once and for all, normalised by what one may look at, refused when they are broken."""

import sys
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision

from cnnlib import ImageData, load_data
from cnnlib.training.data import PHOTOGRAPHS


def test_the_digits():
    data = load_data("digits")
    assert data.train_images.shape == (1400, 1, 16, 16) and data.test_images.shape == (397, 1, 16, 16)
    assert data.train_images.dtype == torch.float32 and data.train_labels.dtype == torch.int64
    assert len(data.train_labels) == 1400 and len(data.test_labels) == 397
    assert data.classes == tuple("0123456789")
    assert set(data.train_labels.tolist()) == set(data.test_labels.tolist()) == set(range(10))
    assert repr(data) == "ImageData('digits': 1400 training and 397 test images of (1, 16, 16), 10 classes)"


def test_they_are_the_same_each_time_whatever_the_seed():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = load_data("digits", size=8)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(2)
    other = load_data("digits", size=8)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_every_scan_is_in_exactly_one_part():
    from sklearn.datasets import load_digits

    data = load_data("digits", size=8)
    images = torch.cat([data.train_images, data.test_images]).flatten(1)
    scans = torch.tensor(load_digits().images, dtype=torch.float32).flatten(1) / 16
    # undo the normalisation: a scan's darkest and brightest possible pixels are 0 and 1
    images = (images - images.min()) / (images.max() - images.min())
    key = lambda image: tuple((image * 16).round().int().tolist())  # noqa: E731
    assert sorted(map(key, images)) == sorted(map(key, scans))


def test_labels_stay_with_their_images():
    from sklearn.datasets import load_digits

    bunch, data = load_digits(), load_data("digits", size=8)
    label_of = {tuple(image.flatten()): label for image, label in zip(bunch.images, bunch.target, strict=True)}
    low, high = data.train_images.min(), data.train_images.max()
    for image, label in zip(data.train_images[:50], data.train_labels[:50], strict=True):
        scan = ((image - low) / (high - low) * 16).round().flatten().double()
        assert label_of[tuple(scan.tolist())] == label


def test_normalised_by_the_training_part_alone():
    data = load_data("digits", size=12)
    assert abs(data.train_images.mean()) < 1e-5
    assert abs(data.train_images.std() - 1) < 1e-5
    assert abs(data.test_images.mean()) > 1e-3  # the test part's own mean would be 0


@pytest.mark.parametrize("size", [8, 9, 16, 32])
def test_sizes(size):
    data = load_data("digits", size=size)
    assert data.train_images.shape[1:] == data.test_images.shape[1:] == (1, size, size)
    assert data.train_images.isfinite().all()


def test_to_moves_every_tensor_and_nothing_else():
    data = load_data("digits", size=8)
    moved = data.to(torch.device("meta"))
    assert all(value.is_meta for value in vars(moved).values() if isinstance(value, torch.Tensor))
    assert (moved.name, moved.classes) == (data.name, data.classes)
    assert not data.train_images.is_meta


@pytest.mark.parametrize("size", [7, 0, -1])
def test_a_size_under_the_scans_own_is_refused(size):
    with pytest.raises(ValueError, match=f"size={size} is less than the 8×8 pixels .* give 8 or more"):
        load_data("digits", size=size)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"called .minst.; there is digits, shapes"):
        load_data("minst")
    with pytest.raises(ValueError, match=r"called 'shape' \(did you mean 'shapes'\?\)"):
        load_data("shape")
    with pytest.raises(ValueError, match="digits has no option 'sise'; it has size"):
        load_data("digits", sise=8)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        load_data("digits")


# ---------------------------------------------------------------------------------------------------- textures


def test_textures_are_crops_of_photographs_from_parts_that_do_not_meet():
    import skimage.data
    from skimage.color import rgb2gray

    data = load_data("textures", size=16, train=80, test=40)
    assert data.train_images.shape == (80, 1, 16, 16) and data.test_images.shape == (40, 1, 16, 16)
    assert data.classes == tuple(PHOTOGRAPHS)
    places = {"train": {}, "test": {}}
    for part in places:
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        assert set(labels.bincount().tolist()) == {len(images) // 8}
        for label, function in enumerate(PHOTOGRAPHS.values()):
            photograph = getattr(skimage.data, function)()
            grey = rgb2gray(photograph) if photograph.ndim == 3 else photograph / 255
            windows = np.lib.stride_tricks.sliding_window_view(grey[:, :], (16, 16))
            crop = images[labels == label][0, 0].double().numpy()
            # the crop is the photograph but for brightness and contrast: all its pixels correlate
            first = (windows[:, :, 0, 0] - windows[:, :, 8, 8]) * (crop[3, 4] - crop[12, 9])
            second = (windows[:, :, 3, 4] - windows[:, :, 12, 9]) * (crop[0, 0] - crop[8, 8])
            for top, left in np.argwhere(np.abs(first - second) < 1e-4):
                if np.corrcoef(windows[top, left].ravel(), crop.ravel())[0, 1] > 0.99999:
                    places[part][label] = left / grey.shape[1], (left + 16) / grey.shape[1]
    for label in range(8):
        assert places["train"][label][1] <= 0.65 < 0.7 <= places["test"][label][0] + 1 / 300


def test_textures_are_the_same_for_the_same_seed():
    one, again = (load_data("textures", size=16, train=24, test=16) for _ in range(2))
    other = load_data("textures", size=16, train=24, test=16, seed=1)
    assert torch.equal(one.train_images, again.train_images) and torch.equal(one.test_labels, again.test_labels)
    assert not torch.equal(one.train_images, other.train_images)


@pytest.mark.parametrize("size", [4, 400])
def test_a_crop_that_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=rf"size={size}: crops of these photographs have 8 to \d+ pixels a side"):
        load_data("textures", size=size)


def test_without_scikit_image_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        load_data("textures")


# ---------------------------------------------------------------------------------------------------- downloaded


class Downloaded:
    """In the place of a data set of torchvision's: what its constructor leaves behind."""

    classes = ("shirt", "shoe")

    def __init__(self, root, train, download):
        assert download
        type(self).root = root
        random = np.random.default_rng(int(train))
        self.data = random.integers(0, 256, (12 if train else 6, 28, 28, 3), dtype=np.uint8)
        self.targets = [0, 1] * (len(self.data) // 2)


def test_colour_images_of_torchvision_become_tensors(monkeypatch, tmp_path):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Downloaded)
    monkeypatch.setenv("CNNLIB_DATA", str(tmp_path / "here"))
    data = load_data("cifar10")
    assert Downloaded.root == tmp_path / "here"
    assert data.train_images.shape == (12, 3, 28, 28) and data.test_images.shape == (6, 3, 28, 28)
    assert data.classes == ("shirt", "shoe") and data.test_labels.tolist() == [0, 1] * 3
    torch.testing.assert_close(data.train_images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(data.train_images.std((0, 2, 3)), torch.ones(3))
    first = Downloaded(None, train=True, download=True).data
    assert np.corrcoef(data.train_images[5, 1].numpy().ravel(), first[5, :, :, 1].ravel())[0, 1] > 0.9999


def test_grey_images_of_torchvision_get_a_channel(monkeypatch):
    class Grey(Downloaded):
        def __init__(self, root, train, download):
            super().__init__(root, train, download)
            self.data, self.targets = torch.from_numpy(self.data[..., 0]), torch.tensor(self.targets)

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", Grey)
    assert load_data("fashion_mnist").train_images.shape == (12, 1, 28, 28)


def test_a_file_that_was_unpacked_in_part_is_not_taken_for_whole(monkeypatch, tmp_path):
    """torchvision looks whether the unpacked files of Fashion-MNIST are there, not whether they are whole."""
    monkeypatch.setenv("CNNLIB_DATA", str(tmp_path))
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, *8 * [0]]) + b"half")
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 1]))
    with pytest.raises(ConnectionError, match=r"fashion_mnist could not be had.* damaged: delete them"):
        load_data("fashion_mnist")


@pytest.mark.parametrize(
    "fault",
    [URLError("Name or service not known"), RuntimeError("File not found or corrupted."), OSError(28, "No space")],
)
def test_a_download_that_fails_says_where_the_files_go_and_what_needs_none(monkeypatch, tmp_path, fault):
    def fail(*args, **kwargs):
        raise fault

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fail)
    monkeypatch.setenv("CNNLIB_DATA", str(tmp_path))
    with pytest.raises(ConnectionError) as caught:
        load_data("cifar10")
    for words in (
        "cifar10 could not be had",
        str(tmp_path),
        "torchvision.datasets.CIFAR10",
        "digits, shapes, textures",
    ):
        assert words in str(caught.value)


def test_an_archive_that_is_damaged_is_not_taken_for_whole(monkeypatch, tmp_path):
    """As an interrupted download leaves it: torchvision's own class checks the sum and would load it again."""
    monkeypatch.setenv("CNNLIB_DATA", str(tmp_path))
    monkeypatch.setattr(
        "torchvision.datasets.utils._urlretrieve", lambda *args, **kwargs: (_ for _ in ()).throw(URLError("no network"))
    )
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"half of it")
    with pytest.raises(ConnectionError, match="cifar10 could not be had"):
        load_data("cifar10")


# ---------------------------------------------------------------------------------------------------- any


def some(**changes):
    parts = dict(
        name="some", classes=("a", "b"),
        train_images=torch.zeros(4, 1, 2, 2), train_labels=torch.tensor([0, 1, 0, 1]),
        test_images=torch.zeros(2, 1, 2, 2), test_labels=torch.tensor([1, 0]),
    )  # fmt: skip
    return ImageData(**parts | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": torch.zeros(3, 1, 2, 2)}, "the train part has 3 images and 4 labels"),
        ({"test_images": torch.zeros(0, 1, 2, 2), "test_labels": torch.zeros(0).long()}, "has 0 images and 0 labels"),
        ({"train_labels": torch.tensor([0, 1, 2, 1])}, "train_labels goes from 0 to 2, and there are 2 classes"),
        ({"test_labels": torch.tensor([-1, 0])}, "test_labels goes from -1 to 0"),
        ({"train_labels": torch.zeros(4)}, r"train_labels is torch.float32 \(4,\); give int64"),
        (
            {"train_images": torch.zeros(4, 1, 2, 2).byte()},
            r"train_images is torch.uint8 .*; give floats \(N, C, H, W\)",
        ),
        ({"train_images": torch.zeros(4, 2, 2)}, r"train_images is torch.float32 \(4, 2, 2\)"),
        ({"train_images": torch.full((4, 1, 2, 2), torch.nan)}, "train_images has pixels that are not finite"),
        ({"test_images": torch.full((2, 1, 2, 2), torch.inf)}, "test_images has pixels that are not finite"),
        ({"test_images": torch.zeros(2, 3, 2, 2)}, r"training images are \(1, 2, 2\) and test images \(3, 2, 2\)"),
    ],
)
def test_broken_data_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        some(**changes)


def test_data_that_is_there_already_is_not_copied():
    data = some()
    assert data.to("cpu") is data


def test_some_classes_of_a_data_set():
    data = load_data("digits", size=8)
    some_digits = data.only(["7", "2"])
    assert some_digits.classes == ("7", "2") and some_digits.name == "digits"
    assert torch.equal(
        some_digits.train_images[some_digits.train_labels == 0], data.train_images[data.train_labels == 7]
    )
    assert torch.equal(some_digits.test_images[some_digits.test_labels == 1], data.test_images[data.test_labels == 2])
    assert len(some_digits.test_labels) == int(((data.test_labels == 7) | (data.test_labels == 2)).sum())


@pytest.mark.parametrize("classes", [["7", "x"], ["7", "7"]])
def test_classes_that_are_not_there_are_refused(classes):
    with pytest.raises(ValueError, match=r"give each once, out of 0, 1, 2"):
        load_data("digits", size=8).only(classes)


def test_fewer_digits_are_the_first_of_all_and_the_test_set_stays():
    few, whole = load_data("digits", size=8, train=50), load_data("digits", size=8)
    assert torch.equal(few.train_labels, whole.train_labels[:50]) and torch.equal(few.test_labels, whole.test_labels)
    assert few.train_images.mean().abs() < 1e-5  # normalised by its own images: the others are not known
    for count in (0, 1401):
        with pytest.raises(ValueError, match=f"train={count}: of the digits 1 to 1400 are for training"):
            load_data("digits", train=count)
