"""The contract suite: inherit it, name the pattern, and say how often it may sell a lead.

It plays random results, reviews, changed orders and crashes (a decision carried out in part, or
asked for again) against the pattern, and holds it to what every pattern promises.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.patterns import (
    Ask,
    Bid,
    Candidate,
    Done,
    Pattern,
    Send,
    Situation,
    Try,
    TryState,
    Wait,
)

# The suite is inherited: every pattern runs the same properties with itself as `self`.
inherited = settings(
    max_examples=300, suppress_health_check=[HealthCheck.differing_executors], deadline=None
)

FINAL = [state for state in TryState if state.is_final]

candidate_lists = st.lists(
    st.builds(
        Candidate,
        # Few names: the same recipient may be listed twice by mistake.
        recipient=st.sampled_from("abcdef"),
        price=st.none() | st.decimals(0, 100, places=2),
        weight=st.just(Decimal(1)),
        priority=st.integers(0, 3),
        opens_after=st.sampled_from([0.0, 60.0, 86_400.0]),
        static_bid=st.none() | st.just(Decimal(20)),
        minimum_bid=st.none() | st.just(Decimal(10)),
        margin=st.sampled_from([Decimal(0), Decimal("0.1")]),
    ),
    max_size=6,
).map(tuple)
pools = st.none() | st.sampled_from("aful").map(Candidate)
amounts = st.none() | st.decimals(0, 50, places=2)


class PatternContract:
    """Subclass as `TestX(PatternContract)` with `pattern` and `most_sales`."""

    pattern: ClassVar[Pattern]
    # Sales of one lead that the pattern's rule allows; None where every recipient may buy.
    most_sales: ClassVar[int | None] = 1
    # How long a lead may stay without a decision but waiting, in seconds of age.
    oldest: ClassVar[float] = 100 * 3600.0

    @inherited
    @given(candidate_lists, pools, st.booleans(), st.data())
    def test_it_keeps_its_promises_to_the_end(self, candidates, remediation, early, data):
        situation = Situation(candidates, remediation, opens_early=early)
        play = Play(self.pattern, situation, data, self.oldest)
        play.to_the_end()
        accepted = sum(attempt.state is TryState.ACCEPTED for attempt in play.situation.tries)
        most = len(play.situation.tries) if self.most_sales is None else self.most_sales
        assert accepted <= most
        assert play.done.sold is (accepted > 0)
        assert play.done.reason

    @inherited
    @given(candidate_lists, pools, st.data())
    def test_it_ends_when_everyone_declines(self, candidates, remediation, data):
        play = Play(self.pattern, Situation(candidates, remediation), data, self.oldest)
        play.states = [TryState.DECLINED]
        play.to_the_end()
        assert not play.done.sold

    @inherited
    @given(
        candidate_lists,
        pools,
        st.lists(st.sampled_from(TryState), max_size=6),
        st.none() | st.lists(st.builds(Bid, st.sampled_from("abcdefx"), amounts)).map(tuple),
        st.floats(0, 90_000),
    )
    def test_it_answers_in_any_situation(self, candidates, remediation, states, bids, age):
        tries = tuple(Try(name, state) for name, state in zip("abcxyz", states, strict=False))
        situation = Situation(candidates, remediation, tries, age, bids)
        decision = self.pattern.decide(situation)
        assert decision == self.pattern.decide(copy.deepcopy(situation))
        if isinstance(decision, Send):
            assert_fresh(decision, situation)
        if isinstance(decision, Done):
            assert_over(decision, situation, self.pattern)

    def test_it_ends_at_once_without_recipients(self):
        decision = self.pattern.decide(Situation(()))
        assert decision == Done(sold=False, reason="The step has no recipients")


def assert_over(decision: Done, situation: Situation, pattern: Pattern) -> None:
    """Nobody's answer could change anything: none is to come, or the one sale is made."""
    assert decision.sold is situation.sold
    assert not situation.open or (situation.sold and pattern.exclusive)


def assert_fresh(decision: Send | Ask, situation: Situation) -> None:
    """Somebody, each once, of the step's own, and nobody who was turned to before."""
    names = [candidate.recipient for candidate in decision.candidates]
    allowed = {candidate.recipient for candidate in situation.candidates}
    if situation.remediation is not None:
        allowed.add(situation.remediation.recipient)
    assert names
    assert len(names) == len(set(names))
    assert set(names) <= allowed
    assert set(names).isdisjoint(attempt.recipient for attempt in situation.tries)


class Play:
    """One lead's way through a step, with chance deciding what happens next."""

    def __init__(
        self, pattern: Pattern, situation: Situation, data: st.DataObject, oldest: float
    ) -> None:
        self.pattern = pattern
        self.situation = situation
        self.data = data
        self.oldest = oldest
        self.states = [*FINAL, TryState.UNKNOWN_HOLD]

    def to_the_end(self) -> None:
        # Each recipient can be sent, held and reviewed; crashes repeat a question, not a step.
        for _ in range(60):
            decision = self.pattern.decide(self.situation)
            assert decision == self.pattern.decide(self.situation), "asked twice"
            if isinstance(decision, Done):
                assert_over(decision, self.situation, self.pattern)
                self.done = decision
                return
            if isinstance(decision, Send):
                self.send(decision)
            elif isinstance(decision, Ask):
                self.ask(decision)
            else:
                self.wait(decision)
        raise AssertionError("the pattern does not come to an end")

    def send(self, decision: Send) -> None:
        """Carries the decision out, or part of it: the rest is lost in a crash."""
        assert_fresh(decision, self.situation)
        written = self.data.draw(st.integers(1, len(decision.candidates)), "written before a crash")
        tries = tuple(
            Try(candidate.recipient, TryState.WAITING)
            for candidate in decision.candidates[:written]
        )
        self.situation = replace(self.situation, tries=self.situation.tries + tries)
        if self.data.draw(st.booleans(), "order changes"):
            turned = tuple(self.data.draw(st.permutations(self.situation.candidates)))
            self.situation = replace(self.situation, candidates=turned)

    def ask(self, decision: Ask) -> None:
        """Brings some bids; those who gave none in time are not among them."""
        assert_fresh(decision, self.situation)
        assert self.situation.bids is None, "asks twice"
        asked = self.data.draw(st.permutations(decision.candidates), "who answers")
        count = self.data.draw(st.integers(0, len(asked)), "in time")
        bids = [Bid(c.recipient, self.data.draw(amounts, "bid")) for c in asked[:count]]
        self.situation = replace(self.situation, bids=tuple(bids))

    def wait(self, decision: Wait) -> None:
        """Brings one outstanding result, or lets the time pass that the pattern waits for."""
        outstanding = [a for a in self.situation.tries if not a.state.is_final]
        if not outstanding:
            assert decision.until is not None, "waits for a result that cannot come"
            assert self.situation.age < decision.until <= self.oldest
            self.situation = replace(self.situation, age=decision.until)
            return
        attempt = self.data.draw(st.sampled_from(outstanding), "whose result")
        # A review ends an attempt for good: it is not held a second time.
        held = attempt.state is TryState.UNKNOWN_HOLD
        states = [state for state in self.states if state.is_final or not held]
        state = self.data.draw(st.sampled_from(states), "its result")
        result = Try(attempt.recipient, state, sent=state is not TryState.SKIPPED)
        tries = tuple(result if other == attempt else other for other in self.situation.tries)
        self.situation = replace(self.situation, tries=tries)
