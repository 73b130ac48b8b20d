"""Exclusive window: tiers open with the lead's age."""

from __future__ import annotations

import pytest

from flows.patterns import Candidate, Done, Send, Situation, Try, TryState, Wait
from flows.patterns.exclusive_window import ExclusiveWindow
from tests.flows.patterns.contract import PatternContract

HOUR, DAY = 3600.0, 86_400.0
A, B = Candidate("a"), Candidate("b")
NEXT, OTHER = Candidate("next", opens_after=DAY), Candidate("other", opens_after=DAY)
LAST, POOL = Candidate("last", opens_after=2 * DAY), Candidate("pool")
ALL = (LAST, A, NEXT, B, OTHER)


def no(*names):
    return tuple(Try(name, TryState.DECLINED) for name in names)


class TestExclusiveWindow(PatternContract):
    pattern = ExclusiveWindow()

    def decide(self, tries=(), age=0.0, **facts):
        return self.pattern.decide(Situation(ALL, tries=tries, age=age, **facts))

    def test_it_begins_with_the_first_of_the_open_tier(self):
        assert self.decide() == Send((A,))

    def test_it_goes_down_the_tier(self):
        assert self.decide(no("a")) == Send((B,))

    def test_it_waits_for_the_next_tier_when_all_that_are_open_said_no(self):
        assert self.decide(no("a", "b"), age=HOUR) == Wait(until=DAY)
        assert self.decide(no("a", "b", "next", "other"), age=DAY + 1) == Wait(until=2 * DAY)

    def test_it_opens_a_tier_when_its_time_has_come(self):
        assert self.decide(no("a", "b"), age=DAY) == Send((NEXT,))
        assert self.decide(no("a", "b", "next"), age=DAY + HOUR) == Send((OTHER,))

    def test_it_keeps_the_turn_of_an_earlier_tier_that_was_not_tried(self):
        assert self.decide(no("a"), age=3 * DAY) == Send((B,))

    def test_it_opens_the_next_tier_early_where_the_step_says_so(self):
        assert self.decide(no("a", "b"), age=1.0, opens_early=True) == Send((NEXT,))

    def test_it_waits_for_the_first_tier_even_so(self):
        situation = Situation((NEXT,), age=1.0, opens_early=True)
        assert self.pattern.decide(situation) == Wait(until=DAY)

    @pytest.mark.parametrize("state", [TryState.WAITING, TryState.UNKNOWN_HOLD])
    def test_it_opens_no_tier_while_one_may_hold_the_lead(self, state):
        assert self.decide((Try("a", state),), age=3 * DAY) == Wait()

    def test_it_ends_with_a_sale(self):
        assert self.decide((Try("a", TryState.ACCEPTED),), age=DAY).sold

    def test_it_turns_to_the_pool_after_the_last_tier(self):
        tries = no("a", "b", "next", "other", "last")
        situation = Situation(ALL, POOL, tries, age=2 * DAY)
        assert self.pattern.decide(situation) == Send((POOL,))
        assert self.decide(tries, age=2 * DAY) == Done(False, "No recipient accepted: 5 declined")

    def test_it_follows_a_tier_whose_time_was_changed_or_that_is_gone(self):
        moved = (A, Candidate("next", opens_after=HOUR))
        assert self.pattern.decide(Situation(moved, tries=no("a"), age=HOUR)) == Send((moved[1],))
        assert self.pattern.decide(Situation((A,), tries=no("a"), age=HOUR)) == Done(
            False, "No recipient accepted: 1 declined"
        )
