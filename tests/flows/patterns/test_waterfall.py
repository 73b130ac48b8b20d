"""Waterfall: one after the other, never two at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.patterns import Candidate, Done, Send, Situation, Try, TryState, Wait
from flows.patterns.waterfall import Waterfall
from tests.flows.patterns.contract import PatternContract, candidate_lists, pools

A, B, POOL = Candidate("a"), Candidate("b"), Candidate("pool")


class TestWaterfall(PatternContract):
    pattern = Waterfall()

    def test_it_begins_with_the_first(self):
        assert self.pattern.decide(Situation((A, B), POOL)) == Send((A,))

    @pytest.mark.parametrize("state", [TryState.DECLINED, TryState.FAILED, TryState.SKIPPED])
    def test_it_goes_on_to_the_next(self, state):
        assert self.pattern.decide(Situation((A, B), tries=(Try("a", state),))) == Send((B,))

    def test_it_turns_to_the_pool_last(self):
        tries = (Try("a", TryState.DECLINED), Try("b", TryState.SKIPPED))
        assert self.pattern.decide(Situation((A, B), POOL, tries)) == Send((POOL,))

    def test_it_does_not_turn_twice_to_a_pool_that_is_also_listed(self):
        tries = (Try("a", TryState.DECLINED), Try("b", TryState.DECLINED))
        assert self.pattern.decide(Situation((A, B), A, tries)) == Done(
            False, "No recipient accepted: 2 declined"
        )

    @pytest.mark.parametrize("state", [TryState.WAITING, TryState.UNKNOWN_HOLD])
    def test_it_does_not_move_on_while_one_may_hold_the_lead(self, state):
        assert self.pattern.decide(Situation((A, B), tries=(Try("a", state),))) == Wait()

    def test_it_stops_at_the_first_sale(self):
        tries = (Try("a", TryState.DECLINED), Try("b", TryState.ACCEPTED))
        decision = self.pattern.decide(Situation((A, B), POOL, tries))
        assert decision == Done(True, "Accepted by 1 of 2 tried")

    def test_it_honours_a_sale_to_someone_taken_off_the_list_since(self):
        tries = (Try("gone", TryState.ACCEPTED),)
        assert self.pattern.decide(Situation((A, B), tries=tries)).sold

    @given(candidate_lists, pools, st.lists(st.sampled_from(TryState), max_size=6))
    def test_it_never_sends_to_two_at_once(self, candidates, remediation, states):
        tries = tuple(Try(name, state) for name, state in zip("abcxyz", states, strict=False))
        decision = self.pattern.decide(Situation(candidates, remediation, tries))
        assert not isinstance(decision, Send) or len(decision.candidates) == 1
