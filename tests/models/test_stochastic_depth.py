"""Stochastic depth: the residual network it is, the blocks that a mini-batch skips, and their probabilities."""

import pytest
import torch
from expected import MODELS, VARIANTS, label
from model_checks import on_meta
from torch import nn

from cnnlib import create_model, list_models
from cnnlib.models.stochastic_depth import StochasticDepthBlock, linear_decay

NAMES = list_models("cifar_stochastic_depth_resnet")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]
SMALL = {"depth": 20, "width": 0.25}  # nine blocks
BLOCKS = 9


def images(side=8):
    return torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(1))


def blocks_of(model):
    return [module for module in model.modules() if isinstance(module, StochasticDepthBlock)]


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_that_of_the_residual_network(row):
    """Which tests/models/test_resnet.py sums over the paper: stochastic depth adds no layers."""
    twin = next(other for other in MODELS if other.name == row.name.replace("stochastic_depth_", ""))
    assert row[2:-1] == twin[2:-1]


# ------------------------------------------------------------------------------------------- survival probabilities


def test_the_paper_keeps_40_of_54_blocks_on_average():
    """Sec. 3: (3L - 1) / 4 where p_L is 0.5."""
    probabilities = [block.survival_prob for block in blocks_of(on_meta("cifar_stochastic_depth_resnet110"))]
    assert len(probabilities) == 54
    assert sum(probabilities) == pytest.approx((3 * 54 - 1) / 4) == pytest.approx(40.25)
    assert sum(linear_decay(0.5, 600)) == pytest.approx(449.75)


def test_the_decay_is_linear_and_ends_at_the_value_given():
    assert linear_decay(0.5, 4) == [0.875, 0.75, 0.625, 0.5]
    assert linear_decay(1, 3) == [1, 1, 1]
    model = on_meta("cifar_stochastic_depth_resnet", depth=20, survival_prob=0.1)
    assert [block.survival_prob for block in blocks_of(model)] == pytest.approx([1 - 0.1 * i for i in range(1, 10)])


def test_one_probability_for_each_block_in_the_order_of_the_blocks():
    probabilities = [i / 10 for i in range(1, 10)]
    model = on_meta("cifar_stochastic_depth_resnet", depth=20, survival_prob=probabilities)
    stages = [model.stage1, model.stage2, model.stage3]
    assert [[block.survival_prob for block in stage] for stage in stages] == [
        [0.1, 0.2, 0.3],
        [0.4, 0.5, 0.6],
        [0.7, 0.8, 0.9],
    ]


# ---------------------------------------------------------------------------------------------------- the function


def test_with_every_block_surviving_it_is_the_residual_network():
    ours = create_model("cifar_stochastic_depth_resnet", survival_prob=1, shortcut="A", **SMALL)
    theirs = create_model("cifar_resnet", **SMALL)
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours.eval()(images()), theirs.eval()(images()))
    outputs = [model.train()(images()) for model in (ours, theirs)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.square().sum().backward()
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert all(map(torch.equal, ours.buffers(), theirs.buffers()))


def test_it_starts_as_the_residual_network_starts():
    torch.manual_seed(0)
    ours = create_model("cifar_stochastic_depth_resnet", **SMALL)
    torch.manual_seed(0)
    theirs = create_model("cifar_resnet", **SMALL)
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_the_test_scales_what_a_block_adds():
    """Eq. 5."""
    block = StochasticDepthBlock(4, 4, shortcut="average").eval()
    block.survival_prob = 0.3
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0)).relu()
    torch.testing.assert_close(block(x), (0.3 * block.residual(x) + x).relu())


@pytest.mark.parametrize("side", [6, 7])
def test_where_shapes_change_the_shortcut_averages_and_pads_with_zero_channels(side):
    x = torch.rand(2, 4, side, side, generator=torch.Generator().manual_seed(0))
    block = StochasticDepthBlock(4, 6, 2, shortcut="average")
    out = block.shortcut(x)
    assert out.shape == block.residual(x).shape == (2, 6, (side + 1) // 2, (side + 1) // 2)
    last = (side - 1) // 2 * 2  # where the last window begins, which has one row and column where the side is odd
    torch.testing.assert_close(out[:, :4, 0, 0], x[:, :, :2, :2].mean((2, 3)))
    torch.testing.assert_close(out[:, :4, -1, -1], x[:, :, last:, last:].mean((2, 3)))
    assert not out[:, 4:].any()
    assert torch.equal(StochasticDepthBlock(4, 6, 2, shortcut="A").shortcut(x)[:, :4], x[:, :, ::2, ::2])
    assert isinstance(StochasticDepthBlock(4, 4, shortcut="average").shortcut, nn.Identity)


# ---------------------------------------------------------------------------------------------------- skipped blocks


def with_counts(model):
    """The model, and a list that gets the number of each block whose residual runs."""
    ran = []
    for number, block in enumerate(blocks_of(model)):
        block.residual.register_forward_pre_hook(lambda module, args, number=number: ran.append(number))
    return model, ran


def test_a_skipped_block_is_its_shortcut_and_costs_nothing():
    almost_never = 1e-12
    model, ran = with_counts(
        create_model("cifar_stochastic_depth_resnet", survival_prob=[almost_never] * BLOCKS, **SMALL)
    )
    before = [value.clone() for block in blocks_of(model) for value in block.state_dict().values()]
    torch.manual_seed(0)
    output = model(images())
    assert ran == []
    x = torch.relu(model.bn1(model.conv1(images())))
    for block in blocks_of(model):
        x = block.shortcut(x)
    torch.testing.assert_close(output, model.fc(x.mean((2, 3))))
    output.sum().backward()
    assert all(p.grad is None for block in blocks_of(model) for p in block.parameters())
    after = [value for block in blocks_of(model) for value in block.state_dict().values()]
    assert all(map(torch.equal, before, after))  # no statistics of a batch that did not pass


def test_blocks_are_skipped_as_often_as_said_and_each_by_itself():
    probabilities = [0.2, 0.4, 0.6, 0.8, 1.0, 0.5, 0.3, 0.7, 0.9]
    model, ran = with_counts(
        create_model("cifar_stochastic_depth_resnet", survival_prob=probabilities, depth=20, width=1 / 16)
    )
    torch.manual_seed(0)
    batches = 400
    with torch.no_grad():
        for _ in range(batches):
            model(images(4))
    for number, probability in enumerate(probabilities):
        error = 4 * (probability * (1 - probability) / batches) ** 0.5
        assert abs(ran.count(number) / batches - probability) <= error


def test_the_test_runs_every_block():
    model, ran = with_counts(create_model("cifar_stochastic_depth_resnet", **SMALL))
    outputs = [model.eval()(images()) for _ in range(2)]
    assert ran == [*range(BLOCKS)] * 2
    assert torch.equal(*outputs)


def test_the_seed_decides_which_blocks_are_skipped():
    model, ran = with_counts(create_model("cifar_stochastic_depth_resnet", **SMALL))
    runs = []
    for seed in (0, 0, 1, 2):
        torch.manual_seed(seed)
        model(images())
        runs.append(tuple(ran))
        ran.clear()
    assert runs[0] == runs[1]
    assert len(set(runs)) > 1


def test_training_mode_runs_on_the_meta_device():
    model = on_meta("cifar_stochastic_depth_resnet110").train()
    with torch.device("meta"):
        assert model(torch.empty(2, 3, 32, 32)).shape == (2, 10)


# --------------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "options, says",
    [
        (
            {"depth": 110, "survival_prob": [0.5] * 53},
            "has 53 probabilities and depth=110 has 54 blocks; give 54, or p_L",
        ),
        ({"depth": 20, "survival_prob": 0}, r"survival_prob=0 has values outside \(0, 1\]"),
        ({"depth": 20, "survival_prob": 1.5}, r"survival_prob=1.5 has values outside"),
        ({"depth": 20, "survival_prob": [0.5] * 8 + [-0.1]}, "has values outside"),
        ({"depth": 21}, r"depth=21 is not 6n \+ 2"),
        ({"depth": 20, "shortcut": "B"}, "shortcut='B' is not one of 'average', 'A'"),
        ({"depth": 20, "survival": 0.5}, "no option 'survival'; it takes depth, survival_prob, shortcut, num_classes"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(options, says):
    with pytest.raises(ValueError, match=says):
        create_model("cifar_stochastic_depth_resnet", **options)


def test_images_that_are_too_small():
    with pytest.raises(ValueError, match=r"images of 3×8 are too small: .* at least 4×4 pixels"):
        on_meta("cifar_stochastic_depth_resnet110")(torch.empty(2, 3, 3, 8, device="meta"))
