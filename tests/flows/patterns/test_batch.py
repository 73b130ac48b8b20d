"""InBatches: everyone, each on its own."""

from __future__ import annotations

import pytest

from flows.patterns import Candidate, Done, Send, Situation, Try, TryState, Wait
from flows.patterns.batch import InBatches
from tests.flows.patterns.contract import PatternContract

A, B, C = Candidate("a"), Candidate("b"), Candidate("c")


class TestInBatches(PatternContract):
    pattern = InBatches()
    most_sales = None

    def test_it_sends_to_all_at_once(self):
        assert self.pattern.decide(Situation((A, B, A, C))) == Send((A, B, C))

    @pytest.mark.parametrize("state", list(TryState))
    def test_it_finishes_a_send_that_a_crash_cut_short(self, state):
        situation = Situation((A, B, C), tries=(Try("a", state),))
        assert self.pattern.decide(situation) == Send((B, C))

    def test_it_waits_for_the_last(self):
        tries = (Try("a", TryState.ACCEPTED), Try("b", TryState.WAITING))
        assert self.pattern.decide(Situation((A, B), tries=tries)) == Wait()

    def test_it_counts_one_accept_as_sold(self):
        tries = (Try("a", TryState.ACCEPTED), Try("b", TryState.FAILED))
        assert self.pattern.decide(Situation((A, B), tries=tries)) == Done(
            True, "Accepted by 1 of 2 tried"
        )
