"""The digits: real, split once and for all, normalised by what one may look at."""

import sys

import pytest
import torch

from cnnlib import load_data


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
    with pytest.raises(ValueError, match="no data set is called 'minst'; there is digits"):
        load_data("minst")


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        load_data("digits")
