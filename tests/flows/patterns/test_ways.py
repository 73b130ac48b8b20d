"""Thousands of random ways through every pattern; `make patterns` plays a million."""

from __future__ import annotations

import pytest

from flows.patterns import PATTERNS, Candidate, Send
from flows.patterns.waterfall import Waterfall
from tests.flows.patterns import ways


def test_no_lead_is_sold_beyond_its_rule():
    assert ways.play(12_000, "suite") > 1_000


class Greedy(Waterfall):
    """Goes on after a sale."""

    def decide(self, situation):
        if situation.open or not situation.untried:
            return super().decide(situation)
        return Send(situation.untried[:1])


class Stubborn(Waterfall):
    """Turns to the same one again and again."""

    def decide(self, situation):
        return Send((Candidate("a"),))


@pytest.mark.parametrize(
    ("pattern", "said"), [(Greedy(), "sends what is sold"), (Stubborn(), "turns to a twice")]
)
def test_it_catches_a_pattern_that_breaks_its_promise(monkeypatch, pattern, said):
    monkeypatch.setattr(ways, "PATTERNS", {**PATTERNS, "waterfall": pattern})
    with pytest.raises(ways.Broken, match=said):
        ways.play(1_000, "suite")
