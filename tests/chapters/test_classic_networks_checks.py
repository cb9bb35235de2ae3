"""Chapter 1's exercises as readers write them; what our own solutions and the known mistakes get: test_known_mistakes.py."""

import pytest
import torch
from torch import nn

from cnnlib.chapters.classic_networks import checks
from cnnlib.models.lenet import C3_READS, LeNet5


def test_the_formulas_of_the_chapter_pass():
    assert checks.output_size(lambda n, f, p, s: (n + 2 * p - f) // s + 1).status == "right"
    assert checks.connection_table(lambda reads: 25 * sum(reads) + len(reads)).status == "right"
    assert checks.grouped_parameters(lambda i, o, k, g: k * k * (i // g) * o + o).status == "right"


def test_the_connection_table_exercise_gives_the_number_of_the_paper():
    reads = tuple(map(len, C3_READS))
    assert (reads,) in checks.CONNECTION_TABLE.inputs
    assert checks.connected(reads) == sum(p.numel() for p in LeNet5().c3.parameters()) == 1516


class Mine(nn.Module):
    """LeNet-5 as a reader writes it."""

    channels, padding, hidden, bias = (6, 16), 0, (120, 84), True

    def __init__(self):
        super().__init__()
        c1, c2 = self.channels
        self.conv1 = nn.Conv2d(1, c1, 5, padding=self.padding, bias=self.bias)
        self.conv2 = nn.Conv2d(c1, c2, 5, padding=self.padding)
        self.fc1 = nn.Linear(c2 * 25, self.hidden[0])
        self.fc2 = nn.Linear(self.hidden[0], self.hidden[1])
        self.fc3 = nn.Linear(self.hidden[1], 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))


def test_a_right_network_passes():
    assert checks.lenet(Mine).status == "right"


@pytest.mark.parametrize(
    ("attributes", "part"),
    [
        ({"channels": (6, 12)}, "the second 16 of 6"),
        ({"padding": 2}, "there is no padding"),
        ({"hidden": (120, 64)}, "then come 120, 84 and 10"),
        ({"bias": False}, "All five layers have biases"),
    ],
)
def test_what_the_network_is_made_of_is_checked(attributes, part):
    verdict = checks.lenet(type("Changed", (Mine,), attributes))
    assert verdict.status == "wrong"
    assert part in verdict.message
