"""`cnnlib.anatomy` leaves the model alone, shows its rows the same way each time, and says what it cannot do."""

import re

import pytest
import torch
import torch.nn.functional as F
from oracles import Net, torchvision_on_meta
from torch import nn
from torch.nn.modules import module as torch_module
from torch.utils._python_dispatch import TorchDispatchMode

import cnnlib
from cnnlib import anatomy, create_model


class OnlyMeta(TorchDispatchMode):
    """Refuses every operation that makes or reads a tensor with memory."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for value in (*args, output):
            assert not isinstance(value, torch.Tensor) or value.is_meta, f"{func} touches {value.device}"
        return output


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_no_weight_is_read_or_allocated(device):
    with torch.device(device):
        model = create_model("cifar_resnet", depth=8)
    with OnlyMeta():
        seen = anatomy(model)
    assert seen.params == 75_290


def snapshot(model):
    hooks = [
        len(getattr(module, name))
        for module in model.modules()
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    ]
    common = [len(value) for name, value in sorted(vars(torch_module).items()) if name.startswith("_global_") and value]
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [module.training for module in model.modules()],
        [id(value) for value in (*model.parameters(), *model.buffers())],
        [parameter.requires_grad for parameter in model.parameters()],
        hooks + common,
        torch.get_rng_state(),
    )


def same(before, after):
    state, *rest, random = before
    state_now, *rest_now, random_now = after
    return (
        all(torch.equal(value, state_now[name]) for name, value in state.items())
        and rest == rest_now
        and torch.equal(random, random_now)
    )


def with_everything():
    return nn.Sequential(
        create_model("cifar_resnet", depth=8, width=0.25, num_classes=6),
        nn.Dropout(0.5),
        nn.Linear(6, 2),
    )


@pytest.mark.parametrize("input_size", [(3, 32, 32), (3, 2, 2), (1, 32, 32)], ids=["good", "small", "channels"])
def test_the_model_is_left_as_it_was(input_size):
    model = with_everything()
    model[0].stage2.eval()  # a mixture of modes
    model[0].conv1.weight.requires_grad_(False)
    before = snapshot(model)
    try:
        anatomy(model, input_size)
    except ValueError:
        assert input_size != (3, 32, 32)
    assert same(before, snapshot(model))
    assert not any(hasattr(value, "fields") or value.is_meta for value in (*model.parameters(), *model.buffers()))
    assert model(torch.zeros(2, 3, 8, 8)).isfinite().all()


def test_a_model_that_draws_random_numbers_leaves_the_generator_alone():
    model = Net(lambda net, x: x + torch.randn(1))
    before = torch.get_rng_state()
    anatomy(model, (3, 8, 8))
    assert torch.equal(before, torch.get_rng_state())


def test_frozen_parameters():
    model = create_model("resnet18", width=0.25)
    for parameter in model.conv1.parameters():
        parameter.requires_grad_(False)
    seen = anatomy(model)
    assert seen.params - seen.trainable_params == 49 * 3 * 16


def test_a_shared_module_counts_once_and_works_twice():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    seen = anatomy(nn.Sequential(conv, nn.ReLU(), conv), (2, 8, 8))
    assert [row.params for row in seen.layers] == [38, 0, 0]
    assert seen.params == 38
    assert seen.macs == 2 * 64 * 36
    assert seen.receptive_field == (5, 5)


def test_a_functional_network_has_a_row_for_each_operation():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 2, 3, 3))
            self.scale = nn.Parameter(torch.ones(4, 1, 1))

        def forward(self, x):
            x = F.relu(F.conv2d(x, self.weight, padding=1)) * self.scale
            return torch.cat([x, 2 - x, x * 2], 1).mean((2, 3))

    seen = anatomy(Functional(), (2, 8, 8))
    assert [row.op for row in seen.layers] == ["conv2d", "relu", "mul", "sub", "mul", "cat", "mean"]
    assert [row.name for row in seen.layers] == [row.op for row in seen.layers]
    assert [row.params for row in seen.layers] == [72, 0, 4, 0, 0, 0, 0]
    assert seen.layers[-2].out_shape == (12, 8, 8)


def test_the_position_of_a_row_in_the_model():
    rows = {row.name: row for row in anatomy(create_model("cifar_resnet", depth=8)).layers}
    assert rows["stage2.0.residual.conv1"].in_shape == (16, 32, 32)
    assert rows["stage2.0.residual.conv1"].out_shape == (32, 16, 16)
    assert rows["stage2.0.add"].op == "add"
    assert rows["stage2.0.shortcut"].op == "pad"  # its slice is the row before
    assert rows["relu"].op == "relu"


# -------------------------------------------------------------------------------------------------------- tables


def small():
    return anatomy(create_model("cifar_resnet", depth=8, width=0.25))


def numbers(line):
    return [int(found.replace(",", "")) for found in re.findall(r"(?<![\w.×])\d[\d,]*(?![\w.×])", line)]


@pytest.mark.parametrize("depth", [None, 1, 2, 3])
def test_the_rows_of_a_table_add_up_to_its_last_line(depth):
    seen = small()
    rows = seen.grouped(depth)
    for column, total in [("params", seen.params), ("macs", seen.macs), ("output_bytes", seen.output_bytes)]:
        assert sum(getattr(row, column) for row in rows) == total
    lines = seen.table(depth).splitlines()
    assert numbers(lines[-2])[-3:] == [seen.params, seen.macs, seen.output_bytes]
    assert lines[0] == "CifarResNet, input 3×32×32"
    assert lines[-1].startswith("MACs: multiplies of convolutions and linear layers, one image")
    assert len(lines) == len(rows) + 7
    assert not any(line.endswith(" ") for line in lines)


def test_a_stage_is_one_row():
    stages = {row.name: row for row in small().grouped(1)}
    assert list(stages) == ["conv1", "bn1", "relu", "stage1", "stage2", "stage3", "avgpool", "fc"]
    assert stages["stage2"].op == "9 operations"
    assert (stages["stage2"].in_shape, stages["stage2"].out_shape) == ((4, 32, 32), (8, 16, 16))
    assert "25×25" in small().table(1).splitlines()[-2]


def test_what_is_shown_is_the_same_each_time():
    one, other = small(), small()
    for show in (repr, cnnlib.Anatomy._repr_html_, cnnlib.Anatomy.table):
        assert show(one) == show(other)
        assert not re.search(r"0x[0-9a-f]{6}", show(one))
    assert repr(one) == one.table(depth=1)
    assert one == other


def test_html():
    shown = small()._repr_html_()
    assert shown.count("<tr>") == 8 + 2
    assert shown.count('scope="row"') == 8 + 1 and shown.count('scope="col"') == 7
    assert f"{small().params:,}" in shown and ">CifarResNet, input 3×32×32. MACs" in shown
    assert "&lt;" in anatomy(type("A<b>", (nn.Flatten,), {})(), (1, 2, 2))._repr_html_().partition("<thead>")[0]


def test_a_network_without_operations_has_a_table_too():
    seen = anatomy(nn.Flatten(), (1, 2, 2))
    assert (seen.layers, seen.params, seen.receptive_field) == ([], 0, (1, 1))
    assert "total" in repr(seen) and "total" in seen._repr_html_()


def test_frame():
    seen = small()
    frame = seen.to_frame()
    assert list(frame.columns) == [
        "name", "op", "in_shape", "out_shape", "params", "macs", "output_bytes", "receptive_field", "jump", "start", "known",
    ]  # fmt: skip
    assert frame["name"].tolist() == [row.name for row in seen.layers]
    assert (frame["params"].sum(), frame["macs"].sum()) == (seen.params, seen.macs)
    assert frame["out_shape"][0] == (4, 32, 32)


# -------------------------------------------------------------------------------------------------------- errors


def test_a_model_without_an_input_size_needs_one():
    with pytest.raises(
        ValueError, match=r"Flatten has no input_size .* as anatomy\(model, input_size=\(3, 224, 224\)\)"
    ):
        anatomy(nn.Flatten())


def headless(*layers):
    return nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(3, 2), nn.Conv2d(4, 4, 3), *layers)


@pytest.mark.parametrize(
    "model, size, side",
    [
        (headless(), (3, 8, 8), 11),
        (headless(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), (3, 4, 30), 11),
        (torchvision_on_meta("alexnet"), (3, 32, 32), 63),
        (torchvision_on_meta("vgg16"), (3, 16, 16), 32),
        (torchvision_on_meta("inception_v3"), (3, 60, 60), 75),
    ],
    ids=["headless", "with head", "alexnet", "vgg16", "inception_v3"],
)
def test_an_input_that_is_too_small_is_told_the_smallest_square_that_passes(model, size, side):
    with pytest.raises(ValueError, match=rf"input_size=\(3, {size[1]}, {size[2]}\) is too small") as error:
        anatomy(model, size)
    assert f"3×{side}×{side} is the smallest square that passes" in str(error.value)
    assert re.search(r": \S+ has a window of \d+×\d+ and gets a map of \d+×\d+", str(error.value))
    anatomy(model, (3, side, side))
    model(torch.zeros(2, 3, side, side, device="meta" if next(model.parameters()).is_meta else "cpu"))
    with pytest.raises(RuntimeError):
        model(torch.zeros(2, 3, side - 1, side - 1, device="meta" if next(model.parameters()).is_meta else "cpu"))


def test_where_no_square_passes_none_is_named():
    with pytest.raises(ValueError, match="too small for Sequential") as error:
        anatomy(headless(nn.Flatten(), nn.Linear(17, 2)), (3, 8, 8))
    assert "smallest" not in str(error.value)


@pytest.mark.parametrize(
    "model, size, says",
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 8, 8), "0 reads 3 channels and gets 1"),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), (3, 8, 8), "0 reads 4 channels and gets 3"),
        (nn.Sequential(nn.Flatten(), nn.Linear(17, 2)), (1, 4, 4), "1 reads 17 features and gets 16"),
        (create_model("cifar_resnet20", width=0.25), (1, 32, 32), "images has 1 channels and this network reads 3"),
        (create_model("cifar_resnet20", width=0.25), (3, 3, 3), "images of 3×3 are too small"),
    ],
    ids=["channels", "groups", "features", "our channels", "our size"],
)
def test_channels_and_features_that_do_not_fit(model, size, says):
    with pytest.raises(ValueError, match=says):
        anatomy(model, size)
