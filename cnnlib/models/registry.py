"""Every network of the course by name: sized names (`resnet50`) and bare family names that take the sizes (`resnet`)."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from torch import nn

from cnnlib.models import (
    alexnet,
    bn_inception,
    densenet,
    fractalnet,
    googlenet,
    inception_v3,
    inception_v4,
    lenet,
    nin,
    preact_resnet,
    resnet,
    resnext,
    squeezenet,
    stochastic_depth,
    vgg,
    wide_resnet,
)


class Names(NamedTuple):
    """Sized names of one pattern, and the function that builds the networks of these names."""

    build: Callable[..., nn.Module]
    pattern: str  # "cifar_wrn_{depth}_{widen_factor}": a word in braces is an argument of `build`, a whole number
    sizes: tuple[tuple[int, ...], ...]  # the paper's
    network: type[nn.Module] | None  # the class that gets the options which `build` hands on
    fixed: dict  # arguments that the name stands for besides: {"batch_norm": True} of vgg16_bn
    reader: re.Pattern  # matches the names of the pattern, with a group for each argument

    def listed(self) -> list[str]:
        """The paper's sized names."""
        return [self.pattern.format(**dict(zip(self.reader.groupindex, size, strict=True))) for size in self.sizes]

    def read(self, name: str) -> dict | None:
        """The arguments for `build` that are in `name`; None where it does not follow the pattern."""
        found = self.reader.fullmatch(name)
        return found and self.fixed | {argument: int(digits) for argument, digits in found.groupdict().items()}

    def options(self) -> list[str]:
        """The names of all arguments: those of `build`, and the keyword-only ones of `network`."""
        own = inspect.signature(self.build).parameters.values()
        handed_on = inspect.signature(self.network).parameters.values() if self.network else ()
        return [p.name for p in own if p.kind is not p.VAR_KEYWORD] + [
            p.name for p in handed_on if p.kind is p.KEYWORD_ONLY
        ]


def names(
    build: Callable[..., nn.Module],
    pattern: str,
    sizes: Iterable[int | tuple[int, ...]] = ((),),
    *,
    network: type[nn.Module] | None = None,
    **fixed,
) -> Names:
    """`Names` of a pattern. A size is a tuple, or a number where the pattern has one argument; without sizes, one name.

    `network` is the class that gets the options of `build`'s `**options`.
    """
    reader = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>\\d+)", pattern))
    return Names(build, pattern, tuple(s if isinstance(s, tuple) else (s,) for s in sizes), network, fixed, reader)


# The first entry of a family builds its bare name.
FAMILIES: dict[str, list[Names]] = {
    # lenet.py
    "lenet5": [names(lenet.LeNet5, "lenet5")],
    "lenet5_modern": [names(lenet.LeNet5Modern, "lenet5_modern")],
    # alexnet.py
    "alexnet": [names(alexnet.AlexNet, "alexnet")],
    "alexnet_2012": [names(alexnet.alexnet_2012, "alexnet_2012", network=alexnet.AlexNet2012)],
    "zfnet": [names(alexnet.ZFNet, "zfnet")],
    # vgg.py
    "vgg": [
        names(vgg.vgg, "vgg{depth}", vgg.BY_DEPTH, network=vgg.VGG),
        names(vgg.vgg, "vgg{depth}_bn", vgg.BY_DEPTH, batch_norm=True, network=vgg.VGG),
        names(vgg.vgg11_lrn, "vgg11_lrn", network=vgg.VGG),
        names(vgg.vgg16_c, "vgg16_c", network=vgg.VGG),
    ],
    # nin.py
    "nin": [names(nin.NiN, "nin")],
    "cifar_nin": [names(nin.CifarNiN, "cifar_nin")],
    # squeezenet.py
    "squeezenet": [
        names(squeezenet.SqueezeNet, "squeezenet1_0", version="1.0"),
        names(squeezenet.SqueezeNet, "squeezenet1_1", version="1.1"),
    ],
    # googlenet.py
    "googlenet": [names(googlenet.GoogLeNet, "googlenet")],
    "inception_module": [names(googlenet.inception_module, "inception_module")],
    "naive_inception_module": [names(googlenet.naive_inception_module, "naive_inception_module")],
    # bn_inception.py
    "bn_inception": [names(bn_inception.BNInception, "bn_inception")],
    # inception_v3.py
    "inception_v2": [names(inception_v3.InceptionV2, "inception_v2")],
    "inception_v3": [names(inception_v3.InceptionV3, "inception_v3")],
    # inception_v4.py
    "inception_v4": [names(inception_v4.InceptionV4, "inception_v4")],
    "inception_resnet_v1": [
        names(inception_v4.inception_resnet_v1, "inception_resnet_v1", network=inception_v4.InceptionResNet)
    ],
    "inception_resnet_v2": [
        names(inception_v4.inception_resnet_v2, "inception_resnet_v2", network=inception_v4.InceptionResNet)
    ],
    # resnet.py
    "resnet": [names(resnet.resnet, "resnet{depth}", resnet.RESNETS, network=resnet.ResNet)],
    "plain": [names(resnet.plain, "plain{depth}", resnet.PLAIN_NETS, network=resnet.ResNet)],
    "cifar_resnet": [
        names(resnet.cifar_resnet, "cifar_resnet{depth}", (20, 32, 44, 56, 110, 1202), network=resnet.CifarResNet)
    ],
    "cifar_plain": [names(resnet.cifar_plain, "cifar_plain{depth}", (20, 32, 44, 56, 110), network=resnet.CifarResNet)],
    # preact_resnet.py
    "cifar_preact_resnet": [
        names(
            preact_resnet.cifar_preact_resnet,
            "cifar_preact_resnet{depth}",
            (110, 164, 1001),
            network=preact_resnet.CifarPreActResNet,
        )
    ],
    "preact_resnet": [
        names(preact_resnet.preact_resnet, "preact_resnet{depth}", (200,), network=preact_resnet.PreActResNet)
    ],
    # wide_resnet.py
    "cifar_wrn": [
        names(
            wide_resnet.cifar_wrn,
            "cifar_wrn_{depth}_{widen_factor}",
            ((16, 8), (28, 10), (40, 4)),
            network=wide_resnet.CifarWideResNet,
        )
    ],
    "wide_resnet": [
        names(wide_resnet.wide_resnet, "wide_resnet{depth}_{widen_factor}", ((50, 2), (101, 2)), network=resnet.ResNet)
    ],
    # resnext.py
    "resnext": [
        names(
            resnext.resnext,
            "resnext{depth}_{cardinality}x{base_width}d",
            ((50, 32, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4)),
            network=resnet.ResNet,
        )
    ],
    "cifar_resnext": [
        names(
            resnext.cifar_resnext,
            "cifar_resnext{depth}_{cardinality}x{base_width}d",
            ((29, 8, 64), (29, 16, 64)),
            network=resnext.CifarResNeXt,
        )
    ],
    # stochastic_depth.py
    "cifar_stochastic_depth_resnet": [
        names(
            stochastic_depth.cifar_stochastic_depth_resnet,
            "cifar_stochastic_depth_resnet{depth}",
            (110, 1202),
            network=resnet.CifarResNet,
        )
    ],
    # fractalnet.py
    "cifar_fractalnet": [names(fractalnet.cifar_fractalnet, "cifar_fractalnet{depth}", (20,))],
    "fractalnet": [names(fractalnet.fractalnet, "fractalnet{depth}", fractalnet.FRACTALNETS)],
    # densenet.py
    "cifar_densenet": [
        names(
            densenet.cifar_densenet,
            "cifar_densenet_{depth}_{growth_rate}",
            ((40, 12), (100, 12), (100, 24)),
            network=densenet.CifarDenseNet,
        ),
        names(
            densenet.cifar_densenet,
            "cifar_densenet_bc_{depth}_{growth_rate}",
            ((100, 12), (250, 24), (190, 40)),
            bottleneck=True,
            network=densenet.CifarDenseNet,
        ),
    ],
    "densenet": [names(densenet.densenet, "densenet{depth}", densenet.DENSENETS, network=densenet.DenseNet)],
}


def list_models(family: str | None = None) -> list[str]:
    """The sized names that `create_model` knows: of one family, or of all. Raises ValueError for an unknown family."""
    if family is not None and family not in FAMILIES:
        raise ValueError(
            f"family={family!r} is unknown; {suggestion(family, FAMILIES, 'there are ' + ', '.join(FAMILIES))}"
        )
    families = FAMILIES if family is None else [family]
    return [name for family in families for entry in FAMILIES[family] for name in entry.listed()]


def create_model(name: str, *, depth: int | None = None, **options) -> nn.Module:
    """Builds a network, freshly initialised as in its paper. `model.input_size` is the paper's (C, H, W).

    `name` is a sized name (`"resnet50"`; `list_models()` has them) or a bare family name with the sizes that its names
    carry (`create_model("cifar_resnet", depth=56)`, `create_model("cifar_wrn", depth=16, widen_factor=4)`). Options
    left out or None are the paper's: `num_classes`, `in_channels`, `width` (all channels times this), and those of the
    family's own function in `cnnlib.models`.

    Raises ValueError for an unknown name (with near matches), a size that is missing or said twice, an unknown option,
    and whatever the family cannot build.
    """
    options = {key: value for key, value in ({"depth": depth} | options).items() if value is not None}
    family, entry, says = resolve(name)
    arguments = says | options
    for argument in says.keys() & options.keys():
        call = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise ValueError(
            f"{name!r} says its {argument} already; drop {argument}={options[argument]!r}, "
            f"or use create_model({family!r}, {call})"
        )
    known = entry.options()
    for option in options:
        if option not in known:
            raise ValueError(f"{family} has no option {option!r}; it takes {', '.join(known)}")
    missing = [argument for argument in required(entry.build) if argument not in arguments]
    if missing:
        call = ", ".join(f"{argument}=…" for argument in missing)
        raise ValueError(
            f"{name!r} needs {' and '.join(missing)}; the paper has {', '.join(FAMILIES[family][0].listed())}: "
            f"create_model({name!r}, {call})"
        )
    return entry.build(**arguments)


def resolve(name: str) -> tuple[str, Names, dict]:
    """The family of `name`, the entry that builds it, and the arguments that are in the name.

    Raises ValueError, with near matches, for a name that no family has.
    """
    for family, entries in FAMILIES.items():
        for entry in entries:
            says = entry.read(name)
            if says is not None:
                return family, entry, says
    if name in FAMILIES:
        return name, FAMILIES[name][0], {}
    raise ValueError(
        f"no model is called {name!r}; "
        + suggestion(name, [*FAMILIES, *list_models()], "cnnlib.list_models() has all names")
    )


def suggestion(name: str, known: Iterable[str], otherwise: str) -> str:
    """The known names that begin like `name` or are near it; `otherwise` where none is."""
    known = list(dict.fromkeys(known))
    longer = [each for each in known if name and each.startswith(name)]
    near = list(dict.fromkeys(longer + difflib.get_close_matches(name, known, n=3, cutoff=0.5)))[:3]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else otherwise


def required(build: Callable[..., nn.Module]) -> list[str]:
    """The arguments of `build` that have no default."""
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(build).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]
