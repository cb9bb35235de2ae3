"""Shapes, parameters and MACs against torch's own counter, torchinfo and real runs."""

import functools
import re

import pytest
import timm
import torch
import torchinfo
import torchvision
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
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if re.search("1202|1001|250|190", name) else ())
        for name in list_models()
    ],
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
        (nn.ConvTranspose1d(4, 2, 3, stride=2), (4, 9)),
        (nn.ConvTranspose2d(4, 6, (3, 2), stride=(2, 3), padding=1, output_padding=(1, 0), groups=2), (4, 7, 8)),
        (nn.ConvTranspose2d(4, 2, 3, dilation=2), (4, 7, 8)),
        (nn.ConvTranspose3d(2, 4, (1, 3, 2), stride=(1, 2, 1)), (2, 3, 4, 5)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8)),
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


class TwoInputs(nn.Module):
    """A photograph and a vector, joined at the end; the same convolution reads the photograph twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4 + 5, 2)

    def forward(self, image, vector):
        maps = self.conv(image) + self.conv(image.flip(3))
        return self.fc(torch.cat([maps.mean((2, 3)), vector], 1))


def test_a_network_of_two_inputs():
    model = TwoInputs()
    seen = anatomy(model, [(3, 8, 8), (5,)])
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 8, 8), torch.zeros(1, 5))
    assert seen.macs == counter.get_total_flops() / 2
    assert seen.params == sum(row.params for row in seen.layers) == sum(p.numel() for p in model.parameters())
    assert [row.inputs for row in seen.layers if row.op == "cat"] == [(4, -1)]
    assert seen.input_sizes == ((3, 8, 8), (5,)) and seen.input_size == (3, 8, 8)


def test_a_module_whose_length_is_zero_passes_its_input_on():
    """An empty nn.Sequential is false: nothing may be made of that."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(), nn.ReLU())
    assert [row.op for row in anatomy(model, (3, 8, 8)).layers] == ["conv2d", "relu"]


def test_each_row_says_which_rows_it_reads():
    rows = anatomy(our_model("cifar_resnet", depth=8)).layers
    assert rows[0].inputs == (-1,)
    assert all(max(row.inputs) < number for number, row in enumerate(rows))
    for row in rows:
        if row.op == "add":
            block = row.name.rpartition(".")[0]
            assert [rows[i].name.startswith(f"{block}.residual") for i in row.inputs] == [True, False]


# Classification networks of torchvision and of timm: none of them ours.
FOREIGN = [name for name in torchvision.models.list_models(torchvision.models) if not re.match("vit|swin|maxvit", name)]
TIMM = """
    resnet26d resnet50d seresnet50 resnext101_32x4d ecaresnet50t gcresnet33ts skresnet18 res2net50_14w_8s resnest14d
    resnetv2_50 densenet121 dpn68 dla34 hrnet_w18_small vgg16 inception_v3 inception_v4 inception_resnet_v2 xception41
    xception71 nasnetalarge pnasnet5large mobilenetv2_100 mobilenetv3_small_100 efficientnet_b0 efficientnetv2_rw_t
    tf_efficientnet_lite0 mixnet_s mnasnet_100 fbnetc_100 ghostnet_100 hardcorenas_a regnetx_002 regnety_002 repvgg_a0
    cspresnet50 cspdarknet53 darknet53 selecsls42b tresnet_m vovnet39a rexnet_100 lcnet_050 tinynet_a gernet_s
""".split()
QUICK = {"mobilenet_v3_small", "shufflenet_v2_x1_0", "regnetx_002", "ghostnet_100", "resnest14d", "dla34"}


@pytest.mark.parametrize(
    "library, name",
    [
        pytest.param(library, name, marks=() if name in QUICK else pytest.mark.slow)
        for library, names in (("torchvision", FOREIGN), ("timm", TIMM))
        for name in names
    ],
)
def test_networks_of_others(library, name):
    if library == "timm":
        build, size = functools.partial(timm.create_model, name), timm.get_pretrained_cfg(name).input_size
    else:
        options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
        build = functools.partial(torchvision.models.get_model, name, weights=None, **options)
        size = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    with torch.device("cpu" if name.startswith("regnet_") else "meta"):  # torchvision's RegNets read their own sizes
        model = build().eval().to("meta")
    model.input_size = size
    seen = anatomy(model)
    assert seen.macs == multiplies(model)
    assert seen.params == sum(parameter.numel() for parameter in model.parameters())
    assert seen.layers[-1].out_shape[0] == 1000
