"""Stochastic depth: a ResNet that is trained short and tested long.

Huang, Sun, Liu, Sedra, Weinberger 2016, "Deep networks with stochastic depth", https://arxiv.org/abs/1603.09382
(ECCV 2016).

What was new: each mini-batch trains a network of its own, in which every block is skipped with some probability and
only its shortcut is left. Training is faster, gradients reach the first layers by shorter ways, and the test runs all
blocks. 1,202 layers became better than 110, which they were not before.

Departures: none by default. Where shapes change, the paper's shortcut averages 2×2 positions and adds zero channels;
`shortcut="A"` takes every second position instead, as `cifar_resnet` does, so that the two can be compared.

Explained in chapter 5.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlib.models.layers import blocks_per_stage, look_up
from cnnlib.models.resnet import SIX_N_PLUS_2, BasicBlock, CifarResNet, PadShortcut


class StochasticDepthBlock(BasicBlock):
    """A basic block that a mini-batch skips with probability 1 - survival_prob: (N, C, H, W) → (N, channels, H', W').

    Training, eq. 2 and 3: ReLU(f(x) + id(x)), or id(x) alone. Test, eq. 5: ReLU(p f(x) + id(x)).
    """

    survival_prob = 1.0  # p, which the network sets: it depends on how many blocks there are

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, shortcut: str) -> None:
        super().__init__(in_channels, channels, stride, shortcut="A")
        if shortcut == "average" and stride > 1:
            average = nn.AvgPool2d(stride, ceil_mode=True)
            self.shortcut = nn.Sequential(average, PadShortcut(in_channels, channels, stride=1))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.relu(self.survival_prob * self.residual(x) + self.shortcut(x))
        if self.is_active():
            return F.relu(self.residual(x) + self.shortcut(x))
        return self.shortcut(x)  # which a ReLU gave: it has no negative values

    def may_skip(self) -> bool:
        """Whether a mini-batch may skip it."""
        return self.survival_prob < 1

    def is_active(self) -> bool:
        """b of eq. 2, one draw for the mini-batch, from torch's generator of the CPU wherever the block is."""
        return torch.rand((), device="cpu").item() < self.survival_prob


def linear_decay(final: float, blocks: int) -> list[float]:
    """Eq. 4: p_l = 1 - l / L (1 - p_L), the survival probability of each of L blocks; `final` is p_L, the last block's.

    Their sum is how many blocks are active on average: 40.25 of 54 where `final` is 0.5.
    """
    return [1 - block / blocks * (1 - final) for block in range(1, blocks + 1)]


def cifar_stochastic_depth_resnet(
    depth: int, *, survival_prob: float | Sequence[float] = 0.5, shortcut: str = "average", **options
) -> CifarResNet:
    """CIFAR ResNet of 6n + 2 layers whose blocks survive a mini-batch with some probability (the paper: 110 and 1,202).

    `survival_prob` is p_L, the last block's, from which the others follow by `linear_decay`, or one probability a block.
    `shortcut` where shapes change is the paper's "average" or "A", that of `cifar_resnet`: with "A" and a
    `survival_prob` of 1 the two are the same function. `num_classes`, `in_channels` and `width` go to `CifarResNet`.

    Raises ValueError for another depth or shortcut, for probabilities outside (0, 1], and where there are too many or
    too few of them.
    """
    look_up("shortcut", shortcut, dict.fromkeys(("average", "A")))
    n = blocks_per_stage(depth, *SIX_N_PLUS_2)
    probabilities = survival_prob if isinstance(survival_prob, Sequence) else linear_decay(survival_prob, 3 * n)
    if len(probabilities) != 3 * n:
        raise ValueError(
            f"survival_prob has {len(probabilities)} probabilities and depth={depth} has {3 * n} blocks; "
            f"give {3 * n}, or p_L alone"
        )
    if not all(0 < probability <= 1 for probability in probabilities):
        raise ValueError(f"survival_prob={survival_prob} has values outside (0, 1]; 1 never skips, 0.5 is the paper's")
    model = CifarResNet(StochasticDepthBlock, n, shortcut=shortcut, **options)
    blocks = [*model.stage1, *model.stage2, *model.stage3]
    for block, probability in zip(blocks, probabilities, strict=True):
        block.survival_prob = probability
    return model
