"""Augmentation of a batch, where the batch lies: other images at each step, at the cost of a few operations.

A transform is called as `transform(images, generator)`: images (N, C, H, W) in, as many of the same shape out; the
random numbers come from `generator`, which lies on the images' device. Nothing waits for the device.
"""

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Transform:
    """What all have in common: `fitted` is asked once for the transform to use, with the training images."""

    def fitted(self, train_images: Tensor) -> "Transform":
        """This transform, having seen the training set; most need nothing of it."""
        return self


@dataclass(frozen=True)
class Flip(Transform):
    """Mirrors left to right, each image with probability a half (Krizhevsky et al. 2012, Sec. 4.1)."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, device=images.device, generator=generator) < 0.5
        return torch.where(mirrored, images.flip(3), images)


@dataclass(frozen=True)
class ShiftCrop(Transform):
    """Pads with `padding` zeros on each side and cuts the old size out at random (He et al. 2015, Sec. 4.2).

    Zeros are the mean of the training set, since images are normalised. Each image moves on its own.
    """

    padding: int = 4

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        count, channels, height, width = images.shape
        corner = torch.randint(2 * self.padding + 1, (2, count, 1), device=images.device, generator=generator)
        rows = (corner[0] + torch.arange(height, device=images.device))[:, None, :, None]
        columns = (corner[1] + torch.arange(width, device=images.device))[:, None, None, :]
        image, channel = (torch.arange(n, device=images.device) for n in (count, channels))
        return F.pad(images, [self.padding] * 4)[
            image[:, None, None, None], channel[None, :, None, None], rows, columns
        ]


@dataclass(frozen=True)
class PCAColour(Transform):
    """Shifts the colour of each image along the principal components of the training set's RGB values.

    By a Gaussian number of standard deviations whose own is `spread` (Krizhevsky et al. 2012, Sec. 4.1, with 0.1; they
    multiply by the eigenvalue, whose size depends on the scale of the values, in place of its root). `axes` (3, 3) are
    the components, a row each, as long as their standard deviation; `fitted` computes them.
    """

    spread: float = 0.1
    axes: Tensor | None = field(default=None, repr=False, compare=False)

    def fitted(self, train_images: Tensor) -> "PCAColour":
        """With the components of these images. Raises ValueError unless they have three channels."""
        if train_images.shape[1] != 3:
            raise ValueError(f"PCAColour is for RGB images; these have {train_images.shape[1]} channels")
        variances, axes = torch.linalg.eigh(train_images.transpose(0, 1).flatten(1).cov())
        return replace(self, axes=(axes * variances.clamp_min(0).sqrt()).T)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if self.axes is None:
            raise ValueError(
                "PCAColour does not know the training set yet; call fitted(train_images) and use its answer"
            )
        far = self.spread * torch.randn(len(images), 3, device=images.device, generator=generator)
        return images + (far @ self.axes)[:, :, None, None].to(images.dtype)


@dataclass(frozen=True)
class Cutout(Transform):
    """Sets a square of `side` pixels to zero, at a random place of each image (DeVries and Taylor 2017, Sec. 3.2).

    Its centre is any pixel, so that a part of it may lie outside.
    """

    side: int = 8

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        near = []
        for axis, size in ((2, images.shape[2]), (3, images.shape[3])):
            centre = torch.randint(size, (len(images), 1), device=images.device, generator=generator)
            away = torch.arange(size, device=images.device) - centre + self.side // 2
            near.append(((away >= 0) & (away < self.side)).unsqueeze(1).unsqueeze(5 - axis))
        return images.masked_fill(near[0] & near[1], 0)
