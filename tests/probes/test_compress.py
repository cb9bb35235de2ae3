"""Pruning, shared weights and Huffman codes: what is written is read back exactly, and no code is shorter than it can be."""

import itertools
import math
import random

import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.experiments.families import FireNet
from cnnlib.probes import compress
from cnnlib.training import fit


def small(seed: int = 0) -> nn.Module:
    """A net with convolutions, biases, batch norms and a linear layer."""
    torch.manual_seed(seed)
    return FireNet(depth=1, channels=8, in_channels=1)


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("share", [0, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("way", compress.WAYS)
def test_what_is_written_is_read_back_to_the_last_bit(way, share):
    net = small()
    compress.prune(net, share)
    compress.share_weights(net, 5)
    net(torch.randn(4, 1, 8, 8))  # batch norm's statistics are part of the file
    assert equal(compress.decode(compress.encode(net, way), small(1)), net)


def test_a_layer_without_any_weight_is_read_back():
    net = small()
    with torch.no_grad():
        net.fc.weight.zero_()
        net.conv1[0].weight.fill_(0.25)  # one value alone
    compress.share_weights(net, 3)
    for way in compress.WAYS:
        assert equal(compress.decode(compress.encode(net, way), small(1)), net)


def test_each_way_is_shorter_than_the_one_before_and_dense_is_the_state_itself():
    torch.manual_seed(0)
    net = FireNet(depth=1, channels=32, in_channels=1)
    compress.prune(net, 2 / 3)
    compress.share_weights(net, 5)
    sizes = [len(compress.encode(net, way)) for way in compress.WAYS]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 1 + sum(tensor.numel() * tensor.itemsize for tensor in net.state_dict().values())


def test_weights_that_are_not_shared_are_refused_where_a_code_needs_them():
    torch.manual_seed(0)
    net = FireNet(depth=1, channels=32, in_channels=1)
    with pytest.raises(ValueError, match="share_weights first"):
        compress.encode(net, "huffman")
    with pytest.raises(ValueError, match="way='zip' is not one of"):
        compress.encode(net, "zip")


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_file_of_another_length_is_refused(cut):
    net = small()
    compress.share_weights(net, 4)
    file = compress.encode(net)
    with pytest.raises(ValueError, match=r"ends after|of another network"):
        compress.decode(file[:-cut], small(1))
    with pytest.raises(ValueError, match="of another network"):
        compress.decode(file + b"\0" * cut, small(1))
    with pytest.raises(ValueError, match="begins with 9"):
        compress.decode(b"\x09" + file[1:], small(1))


# ------------------------------------------------------------------------------------------- pruning


@pytest.mark.parametrize("share", [0.3, 0.5, 0.75])
def test_the_smallest_weights_of_each_layer_go(share):
    net, before = small(), small()
    masks = compress.prune(net, share)
    for name, weight in compress.matrices(net).items():
        old = compress.matrices(before)[name]
        gone = ~masks[name]
        assert gone.sum() == int(share * weight.numel()) == (weight == 0).sum()
        assert old[gone].abs().max() <= old[~gone].abs().min()
        assert torch.equal(weight[~gone], old[~gone])
    assert torch.equal(net.conv1[1].weight, before.conv1[1].weight)


def test_pruned_weights_stay_zero_in_training_and_only_there():
    net = small()
    digits = cnnlib.load_data("digits", size=8)
    masks = compress.prune(net, 0.5)
    before = net.stage1[0].squeeze.weight.clone()
    with compress.held(net, masks):
        fit(net, digits, epochs=1)
    for name, weight in compress.matrices(net).items():
        assert not weight[~masks[name]].any()
    assert not torch.equal(net.stage1[0].squeeze.weight, before)
    fit(net, digits, epochs=1)
    assert any(weight[~masks[name]].any() for name, weight in compress.matrices(net).items())


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(ValueError, match="cannot be pruned"):
        compress.prune(small(), share)


# ------------------------------------------------------------------------------------------- shared weights


@pytest.mark.parametrize("bits", [1, 3, 6])
def test_each_weight_is_the_nearest_of_few_values_and_zeros_stay(bits):
    net, before = small(), small()
    for one in (net, before):
        compress.prune(one, 0.4)
    compress.share_weights(net, bits)
    for name, weight in compress.matrices(net).items():
        old = compress.matrices(before)[name]
        assert torch.equal(weight == 0, old == 0)
        values = weight[weight != 0].unique()
        assert len(values) <= 2**bits
        distance = (old[old != 0][:, None] - values[None]).abs()
        assert torch.allclose((weight - old)[old != 0].abs(), distance.min(1).values, atol=1e-6)


def test_k_means_finds_groups_that_lie_apart():
    groups = torch.cat(
        [c + 0.01 * torch.randn(50, generator=torch.Generator().manual_seed(0)) for c in (-1.0, 0.2, 2.0)]
    )
    centres = compress.k_means(groups, 3)
    assert centres.tolist() == pytest.approx([-1.0, 0.2, 2.0], abs=0.01)
    assert len(compress.k_means(torch.tensor([1.0, 1.0, 2.0]), 16)) == 2


@pytest.mark.parametrize("bits", [0, 9])
def test_bits_outside_a_byte_are_refused(bits):
    with pytest.raises(ValueError, match="1 to 8 bits"):
        compress.share_weights(small(), bits)


# ------------------------------------------------------------------------------------------- codes


@pytest.mark.parametrize("seed", range(5))
def test_a_huffman_code_is_within_a_bit_of_the_entropy_and_no_word_begins_another(seed):
    draw = random.Random(seed)
    symbols = draw.choices(range(20), [draw.random() ** 4 + 1e-3 for _ in range(20)], k=2000)
    lengths = compress.word_lengths(symbols)
    mean = sum(lengths[symbol] for symbol in symbols) / len(symbols)
    assert compress.entropy(symbols) <= mean < compress.entropy(symbols) + 1
    assert sum(2.0**-length for length in lengths.values()) == 1  # Kraft: no word is wasted
    words = sorted(compress.words(lengths).values())
    assert not any(after.startswith(word) for word, after in itertools.pairwise(words))


def test_a_huffman_code_of_known_counts():
    symbols = [0] * 8 + [1] * 4 + [2] * 2 + [3] * 2
    assert compress.word_lengths(symbols) == {0: 1, 1: 2, 2: 3, 3: 3}
    assert compress.words({0: 1, 1: 2, 2: 3, 3: 3}) == {0: "0", 1: "10", 2: "110", 3: "111"}
    assert compress.entropy(symbols) == pytest.approx(1.75)
    assert compress.word_lengths([7, 7]) == {7: 1}


@pytest.mark.parametrize("huffman", [False, True])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 500])
def test_symbols_are_read_back(count, huffman):
    symbols = random.Random(count).choices(range(32), [1 / (1 + i) for i in range(32)], k=count)
    written = compress.write_symbols(symbols, 5, huffman)
    reader = compress.Reader(written)
    assert compress.read_symbols(reader, count, 5, huffman) == symbols
    assert reader.at == len(written)
    assert huffman or len(written) == math.ceil(5 * count / 8)


def test_gaps_longer_than_four_bits_can_say_are_said_in_parts():
    weight = torch.zeros(64)
    weight[[0, 16, 17, 63]] = 1.0
    assert compress.gaps(weight) == [0, 15, 0, 0, 15, 15, 15, 0]


@pytest.mark.parametrize("way", compress.WAYS)
def test_a_file_of_another_network_is_refused(way):
    torch.manual_seed(0)
    other = FireNet(depth=2, channels=16, in_channels=1)
    for net in (other, mine := small()):
        compress.share_weights(net, 4)
    with pytest.raises(ValueError, match=r"another network|ends after"):
        compress.decode(compress.encode(other, way), mine)
    with pytest.raises(ValueError, match=r"another network|ends after"):
        compress.decode(compress.encode(mine, way), other)
