"""`fit` learns, is the same for the same seed, and stops when there is nothing to learn from."""

import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib import History, ImageData, Recipe, create_model, fit, load_data
from cnnlib.training.loop import evaluate, progress

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


def test_the_rate_falls_at_the_milestones():
    recipe = Recipe(learning_rate=0.2, milestones=(0.5, 0.75))
    rates = [recipe.rate_at(progress) for progress in (0, 0.49, 0.5, 0.74, 0.75, 1)]
    assert rates == pytest.approx([0.2, 0.2, 0.02, 0.02, 0.002, 0.002])
    assert Recipe(milestones=()).rate_at(0.9) == 0.1


def test_fit_steps_as_the_recipe_says():
    """One linear layer, written out by hand: momentum, weight decay, the rate of each step."""
    data, recipe = few(64), Recipe(learning_rate=0.05, batch_size=16, weight_decay=0.01, milestones=(0.5,))
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
