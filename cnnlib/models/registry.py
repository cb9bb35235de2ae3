"""Every network of the course by name: sized names (`resnet50`) and bare family names that take a depth (`resnet`)."""

import difflib
import inspect
import re
from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from cnnlib.models import resnet


class Family(NamedTuple):
    """How a family is built, and the depths that its paper reports."""

    build: Callable[..., nn.Module]
    depths: tuple[int, ...]


FAMILIES = {
    "resnet": Family(resnet.resnet, tuple(resnet.RESNETS)),
    "plain": Family(resnet.plain, tuple(resnet.PLAIN_NETS)),
    "cifar_resnet": Family(resnet.cifar_resnet, (20, 32, 44, 56, 110, 1202)),
    "cifar_plain": Family(resnet.cifar_plain, (20, 32, 44, 56, 110)),
}


def list_models(family: str | None = None) -> list[str]:
    """The sized names that `create_model` knows: of one family, or of all. Raises ValueError for an unknown family."""
    if family is not None and family not in FAMILIES:
        raise ValueError(f"family={family!r} is unknown; there are {', '.join(FAMILIES)}")
    return [f"{name}{depth}" for name in FAMILIES for depth in FAMILIES[name].depths if family in (None, name)]


def create_model(name: str, *, depth: int | None = None, **options) -> nn.Module:
    """Builds a network, freshly initialised as in its paper. `model.input_size` is the paper's (C, H, W).

    `name` is a sized name (`"resnet50"`; `list_models()` has them) or a bare family name with a `depth`
    (`create_model("cifar_resnet", depth=56)`). Options left out or None are the paper's: `num_classes`, `in_channels`,
    `width` (all channels times this), and those of the family's own function in `cnnlib.models`.

    Raises ValueError for an unknown name (with near matches), a missing or doubled depth, an unknown option, and
    whatever the family cannot build.
    """
    options = {key: value for key, value in options.items() if value is not None}
    sized = re.fullmatch(r"(.+?)(\d+)", name)
    if name in FAMILIES:
        if depth is None:
            depths = ", ".join(map(str, FAMILIES[name].depths))
            raise ValueError(f"{name!r} needs a depth; the paper has {depths}: create_model({name!r}, depth=…)")
        family = name
    elif sized and sized[1] in FAMILIES:
        if depth is not None:
            raise ValueError(
                f"{name!r} says its depth already; drop depth={depth}, or use create_model({sized[1]!r}, depth={depth})"
            )
        family, depth = sized[1], int(sized[2])
    else:
        known = [*FAMILIES, *list_models()]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "cnnlib.list_models() has all names"
        raise ValueError(f"no model is called {name!r}; {hint}")
    refuse_unknown_options(family, options)
    return FAMILIES[family].build(depth, **options)


def refuse_unknown_options(family: str, options: dict) -> None:
    """Raises ValueError with the options that the family takes, when one is not among them."""
    build = FAMILIES[family].build
    network = inspect.signature(build).return_annotation  # the class that the family's function hands **options to
    known = [
        parameter.name
        for callable_ in (build, network.__init__)
        for parameter in inspect.signature(callable_).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for option in options:
        if option not in known:
            raise ValueError(f"{family} has no option {option!r}; it takes {', '.join(known)}")
