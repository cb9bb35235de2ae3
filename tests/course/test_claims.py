"""Claims: true with a margin, and false when what they compare is swapped."""

import pytest

from cnnlib.course import claims


def test_a_claim_turns_false_when_its_inputs_are_swapped():
    plain, residual = [30.1, 28.4, 33.0], [0.0, 0.1, 0.0]
    true = claims.higher("training error", {"plain-56": plain, "ResNet-56": residual}, by=10)
    false = claims.higher("training error", {"plain-56": residual, "ResNet-56": plain}, by=10)
    assert repr(true) == "training error: plain-56 > ResNet-56 + 10, in every run: True"
    assert repr(false) == "training error: plain-56 > ResNet-56 + 10, in every run: False"
    assert true and not false


def test_one_run_without_the_margin_is_enough_to_fail():
    assert not claims.higher("error", {"a": [30.0, 10.0], "b": [0.5]}, by=10)
    assert not claims.higher("norm", {"a": 99.0, "b": 1.0}, times=100)
    assert repr(claims.higher("norm", {"a": 1001.0, "b": 1.0}, times=1000)) == "norm: a > 1,000 × b: True"


def test_a_claim_compares_two():
    with pytest.raises(ValueError, match="measured has 3 entries"):
        claims.higher("error", {"a": 1.0, "b": 2.0, "c": 3.0})
