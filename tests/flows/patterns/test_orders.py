"""Orders: who stands first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.patterns import ORDERS, Candidate, Measure, OrderContext, Share
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
    found = [candidate.recipient for candidate in ORDERS["priority"](candidates, CONTEXT)]
    assert found == ["b", "c", "a"]


AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
A, B, C = (Candidate(name) for name in "abc")


def names(order, candidates, *, measures=None, **shares):
    context = OrderContext(shares=shares, measures=measures or {})
    return "".join(candidate.recipient for candidate in ORDERS[order](candidates, context))


def weigh(**weights):
    return tuple(Candidate(name, weight=Decimal(weight)) for name, weight in weights.items())


def deal(order, candidates, leads, *, answer=lambda name, n: True):
    """Give out leads one by one; who got them, and the shares at the end."""
    shares = {candidate.recipient: Share() for candidate in candidates}
    got = ""
    for number in range(leads):
        first = ORDERS[order](candidates, OrderContext(shares=shares))[0].recipient
        share, accepted = shares[first], answer(first, number)
        shares[first] = Share(
            share.sent + 1,
            share.ended + 1,
            share.accepted + accepted,
            AT + timedelta(seconds=number),
        )
        got += first
    return got, shares


def test_it_turns_to_whoever_had_fewest():
    assert names("round_robin", (A, B, C), a=Share(3), b=Share(2), c=Share(2)) == "bca"
    assert deal("round_robin", (A, B, C), 6)[0] == "abcabc"


def test_it_deals_by_weight():
    got, _ = deal("weighted", weigh(a=3, b=1), 40)
    assert (got.count("a"), got.count("b")) == (30, 10)
    assert "bb" not in got


def test_it_puts_a_weight_of_nothing_last():
    assert names("weighted", weigh(a=0, b=1, c=0), b=Share(9)) == "bac"
    assert names("percentage", weigh(a=0, b=1), b=Share(9)) == "ba"


def test_it_brings_each_to_its_percentage_of_the_accepted_leads():
    def every_second_of_a(name, number):
        return name != "a" or number % 2 == 0

    _, shares = deal("percentage", weigh(a=60, b=40), 1000, answer=every_second_of_a)
    accepted = {name: share.accepted for name, share in shares.items()}
    assert abs(accepted["a"] / sum(accepted.values()) - 0.6) < 0.01


def test_it_counts_the_unanswered_as_accepted_until_they_answer():
    assert Share(sent=5, ended=3, accepted=1).promised == 3
    candidates = weigh(a=1, b=1)
    assert names("percentage", candidates, a=Share(4, 0, 0), b=Share(3, 3, 3)) == "ba"
    assert names("percentage", candidates, a=Share(4, 4, 0), b=Share(3, 3, 3)) == "ab"


def test_it_turns_to_the_longest_idle_and_first_to_whoever_had_none():
    early, late = Share(1, last_at=AT), Share(1, last_at=AT + timedelta(seconds=1))
    assert names("longest_idle", (A, B, C), a=late, b=early) == "cba"


def test_it_puts_the_best_price_first_and_the_unpriced_last():
    priced = (Candidate("a"), Candidate("b", Decimal(5)), Candidate("c", Decimal(0)))
    assert names("best_price", priced) == "bca"


def test_it_weighs_prices_by_what_is_expected_where_the_step_learns():
    candidates = (Candidate("a", Decimal(50)), Candidate("b", Decimal(40)))
    measures = {
        "a": Measure(Decimal("0.5"), Decimal("0.1"), measured=True),
        "b": Measure(Decimal("0.8"), Decimal(0), measured=True),
    }
    assert measures["a"].expected(Decimal(50)) == Decimal("22.5")
    assert names("best_price", candidates, measures=measures) == "ba"
    shares = {"a": Share(10), "b": Share(10)}
    assert names("weighted", candidates, measures=measures, **shares) == "ba"


def test_it_keeps_the_list_between_equals():
    for order in ORDERS:
        assert names(order, (B, A, C)) == "bac"
