"""What is timed is what runs: rounds, order, threads and rows; how long it takes is no matter of a test."""

import pytest
import torch
from torch import nn

import cnnlib
from cnnlib.experiments import timing

CPU = torch.device("cpu")


def test_calls_take_turns_after_one_that_does_not_count():
    seen = []
    calls = {name: (lambda name=name: seen.append(name)) for name in "ab"}
    seconds = timing.interleaved(calls, 3, CPU)
    assert seen == ["a", "b"] * 4
    assert {name: len(found) for name, found in seconds.items()} == {"a": 3, "b": 3}


def test_a_longer_call_takes_longer():
    matrix = torch.rand(400, 400)
    calls = {"one": lambda: matrix @ matrix, "thirty": lambda: [matrix @ matrix for _ in range(30)]}
    seconds = timing.interleaved(calls, 3, CPU)
    assert min(seconds["thirty"]) > min(seconds["one"])


def test_networks_run_in_evaluation_mode_on_their_own_size_and_leave_random_numbers_alone():
    shapes = []

    class Watched(nn.Module):
        input_size = (2, 5, 7)

        def forward(self, x):
            shapes.append((self.training, tuple(x.shape), torch.is_grad_enabled(), torch.get_num_threads()))
            return x

    before, state = torch.get_num_threads(), torch.get_rng_state()
    found = timing.forward_times({"mine": Watched()}, 4, rounds=2, threads=1, device="cpu")
    assert shapes == [(False, (4, 2, 5, 7), False, 1)] * 3
    assert len(found["mine"]) == 2 and min(found["mine"]) > 0
    assert torch.get_num_threads() == before and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_densenet_bc_100_12", "cifar_nin", "inception_module"])
def test_every_row_of_an_anatomy_has_its_time(name):
    whole, seconds = timing.operation_times(name, rounds=1, threads=1, device="cpu")
    assert whole.macs == cnnlib.anatomy(cnnlib.create_model(name)).macs
    assert len(seconds) == len(whole.layers) and min(seconds) > 0


def test_an_operation_that_did_not_run_is_named():
    whole = cnnlib.anatomy(nn.ReLU(), (1, 2, 2))
    with pytest.raises(ValueError, match=r"relu, \(1, 2, 2\).* did not run"):
        timing.matched(whole, [("tanh", (1, 2, 2), 0.1)])


def test_no_round_is_refused():
    for call in (
        lambda: timing.interleaved({}, 0, CPU),
        lambda: timing.operation_times("cifar_resnet20", rounds=0),
        lambda: timing.forward_times(["cifar_resnet20"], rounds=0, device="cpu"),
    ):
        with pytest.raises(ValueError, match="rounds=0; give at least 1"):
            call()


def test_a_record_holds_all_that_the_chapter_reads(monkeypatch):
    monkeypatch.setattr(timing, "GROUPS", (1, 256))
    monkeypatch.setattr(timing, "machine", lambda **settings: {"peak": 1.234567e9, "bandwidth": 2e9, "overhead": 1e-6})
    monkeypatch.setattr(timing.torch, "get_num_threads", lambda: 8)
    found = timing.measure(
        {"batch": 1, "threads": 1},
        CPU,
        networks=("cifar_resnet20", "cifar_plain20"),
        by_operation=("cifar_resnet20",),
        rounds=1,
    )
    assert found["threads"] == 1
    assert found["machine"]["peak"] == 1.23e9
    assert (found["rounds"], found["times"].keys()) == (1, {"cifar_resnet20", "cifar_plain20"})
    assert found["operations"].keys() == {"cifar_resnet20"}
    one = found["times"]["cifar_resnet20"]
    assert one["low"] <= one["median"] <= one["high"]
    assert found["groups"].keys() == {"1", "256"}
