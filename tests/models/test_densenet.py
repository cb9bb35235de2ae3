"""DenseNet: the paper's table summed by another route, its connections, and the form that keeps less memory."""

import math
import re

import pytest
import timm
import torch
import torchvision
from expected import MODELS, VARIANTS, label
from model_checks import assert_same_as, assert_spread, on_meta, with_drawn_weights
from torch import nn

from cnnlib import create_model, list_models
from cnnlib.models.densenet import DenseBlock, DenseLayer

NAMES = list_models("cifar_densenet") + list_models("densenet")
ROWS = [row for row in MODELS + VARIANTS if row.name in NAMES]

# Huang et al. 2017, Table 1: layers in each block, growth rate.
TABLE_1 = {
    121: ((6, 12, 24, 16), 32),
    161: ((6, 12, 36, 24), 48),
    169: ((6, 12, 32, 32), 32),
    201: ((6, 12, 48, 32), 32),
    264: ((6, 12, 64, 48), 32),
}


def sum_over_the_paper(name, num_classes=None, **options):
    """Parameters, running statistics, MACs and receptive field, layer by layer, with no model built."""
    params = statistics = macs = 0

    def conv(kernel, read, written, side, norm=True):
        nonlocal params, statistics, macs
        params += kernel * kernel * read * written + 2 * read * norm  # batch norm stands before its convolution
        statistics += 2 * read * norm
        macs += side * side * kernel * kernel * read * written

    if name.startswith("cifar"):
        depth, growth = map(int, re.search(r"(\d+)_(\d+)$", name).groups())
        bottleneck = "_bc_" in name
        blocks = [(depth - 4) // (6 if bottleneck else 3)] * 3
        side, field, jump, classes = 32, 3, 1, num_classes or 10
        channels = 2 * growth if bottleneck else 16
        conv(3, 3, channels, side, norm=False)
    else:
        (blocks, growth), bottleneck = TABLE_1[int(name.removeprefix("densenet"))], True
        side, field, jump, classes = 56, 7 + 2 * 2, 4, num_classes or 1000
        channels = 2 * growth
        conv(7, 3, channels, 112, norm=False)
        params, statistics = params + 2 * channels, statistics + 2 * channels  # and one after the first convolution
    for number, layers in enumerate(blocks):
        for _ in range(layers):
            if bottleneck:
                conv(1, channels, 4 * growth, side)
                conv(3, 4 * growth, growth, side)
            else:
                conv(3, channels, growth, side)
            channels += growth
            field += 2 * jump
        if number < len(blocks) - 1:
            kept = channels // 2 if bottleneck else channels
            conv(1, channels, kept, side)
            field, jump, side, channels = field + jump, 2 * jump, side // 2, kept
    params, statistics = params + 2 * channels, statistics + 2 * channels  # the last batch norm
    return params + (channels + 1) * classes, statistics, macs + channels * classes, field


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_row_is_the_sum_over_the_paper(row):
    assert sum_over_the_paper(row.name, **row.options) == (row.params, row.fixed, row.macs, row.receptive_field)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_says_how_many_layers_have_weights(name):
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in on_meta(name).modules())
    depth = int(re.search(r"\d+", name)[0])
    assert layers == depth + (name == "densenet264")  # its own block sizes give one more


@pytest.mark.parametrize(
    "library, name, train",
    [
        (torchvision.models, "densenet121", True),
        (torchvision.models, "densenet161", False),
        (torchvision.models, "densenet169", False),
        (torchvision.models, "densenet201", False),
        (timm.models, "densenet121", True),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_weights_of_others_give_their_outputs(library, name, train):
    assert_same_as(with_drawn_weights(getattr(library, name)), name, size=(64, 64), train=train)


def test_a_layer_reads_all_the_maps_before_it():
    """Sec. 3: L(L + 1) / 2 connections in a block of L layers."""
    block = DenseBlock(3, 4, 2, bottleneck=False, dropout=0.0, checkpointing=False).eval()
    reads = []
    for layer in block.layers:
        layer.register_forward_pre_hook(lambda module, args: reads.append([maps.shape[1] for maps in args[0]]))
    x = torch.randn(1, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    out = block(x)
    assert reads == [[3], [3, 2], [3, 2, 2], [3, 2, 2, 2]]
    assert sum(map(len, reads)) == 4 * 5 // 2
    assert out.shape == (1, 3 + 4 * 2, 5, 5) and torch.equal(out[:, :3], x)


@pytest.mark.parametrize("options", [{}, {"bottleneck": True}, {"bottleneck": True, "dropout": 0.3}])
def test_checkpointing_changes_memory_alone(options):
    sizes = {"growth_rate": 4, "depth": 22} | options
    torch.manual_seed(0)
    plain = create_model("cifar_densenet", **sizes)
    frugal = create_model("cifar_densenet", checkpointing=True, **sizes)
    frugal.load_state_dict(plain.state_dict())
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for model in (plain, frugal):
        torch.manual_seed(2)  # of dropout
        loss = model.train()(images).square().sum()
        loss.backward(retain_graph=True)
        loss.backward()  # layers are read a third time
    for (name, one), other in zip(plain.named_parameters(), frugal.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, msg=name)
    for (name, one), other in zip(plain.named_buffers(), frugal.buffers(), strict=True):
        assert torch.equal(other, one), name
    assert torch.equal(plain.eval()(images), frugal.eval()(images))


def saved_bytes(model, images):
    """What autograd keeps of a forward pass."""
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model.train()(images)
    assert output.requires_grad
    return sum(saved.values())


def test_checkpointing_keeps_less_and_the_more_so_the_longer_the_block():
    shares = []
    for depth in (22, 40):
        images = torch.zeros(2, 3, 16, 16)
        plain = saved_bytes(create_model("cifar_densenet", depth=depth, growth_rate=4), images)
        frugal = saved_bytes(create_model("cifar_densenet", depth=depth, growth_rate=4, checkpointing=True), images)
        shares.append(frugal / plain)
    assert shares[1] < shares[0] < 0.7


def test_he_initialisation_of_every_layer():
    torch.manual_seed(0)
    model = create_model("cifar_densenet_bc_100_12")
    assert_spread(model, lambda path, layer: math.sqrt(2 / layer.weight[0].numel()))
    assert not model.fc.bias.any()


def test_compression_and_growth_rate_set_the_widths():
    model = on_meta("cifar_densenet", depth=22, growth_rate=6, bottleneck=True, compression=0.7)
    assert model.conv1.out_channels == 12
    assert model.transition1.out_channels == int(0.7 * (12 + 3 * 6))
    assert on_meta("cifar_densenet", depth=22, growth_rate=6, compression=0.5).conv1.out_channels == 16
    assert on_meta("densenet", depth=121, growth_rate=12).fc.in_features == 384
    layers = [m for m in on_meta("cifar_densenet_40_12", dropout=0.2).modules() if isinstance(m, nn.Dropout)]
    assert len(layers) == 38 and all(layer.p == 0.2 for layer in layers)  # after each convolution but the first
    assert all(isinstance(layer, DenseLayer) for layer in model.dense_block1.layers)


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("densenet120", {}, "depth=120 is not one of 121, 161, 169, 201, 264"),
        ("cifar_densenet_41_12", {}, r"depth=41 is not 3n \+ 4 .* nearest depths are 40 and 43"),
        ("cifar_densenet_bc_41_12", {}, r"depth=41 is not 6n \+ 4 .* nearest depths are 40 and 46"),
        ("cifar_densenet_40_0", {}, "growth_rate=0 adds no maps; give 1 or more"),
        ("densenet121", {"growth_rate": 0}, "growth_rate=0 adds no maps"),
        ("densenet121", {"compression": 1.5}, "compression=1.5 is no share of the maps; .*0.5"),
        ("cifar_densenet_40_12", {"compression": 0}, "compression=0 is no share"),
        ("cifar_densenet_40_12", {"compression": 0.004}, "compression=0.004 keeps none of 160 maps; give 0.00625 or"),
        ("densenet121", {"width": 2.0}, "densenet has no option 'width'; it takes depth, growth_rate, num_classes"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


@pytest.mark.parametrize("name, size, side", [("densenet121", 31, 32), ("cifar_densenet_40_12", 3, 4)])
def test_images_that_are_too_small(name, size, side):
    with pytest.raises(ValueError, match=f"too small: .* at least {side}×{side} pixels"):
        on_meta(name)(torch.empty(1, 3, size, size, device="meta"))
