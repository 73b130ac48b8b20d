"""Orders: who stands first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.patterns import ORDERS, Candidate, OrderContext
from tests.flows.patterns.contract import candidate_lists

CONTEXT = OrderContext(seed="lead_1")


@pytest.mark.parametrize("name", sorted(ORDERS))
@given(candidates=candidate_lists, data=st.data())
def test_it_only_reorders_and_does_so_the_same_way_twice(name, candidates, data):
    ordered = ORDERS[name](candidates, CONTEXT)
    assert sorted(ordered, key=repr) == sorted(candidates, key=repr)
    assert ORDERS[name](candidates, CONTEXT) == ordered


def test_it_keeps_the_list_as_it_is():
    candidates = (Candidate("b", priority=2), Candidate("a", priority=1))
    assert ORDERS["listed"](candidates, CONTEXT) == candidates


def test_it_puts_the_lowest_priority_number_first_and_keeps_the_list_between_equals():
    candidates = (
        Candidate("c", priority=2),
        Candidate("b", priority=1),
        Candidate("a", priority=2),
    )
    names = [candidate.recipient for candidate in ORDERS["priority"](candidates, CONTEXT)]
    assert names == ["b", "c", "a"]
