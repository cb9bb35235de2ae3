"""How an anatomy is shown: rows that add up, the same each time, and HTML that needs no script."""

import re
from html.parser import HTMLParser

import pytest
import torch
import torchvision
from oracles import Net, torchvision_on_meta
from torch import nn

import cnnlib
from cnnlib import Anatomy, Comparison, anatomy, compare, create_model
from cnnlib.analysis.drawing.table import FEW, HEADINGS, MANY, MISALIGNED, UNKNOWN, fold, megabytes


def small():
    return anatomy(create_model("cifar_resnet", depth=8, width=0.25))


def on_meta(name, **options):
    with torch.device("meta"):
        return create_model(name, **options)


def odd():
    """A misaligned join, and an operation without a rule."""

    def forward(net, x):
        x = net.conv(x)
        return torch.fft.fft2(torch.cat([x[:, :, 1:], x[:, :, :-1]], 1)).real

    return anatomy(Net(forward, conv=nn.Conv2d(2, 2, 3)), (2, 8, 8))


# ---------------------------------------------------------------------------------------------------------- text


def numbers(line):
    return [int(found.replace(",", "")) for found in re.findall(r"(?<![\w.×/])\d[\d,]*(?![\w.×])", line)]


@pytest.mark.parametrize("depth", [None, 1, 2, 3])
def test_the_rows_of_a_table_add_up_to_its_total(depth):
    seen = small()
    rows = seen.grouped(depth)
    for column, total in [("params", seen.params), ("macs", seen.macs), ("output_bytes", seen.output_bytes)]:
        assert sum(getattr(row, column) for row in rows) == total
    lines = seen.table(depth).splitlines()
    assert numbers(lines[-3])[-3:] == [seen.params, seen.macs, seen.output_bytes]
    assert lines[0] == "CifarResNet, input 3×32×32"
    assert lines[-2].startswith("MACs: multiplies of convolutions and linear layers, one image")
    assert lines[-1] == "weights: 0.0206 MB in float32, buffers included"
    assert len(lines) == len(rows) + 8
    assert not any(line.endswith(" ") for line in lines)


def test_a_stage_is_one_row():
    stages = {row.name: row for row in small().grouped(1)}
    assert list(stages) == ["conv1", "bn1", "relu", "stage1", "stage2", "stage3", "avgpool", "fc"]
    assert stages["stage2"].op == "9 operations"
    assert (stages["stage2"].in_shape, stages["stage2"].out_shape) == ((4, 32, 32), (8, 16, 16))
    assert "25×25" in small().table(1).splitlines()[-3]


def test_an_operation_is_shown_with_its_window_and_its_stride():
    layers = [nn.Conv2d(2, 2, (1, 7)), nn.Conv2d(2, 2, 3, 2), nn.MaxPool2d(3, (2, 1)), nn.ReLU(), nn.Flatten()]
    lines = anatomy(nn.Sequential(*layers), (2, 20, 20)).table().splitlines()
    shown = [re.split(r" {2,}", line)[1] for line in lines[4:8]]
    assert shown == ["conv2d 1×7", "conv2d 3×3 /2", "max_pool2d 3×3 /2×1", "relu"]


def test_what_is_shown_is_the_same_each_time():
    one, other = small(), small()
    for show in (repr, Anatomy._repr_html_, Anatomy.table, Anatomy.to_json):
        assert show(one) == show(other)
        assert not re.search(r"0x[0-9a-f]{6}", show(one))
    assert repr(one) == one.table(depth=1)
    assert one == other


@pytest.mark.parametrize("show", [repr, Anatomy._repr_html_])
def test_marks_are_explained_where_there_are_some(show):
    assert MISALIGNED in show(odd()) and UNKNOWN in show(odd())
    assert not any(note in show(small()) for note in (MISALIGNED, UNKNOWN))
    assert "cat †" in show(odd())


def test_frozen_parameters_are_said():
    model = create_model("cifar_resnet", depth=8, width=0.25)
    model.conv1.weight.requires_grad_(False)
    assert "trainable parameters: 4,898" in repr(anatomy(model)) and "trainable" not in repr(small())


def test_a_network_without_operations_has_a_table_too():
    seen = anatomy(nn.Flatten(), (1, 2, 2))
    assert (seen.layers, seen.params, seen.receptive_field) == ([], 0, (1, 1))
    assert "total" in repr(seen) and "total" in seen._repr_html_()


@pytest.mark.parametrize("count, text", [(102_441_032, "102.4"), (6_950_000, "6.95"), (20_560, "0.0206"), (0, "0")])
def test_megabytes(count, text):
    assert megabytes(count) == text


# ---------------------------------------------------------------------------------------------------------- groups


def leaves(groups):
    return [row for group in groups for row in (leaves(group.parts) if group.parts else [group.row])]


NETWORKS = {
    "resnet50": lambda: on_meta("resnet50"),
    "cifar_resnet20": lambda: on_meta("cifar_resnet20"),
    "densenet121": lambda: torchvision_on_meta("densenet121"),
    "inception_v3": lambda: torchvision_on_meta("inception_v3"),
    "vgg16": lambda: torchvision_on_meta("vgg16"),
    "one module": lambda: nn.Sequential(*[nn.ReLU()] * (2 * FEW)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_rows_open_to_every_operation_in_order(name):
    model = NETWORKS[name]()
    seen = anatomy(model, getattr(model, "input_size", (3, 8, 8)))
    groups = fold(seen.layers)
    assert [row._replace(name="") for row in leaves(groups)] == [row._replace(name="") for row in seen.layers]
    assert [group.row for group in groups] == seen.grouped(1)


def test_long_stages_open_to_blocks_and_short_ones_to_operations():
    stages = {row.name: parts for row, parts in fold(anatomy(on_meta("resnet50")).layers)}
    assert [part.row.name for part in stages["conv2_x"]] == ["conv2_x.0", "conv2_x.1", "conv2_x.2"]
    assert [len(part.parts) for part in stages["conv2_x"]] == [12, 10, 10]
    short = {row.name: parts for row, parts in fold(small().layers)}
    assert [part.row.op for part in short["stage1"]] == [
        "conv2d", "batch_norm", "relu", "conv2d", "batch_norm", "add", "relu"
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- HTML

VOID = {"col", "br", "meta", "link"}


class Strict(HTMLParser):
    """Reads HTML whose every element is closed, in order; collects how often each occurs, and all attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        self.open += [tag] * (tag not in VOID)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_whole_and_needs_no_script_and_no_ids():
    read = Strict(small()._repr_html_())
    assert "script" not in read.elements
    assert not {"id", "onclick"} & {name for name, _ in read.attributes}
    assert read.elements.count("details") == read.elements.count("summary") == 3


def test_html_has_a_row_for_each_stage_and_each_operation():
    seen = small()
    shown = seen._repr_html_()
    assert shown.count('scope="row"') == 8 + 1 + 7 + 9 + 9  # stages, total, and the operations of three stages
    assert shown.count('scope="col"') == 4 * len(HEADINGS)
    assert f"<td>{seen.params:,}</td>" in shown and "<p>CifarResNet, input 3×32×32. MACs" in shown
    assert "<summary>9 operations</summary>" in shown and '<th scope="row">0.residual.conv1</th>' in shown


def test_names_are_escaped():
    class Sum(nn.Module):
        def forward(self, x):
            return x + x

    parts = nn.ModuleDict({"<i>&": Sum()})
    model = Net(lambda net, x: net.parts["<i>&"](x), parts=parts)
    model.__class__ = type('A"<b>', (Net,), {})
    shown = anatomy(model, (1, 2, 2))._repr_html_().partition("</style>")[2]
    assert "<b>" not in shown and "<i>" not in shown and "A&quot;&lt;b&gt;" in shown
    Strict(shown)


@pytest.mark.parametrize(
    "name, most", [("resnet50", 60_000), ("resnet152", 150_000), ("cifar_resnet1202", 150_000)], ids=lambda value: value
)
def test_html_stays_modest(name, most):
    assert len(anatomy(on_meta(name))._repr_html_().encode()) < most


def test_html_of_very_many_operations_stops_at_the_blocks():
    with torch.device("meta"):
        seen = anatomy(torchvision.models.densenet201(), (3, 224, 224))
    shown = seen._repr_html_()
    assert len(seen.layers) > MANY and len(shown.encode()) < 150_000
    assert f"more than {MANY} operations; table() has each" in shown
    assert ">denselayer32<" in shown and ">norm1<" not in shown


# ---------------------------------------------------------------------------------------------------------- compare


def test_compare_takes_names_modules_and_anatomies():
    both = compare(["resnet18", small(), create_model("cifar_resnet", depth=8)])
    assert list(both.anatomies) == ["resnet18", "CifarResNet", "CifarResNet (2)"]
    frame = both.to_frame()
    assert frame.loc["resnet18", "params"] == 11_689_512 and frame.loc["resnet18", "depth"] == 18
    assert frame["receptive_field"].tolist() == [(435, 435), (25, 25), (25, 25)]
    assert frame.index.name == "network" and isinstance(both, Comparison)
    assert all(parameter.is_meta for parameter in both.anatomies["resnet18"].module.parameters())


def test_compare_shows_a_row_for_each_network():
    both = compare({"small": small(), "<large>": create_model("cifar_resnet", depth=14, width=0.25)})
    lines = repr(both).splitlines()
    assert re.split(r" {2,}", lines[4]) == ["small", "3×32×32", "5,006", "848,032", "268,392", "0.0206", "8", "25×25"]
    assert lines[5].startswith("<large>")
    shown = both._repr_html_()
    assert "&lt;large&gt;" in shown and "<large>" not in shown and shown.count('scope="row"') == 2
    assert shown == compare(both.anatomies)._repr_html_()
    Strict(shown)


def test_compare_takes_one_network_too_and_sizes_for_those_that_are_no_anatomy_yet():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())  # iterable, and one network
    assert compare(net, (3, 8, 8)).to_frame()["input_size"].tolist() == [(3, 8, 8)]
    assert list(compare("resnet18", dtype=torch.float16).anatomies) == ["resnet18"]
    sizes = compare([small(), net], (3, 16, 16)).to_frame()["input_size"].tolist()
    assert sizes == [(3, 32, 32), (3, 16, 16)]


def test_a_field_that_is_not_known_is_a_question_mark():
    assert repr(compare(odd())).splitlines()[4].endswith("?")


@pytest.mark.parametrize(
    "networks, error, says",
    [
        (["resnet18", "resnet19x"], ValueError, "resnet19x: no model is called 'resnet19x'; did you mean 'resnet18'"),
        ([nn.Flatten()], ValueError, "Flatten: Flatten has no input_size"),
        ({"a": "resnet"}, ValueError, "a: 'resnet' needs"),
        (["resnet18", 3], TypeError, "got 3, of type int"),
        ([], ValueError, "there is no network to compare"),
    ],
)
def test_compare_names_what_it_cannot_take(networks, error, says):
    with pytest.raises(error, match=re.escape(says)):
        cnnlib.compare(networks)
