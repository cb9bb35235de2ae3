"""Names: what there is, what a wrong one is told, and which options a family takes."""

import inspect

import pytest
import torch
from model_checks import on_meta
from torch import nn

from cnnlib import create_model, list_models
from cnnlib.models import resnet
from cnnlib.models.registry import FAMILIES, names, resolve


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("reznet50", {}, "no model is called 'reznet50'; did you mean 'resnet50'"),
        ("resent34", {}, "did you mean .*'resnet34'"),
        ("cifarresnet", {}, "did you mean 'cifar_resnet'"),
        ("vgg16bn", {}, "did you mean 'vgg16_bn'"),
        ("resnext50", {}, "did you mean .*'resnext50_32x4d'"),
        ("transformer", {}, r"'transformer'; cnnlib\.list_models\(\) has all names"),
        ("", {}, "no model is called ''"),
        ("resnet", {}, r"'resnet' needs depth; the paper has resnet18, .*: create_model\('resnet', depth=…\)"),
        ("cifar_wrn", {}, r"needs depth and widen_factor; .*create_model\('cifar_wrn', depth=…, widen_factor=…\)"),
        ("cifar_wrn", {"depth": 16}, r"'cifar_wrn' needs widen_factor; the paper has cifar_wrn_16_8"),
        ("resnet50", {"depth": 50}, r"drop depth=50, or use create_model\('resnet', depth=50\)"),
        ("vgg13_bn", {"depth": 11}, r"'vgg13_bn' says its depth already; .*\('vgg', batch_norm=True, depth=11\)"),
        ("vgg13_bn", {"batch_norm": False}, "'vgg13_bn' says its batch_norm already; drop batch_norm=False"),
        ("cifar_wrn_16_8", {"widen_factor": 4}, r"\('cifar_wrn', depth=16, widen_factor=4\)"),
        ("resnet18", {"widht": 2}, "resnet has no option 'widht'; it takes .*width"),
        ("inception_v3", {"depth": 9}, "inception_v3 has no option 'depth'"),
        ("plain18", {"shortcut": "A"}, "plain has no option 'shortcut'; it takes depth, num_classes, in_channels, wid"),
        ("cifar_resnet20", {"stride_in_1x1": True}, "cifar_resnet has no option 'stride_in_1x1'"),
    ],
)
def test_a_wrong_name_or_option_is_told_what_would_do(name, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, **options)


def test_list_models_by_family():
    assert list_models("plain") == ["plain18", "plain34"]
    assert len(list_models()) == len(set(list_models()))
    assert [name for family in FAMILIES for name in list_models(family)] == list_models()
    with pytest.raises(ValueError, match="family='vgggg' is unknown; did you mean 'vgg'"):
        list_models("vgggg")
    with pytest.raises(ValueError, match="family='' is unknown; there are lenet5, "):
        list_models("")


@pytest.mark.parametrize("name", list_models())
def test_a_listed_name_belongs_to_the_family_that_lists_it(name):
    family, _, _ = resolve(name)
    assert name in list_models(family)


def test_patterns_read_what_they_write():
    entry = names(on_meta, "net{depth}_{cardinality}x{base_width}d", ((50, 32, 4),), batch_norm=True)
    assert entry.listed() == ["net50_32x4d"]
    assert entry.read("net101_64x4d") == {"batch_norm": True, "depth": 101, "cardinality": 64, "base_width": 4}
    assert entry.read("net101_64x4") is None and entry.read("my_net101_64x4d") is None


def test_a_builder_that_hands_options_on_says_to_which_class_whatever_its_annotation(monkeypatch):
    """The options come from `network=`, so that `-> nn.Module` is as good an annotation as the class."""

    def build(depth: int, **options) -> nn.Module:
        return resnet.resnet(depth, **options)

    monkeypatch.setitem(FAMILIES, "toy", [names(build, "toy{depth}", (18,), network=resnet.ResNet)])
    with torch.device("meta"):
        assert create_model("toy18", num_classes=7, conv_bias=True).fc.out_features == 7
        with pytest.raises(ValueError, match="toy has no option 'depht'; it takes depth, num_classes, in_channels"):
            create_model("toy", depht=18)


@pytest.mark.parametrize("entry", [entry for family in FAMILIES.values() for entry in family], ids=lambda e: e.pattern)
def test_every_option_of_an_entry_reaches_a_network(entry):
    hands_on = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(entry.build).parameters.values())
    assert hands_on == (entry.network is not None)
    assert len(set(entry.options())) == len(entry.options())
    if entry.network and "devices" not in entry.options():  # an AlexNet on two devices is another class
        assert type(on_meta(entry.listed()[0])) is entry.network


def test_a_bare_name_with_its_sizes_is_the_sized_name():
    for bare, sized in [
        (on_meta("resnet", depth=18), on_meta("resnet18")),
        (on_meta("vgg", depth=13, batch_norm=True), on_meta("vgg13_bn")),
        (on_meta("cifar_wrn", depth=10, widen_factor=2), on_meta("cifar_wrn_10_2")),
        (on_meta("resnext", depth=50, cardinality=32, base_width=4), on_meta("resnext50_32x4d")),
    ]:
        assert type(bare) is type(sized)
        assert [p.shape for p in bare.parameters()] == [p.shape for p in sized.parameters()]


def test_options_that_are_none_are_the_papers():
    sizes = [p.shape for p in on_meta("resnet18", num_classes=None, width=None, shortcut=None).parameters()]
    assert sizes == [p.shape for p in on_meta("resnet18").parameters()]
