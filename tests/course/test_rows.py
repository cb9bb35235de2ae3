"""Rows of a network by part: they are its modules, and add up to the whole."""

import pytest
from explorer_samples import evaluate

from cnnlib.course.explorer.rows import anatomy_and_call, rows_by_part


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet50", "densenet121", "squeezenet1_1", "cifar_wrn_16_8"])
def test_parts_are_the_modules_of_the_network_and_add_up(name):
    whole, python = anatomy_and_call(name)
    assert evaluate(python).input_size == whole.input_size
    rows = rows_by_part(whole)
    for cost in ("params", "macs", "output_bytes"):
        assert sum(row[cost] for row in rows) == getattr(whole, cost)
    counted = {row["name"]: 0 for row in rows}
    part = rows[0]["name"]
    for name, module in whole.module.named_children():
        part = name if name in counted else part  # a last normalisation goes with the part before it
        counted[part] += sum(parameter.numel() for parameter in module.parameters())
    assert counted == {row["name"]: row["params"] for row in rows}
