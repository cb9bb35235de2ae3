"""A trained network made small, and back: pruning, shared weights, Huffman codes.

Han, Mao, Dally 2016, "Deep compression: compressing deep neural networks with pruning, trained quantization and Huffman
coding", https://arxiv.org/abs/1510.00149. SqueezeNet's 0.47 MB are made by it.

Departures:
- What is pruned is a share of each layer, not what lies under a threshold chosen for it by hand.
- The shared values are those that k-means finds; they are not trained further.
- A file holds no shapes and no names: it is read into a network of the same form.

Explained in chapter 5.
"""

import heapq
import math
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WAYS = ("dense", "sparse", "shared", "huffman")
LONGEST = 15  # zeros that one gap can tell of: four bits; a gap of 15 has no weight behind it

# ------------------------------------------------------------------------------------------- prune


def matrices(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that are pruned and shared: those of convolutions and linear layers, by name."""
    return {name: p for name, p in model.named_parameters() if p.dim() > 1}


@torch.no_grad()
def prune(model: nn.Module, share: float) -> dict[str, Tensor]:
    """Sets the `share` of weights that are smallest in size to 0, in each layer by itself; returns what is left, as masks.

    Biases and batch norms stay. Raises ValueError for a share that is not from 0 to below 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share={share} of the weights cannot be pruned; give 0 to below 1")
    masks = {}
    for name, weight in matrices(model).items():
        order = weight.abs().flatten().argsort(stable=True)
        mask = torch.ones(weight.numel(), dtype=torch.bool, device=weight.device)
        mask[order[: int(share * weight.numel())]] = False
        masks[name] = mask.view_as(weight)
        weight *= masks[name]
    return masks


@contextmanager
def held(model: nn.Module, masks: dict[str, Tensor]) -> Iterator[nn.Module]:
    """`model` whose pruned weights stay 0 however it is trained: their gradients are 0 as long as the context lasts."""
    weights = matrices(model)
    handles = [
        weights[name].register_hook(lambda gradient, mask=mask: gradient * mask.to(gradient.device))
        for name, mask in masks.items()
    ]
    try:
        yield model
    finally:
        for handle in handles:
            handle.remove()


# ------------------------------------------------------------------------------------------- share


@torch.no_grad()
def share_weights(model: nn.Module, bits: int) -> None:
    """Replaces the non-zero weights of each layer by the nearest of at most 2 ** `bits` values, found by k-means.

    Raises ValueError for bits outside 1 to 8.
    """
    if not 1 <= bits <= 8:
        raise ValueError(f"bits={bits}; a code has 1 to 8 bits")
    for weight in matrices(model).values():
        kept = weight != 0
        if kept.any():
            weight[kept] = nearest(weight[kept], k_means(weight[kept], 2**bits))


def k_means(values: Tensor, k: int, steps: int = 50) -> Tensor:
    """At most `k` centres of values (N,), in order: Lloyd's algorithm from centres at equal distances (Han et al., Sec. 3.2)."""
    values = values.double()
    centres = torch.linspace(values.min(), values.max(), k, dtype=torch.float64, device=values.device)
    for _ in range(steps):
        of = torch.bucketize(values, (centres[1:] + centres[:-1]) / 2)
        count = torch.bincount(of, minlength=len(centres))
        total = torch.zeros_like(centres).scatter_add(0, of, values)
        moved = (total / count.clamp_min(1))[count > 0]  # a centre that nothing is near to goes
        if len(moved) == len(centres) and torch.equal(moved, centres):
            break
        centres = moved
    return centres


def nearest(values: Tensor, centres: Tensor) -> Tensor:
    """The nearest centre for each of values (N,); the centres are in order."""
    return centres[torch.bucketize(values.double(), (centres[1:] + centres[:-1]) / 2)].to(values.dtype)


# ------------------------------------------------------------------------------------------- Huffman codes


def entropy(symbols: Sequence[int]) -> float:
    """The bits a symbol below which no code can go that gives each symbol a word of its own (Shannon)."""
    counts = Counter(symbols)
    return -sum(n / len(symbols) * math.log2(n / len(symbols)) for n in counts.values())


def word_lengths(symbols: Sequence[int]) -> dict[int, int]:
    """The length in bits of each symbol's word in a Huffman code (Huffman 1952): rare ones are joined first."""
    counts = Counter(symbols)
    if len(counts) == 1:
        return dict.fromkeys(counts, 1)
    heap = [(n, symbol, (symbol,)) for symbol, n in sorted(counts.items())]
    heapq.heapify(heap)
    lengths = dict.fromkeys(counts, 0)
    while len(heap) > 1:
        (n, first, some), (m, second, others) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in some + others:
            lengths[symbol] += 1
        heapq.heappush(heap, (n + m, min(first, second), some + others))
    return lengths


def words(lengths: dict[int, int]) -> dict[int, str]:
    """The canonical code of these lengths: it follows from them, so that a file need hold no more."""
    code, before, made = 0, 0, {}
    for symbol, length in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        code <<= length - before
        made[symbol] = format(code, f"0{length}b")
        code, before = code + 1, length
    return made


# ------------------------------------------------------------------------------------------- bits and bytes


def packed(bits: str) -> bytes:
    """A string of 0 and 1 as bytes, the last filled up with 0."""
    return int("1" + bits + "0" * (-len(bits) % 8), 2).to_bytes(len(bits) // 8 + 2, "big").lstrip(b"\0")[1:]


def raw(tensor: Tensor) -> bytes:
    """The values of a tensor as they lie in memory."""
    return bytes(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).tolist())


class Reader:
    """Reads a file from its beginning. Raises ValueError where it ends too soon."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if self.at + count > len(self.data):
            raise ValueError(f"the file ends after {len(self.data)} bytes, in the middle of the network's weights")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        """The next number of four bytes."""
        return struct.unpack("<I", self.take(4))[0]

    def tensor(self, like: Tensor, shape: Sequence[int]) -> Tensor:
        """The next values, of the type of `like`."""
        count = math.prod(shape)
        if not count:
            return torch.empty(tuple(shape), dtype=like.dtype)
        return torch.frombuffer(bytearray(self.take(count * like.itemsize)), dtype=like.dtype).reshape(tuple(shape))


def write_symbols(symbols: Sequence[int], bits: int, huffman: bool) -> bytes:
    """Symbols below 2 ** `bits`, each in so many bits, or in a Huffman code with the lengths of its words before it."""
    if not huffman:
        return packed("".join(format(symbol, f"0{bits}b") for symbol in symbols))
    lengths = word_lengths(symbols) if symbols else {}
    code = words(lengths)
    stream = packed("".join(code[symbol] for symbol in symbols))
    return bytes(lengths.get(symbol, 0) for symbol in range(2**bits)) + struct.pack("<I", len(stream)) + stream


def read_symbols(reader: Reader, count: int, bits: int, huffman: bool) -> list[int]:
    """`count` symbols as `write_symbols` has written them."""
    if not huffman:
        stream = bit_string(reader.take((count * bits + 7) // 8))
        return [int(stream[i * bits : (i + 1) * bits], 2) for i in range(count)]
    lengths = {symbol: length for symbol, length in enumerate(reader.take(2**bits)) if length}
    symbol_of = {word: symbol for symbol, word in words(lengths).items()}
    found, word = [], ""
    for bit in bit_string(reader.take(reader.number())):
        word += bit
        if word in symbol_of:
            found.append(symbol_of[word])
            word = ""
    if not count <= len(found) <= count + 8:  # the last byte is filled up, with bits that may be words
        raise ValueError(f"the file has {len(found)} symbols where the network has {count}; it is of another network")
    return found[:count]


def bit_string(data: bytes) -> str:
    """Bytes as a string of 0 and 1."""
    return "".join(format(byte, "08b") for byte in data)


# ------------------------------------------------------------------------------------------- a file


def gaps(weight: Tensor) -> list[int]:
    """How many zeros stand before each non-zero weight, in words of four bits: 15 is fifteen zeros and no weight."""
    places = weight.flatten().nonzero().flatten().tolist()
    symbols, before = [], -1
    for place in places:
        skipped, rest = divmod(place - before - 1, LONGEST)
        symbols += [LONGEST] * skipped + [rest]
        before = place
    return symbols


def codes(weight: Tensor) -> tuple[Tensor, list[int]]:
    """The distinct non-zero values of a layer in order, and which of them each non-zero weight is."""
    kept = weight.detach().flatten()
    kept = kept[kept != 0]
    values, indices = kept.unique(return_inverse=True)
    return values, indices.tolist()


def encode(model: nn.Module, way: str = "huffman") -> bytes:
    """The weights and buffers of `model` as bytes, all exact.

    `way` is "dense" (each value as it is), "sparse" (only weights that are not 0, and the gaps between them in four
    bits), "shared" (in place of a weight the number of its value in the layer's list) or "huffman" (those numbers and
    the gaps in Huffman codes). Raises ValueError for another way, and where a layer has more than 256 different values
    and is to be "shared" or "huffman": call `share_weights` first.
    """
    if way not in WAYS:
        raise ValueError(f"way={way!r} is not one of {', '.join(map(repr, WAYS))}")
    small = matrices(model)
    file = [bytes([WAYS.index(way)])]
    for name, tensor in model.state_dict().items():
        file.append(raw(tensor) if way == "dense" or name not in small else write_layer(name, tensor, way))
    return b"".join(file)


def write_layer(name: str, weight: Tensor, way: str) -> bytes:
    """One layer's weights, all ways but "dense"."""
    symbols = gaps(weight)
    positions = struct.pack("<I", len(symbols)) + write_symbols(symbols, 4, way == "huffman")
    values, indices = codes(weight)
    if way == "sparse":
        return positions + raw(values[indices])
    if len(values) > 256:
        raise ValueError(f"{name} has {len(values)} different weights; share_weights first, with at most 8 bits")
    book = bytes([max(0, len(values) - 1)]) + raw(values)
    return positions + book + write_symbols(indices, width_of(len(values)), way == "huffman")


def width_of(values: int) -> int:
    """Bits that tell so many values apart, at least 1."""
    return max(1, (values - 1).bit_length())


@torch.no_grad()
def decode(file: bytes, model: nn.Module) -> nn.Module:
    """Reads what `encode` has written into `model`, a network of the same form, and returns it.

    Raises ValueError for a file that ends too soon or goes on too long, as that of another network does.
    """
    reader = Reader(file)
    kind = reader.take(1)[0]
    if kind >= len(WAYS):
        raise ValueError(f"the file begins with {kind}; `encode` writes 0 to {len(WAYS) - 1}")
    small = matrices(model)
    for name, tensor in model.state_dict().items():
        dense = kind == 0 or name not in small
        tensor.copy_(reader.tensor(tensor, tensor.shape) if dense else read_layer(reader, tensor, WAYS[kind]))
    if reader.at != len(file):
        raise ValueError(f"the network is whole after {reader.at} of {len(file)} bytes; the file is of another network")
    return model


def read_layer(reader: Reader, like: Tensor, way: str) -> Tensor:
    """One layer's weights, as `write_layer` has written them."""
    symbols = read_symbols(reader, reader.number(), 4, way == "huffman")
    places, place = [], -1
    for symbol in symbols:
        place += symbol if symbol == LONGEST else symbol + 1
        if symbol != LONGEST:
            places.append(place)
    if way == "sparse":
        kept = reader.tensor(like, (len(places),))
    else:
        values = reader.tensor(like, (reader.take(1)[0] + 1 if places else reader.take(1)[0],))
        indices = read_symbols(reader, len(places), width_of(len(values)), way == "huffman")
        if max(indices, default=0) > len(values) - bool(places):
            raise ValueError("the file names a value that is not in the layer's list; it is of another network")
        kept = values[indices]
    weight = torch.zeros(like.numel(), dtype=like.dtype)
    if places and places[-1] >= like.numel():
        raise ValueError("the file has more weights in a layer than the network; it is of another network")
    weight[places] = kept
    return weight.view_as(like)
