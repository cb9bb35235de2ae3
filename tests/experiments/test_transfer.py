"""A new last layer, few labels, and the four ways to use them."""

import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.experiments import transfer


@pytest.mark.parametrize("name", ["cifar_resnet20", "vgg11", "densenet121"])
def test_a_new_head_changes_the_last_layer_and_nothing_else(name):
    options = {"vgg11": {"image_size": 32, "width": 0.125}}.get(name, {})
    model = cnnlib.create_model(name, **options)
    last = transfer.head(model)
    state = torch.get_rng_state()
    new = transfer.with_new_head(model, 7, frozen=True)
    assert not torch.equal(torch.get_rng_state(), state)  # the new weights are drawn
    assert new.get_submodule(last).out_features == 7 and model.get_submodule(last).out_features != 7
    for key, value in model.state_dict().items():
        if not key.startswith(f"{last}."):
            assert torch.equal(new.state_dict()[key], value)
    assert {key for key, p in new.named_parameters() if p.requires_grad} == {f"{last}.weight", f"{last}.bias"}
    assert all(p.requires_grad for p in model.parameters())
    assert all(p.requires_grad for p in transfer.with_new_head(model, 7).parameters())


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(ValueError, match="Conv2d has no linear layer"):
        transfer.with_new_head(nn.Conv2d(1, 1, 1), 2)


def test_few_labels_are_as_many_of_each_class_and_follow_the_seed():
    digits = cnnlib.load_data("digits", size=8)
    few = transfer.few_labels(digits, 34, seed=1)
    assert torch.equal(few.train_labels.bincount(), torch.full((10,), 3))
    assert few.test_images is digits.test_images
    assert torch.equal(few.train_images, transfer.few_labels(digits, 34, seed=1).train_images)
    assert not torch.equal(few.train_images, transfer.few_labels(digits, 34, seed=2).train_images)
    more = transfer.few_labels(digits, 100, seed=1)
    assert {image.numpy().tobytes() for image in few.train_images} < {i.numpy().tobytes() for i in more.train_images}


@pytest.mark.parametrize(
    ("labels", "message"), [(9, "less than one for each of 10"), (5000, "'digits' has only 1.. images of one class")]
)
def test_labels_that_cannot_be_had_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        transfer.few_labels(cnnlib.load_data("digits", size=8), labels)


def test_the_two_tasks_share_no_class_and_one_shape_of_image():
    assert not set(transfer.LEARNED) & set(transfer.OTHERS)
    shapes, digits = (transfer.target(name, 0) for name in ("shapes", "digits"))
    assert shapes.classes == transfer.OTHERS and digits.train_images.shape[1:] == shapes.train_images.shape[1:]


def test_a_record_has_the_error_of_each_way(monkeypatch):
    monkeypatch.setattr(transfer, "EPOCHS", 1)
    monkeypatch.setattr(transfer, "learned", lambda seed: transfer.resnet8(5, seed))
    monkeypatch.setattr(
        transfer, "ways", lambda model, data, seed: {"frozen": 12.3456, "labels": len(data.train_labels)}
    )
    record = transfer.measure({"target": "shapes", "labels": 12, "seed": 0}, torch.device("cpu"))
    assert record == {"errors": {"frozen": 12.35, "labels": 10}}


def test_all_four_ways_give_an_error_and_leave_the_network_as_it_was():
    model = transfer.resnet8(5, 0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    few = transfer.few_labels(transfer.target("shapes", 0), 10)
    errors = transfer.ways(model, few, seed=0, epochs=1)
    assert errors.keys() == {"from scratch", "fine-tuned", "frozen", "untrained"}
    assert all(0 <= error <= 100 for error in errors.values())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
