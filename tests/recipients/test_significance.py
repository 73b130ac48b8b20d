"""The z-test for two rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.significance import compare


def test_it_finds_the_worked_example_of_the_handbook():
    # NIST/SEMATECH e-Handbook, 7.3.3: wafers 36 of 200 and 26 of 200 failed; z = 1.382 there,
    # first minus second.
    found = compare((36, 200), (26, 200))
    assert found.z == pytest.approx(-1.382, abs=0.001)
    assert found.p == pytest.approx(0.167, abs=0.001)
    assert not found.differs


def test_it_finds_a_large_difference():
    found = compare((100, 1000), (160, 1000))
    assert found.differs
    assert found.z is not None
    assert found.z > 0


@pytest.mark.parametrize("second", [(0, 0), (3, 4), (0, 40)])
def test_it_says_nothing_of_few_cases(second: tuple[int, int]):
    assert not compare((20, 1000), second).is_enough


def test_it_says_nothing_where_everything_succeeds():
    assert not compare((500, 500), (400, 400)).differs


def test_it_refuses_more_successes_than_cases():
    with pytest.raises(ValueError, match="more successes"):
        compare((2, 1), (0, 1))


PAIRS = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(PAIRS, PAIRS)
def test_it_is_the_same_the_other_way_round(one: tuple[int, int], other: tuple[int, int]):
    there, back = compare(one, other), compare(other, one)
    assert there.is_enough == back.is_enough
    if there.z is not None and back.z is not None and there.p is not None:
        assert there.z == pytest.approx(-back.z)
        assert there.p == pytest.approx(back.p)
        assert 0 <= there.p <= 1
