"""`cnnlib.anatomy` leaves the model alone, hands out its rows, finds the pixels of a unit, and says what it cannot do."""

import copy
import json
import re
import threading

import pytest
import torch
import torch.nn.functional as F
from oracles import Net, pixels_seen, torchvision_on_meta
from torch import nn
from torch.nn.modules import module as torch_module
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlib import anatomy, create_model
from cnnlib.analysis import Layer


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
        [list(vars(module)) for module in model.modules()],
        torch.get_rng_state(),
    )


def unchanged(before, after):
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
    assert unchanged(before, snapshot(model))
    assert not any(hasattr(value, "fields") or value.is_meta for value in (*model.parameters(), *model.buffers()))
    assert model(torch.zeros(2, 3, 8, 8)).isfinite().all()


def test_a_model_that_draws_random_numbers_leaves_the_generator_alone():
    model = Net(lambda net, x: x + torch.randn(1))
    before = torch.get_rng_state()
    anatomy(model, (3, 8, 8))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(2, 4, 3, bias=False),
        nn.Conv2d(2, 4, 3, stride=(2, 1), padding=(1, 0), dilation=2, groups=2),
        nn.Conv2d(2, 4, (3, 2), padding="same"),
        nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d(2, return_indices=True),
        nn.Linear(8, 3),
        nn.BatchNorm2d(2),
        nn.ReLU(inplace=True),
        nn.Dropout(),
    ],
    ids=repr,
)
def test_modules_of_one_function_have_the_rows_of_that_function(module):
    class Own(type(module)):  # not the class that the tracer knows
        pass

    def rows(net):
        seen = anatomy(nn.Sequential(net), (2, 10, 8))
        return seen.layers, seen.receptive_field

    other = copy.copy(module)
    other.__class__ = Own
    assert rows(module) == rows(other)


def test_what_runs_in_the_place_of_a_modules_forward_is_seen():
    """A forward of the module's own, a hook, and what `module.compile()` leaves, which is there afterwards."""
    own, hooked, compiled = nn.ReLU(), nn.ReLU(), nn.ReLU()
    own.forward = lambda x: x.sigmoid()
    hooked.register_forward_hook(lambda module, args, output: output * 2)
    compiled.compile(backend="eager")
    before = vars(compiled)["_compiled_call_impl"]
    seen = anatomy(nn.Sequential(own, hooked, compiled), (2, 8, 8))
    assert [(row.name, row.op) for row in seen.layers] == [
        ("0", "sigmoid"), ("1", "relu"), ("1", "mul"), ("2", "relu"),
    ]  # fmt: skip
    assert vars(compiled)["_compiled_call_impl"] is before
    assert "_compiled_call_impl" not in vars(own)


def test_another_thread_uses_the_model_meanwhile():
    model, outputs = nn.Sequential(nn.ReLU(), Net(lambda net, x: x + ask_elsewhere(x))), []

    def ask_elsewhere(x):
        thread = threading.Thread(target=lambda: outputs.append(model[0](torch.tensor([-1.0, 1.0]))))
        thread.start()
        thread.join()
        return x

    assert [row.op for row in anatomy(model, (2, 8, 8)).layers] == ["relu", "add"]
    assert outputs[0].tolist() == [0, 1]


def test_two_threads_that_trace_one_model_leave_it_as_it_was():
    others = []

    def forward(net, x):
        if not others:
            others.append(threading.Thread(target=anatomy, args=(model, (2, 8, 8))))
            others[0].start()
            others[0].join(0.2)  # it waits for this trace to end
        return x + x

    model = nn.Sequential(nn.Dropout(), Net(forward))
    before = snapshot(model)
    anatomy(model, (2, 8, 8))
    others[0].join()
    assert unchanged(before, snapshot(model))


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


@pytest.mark.parametrize(
    "cat",
    [
        lambda x: torch.cat([x, x[:, :1]], 1),
        lambda x: torch.cat((x, x, x), dim=-3),
        lambda x: torch.concat([x, x], axis=2),
        lambda x: torch.concatenate([x, x.double()], dim=1),
        lambda x: torch.cat([x, torch.empty(0, device=x.device)], 1),  # torch leaves an empty vector out
        lambda x: torch.cat([torch.ones(1, 1, 8, 8, device=x.device), x], 1),
        lambda x: torch.cat(tensors=[x, x]),
    ],
)
def test_a_concatenation_has_the_shape_and_the_type_that_torch_gives_it(cat):
    expected = cat(torch.zeros(1, 2, 8, 8))
    row = anatomy(Net(lambda net, x: cat(x)), (2, 8, 8)).layers[-1]
    assert (row.op, row.out_shape, row.output_bytes) == ("cat", tuple(expected.shape[1:]), expected.nbytes)


def test_maps_of_different_sizes_are_not_concatenated():
    with pytest.raises(RuntimeError, match=r"(?i)sizes? of tensors"):
        anatomy(Net(lambda net, x: torch.cat([x, x[:, :, 1:]], 1)), (2, 8, 8))


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


def test_frame():
    seen = small()
    frame = seen.to_frame()
    assert list(frame.columns) == list(Layer._fields)
    assert frame["name"].tolist() == [row.name for row in seen.layers]
    assert (frame["params"].sum(), frame["macs"].sum()) == (seen.params, seen.macs)
    assert frame["out_shape"][0] == (4, 32, 32)


def test_json_has_all_and_comes_back_as_it_was():
    seen = small()
    found = json.loads(seen.to_json(), parse_constant=pytest.fail)
    assert found == seen.to_dict() == json.loads(seen.to_json(indent=2))
    assert (found["model"], found["inputs"], found["dtype"]) == ("CifarResNet", [[3, 32, 32]], "float32")
    assert found["totals"] == {
        "params": 5_006, "trainable_params": 5_006, "macs": 848_032, "output_bytes": 268_392, "weight_bytes": 20_560,
        "depth": 8, "receptive_field": [25, 25],
    }  # fmt: skip
    first, last = found["layers"][0], found["layers"][-1]
    assert list(first) == list(Layer._fields)
    assert (first["window"], first["start"], first["inputs"]) == ([[3, 3], [1, 1]], [0.0, 0.0], [-1])
    assert (last["receptive_field"], last["known"], last["window"]) == (None, True, None)


def test_the_bytes_of_weights_are_those_of_a_file_of_them():
    model = create_model("cifar_resnet", depth=8, width=0.25)
    bytes_of = sum(tensor.nbytes for tensor in model.state_dict().values())
    assert anatomy(model).weight_bytes == bytes_of
    counters = sum(tensor.nbytes for tensor in model.state_dict().values() if not tensor.is_floating_point())
    assert anatomy(model, dtype=torch.float16).weight_bytes == (bytes_of - counters) // 2 + counters


def test_an_anatomy_stays_what_it_was_when_its_module_changes():
    model = create_model("cifar_resnet", depth=8, width=0.25)
    seen = anatomy(model)
    before = (seen.table(), seen.to_json(), seen._repr_html_(), seen.diagram().svg)
    model.half()
    model.fc, model.stage1, model.bn1 = nn.Linear(16, 1000), nn.Identity(), nn.Identity()
    assert (seen.table(), seen.to_json(), seen._repr_html_(), seen.diagram().svg) == before


@pytest.mark.parametrize(
    "name, depth", [("alexnet", 8), ("vgg16", 16), ("googlenet", 22), ("densenet121", 121), ("squeezenet1_0", 18)]
)
def test_depth_is_what_the_paper_counts(name, depth):
    assert anatomy(torchvision_on_meta(name)).depth == depth


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "cifar_plain20", "cifar_resnet56"])
def test_depth_is_in_the_name_of_a_residual_network(name):
    with torch.device("meta"):
        assert anatomy(create_model(name)).depth == int(re.search(r"\d+", name)[0])


def test_a_network_without_layers_is_zero_deep():
    assert anatomy(nn.Flatten(), (1, 2, 2)).depth == 0


# -------------------------------------------------------------------------------------------------------- pixels


def branching(net, x):
    return torch.cat([net.one(x), net.other(x)], 1)


NETS = {
    "asymmetric": nn.Sequential(nn.Conv2d(2, 2, (1, 5), (1, 2), (0, 2)), nn.Conv2d(2, 2, (4, 2), (3, 1))),
    "strides": nn.Sequential(nn.Conv2d(2, 2, 3, 2, 1), nn.ReLU(), nn.MaxPool2d((3, 2), (2, 1))),
    "branches": Net(branching, one=nn.Conv2d(2, 2, 3, 2, 1), other=nn.Conv2d(2, 2, (5, 1), 2, (2, 0))),
}


@pytest.mark.parametrize("name", NETS)
def test_pixels_are_those_that_brute_force_finds(name):
    model, size = NETS[name], (2, 17, 21)
    seen = anatomy(model, size)
    rows, columns = (pixels_seen(model, size, axis) for axis in (0, 1))
    for i, across in enumerate(rows):
        for j, along in enumerate(columns):
            inside = [
                (max(low, 0), min(high, n - 1))
                for (low, high), n in zip(seen.pixels(-1, (i, j)), size[1:], strict=True)
            ]
            assert inside == [(across[0], across[-1]), (along[0], along[-1])]
    assert seen.layers[-1].out_shape[1:] == (len(rows), len(columns))


def test_pixels_begin_before_the_image_where_it_is_padded():
    seen = anatomy(create_model("resnet18", width=0.25))
    assert seen.pixels("conv1", (0, 0)) == ((-3, 3), (-3, 3))
    assert seen.pixels("conv1", (111, 2)) == ((219, 225), (1, 7))
    assert seen.pixels(0, (111, 2)) == seen.pixels("conv1", [111, 2])
    stage = [row for row in seen.layers if row.name.startswith("conv4_x.")]
    assert seen.pixels("conv4_x", (7, 7)) == seen.pixels(stage[-1].name, (7, 7))
    (top, bottom), _ = seen.pixels("conv4_x", (7, 7))
    assert bottom - top + 1 == stage[-1].receptive_field[0] == 211


def test_after_global_pooling_a_unit_sees_the_whole_image():
    seen = anatomy(create_model("cifar_resnet", depth=8, width=0.25), (3, 40, 48))
    assert seen.pixels("fc") == seen.pixels("avgpool", (0, 0)) == seen.pixels("avgpool") == ((0, 39), (0, 47))


@pytest.mark.parametrize(
    "layer, position, says",
    [
        ("conv4", (0, 0), "CifarResNet has no layer 'conv4'; did you mean .*'conv1'"),
        ("residual.conv2", (0, 0), "did you mean 'stage1.0.residual.conv2' or 'stage2.0.residual.conv2'"),
        ("§", (0, 0), r"no layer '§'; table\(\) has all names"),
        (30, (0, 0), "layer=30 is no row of CifarResNet, which has 30"),
        ("stage2", (0, 16), r"position=\(0, 16\) is not on the map of stage2\S+, whose positions are 16×16, from 0"),
        ("conv1", (-1, 0), "is not on the map of conv1, whose positions are 32×32, from 0"),
        ("conv1", (), "is not on the map of conv1, whose positions are 32×32, from 0"),
        ("fc", (1,), "is not on the map of fc, which has none: leave it out"),
    ],
)
def test_pixels_of_what_is_not_there(layer, position, says):
    with pytest.raises(ValueError, match=says):
        small().pixels(layer, position)


def test_pixels_of_a_module_that_runs_twice_needs_the_number_of_a_row():
    conv = nn.Conv2d(2, 2, 3)
    seen = anatomy(nn.Sequential(conv, conv), (2, 8, 8))
    with pytest.raises(ValueError, match="'0' runs 2 times, as rows 0, 1; give a number"):
        seen.pixels("0", (0, 0))
    assert (seen.pixels(0, (1, 1)), seen.pixels(1, (1, 1))) == (((1, 3), (1, 3)), ((1, 5), (1, 5)))


def test_pixels_that_are_not_known():
    seen = anatomy(Net(lambda net, x: torch.fft.fft2(x).real), (2, 8, 8))
    with pytest.raises(ValueError, match="what fft_fft2 sees is not known: there is no rule for fft_fft2"):
        seen.pixels("fft_fft2", (0, 0))


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
