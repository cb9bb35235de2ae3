"""`shapes`: pictures of coloured shapes, drawn on the device, as easy or as hard as an experiment needs."""

from math import cos, hypot, pi, sin, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

# --------------------------------------------------------------------------------------------------- the ten shapes
# Each says how far the point (x, y) lies outside the shape, or, below zero, inside it; the shape lies within the unit
# circle, y points down. Distances are exact near straight edges, which is where a picture of few pixels shows them.


def disc(x: Tensor, y: Tensor, at: tuple[float, float] = (0, 0), radius: float = 0.85) -> Tensor:
    """How far points lie outside a disc around `at`."""
    return torch.hypot(x - at[0], y - at[1]) - radius


def box(x: Tensor, y: Tensor, half_width: float, half_height: float) -> Tensor:
    """How far points lie outside an upright rectangle around the middle."""
    return torch.maximum(x.abs() - half_width, y.abs() - half_height)


def wedge(x: Tensor, y: Tensor, points: int, inner: float) -> Tensor:
    """A star of so many points; `inner` is the radius between two of them. The angle is folded onto half a point."""
    angle = torch.atan2(x, -y).abs() % (2 * pi / points)
    angle = torch.minimum(angle, 2 * pi / points - angle)
    radius = torch.hypot(x, y)
    # the edge runs from the point (1, 0) to (inner · cos, inner · sin) of half the angle
    edge_x, edge_y = inner * cos(pi / points) - 1, inner * sin(pi / points)
    outside = (radius * angle.cos() - 1) * edge_y - radius * angle.sin() * edge_x
    return outside / hypot(edge_x, edge_y)


SHAPES = {
    "circle": disc,
    "ring": lambda x, y: (torch.hypot(x, y) - 0.68).abs() - 0.2,
    "half disc": lambda x, y: torch.maximum(disc(x, y, (0, 0.4), 0.98), y - 0.4),
    "crescent": lambda x, y: torch.maximum(disc(x, y, radius=0.95), -disc(x, y, (0.42, 0), 0.75)),
    "triangle": lambda x, y: wedge(x, y, 3, 0.5),
    "square": lambda x, y: box(x, y, 0.72, 0.72),
    "star": lambda x, y: wedge(x, y, 5, 0.4),
    "cross": lambda x, y: torch.minimum(box(x, y, 0.28, 0.92), box(x, y, 0.92, 0.28)),
    "heart": lambda x, y: torch.minimum(
        torch.minimum(disc(x, y, (-0.4, -0.3), 0.5), disc(x, y, (0.4, -0.3), 0.5)),
        torch.maximum((x.abs() + y - 0.81) / sqrt(2), -y),
    ),
    "arrow": lambda x, y: torch.minimum(
        box(x, y - 0.4, 0.22, 0.5), torch.maximum((2 * x.abs() - y - 0.95) / sqrt(5), y - 0.15)
    ),
}

# --------------------------------------------------------------------------------------------------- one picture


def draw_shapes(labels: Tensor, size: int, difficulty: float, generator: torch.Generator, device=None) -> Tensor:
    """Pictures of the shapes `labels` (N,), in RGB from 0 to 1: (N, 3, size, size) on `device`.

    At `difficulty` 0 a shape stands upright in the middle, of one colour on another. Up to 1 it moves, shrinks, turns,
    comes nearer to its background in brightness, and gets stripes, clouds behind it, a bar across it and noise.
    All random numbers come from `generator`, which lies on the CPU, so that every device draws the same scenes.
    """
    count, hard = len(labels), difficulty

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return (low + (high - low) * torch.rand(count, *shape, generator=generator)).to(device)

    def colour(brightness: Tensor) -> Tensor:
        """A colour of this brightness: (N, 3, 1, 1)."""
        tint = uniform(3, low=-0.3, high=0.3)
        return (brightness[:, None] + tint - tint.mean(1, keepdim=True)).clamp(0, 1)[:, :, None, None]

    def stripes(x: Tensor, y: Tensor) -> Tensor:
        """Waves across the picture, up to a quarter of full brightness: (N, 1, size, size)."""
        angle, phase = uniform(high=pi), uniform(high=2 * pi)
        waves, height = uniform(low=6, high=14), uniform(high=0.25 * hard)
        along = x * angle.cos()[:, None, None] + y * angle.sin()[:, None, None]
        return (height[:, None, None] * torch.sin(waves[:, None, None] * along + phase[:, None, None]))[:, None]

    line = (torch.arange(size, device=device) + 0.5) * 2 / size - 1  # the centres of pixels; the picture is −1 to 1
    y, x = (axis.expand(count, size, size) for axis in torch.meshgrid(line, line, indexing="ij"))
    radius = 0.7 - hard * uniform(high=0.4)
    room = (1 - radius) * hard
    turn = uniform(low=-pi, high=pi) * hard
    across, down = (x - (room * uniform(low=-1)).reshape(-1, 1, 1), y - (room * uniform(low=-1)).reshape(-1, 1, 1))
    turn_x, turn_y, scale = (value.reshape(-1, 1, 1) for value in (turn.cos(), turn.sin(), radius))
    u, v = (across * turn_x + down * turn_y) / scale, (down * turn_x - across * turn_y) / scale

    outside = torch.empty_like(u)
    for number, shape in enumerate(SHAPES.values()):
        here = labels.to(u.device) == number
        outside[here] = shape(u[here], v[here])
    pixel = 2 / size
    covered = (0.5 - outside * scale / pixel).clamp(0, 1)[:, None]  # half of an edge's pixel: a smooth edge

    gap = (
        0.45 - 0.25 * hard
    )  # in brightness, between the shape and what is behind it; round the circle from white to black
    behind = uniform()
    front = (behind + gap + uniform() * (1 - 2 * gap)) % 1
    clouds = torch.randn(count, 3, 4, 4, generator=generator).to(device) * 0.15 * hard
    picture = colour(behind) + stripes(x, y) + F.interpolate(clouds, (size, size), mode="bicubic", align_corners=False)
    picture = torch.lerp(picture, colour(front) + stripes(x, y), covered)

    tilt, shift = uniform(high=pi), uniform(low=-0.6, high=0.6)
    bar = (u * tilt.cos()[:, None, None] + v * tilt.sin()[:, None, None] - shift[:, None, None]).abs()
    wide = (uniform(low=0.05, high=0.25) * (uniform() < hard))[:, None, None]
    picture = torch.where((bar < wide)[:, None], colour(uniform()), picture)

    noise = torch.randn(count, 3, size, size, generator=generator).to(device)
    return (picture + noise * uniform(1, 1, 1, high=0.2 * hard)).clamp(0, 1)
