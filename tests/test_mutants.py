"""The slips of `mutants.py` can still be made: what they replace stands where they say, and the tests beside them exist."""

from pathlib import Path

import pytest
from mutants import MUTANTS, ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{Path(mutant.file).stem}: {mutant.new.strip()[:40]}")
def test_a_slip_fits_one_place(mutant):
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert all((ROOT / path.partition("::")[0]).exists() for path in mutant.tests.split())
