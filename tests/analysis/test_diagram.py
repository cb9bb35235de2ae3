"""Diagrams: each operation is drawn once, repeats are folded rightly, nothing lies on anything else, all is said in words."""

import re
import xml.etree.ElementTree as ET
from functools import reduce
from itertools import combinations, product

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlib import anatomy, create_model, palette
from cnnlib.analysis.drawing.graph import Graph
from cnnlib.analysis.drawing.layout import Parallel, decompose
from cnnlib.models import preact_resnet

SVG = "{http://www.w3.org/2000/svg}"


def conv_relu(channels=8):
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.s2, self.c3, self.s4 = nn.Conv2d(1, 6, 5), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.AvgPool2d(2)
        self.c5, self.f6, self.output = nn.Conv2d(16, 120, 5), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = self.s4(self.c3(self.s2(self.c1(x).tanh()).tanh()))
        return self.output(self.f6(self.c5(x).tanh().flatten(1)).tanh())


class Fractal(nn.Module):
    """Columns of 1, 2, 4, … convolutions, joined by a mean wherever two end together."""

    def __init__(self, columns=3):
        super().__init__()
        self.columns = nn.ModuleList(nn.ModuleList(conv_relu() for _ in range(2**k)) for k in range(columns))

    def forward(self, x):
        ends = [x] * len(self.columns)
        for row in range(1, len(self.columns[-1]) + 1):
            steps = [len(self.columns[-1]) // len(column) for column in self.columns]
            done = [k for k, step in enumerate(steps) if row % step == 0]
            for k in done:
                ends[k] = self.columns[k][row // steps[k] - 1](ends[k])
            joined = torch.stack([ends[k] for k in done]).mean(0)
            for k in done:
                ends[k] = joined
        return ends[-1]


class Cell(nn.Module):
    """Not series-parallel."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d, self.e = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(5))

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        c, d = self.c(a) + b, self.d(a + b)
        return torch.cat([a, c, self.e(c + d)], 1)


class Growing(nn.Module):
    """A dense block as short as it can be written: the layer's input is concatenated in the layer or around it."""

    def __init__(self, inside):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Conv2d(8 + 4 * k, 4, 3, padding=1), nn.ReLU()) for k in range(6))
        self.inside = inside

    def forward(self, x):
        maps = [x]
        for layer in self.layers:
            if self.inside:
                x = torch.cat([x, layer(x)], 1)
            else:
                maps.append(layer(torch.cat(maps, 1)))
        return x if self.inside else torch.cat(maps, 1)


class Paths(nn.Module):
    """Five paths that are alike, and a sixth; with `apart` one of them is read a second time."""

    def __init__(self, apart=False):
        super().__init__()
        self.paths = nn.ModuleList(nn.Sequential(conv_relu(), nn.Conv2d(8, 8, 1)) for _ in range(5))
        self.other, self.apart = nn.Conv2d(8, 8, 1), apart

    def forward(self, x):
        ends = [path(x) for path in self.paths]
        total = reduce(torch.add, [*ends, self.other(x)])
        return total * ends[1] if self.apart else total


TORCHVISION = torchvision.models
NETS = {
    "lenet": (LeNet, (1, 32, 32)),
    "resnet50": (lambda: create_model("resnet50"), None),
    "cifar_resnet": (lambda: create_model("cifar_resnet", depth=20), None),
    "plain18": (lambda: create_model("plain18"), None),
    "vgg16": (TORCHVISION.vgg16, (3, 224, 224)),
    "googlenet": (lambda: TORCHVISION.googlenet(aux_logits=False, init_weights=False), (3, 224, 224)),
    "inception_v3": (lambda: TORCHVISION.inception_v3(aux_logits=False, init_weights=False), (3, 299, 299)),
    "densenet121": (TORCHVISION.densenet121, (3, 224, 224)),
    "squeezenet": (TORCHVISION.squeezenet1_1, (3, 224, 224)),
    "mobilenet_v2": (TORCHVISION.mobilenet_v2, (3, 224, 224)),
    "shufflenet": (TORCHVISION.shufflenet_v2_x1_0, (3, 224, 224)),
    "fractal": (Fractal, (8, 16, 16)),
    "cell": (Cell, (8, 16, 16)),
    "paths": (Paths, (8, 16, 16)),
    "paths apart": (lambda: Paths(apart=True), (8, 16, 16)),
    "resnext_a": (lambda: create_model("cifar_resnext", depth=29, cardinality=8, base_width=8, form="a"), None),
    "growing": (lambda: Growing(inside=True), (8, 16, 16)),
    "nothing": (nn.Identity, (3, 4, 4)),
    "one layer": (lambda: nn.Linear(4, 2), (4,)),
}


def traced(name):
    build, size = NETS[name]
    with torch.device("meta"):
        return anatomy(build().eval(), size)


def texts(picture):
    return ["".join(text.itertext()) for text in ET.fromstring(picture.svg).iter(f"{SVG}text")]


def box(rect):
    left, top, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
    return left, top, left + width, top + height


def inside(small, large, slack=0.2):
    return all(a >= b - slack for a, b in zip(small[:2], large[:2], strict=True)) and all(
        a <= b + slack for a, b in zip(small[2:], large[2:], strict=True)
    )


def check(picture):
    """What is true of every diagram."""
    rows, root = picture.rows, picture.graph.root
    drawn = sorted(i for unit in root.units() for rows in unit.ranges for i in rows)
    assert drawn == list(range(len(rows)))
    closed = [place[0] for place in picture.places]
    assert sorted(i for node in closed for rows in node.ranges for i in rows) == drawn
    for cost in ("params", "macs", "output_bytes"):
        assert sum(picture.labels.cost(node, cost) for node in closed) == sum(getattr(row, cost) for row in rows)
    places = [(left, top, left + width, top + height) for _, left, top, width, height in picture.places]
    for a, b in combinations(places, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "two boxes meet"

    svg = ET.fromstring(picture.svg)
    whole = (0, 0, float(svg.get("width")), float(svg.get("height")))
    assert all(inside(place, whole) for place in places)
    for group in svg.iter(f"{SVG}g"):
        rects = [box(rect) for rect in group.iter(f"{SVG}rect") if rect.get("class") == "d-box"]
        for text in group.iter(f"{SVG}text"):
            x, y, length = (float(text.get(name)) for name in ("x", "y", "textLength"))
            assert inside((x, y - 9, x + length, y + 2), rects[-1] if rects else whole), "".join(text.itertext())
    for text in svg.iter(f"{SVG}text"):
        assert float(text.get("x")) + float(text.get("textLength")) <= whole[2]
    for path in svg.iter(f"{SVG}path"):
        assert "nan" not in path.get("d")
    assert svg.get("role") == "img"
    assert svg.get("aria-label").endswith(picture.alt)
    assert not [mark for mark in svg.iter() if mark.get("id")], "the same picture twice on a page repeats an id"


@pytest.mark.parametrize("name", NETS)
def test_every_operation_is_drawn_once_and_nothing_meets(name):
    net = traced(name)
    for options in ({}, {"color": "params"}, {"depth": 1}, {"depth": 9, "color": "macs"}):
        check(net.diagram(**options))


@st.composite
def networks(draw):
    """Any graph of convolutions and joins, in modules of any depth."""
    count = draw(st.integers(1, 14))
    steps = []
    for k in range(count):
        joins = draw(st.booleans()) and k > 1
        reads = draw(st.lists(st.integers(0, k), min_size=2 if joins else 1, max_size=3 if joins else 1, unique=True))
        steps.append(("join" if joins else draw(st.sampled_from(["conv", "relu", "norm"])), reads))
    return steps, draw(st.integers(1, 5))


class Drawn(nn.Module):
    def __init__(self, steps, size):
        super().__init__()
        make = {"conv": lambda: nn.Conv2d(4, 4, 1), "relu": nn.ReLU, "norm": lambda: nn.BatchNorm2d(4)}
        self.steps, self.size = steps, size
        layers = [make.get(kind, nn.Identity)() for kind, _ in steps]
        self.groups = nn.ModuleList(nn.ModuleList(layers[k : k + size]) for k in range(0, len(layers), size))

    def forward(self, x):
        values = [x]
        for k, (kind, reads) in enumerate(self.steps):
            given = [values[i] for i in reads]
            layer = self.groups[k // self.size][k % self.size]
            joined = reduce(torch.add, given) if k % 2 else torch.stack(given).sum(0)
            values.append(joined if kind == "join" else layer(given[0]))
        return values[-1]


@settings(max_examples=150)
@given(networks(), st.sampled_from([None, 1, 3]))
def test_any_network_can_be_drawn(network, depth):
    check(anatomy(Drawn(*network), (4, 8, 8)).diagram(depth))


def test_the_same_network_gives_the_same_text():
    for name, color in product(("lenet", "cell", "resnet50"), ("operation", "macs")):
        one, again = (traced(name).diagram(color=color)._repr_html_() for _ in range(2))
        assert one == again


def test_of_modules_side_by_side_that_are_alike_one_is_drawn():
    words = texts(traced("paths").diagram(depth=9))
    assert words.count("3×3 conv, 8") == 1 and words.count("+") == 1
    assert "paths × 5 side by side" in words
    assert "paths × 4 side by side" in texts(traced("paths apart").diagram(depth=9))
    assert "paths × 8 side by side" in traced("resnext_a").diagram(depth=9).alt


@pytest.mark.parametrize(("read_elsewhere", "sums"), [(False, 1), (True, 2)])
def test_a_sum_of_many_is_one_sum_unless_a_part_of_it_is_read_elsewhere(read_elsewhere, sums):
    class Sums(nn.Module):
        def forward(self, x):
            one, two, three = x.relu(), x.tanh(), x.sigmoid()
            half = one + two
            whole = half + three
            return whole * half if read_elsewhere else whole

    assert texts(anatomy(Sums(), (2, 4, 4)).diagram()).count("+") == sums


def test_resnet50_is_stages_of_folded_blocks():
    picture = traced("resnet50").diagram()
    words = texts(picture)
    assert [word for word in words if word.startswith("conv") and "_x" in word] == [f"conv{k}_x" for k in (2, 3, 4, 5)]
    assert [word for word in words if "Bottleneck ×" in word] == [f"Bottleneck × {n}" for n in (2, 3, 5, 2)]
    assert words.count("Bottleneck") == 4  # the first of each stage, which differs
    assert {"7×7 conv, 64, /2", "3×3 max pool, /2", "64×112×112", "2048×7×7", "global avg pool"} <= set(words)
    assert picture.svg.count('class="d-shortcut"') == 1  # the opened block with an identity
    assert "7×7 conv, 64, stride 2, batch norm, ReLU, to 64×112×112" in picture.alt
    assert "Bottleneck × 5" in repr(picture)


def test_a_stage_of_equal_blocks_is_one_frame():
    assert "stage1: BasicBlock × 3" in texts(traced("cifar_resnet").diagram())


def test_an_inception_module_is_branches_side_by_side():
    with torch.device("meta"):
        module = TORCHVISION.googlenet(aux_logits=False, init_weights=False).inception3a.eval()
    picture = anatomy(module, (192, 28, 28)).diagram()
    tops = {node.rows.start: top for node, _, top, _, _ in picture.places}
    lefts = {round(left + width / 2) for _, left, _, width, _ in picture.places}
    assert len(lefts) == 5  # four branches, and the concatenation between them
    assert max(tops.values()) == tops[max(tops)]
    assert "4 branches (branch 1 (1×1 conv, 64" in picture.alt


def test_a_dense_block_is_one_layer_repeated():
    words = texts(traced("densenet121").diagram())
    assert [word for word in words if word.startswith("DenseLayer")] == [f"DenseLayer × {n}" for n in (6, 12, 24, 16)]
    assert words.count("each reads all before") == 4
    assert "64–224×56×56" in words  # what the six layers read


@pytest.mark.parametrize("inside", [True, False])
def test_growing_maps_fold_however_they_are_written(inside):
    graph = Graph(anatomy(Growing(inside), (8, 16, 16)).layers)
    assert max(part.times for part in graph.root.parts) >= 5
    assert any(part.grows for part in graph.root.parts)


def test_convolutions_of_one_shape_fold_and_others_do_not():
    words = texts(traced("vgg16").diagram())
    assert [word for word in words if " × " in word] == [
        f"3×3 conv, {c} × {n}" for c, n in ((256, 2), (512, 2), (512, 3))
    ]
    assert not any(" × " in word for word in texts(traced("lenet").diagram()))


class Blocks(nn.Module):
    """Blocks one after the other; the kernels say which are alike. Late ones may read the image once more."""

    def __init__(self, kernels, again=()):
        super().__init__()
        make = [(nn.Conv2d(8, 8, k, padding=k // 2), nn.ReLU(), nn.Conv2d(8, 8, 1)) for k in kernels]
        self.blocks, self.again = nn.ModuleList(nn.Sequential(*layers) for layers in make), again

    def forward(self, x):
        image = x
        for k, block in enumerate(self.blocks):
            x = block(x) + image if k in self.again else block(x) + x
        return x


@pytest.mark.parametrize(
    ("kernels", "again", "times"),
    [
        ((3, 3, 3, 3), (), [4]),
        ((3, 3, 5, 3), (), [2, 1, 1]),
        ((3, 5, 3, 5), (), [2]),
        ((3, 3, 3, 3), (3,), [3, 1]),  # the last block is like the others and is not connected like them
        ((3, 3, 3, 3), (2, 3), [2, 1, 1]),
    ],
)
def test_only_what_is_alike_and_connected_alike_is_folded(kernels, again, times):
    graph = Graph(anatomy(Blocks(kernels, again), (8, 16, 16)).layers)
    runs = [part.times for part in graph.root.parts if len(part.rows) > 1]
    assert runs == times
    assert sum(part.times * len(part.rows) for part in graph.root.parts) == len(graph.rows)


def test_a_mean_of_branches_is_one_join():
    words = texts(traced("fractal").diagram())
    assert words.count("mean") == 4
    assert words.count("3×3 conv, 8") == 7


def test_shares_add_up_and_are_shaded():
    net = traced("vgg16")
    picture = net.diagram(color="params")
    assert "74%" in texts(picture)  # the first linear layer
    assert f"share of {net.params:,} parameters" in texts(picture)
    assert sum(picture.labels.share(node) for node, *_ in picture.places) == pytest.approx(1)
    assert "74%" in picture.alt


@pytest.mark.parametrize("colours", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_text_on_the_darkest_shade_is_legible(colours):
    def channels(colour):
        return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]

    def luminance(rgb):
        linear = [c / 3294.6 if c <= 10.31 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    picture = traced("vgg16").diagram(color="params")
    most = max(picture.labels.shade(node) for node, *_ in picture.places)
    pairs = zip(channels(colours["accent"]), channels(colours["surface"]), strict=True)
    ground = luminance([most * a + (1 - most) * b for a, b in pairs])
    low, high = sorted((ground, luminance(channels(colours["text"]))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_file_has_the_colours_of_both_modes_and_needs_nothing(tmp_path):
    picture = traced("lenet").diagram()
    picture.save(tmp_path / "lenet.svg")
    svg = (tmp_path / "lenet.svg").read_text(encoding="utf-8")
    assert palette.LIGHT["conv"] in svg and palette.DARK["conv"] in svg
    assert "var(" not in svg and "<script" not in svg
    html = picture._repr_html_()
    assert html.startswith('<figure class="cnn-diagram">') and "<script" not in html
    assert palette.themed(".cnn-diagram") in html


def test_what_is_not_series_parallel_is_a_list_of_boxes_that_say_what_they_read():
    picture = traced("cell").diagram()
    reads = [word for word in texts(picture) if "reads" in word]
    assert reads == [
        "1: reads the input",
        "2: reads the input",
        "3: reads 1",
        "4: reads 2 and 3",
        "5: reads 1 and 2",
        "6: reads 5",
        "7: reads 4 and 6",
        "8: reads 7",
        "9: reads 1, 4 and 8",
    ]
    assert [top for _, _, top, _, _ in picture.places] == sorted(top for _, _, top, _, _ in picture.places)
    assert "4: addition, reads 2 and 3" in repr(picture)
    edges = picture.graph.edges(picture.graph.root)
    assert picture.body.count('class="d-edge"') == len(edges) + 2  # and the lines from the input and to the output


def test_a_list_draws_each_line_around_the_boxes_between():
    """The unit of He et al. 2016, Fig. 2 (c): its gate is read on both ways."""
    convs = preact_resnet.basic(16, stride=1, stride_in_1x1=True)
    unit = preact_resnet.ResidualUnit(16, convs, shortcut="exclusive_gating", ordering="original")
    picture = anatomy(unit, (16, 32, 32)).diagram()
    check(picture)
    right = max(left + width for _, left, _, width, _ in picture.places)
    columns = [float(x) for x in re.findall(r'class="d-edge" d="M\S+ \S+H([\d.]+)', picture.body)]
    assert len(columns) == 5 and all(right < x < picture.width for x in columns)


def test_a_list_inside_a_module_has_its_own_numbers():
    blocks = nn.Sequential(nn.Conv2d(8, 8, 1), Cell(), nn.Sequential(nn.Conv2d(24, 8, 1), Cell()))
    words = texts(anatomy(blocks, (8, 16, 16)).diagram(depth=9))
    assert words.count("1: reads the input") == 2 and words.count("9: reads 1, 4 and 8") == 2


def test_series_and_parallel():
    assert decompose(2, [(-1, 0), (0, 1), (1, -2)]) == [0, 1]
    assert decompose(2, [(-1, 0), (-1, 1), (0, 1), (1, -2)]) == [Parallel([[0], []]), 1]
    four = [(-1, 0), (-1, 1), (0, 2), (1, 2), (0, 3), (2, 3), (1, 3), (3, -2)]
    assert decompose(4, four) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "flops"}, 'color=\'flops\' is unknown; there are "operation", "params"'),
        ({"depth": 0}, "depth=0 is no number of levels; give 1 or more"),
        ({"depth": 1.5}, "depth=1.5"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        traced("lenet").diagram(**options)
