"""What operations move and how long that takes at least, against sizes of real tensors."""

import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.analysis.roofline import work


def test_bytes_are_those_of_the_tensors_that_really_move():
    """Each module's input, parameters and output, as they are in a pass on the CPU."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2, groups=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4))
    moved = []

    def note(module, inputs, output):
        moved.append([inputs[0].nbytes, sum(p.nbytes for p in module.parameters()), output.nbytes])

    batch = 3
    tasks = work(cnnlib.anatomy(model, (3, 17, 17)), batch)
    for module in model:
        module.register_forward_hook(note)
    model(torch.zeros(batch, 3, 17, 17))
    assert [[task.read, task.weights, task.written] for task in tasks] == moved
    assert [task.moved for task in tasks] == [sum(one) for one in moved]


def test_a_join_reads_all_of_its_branches():
    whole = cnnlib.anatomy(cnnlib.create_model("cifar_resnet", depth=8))
    added = next(task for task, row in zip(work(whole), whole.layers, strict=True) if row.op == "add")
    assert added.read == 2 * added.written and added.macs == 0 and added.intensity == 0


def test_macs_add_up_and_a_batch_moves_its_weights_once():
    whole = cnnlib.anatomy(cnnlib.create_model("resnet18"))
    one, four = work(whole), work(whole, 4)
    assert sum(task.macs for task in one) == whole.macs
    assert sum(task.written for task in one) == whole.output_bytes
    assert sum(task.weights for task in four) == 4 * whole.params
    assert all(b.intensity > a.intensity for a, b in zip(one, four, strict=True) if a.macs)


def test_the_longer_of_two_times_counts():
    convolution = work(cnnlib.anatomy(nn.Conv2d(16, 16, 3, padding=1), (16, 8, 8)))[0]
    assert convolution.least_seconds(peak=1, bandwidth=1e9) == convolution.macs
    assert convolution.least_seconds(peak=1e9, bandwidth=1) == convolution.moved


def test_no_image_is_refused():
    with pytest.raises(ValueError, match="batch=0 is less than one image"):
        work(cnnlib.anatomy(nn.ReLU(), (1, 2, 2)), 0)
