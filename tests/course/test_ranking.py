"""Places and Spearman's correlation, against scipy's."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from cnnlib.course.ranking import places, spearman

VALUES = st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 3)), min_size=2, max_size=12)


@given(VALUES)
def test_places_and_correlation_are_scipys_with_equal_values_too(pairs):
    one, other = map(list, zip(*pairs, strict=True))
    assert places(one) == list(stats.rankdata(one))
    assume(len(set(one)) > 1 and len(set(other)) > 1)
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ((1, 2), (1, 2, 3), "2 and 3 values; give as many of both"),
        ((1,), (1,), "at least two"),
        ((1, 1), (1, 2), "all values of one ranking are equal"),
    ],
)
def test_what_has_no_order_is_refused(one, other, message):
    with pytest.raises(ValueError, match=message):
        spearman(one, other)
