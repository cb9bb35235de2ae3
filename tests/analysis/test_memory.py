"""What a training step keeps: held against torch's own hooks and its memory profiler on a real step."""

import pytest
import torch
import torchvision
from models.expected import CHEAP
from torch import nn
from torch.profiler import ProfilerActivity, profile

from cnnlib import anatomy, create_model, list_models
from cnnlib.analysis.memory import OPTIMIZERS
from cnnlib.models.registry import FAMILIES

SMALL = [
    ("cifar_resnet20", {}, 32),
    ("cifar_plain20", {"width": 0.5}, 16),
    ("resnet50", {"width": 0.25}, 64),
]


def saved_in_a_real_step(model, images):
    """Bytes of the storages that autograd saves, less those of parameters and buffers."""
    fixed = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in fixed:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model.train()(images)
    assert output.requires_grad  # what it saved lives until here: no address is used twice
    return sum(saved.values())


def peak_of_a_real_step(model, images):
    """The most bytes that torch's allocator had given out at once, in a forward and backward pass."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        model.train()(images).sum().backward()
    now = peak = 0
    for event in recorded.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    return peak


@pytest.mark.parametrize("name, options, size", SMALL)
def test_saved_bytes_are_what_autograd_saves(name, options, size):
    model = create_model(name, **options)
    seen = anatomy(model, (3, size, size))
    assert seen.saved_bytes == saved_in_a_real_step(model, torch.zeros(1, 3, size, size))
    assert seen.memory(batch=3).saved == saved_in_a_real_step(model, torch.zeros(3, 3, size, size))


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_bytes_of_every_family(family):
    options, size = CHEAP[family][1]
    model = create_model(list_models(family)[0], **options)
    images = torch.zeros(2, model.input_size[0], *size)
    assert anatomy(model, tuple(images.shape[1:])).memory(batch=2).saved == saved_in_a_real_step(model, images)


def test_saved_bytes_of_functional_code_and_of_dropout():
    model = torchvision.models.vgg11(num_classes=10)
    seen = anatomy(model, (3, 32, 32))
    assert seen.saved_bytes == saved_in_a_real_step(model, torch.zeros(1, 3, 32, 32))


def test_saved_bytes_of_resnet50():
    with torch.device("meta"):
        assert anatomy(create_model("resnet50")).saved_bytes == 86_121_984


@pytest.mark.parametrize("name, options, size", SMALL)
def test_the_peak_is_what_a_real_step_takes(name, options, size):
    """To 5%: kernels take a little workspace of their own."""
    model = create_model(name, **options)
    images = torch.zeros(4, 3, size, size)
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    predicted = anatomy(model, (3, size, size)).memory(batch=4, optimizer="sgd")
    measured = weights + images.nbytes + peak_of_a_real_step(model, images)
    assert predicted.weights == weights
    assert 0.97 < measured / predicted.peak < 1.05


def test_what_a_step_keeps_in_words_of_arithmetic():
    model = create_model("cifar_resnet20")
    params, buffers = 269_722, sum(b.nbytes for b in model.buffers())
    for optimizer, values in {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2}.items():
        step = anatomy(model).memory(batch=2, optimizer=optimizer)
        assert (step.batch, step.optimizer) == (2, optimizer)
        assert (step.weights, step.gradients) == (4 * params + buffers, 4 * params)
        assert step.optimizer_state == values * 4 * params
        assert step.weights + step.optimizer_state + step.saved < step.peak
        assert step.peak < step.weights + step.optimizer_state + 2 * (step.saved + step.gradients)
    assert set(OPTIMIZERS) == {"sgd", "momentum", "rmsprop", "adam"}


def test_saved_maps_grow_with_the_batch_and_shrink_with_the_type():
    model = create_model("cifar_resnet", depth=8)
    one, four = (anatomy(model).memory(batch=batch).saved for batch in (1, 4))
    statistics = 2 * 4 * sum(m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert four - statistics == 4 * (one - statistics)  # batch norm keeps a mean and a spread a channel for any batch
    half = anatomy(model, dtype=torch.bfloat16)
    assert half.output_bytes == anatomy(model).output_bytes // 2
    assert half.memory().gradients == anatomy(model).memory().gradients // 2


def test_blocks_that_run_again_in_the_backward_pass_need_no_model_on_meta():
    naive, again = (
        anatomy(create_model("cifar_densenet_bc_22_12", checkpointing=on)).memory(batch=4) for on in (False, True)
    )
    with torch.device("meta"):
        on_meta = create_model("cifar_densenet_bc_22_12", checkpointing=True)
    assert again == anatomy(on_meta).memory(batch=4)
    assert again.saved < naive.saved and again.peak < naive.peak


def test_what_is_frozen_has_no_gradient():
    model = create_model("cifar_resnet", depth=8)
    whole = anatomy(model).memory()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.fc.requires_grad_(True)
    frozen = anatomy(model).memory()
    assert frozen.gradients == 4 * sum(p.numel() for p in model.fc.parameters())
    assert frozen.saved < whole.saved / 10 and frozen.peak < whole.peak
    model.requires_grad_(False)
    assert anatomy(model).memory().saved == 0


def test_the_model_is_left_as_it_was():
    model = create_model("cifar_resnet", depth=8, width=0.25)
    model.stage2.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    anatomy(model).memory(batch=2)
    assert torch.equal(torch.rand(1), expected)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    "options, says",
    [
        ({"batch": 0}, "batch=0 is no number of images; give 1 or more"),
        ({"optimizer": "adamw2"}, "optimizer='adamw2' is not one of 'sgd', 'momentum', 'rmsprop', 'adam'"),
    ],
)
def test_bad_arguments(options, says):
    with pytest.raises(ValueError, match=says):
        anatomy(create_model("cifar_resnet", depth=8, width=0.25)).memory(**options)
