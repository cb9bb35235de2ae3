"""What holds for every network: the table, and the properties that none may break."""

import copy
import inspect
import pkgutil
import re
from functools import cache
from importlib import import_module

import pytest
import torch
from expected import CHEAP, MODELS, PROBED, PROBED_SLOWLY, SLOW, VARIANTS, label
from model_checks import assert_shape_comments, on_meta
from torch import nn

import cnnlib.models
from cnnlib import anatomy, create_model, list_models
from cnnlib.models.registry import FAMILIES, resolve

NAMES = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in list_models()]
# Hundreds of layers in a row: differences in the last digit grow until outputs can only be compared roughly.
DEEPEST = {name for name in list_models() if re.fullmatch(r"cifar_\w+\D\d{4}", name)}
FIRST_OF_EACH_FAMILY = [list_models(family)[0] for family in FAMILIES]


def cheap(name, number=0, seed=0):
    """The network at a size that runs at once, and the height and width of its images."""
    options, size = CHEAP[resolve(name)[0]][number]
    shared = {"in_channels": 8} if is_module(name) else {"num_classes": 5, "in_channels": 2}
    torch.manual_seed(seed)
    return create_model(name, **shared | options), size


@cache
def drawn_nowhere(name):
    """The network as its name gives it, on the meta device; to be looked at only, as all tests share it."""
    return on_meta(name)


def evaluating(name, model, size):
    """The network in evaluation mode. One of hundreds of additions gets the running statistics of a batch first: with
    those that it starts from, its sums leave the range of the numbers.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    if name in DEEPEST:
        for norm in norms:
            norm.momentum = None  # the mean of all batches, of which there is one
        with torch.no_grad():
            model.train()(images_for(model, size, seed=2))
    return model.eval()


def is_module(name):
    """A module alone gives a map and classifies nothing."""
    return name.endswith("module")


def images_for(model, size, seed=1):
    return torch.randn(2, model.input_size[0], *size, generator=torch.Generator().manual_seed(seed))


def output_shape(name, model, size):
    """(2, 5) for a classifier; the last operation's for a module alone."""
    shape = anatomy(model, (model.input_size[0], *size)).layers[-1].out_shape
    assert is_module(name) or shape == (5,)
    return (2, *shape)


# ------------------------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize("row", MODELS + VARIANTS, ids=label)
def test_a_network_is_what_its_paper_says(row):
    model = on_meta(row.name, **row.options) if row.options else drawn_nowhere(row.name)
    seen = anatomy(model)
    last_map = next(layer.out_shape for layer in reversed(seen.layers) if layer.receptive_field)
    field = row.receptive_field if isinstance(row.receptive_field, tuple) else (row.receptive_field,) * 2
    fixed = sum(b.numel() for path, b in model.named_buffers() if not path.endswith("num_batches_tracked"))
    assert model.input_size == row.input
    assert all(layer.known for layer in seen.layers)
    assert sum(parameter.numel() for parameter in model.parameters()) == row.params
    assert (seen.params, fixed, seen.macs, last_map, seen.receptive_field) == (
        row.params,
        row.fixed,
        row.macs,
        row.last_map,
        field,
    )


def test_the_table_has_a_row_for_every_network():
    assert sorted(row.name for row in MODELS) == sorted(list_models())
    assert all(row.source for row in MODELS + VARIANTS)


def test_every_family_can_be_checked_on_small_networks():
    assert list(CHEAP) == list(FAMILIES)
    assert {resolve(name)[0] for name in (*PROBED, *PROBED_SLOWLY)} == set(FAMILIES)
    assert len(DEEPEST) == 3
    assert set(list_models()) >= SLOW
    assert all(len(settings) >= 2 for settings in CHEAP.values())


def networks_with_shape_comments():
    for module in pkgutil.iter_modules(cnnlib.models.__path__):
        for _, cls in inspect.getmembers(import_module(f"cnnlib.models.{module.name}"), inspect.isclass):
            own = issubclass(cls, nn.Module) and cls.__module__.endswith(f"models.{module.name}")
            if own and "# (N" in inspect.getsource(cls):
                yield cls


@pytest.mark.parametrize("cls", list(networks_with_shape_comments()), ids=lambda cls: cls.__name__)
def test_shape_comments_in_forward_are_true(cls):
    assert_shape_comments(cls)


def test_every_network_has_shape_comments():
    """The class that a name gives, or one that it derives from and whose forward it runs."""
    commented = set(networks_with_shape_comments())
    for name in list_models():
        assert commented & set(type(drawn_nowhere(name)).__mro__), name


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(cnnlib.models.__path__)])
def test_a_file_of_networks_says_its_paper_and_where_it_departs(module):
    text = import_module(f"cnnlib.models.{module}").__doc__
    if module not in ("layers", "registry", "weights", "pretrained"):
        assert re.search(r"https://(arxiv\.org/abs/|doi\.org/)\S+", text)
        assert "What was new:" in text and "Departures:" in text and re.search(r"Explained in chapter \d", text)


# -------------------------------------------------------------------------------------------------- all of them run


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward(name, number):
    model, size = cheap(name, number)
    output = model(images_for(model, size))
    assert output.shape == output_shape(name, model, size) and output.isfinite().all()
    output.square().sum().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), path


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_the_weights_and_a_state_dict_carries_them(name, subtests):
    (first, size), (again, _), (other, _) = (cheap(name, seed=seed) for seed in (0, 0, 1))
    with subtests.test("the seed decides"):
        mine, same, drawn_anew = first.state_dict(), again.state_dict(), other.state_dict()
        assert all(torch.equal(mine[entry], same[entry]) for entry in mine)
        drawn = [entry for entry in mine if entry.endswith("weight") and mine[entry].dim() > 1]
        assert drawn and not any(torch.equal(mine[entry], drawn_anew[entry]) for entry in drawn)
    with subtests.test("there and back"):
        evaluating(name, first, size)
        other.load_state_dict(first.state_dict())
        with torch.no_grad():
            assert torch.equal(other.eval()(images_for(first, size)), first(images_for(first, size)))


@pytest.mark.parametrize("name", NAMES)
def test_another_order_of_the_values_and_half_precision(name, subtests):
    model, size = cheap(name)
    images = images_for(model, size)
    with torch.no_grad():
        exact = evaluating(name, model, size)(images)
    with subtests.test("channels last changes nothing"), torch.no_grad():
        turned = copy.deepcopy(model).to(memory_format=torch.channels_last)
        other = turned(images.contiguous(memory_format=torch.channels_last))
        assert (other - exact).norm() <= (1e-2 if name in DEEPEST else 1e-4) * exact.norm()
    with subtests.test("half precision is close"), torch.no_grad():
        half = model.bfloat16()(images.bfloat16())
        assert half.dtype == torch.bfloat16
        assert half.isfinite().all()
        if name not in DEEPEST:
            assert (half.float() - exact).norm() < 0.3 * exact.norm()  # 110 plain layers round 110 times


@pytest.mark.parametrize("name", list_models())
def test_on_the_meta_device_nothing_is_allocated(name):
    model = drawn_nowhere(name)
    assert all(value.is_meta for value in model.state_dict().values())


# ------------------------------------------------------------------------------------------- what a position sees


class Reached(Exception):
    """Stops a forward pass; carries the map that was wanted."""


@torch.no_grad()
def map_of(model, layer, images):
    """What the module `layer` gives in a forward pass that ends there."""

    def stop(module, args, output):
        raise Reached(output)

    handle = model.get_submodule(layer).register_forward_hook(stop)
    try:
        model(images)
    except Reached as reached:
        return reached.args[0]
    finally:
        handle.remove()


def reads_one_size(name, options):
    """Whether a network refuses images larger than its own."""
    model = on_meta(name, **options).eval()
    channels, height, width = model.input_size
    try:
        model(torch.empty(1, channels, height + 32, width + 32, device="meta"))
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    "name, options", [*PROBED.items(), *(pytest.param(name, {}, marks=pytest.mark.slow) for name in PROBED_SLOWLY)]
)
def test_the_field_of_a_whole_network(name, options):
    """A position far from the borders sees the first and the last pixel that are said, and not the ones beside them.

    NaN in a row or column of a long strip shows it, however deep the network: gradients would vanish.
    """
    torch.manual_seed(0)
    model = create_model(name, **options).double().eval()
    modules, of_one_size = dict(model.named_modules()), reads_one_size(name, options)
    _, (smallest, _) = CHEAP[resolve(name)[0]][0]
    field, short = anatomy(model).receptive_field, max(min(64, model.input_size[1]), smallest)
    for axis in (0, 1):
        size = list(model.input_size)
        if not of_one_size:
            size[1:] = [short, short]
            size[1 + axis] = max(short, (field[axis] // 32 + 8) * 32)
        seen = anatomy(model, tuple(size))
        number, row = next(
            (k, r) for k, r in reversed(list(enumerate(seen.layers))) if r.receptive_field and r.name in modules
        )
        centre = tuple(side // 2 for side in row.out_shape[1:])
        lo, hi = seen.pixels(number, centre)[axis]
        probes = [(pixel, inside) for pixel, inside in ((lo, True), (lo - 1, False), (hi, True), (hi + 1, False))]
        probes = [(pixel, inside) for pixel, inside in probes if 0 <= pixel < size[1 + axis]]
        assert of_one_size or len(probes) == 4
        images = torch.zeros(len(probes), *size, dtype=torch.float64)
        for image, (pixel, _) in zip(images, probes, strict=True):
            image.select(1 + axis, pixel).fill_(float("nan"))
        reached = map_of(model, row.name, images).isnan().any(1).any(2 - axis)[:, centre[axis]]
        assert reached.tolist() == [inside for _, inside in probes], (axis, lo, hi)


# ------------------------------------------------------------------------------------------------ torch's compilers


@pytest.mark.slow
@pytest.mark.parametrize("name", FIRST_OF_EACH_FAMILY)
def test_torch_compile(name):
    model, size = cheap(name)
    images = images_for(model.eval(), size)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model)(images), model(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIRST_OF_EACH_FAMILY)
def test_torch_export(name):
    model, size = cheap(name)
    images = images_for(model.eval(), size)
    with torch.no_grad():
        exported = torch.export.export(model, (images,)).module()
        torch.testing.assert_close(exported(images), model(images), rtol=1e-4, atol=1e-5)
