"""Augmentation: what torchvision or numpy makes of the same random numbers, image by image."""

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TF
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlib import load_data
from cnnlib.training.augment import Cutout, Flip, PCAColour, ShiftCrop

IMAGES = torch.randn(64, 3, 12, 10, generator=torch.Generator().manual_seed(0))
TRANSFORMS = [Flip(), ShiftCrop(2), PCAColour(), Cutout(4)]


def random(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_same_random_numbers_same_images_and_the_batch_stays(transform):
    transform, before, state = transform.fitted(IMAGES), IMAGES.clone(), torch.get_rng_state()
    one, again, other = (transform(IMAGES, random(seed)) for seed in (1, 1, 2))
    assert one.shape == IMAGES.shape and one.dtype == IMAGES.dtype
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(IMAGES, before) and torch.equal(torch.get_rng_state(), state)
    changed = (one != IMAGES).flatten(1).any(1)
    assert changed.float().mean() > 0.2


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_nothing_waits_for_the_device(transform):
    class NoAnswer(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            assert func not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default), func
            return func(*args, **(kwargs or {}))

    transform = transform.fitted(IMAGES)
    with NoAnswer():
        transform(IMAGES, random())


def test_about_half_of_the_images_are_mirrored_and_the_others_are_left():
    flipped = Flip()(IMAGES, random())
    mirrored = [torch.equal(new, TF.hflip(old)) for new, old in zip(flipped, IMAGES, strict=True)]
    kept = [torch.equal(new, old) for new, old in zip(flipped, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 16 < sum(mirrored) < 48


def test_each_image_is_cut_out_of_its_padded_self_somewhere_else():
    padding, found = 2, []
    for new, old in zip(ShiftCrop(padding)(IMAGES, random()), IMAGES, strict=True):
        padded = TF.pad(old, [padding])
        crops = {
            (top, left): TF.crop(padded, top, left, 12, 10)
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
        }
        (place,) = [place for place, crop in crops.items() if torch.equal(crop, new)]
        found.append(place)
    assert {top for top, _ in found} == {left for _, left in found} == set(range(5))
    assert len(set(found)) > 15


def test_colours_move_along_the_principal_components_by_their_deviations():
    data = load_data("shapes", size=16, train=200, test=20).train_images
    transform = PCAColour(spread=0.5).fitted(data)
    pixels = data.permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    variances, axes = np.linalg.eigh(np.cov(pixels.T))
    shifts = (transform(data, random()) - data)[:, :, 0, 0].numpy()
    everywhere = (transform(data, random()) - data).flatten(2)
    assert (everywhere.max(2).values - everywhere.min(2).values).max() < 1e-5, "one shift for all pixels of an image"
    along = shifts @ axes / np.sqrt(variances)
    expected = 0.5 * torch.randn(200, 3, generator=random()).numpy()
    np.testing.assert_allclose(np.abs(along), np.abs(expected), atol=1e-3)  # the sign of a component is free


def test_a_square_is_cut_out_around_any_pixel():
    corners = set()
    for new, old in zip(Cutout(4)(IMAGES, random()), IMAGES, strict=True):
        gone = (new == 0).all(0).nonzero()
        (top, left), (bottom, right) = gone.min(0).values.tolist(), gone.max(0).values.tolist()
        height, width = bottom - top + 1, right - left + 1
        assert torch.equal(new, TF.erase(old, top, left, height, width, torch.zeros(1)))
        assert height == 4 or top == 0 or bottom == 11
        assert width == 4 or left == 0 or right == 9
        assert min(height, width) >= 2 and max(height, width) <= 4
        corners.add((top, left))
    assert len(corners) > 20


def test_colour_needs_three_channels_and_the_training_set():
    with pytest.raises(ValueError, match="for RGB images; these have 1 channels"):
        PCAColour().fitted(IMAGES[:, :1])
    with pytest.raises(ValueError, match="does not know the training set yet; call fitted"):
        PCAColour()(IMAGES, random())
