"""Shapes, parameters and MACs against torch's own counter, torchinfo and real runs."""

import pytest
import torch
import torchinfo
from oracles import TORCHVISION, torchvision_on_meta
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlib import anatomy, create_model, list_models


def our_model(name, **options):
    with torch.device("meta"):
        return create_model(name, **options).eval()


def multiplies(model):
    """torch's own count for one image: it takes a multiply and an add as two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, *model.input_size, device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "1202" in name else ()) for name in list_models()]
)
def test_macs_of_our_networks_are_what_torch_counts(name):
    model = our_model(name)
    assert anatomy(model).macs == multiplies(model)


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_networks(name):
    model = torchvision_on_meta(name)
    seen = anatomy(model)
    assert seen.macs == multiplies(model)
    assert seen.params == sum(parameter.numel() for parameter in model.parameters())
    assert seen.params == sum(row.params for row in seen.layers)
    assert all(row.known for row in seen.layers)
    assert seen.layers[-1].out_shape[0] == 1000


def torchinfos_extras(model, seen):
    """What torchinfo adds to the multiplies: a bias once an output value, batch norm and FC parameters once an image."""
    extra = 0
    for row in seen.layers:
        module = model.get_submodule(row.name) if row.params else None
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            extra += row.output_bytes // 4
        elif isinstance(module, nn.BatchNorm2d):
            extra += row.params
        elif isinstance(module, nn.Linear):
            extra += row.out_shape[0]
    return extra


@pytest.mark.parametrize(
    "model",
    [
        our_model("resnet18"),
        our_model("resnet50", conv_bias=True),
        our_model("cifar_resnet20"),
        our_model("cifar_plain20", in_channels=1),
        torchvision_on_meta("vgg16"),
        torchvision_on_meta("googlenet"),
        torchvision_on_meta("squeezenet1_0"),
    ],
    ids=["resnet18", "resnet50-bias", "cifar_resnet20", "cifar_plain20", "vgg16", "googlenet", "squeezenet1_0"],
)
def test_torchinfo_agrees_but_for_biases_and_batch_norm(model):
    seen = anatomy(model)
    other = torchinfo.summary(model, (1, *model.input_size), device="meta", verbose=0)
    assert other.total_params == seen.params
    assert other.total_mult_adds == seen.macs + torchinfos_extras(model, seen)


def shapes_of_a_real_run(model, input_size):
    """Output shape of each module without parts, from hooks on a pass with numbers."""
    shapes, hooks = {}, []
    for name, module in model.named_modules():
        if not list(module.children()):
            hooks.append(
                module.register_forward_hook(lambda m, i, out, name=name: shapes.__setitem__(name, out.shape[1:]))
            )
    with torch.no_grad():
        model.eval()(torch.zeros(1, *input_size))
    for hook in hooks:
        hook.remove()
    return shapes


@pytest.mark.parametrize(
    "model, size",
    [
        (create_model("resnet18", width=1 / 16), (224, 224)),
        (create_model("resnet50", width=1 / 16, shortcut="C"), (65, 100)),
        (create_model("cifar_resnet20", width=0.25, shortcut="A"), (31, 33)),
        (torchvision_on_meta("squeezenet1_0").to_empty(device="cpu"), (65, 70)),
        (torchvision_on_meta("shufflenet_v2_x1_0").to_empty(device="cpu"), (65, 70)),
    ],
    ids=["resnet18", "resnet50", "cifar_resnet20", "squeezenet1_0", "shufflenet_v2_x1_0"],
)
def test_shapes_are_those_of_a_real_run(model, size):
    ran = shapes_of_a_real_run(model, (3, *size))
    rows = {row.name: row for row in anatomy(model, (3, *size)).layers}
    compared = 0
    for name, shape in ran.items():
        if name in rows:  # Identity and Flatten have no row
            assert rows[name].out_shape == tuple(shape), name
            assert rows[name].output_bytes == 4 * shape.numel(), name
            compared += 1
    assert compared >= len(ran) - sum(isinstance(m, nn.Identity) for m in model.modules())


@pytest.mark.parametrize("pool", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_shapes_for_every_small_setting(pool, ceil_mode):
    for size in range(2, 10):
        for kernel in (1, 2, 3):
            for stride in (1, 2, 3):
                for padding in range(kernel // 2 + 1):
                    module = pool(kernel, stride, padding, ceil_mode=ceil_mode)
                    try:
                        expected = tuple(module(torch.zeros(1, 2, size, size)).shape[1:])
                    except RuntimeError:  # "Output size is too small"
                        with pytest.raises(ValueError, match="too small"):
                            anatomy(module, (2, size, size))
                        continue
                    assert anatomy(module, (2, size, size)).layers[0].out_shape == expected, (size, module)


@pytest.mark.parametrize(
    "module, size",
    [
        (nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2), (2, 17)),
        (nn.Conv3d(2, 4, (1, 3, 2), stride=(1, 2, 1), padding="valid"), (2, 5, 6, 7)),
        (nn.Conv2d(2, 4, 4, padding="same", dilation=3), (2, 11, 12)),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), (2, 11, 12)),
        (nn.AdaptiveAvgPool2d((None, 3)), (2, 9, 9)),
        (nn.AdaptiveMaxPool2d(1), (2, 9, 9)),
        (nn.MaxPool2d((3, 2), (2, 1), (1, 0), (1, 2)), (2, 11, 9)),
        (nn.Sequential(nn.Flatten(), nn.Linear(8, 3)), (2, 2, 2)),
    ],
    ids=str,
)
def test_layers_of_other_dimensions_and_settings(module, size):
    out = module(torch.zeros(1, *size))
    seen = anatomy(module, size)
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, *size))
    assert seen.layers[-1].out_shape == tuple(out.shape[1:])
    assert seen.macs == counter.get_total_flops() / 2
