"""Simultaneous: all at once, and the first acceptance ends it."""

from __future__ import annotations

import pytest

from flows.patterns import Candidate, Done, Send, Situation, Try, TryState, Wait
from flows.patterns.simultaneous import Simultaneous
from tests.flows.patterns.contract import PatternContract

A, B, C, POOL = Candidate("a"), Candidate("b"), Candidate("c"), Candidate("pool")


class TestSimultaneous(PatternContract):
    pattern = Simultaneous()

    def test_it_sends_to_all_at_once_and_to_each_once(self):
        assert self.pattern.decide(Situation((A, B, A, C), POOL)) == Send((A, B, C))

    @pytest.mark.parametrize("others", [TryState.WAITING, TryState.UNKNOWN_HOLD])
    def test_it_is_done_with_the_first_acceptance(self, others):
        tries = (Try("a", others), Try("b", TryState.ACCEPTED))
        decision = self.pattern.decide(Situation((A, B, C), POOL, tries))
        assert decision == Done(True, "Accepted by 1 of 2 tried")

    def test_it_waits_for_the_others_after_a_no(self):
        tries = (Try("a", TryState.WAITING), Try("b", TryState.DECLINED))
        assert self.pattern.decide(Situation((A, B), POOL, tries)) == Wait()

    def test_it_sends_to_whoever_joined_the_step_meanwhile(self):
        tries = (Try("a", TryState.WAITING),)
        assert self.pattern.decide(Situation((A, B), tries=tries)) == Send((B,))

    def test_it_sends_to_nobody_more_while_one_may_hold_the_lead(self):
        tries = (Try("a", TryState.UNKNOWN_HOLD),)
        assert self.pattern.decide(Situation((A, B), tries=tries)) == Wait()

    def test_it_turns_to_the_pool_when_all_have_said_no(self):
        tries = (Try("a", TryState.DECLINED), Try("b", TryState.SKIPPED))
        assert self.pattern.decide(Situation((A, B), POOL, tries)) == Send((POOL,))
        assert not self.pattern.decide(Situation((A, B), None, tries)).sold
