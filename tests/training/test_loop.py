"""`fit` learns, is the same for the same seed, and stops when there is nothing to learn from."""

import sys
from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlib import History, ImageData, Recipe, create_model, fit, load_data
from cnnlib.models.layers import Auxiliary
from cnnlib.training.augment import Cutout, ShiftCrop, Transform
from cnnlib.training.loop import evaluate, half_precision, join_processes, loss_of, memory_format, progress
from cnnlib.training.recipes import skips_layers

CPU = "cpu"


def few(count, test=32):
    """The first digits of each part, as scanned."""
    data = load_data("digits", size=8)
    return ImageData(
        "few", data.train_images[:count], data.train_labels[:count], data.test_images[:test], data.test_labels[:test], data.classes
    )  # fmt: skip


def small(seed=0):
    torch.manual_seed(seed)
    return create_model("cifar_resnet", depth=8, width=0.5, in_channels=1)


def curve(seed=0, weights=0, epochs=3):
    history = fit(small(weights), few(192), epochs=epochs, seed=seed, device=CPU, recipe=Recipe(batch_size=64))
    return torch.tensor(history.train_loss)


def test_it_fits_64_images_without_error():
    history = fit(small(), few(64), epochs=30, device=CPU, recipe=Recipe(batch_size=16, learning_rate=0.05))
    assert history.train_accuracy[-1] == 1.0
    assert history.train_loss[-1] < 0.1 < 1 < history.train_loss[0]
    assert history.test_accuracy[-1] > 0.5


def test_the_seed_orders_the_batches():
    first, again, other = curve(seed=1), curve(seed=1), curve(seed=2)
    torch.testing.assert_close(first, again, rtol=1e-3, atol=1e-3)
    assert (first - other).abs().max() > 5e-3
    assert (first - curve(seed=1, weights=5)).abs().max() > 5e-3  # the weights are the model's own


def test_the_history_has_a_value_an_epoch():
    history = fit(small(), few(64), epochs=4, device=CPU)
    for curve in (history.train_loss, history.train_accuracy, history.test_loss, history.test_accuracy):
        assert len(curve) == 4 and all(isinstance(value, float) for value in curve)
    assert history.train_error == pytest.approx([100 - 100 * value for value in history.train_accuracy])
    assert history.test_error == pytest.approx([100 - 100 * value for value in history.test_accuracy])
    assert history.seconds > 0
    assert repr(history) == "History(4 epochs)"


def test_on_epoch_sees_each_epoch_and_can_stop_the_run():
    lengths = []

    def stop_after_two(history: History):
        lengths.append(len(history.test_loss))
        return len(lengths) == 2

    history = fit(small(), few(64), epochs=9, device=CPU, on_epoch=stop_after_two)
    assert lengths == [1, 2] and len(history.train_loss) == 2
    assert len(fit(small(), few(64), epochs=2, device=CPU, on_epoch=lambda history: None).train_loss) == 2


def test_fit_steps_as_the_recipe_says():
    """One linear layer, written out by hand: momentum, weight decay, the rate of each step."""
    data, recipe = few(64), Recipe(learning_rate=0.05, batch_size=16, weight_decay=0.01, steps=((0.5, 0.1),))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    weight, bias = (parameter.detach().clone().requires_grad_() for parameter in model.parameters())
    history = fit(model, data, epochs=2, recipe=recipe, seed=3, device=CPU)

    shuffle = torch.Generator().manual_seed(3)
    speeds, losses = [torch.zeros_like(weight), torch.zeros_like(bias)], []
    for step in range(8):
        if step % 4 == 0:
            batches = torch.randperm(64, generator=shuffle).split(16)
        batch = batches[step % 4]
        loss = F.cross_entropy(data.train_images[batch].flatten(1) @ weight.T + bias, data.train_labels[batch])
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, [weight, bias])
        with torch.no_grad():
            for speed, parameter, gradient in zip(speeds, (weight, bias), gradients, strict=True):
                speed.mul_(0.9).add_(gradient + 0.01 * parameter)
                parameter -= (0.05 if step < 4 else 0.005) * speed
    torch.testing.assert_close(model[1].weight.detach(), weight.detach(), rtol=1e-4, atol=1e-5)
    assert history.train_loss == pytest.approx([sum(losses[:4]) / 4, sum(losses[4:]) / 4], rel=1e-4)


def test_evaluation_is_in_evaluation_mode_and_over_all_images():
    model, data = small(), few(64, test=50)
    loss, accuracy = evaluate(model.train(), data.test_images, data.test_labels, batch_size=7)
    assert not model.training
    with torch.no_grad():
        logits = model(data.test_images)
    assert loss == pytest.approx(F.cross_entropy(logits, data.test_labels).item(), rel=1e-4)
    assert accuracy == pytest.approx((logits.argmax(1) == data.test_labels).double().mean().item())


@pytest.mark.parametrize("epochs", [0, -1])
def test_epochs_under_one_are_refused(epochs):
    with pytest.raises(ValueError, match=f"epochs={epochs}; give at least 1"):
        fit(small(), few(64), epochs=epochs)


def test_a_loss_that_is_not_finite_stops_the_run_with_advice():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    with pytest.raises(FloatingPointError, match=r"in epoch \d: the learning rate 1e\+20 is too high .* a tenth of it"):
        fit(model, few(256), epochs=5, device=CPU, recipe=Recipe(learning_rate=1e20, batch_size=16))


def test_images_that_the_model_cannot_read_are_refused():
    with pytest.raises(ValueError, match="images has 1 channels and this network reads 3"):
        fit(create_model("cifar_resnet", depth=8, width=0.25), few(64), epochs=1, device=CPU)


def test_the_progress_bar_can_be_hidden_and_needs_no_tqdm(monkeypatch, capsys):
    monkeypatch.setenv("CNNLIB_QUIET", "1")
    assert progress(range(3)) == range(3)
    monkeypatch.delenv("CNNLIB_QUIET")
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert progress(range(3)) == range(3)
    monkeypatch.undo()
    monkeypatch.delenv("CNNLIB_QUIET", raising=False)
    assert list(progress(range(2))) == [0, 1]


# ---------------------------------------------------------------------------------------------------- what a step does


def test_nothing_waits_for_the_device_inside_an_epoch():
    """Reading a value on the host is `_local_scalar_dense`: so many an epoch, however many steps it has."""

    class Counted(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.waits = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.waits += func is torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    def waits(batch_size):
        recipe = Recipe(batch_size=batch_size, augment=(ShiftCrop(1), Cutout(2)))
        with Counted() as mode:
            fit(small(), few(64), epochs=1, recipe=recipe, device=CPU)
        return mode.waits

    assert waits(64) == waits(8) < 20


@dataclass(frozen=True)
class Brighter(Transform):
    """Counts its calls and remembers what it was fitted to."""

    calls: list
    seen: Tensor | None = None

    def fitted(self, train_images):
        return replace(self, seen=train_images)

    def __call__(self, images, generator):
        self.calls.append((len(self.seen), len(images), torch.rand((), generator=generator).item()))
        return images + 1


def test_each_batch_of_training_is_augmented_and_nothing_else():
    calls, means = [], []

    class Watched(nn.Sequential):
        def forward(self, x):
            means.append((self.training, x.mean().item()))
            return super().forward(x)

    torch.manual_seed(0)
    model = Watched(nn.Flatten(), nn.Linear(64, 10))
    fit(model, few(64), epochs=1, recipe=Recipe(batch_size=32, augment=(Brighter(calls),)), seed=3, device=CPU)
    chance = torch.Generator().manual_seed(3)
    assert calls == [(64, 32, torch.rand((), generator=chance).item()) for _ in range(2)]
    assert [training for training, _ in means] == [False, True, True, False]  # a look at one image comes first
    assert all((mean > 0.6) == training for training, mean in means[1:])


def test_auxiliary_heads_count_with_their_weight_and_labels_are_smoothed():
    labels = torch.tensor([0, 2])
    logits, first, second = torch.randn(3, 2, 4)
    recipe = Recipe(auxiliary_weight=0.25, label_smoothing=0.1)
    shown, loss = loss_of(Auxiliary(logits, (first, second)), labels, recipe)
    smooth = nn.CrossEntropyLoss(reduction="sum", label_smoothing=0.1)
    assert shown is logits
    torch.testing.assert_close(loss, smooth(logits, labels) + 0.25 * (smooth(first, labels) + smooth(second, labels)))
    torch.testing.assert_close(loss_of(logits, labels, recipe)[1], smooth(logits, labels))


def test_a_network_with_auxiliary_heads_is_trained_through_them():
    class Headed(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head, self.end = nn.Linear(64, 8), nn.Linear(8, 10), nn.Linear(8, 10)

        def forward(self, x):
            x = self.body(x.flatten(1)).relu()
            return Auxiliary(self.end(x), (self.head(x),)) if self.training else self.end(x)

    torch.manual_seed(0)
    model = Headed()
    before = model.head.weight.detach().clone()
    history = fit(model, few(64), epochs=20, recipe=Recipe(batch_size=16), device=CPU)
    assert not torch.equal(model.head.weight, before)
    assert history.train_accuracy[-1] == 1


def test_the_gradient_is_clipped_to_its_norm():
    def moved(clip):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        before = [p.detach().clone() for p in model.parameters()]
        recipe = Recipe(learning_rate=1, momentum=0, weight_decay=0, batch_size=64, clip=clip, steps=())
        fit(model, few(64), epochs=1, recipe=recipe, device=CPU)
        return torch.cat([(p - q).flatten() for p, q in zip(model.parameters(), before, strict=True)])

    free, clipped = moved(None), moved(0.01)
    assert free.norm() > 0.1
    torch.testing.assert_close(clipped, free * (0.01 / free.norm()), rtol=1e-3, atol=1e-6)


# torch's own backend has the C++ compiler work for 20 s, on what is torch's.
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_a_compiled_network_trains_alike(monkeypatch, backend):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))

    def losses(compile):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
        return fit(model, few(64), epochs=2, recipe=Recipe(batch_size=32), device=CPU, compile=compile).train_loss

    assert losses(True) == pytest.approx(losses(False), rel=1e-4)


def test_channels_are_last_but_where_that_breaks_memory():
    """A strided 1×1 convolution of few channels on a CPU: oneDNN's gradient of its weights writes where it must not."""
    few_channels, many = (nn.Sequential(nn.Conv2d(c, 8, 1, stride=2)) for c in (15, 16))
    assert memory_format(few_channels, torch.device(CPU)) is torch.contiguous_format
    assert memory_format(few_channels, torch.device("cuda")) is torch.channels_last
    assert memory_format(many, torch.device(CPU)) is torch.channels_last


def test_the_order_of_values_is_the_same_before_and_after():
    seen = []

    class Watched(nn.Sequential):
        def forward(self, x):
            seen.append(self[0].weight.is_contiguous(memory_format=torch.channels_last))
            return super().forward(x)

    model = Watched(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(128, 10))
    fit(model, few(64), epochs=1, device=CPU)
    assert all(seen) and all(parameter.is_contiguous() for parameter in model.parameters())


def test_a_model_with_too_few_outputs_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    with pytest.raises(ValueError, match=r"shape \(1, 5\), and 'few' has 10 classes; build it with num_classes=10"):
        fit(model, few(64), epochs=1, device=CPU)


def test_networks_that_skip_layers_are_known():
    def skips(name, **options):
        with torch.device("meta"):
            return skips_layers(create_model(name, **options))

    assert skips("cifar_stochastic_depth_resnet", depth=14) and skips("cifar_fractalnet20")
    assert not skips("cifar_stochastic_depth_resnet", depth=14, survival_prob=1.0)
    assert not skips("cifar_resnet", depth=14) and not skips("vgg16")


def test_a_cpu_computes_in_full_precision_and_one_process_is_alone():
    assert half_precision(torch.device("cpu")) is None
    assert join_processes(torch.device("cpu")) == (0, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_in_half_precision():
    history = fit(small(), few(64), epochs=30, device="cuda", recipe=Recipe(batch_size=16, learning_rate=0.05))
    assert history.train_accuracy[-1] == 1.0


# ---------------------------------------------------------------------------------------------------- what it learns


def test_an_interrupt_keeps_the_epochs_that_are_whole():
    class Interrupted(nn.Sequential):
        steps = 0

        def forward(self, x):
            self.steps += self.training
            if self.steps == 6:  # in the third epoch
                raise KeyboardInterrupt
            return super().forward(x)

    history = fit(
        Interrupted(nn.Flatten(), nn.Linear(64, 10)), few(64), epochs=5, recipe=Recipe(batch_size=32), device=CPU
    )
    assert len(history.train_loss) == len(history.test_accuracy) == 2
    assert history.interrupted and repr(history) == "History(2 epochs, interrupted)"


@pytest.mark.slow
def test_lenet5_reads_the_digits():
    """At least 98% of test digits, mean of five seeds; the epochs that each seed takes are printed."""
    data, accuracies, epochs = load_data("digits", size=32), [], []
    recipe = Recipe(learning_rate=0.02, batch_size=32, augment=(ShiftCrop(2),))
    for seed in range(5):
        torch.manual_seed(seed)
        model = create_model("lenet5_modern", activation="tanh", pooling="average")
        history = fit(model, data, epochs=15, seed=seed, recipe=recipe, device=CPU)
        accuracies.append(history.test_accuracy[-1])
        epochs.append(next((n for n, seen in enumerate(history.test_accuracy, 1) if seen >= 0.98), None))
    print(f"98% after {epochs} epochs; after 15: {accuracies}")
    assert sum(accuracies) / 5 >= 0.98
