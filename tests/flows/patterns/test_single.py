"""Single: one recipient, and no other."""

from __future__ import annotations

from flows.patterns import Candidate, Done, Send, Situation, Try, TryState
from flows.patterns.single import Single
from tests.flows.patterns.contract import PatternContract

A, B = Candidate("a"), Candidate("b")


class TestSingle(PatternContract):
    pattern = Single()

    def test_it_sends_to_the_first(self):
        assert self.pattern.decide(Situation((A, B))) == Send((A,))

    def test_it_does_not_move_on_after_a_rejection(self):
        situation = Situation((A, B), tries=(Try("a", TryState.DECLINED, sent=True),))
        assert self.pattern.decide(situation) == Done(False, "No recipient accepted: 1 declined")

    def test_it_does_not_start_again_when_the_rotation_has_moved_on(self):
        situation = Situation((B, A), tries=(Try("a", TryState.SKIPPED),))
        assert self.pattern.decide(situation) == Done(False, "No recipient accepted: 1 skipped")
