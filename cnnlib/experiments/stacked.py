"""Small networks of equal receptive field: k layers of 3×3 in a row, or one layer of (2k + 1)×(2k + 1) in their place.

They are no network of a paper but the experiment behind Sec. 2.3 of Simonyan, Zisserman 2014,
https://arxiv.org/abs/1409.1556: does the stack do better than the one large window, and is it the ReLUs between?

Departures: batch norm behind each convolution, without which some of these nets do not begin to learn.

Explained in chapter 2.
"""

from torch import Tensor, nn

from cnnlib.models.layers import conv_bn, he_init, look_up

#           layers of 3×3?  a ReLU behind each?
KINDS = {
    "stack":  (True,        True),
    "linear": (True,        False),  # a ReLU behind the last alone: in sum one linear map, as the large window is
    "one":    (False,       True),
}  # fmt: skip


def same_field(kind: str, field: int, channels: int) -> nn.Sequential:
    """Layers that see `field`×`field`, of a kind of `KINDS`: (N, channels, H, W) → the same shape."""
    small, relus = look_up("kind", kind, KINDS)
    windows = [3] * (field // 2) if small else [field]
    layers: list[nn.Module] = []
    for place, window in enumerate(windows, start=1):
        layers += conv_bn(channels, channels, window)
        if relus or place == len(windows):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def convolutions(layers: int, weights: str, channels: int = 16) -> nn.Sequential:
    """`layers` convolutions of 3×3 in a row, (N, 1, H, W) → (N, channels, H, W), as what they see is studied on them.

    `weights` "equal" makes all weights of a layer one positive number, "random" draws them with mean 0, "random, with
    ReLU" puts a ReLU behind each as well. Raises ValueError for others.
    """
    if weights not in ("equal", "random", "random, with ReLU"):
        raise ValueError(f"weights={weights!r} is not one of 'equal', 'random', 'random, with ReLU'")
    parts: list[nn.Module] = []
    for number in range(layers):
        conv = nn.Conv2d(channels if number else 1, channels, 3, padding=1, bias=False)
        if weights == "equal":
            nn.init.constant_(conv.weight, 1 / conv.weight[0].numel())
        else:
            nn.init.kaiming_normal_(conv.weight)
        parts += [conv, nn.ReLU()] if weights.endswith("ReLU") else [conv]
    return nn.Sequential(*parts)


class StackedConvs(nn.Module):
    """A 3×3 stem, two stages that see `field`×`field` each with a pooling between: images (N, in_channels, H, W) → logits.

    `kind` is "stack" (layers of 3×3, each with its ReLU), "linear" (the same layers, one ReLU at the end) or "one" (one
    layer of `field`×`field`). Raises ValueError for another kind, and for a field that is even or under 3.
    """

    def __init__(self, kind: str, *, field: int = 7, channels: int = 16, num_classes: int = 10, in_channels: int = 1):
        super().__init__()
        if field < 3 or field % 2 == 0:
            raise ValueError(f"field={field}; layers of 3×3 in a row see 3, 5, 7, … pixels")
        self.stem = nn.Sequential(*conv_bn(in_channels, channels, 3), nn.ReLU())
        self.stage1 = same_field(kind, field, channels)
        self.pool = nn.MaxPool2d(2)
        self.stage2 = same_field(kind, field, channels)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage1(self.stem(x))  # (N, channels, H, W)
        x = self.stage2(self.pool(x))  # (N, channels, H/2, W/2)
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)
