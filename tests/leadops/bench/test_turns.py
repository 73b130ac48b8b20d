"""The measuring loop, on a clock of its own."""

from __future__ import annotations

import itertools

import pytest

from leadops.bench.turns import Rounds


def test_it_takes_the_mean_of_a_round_and_the_middle_of_all() -> None:
    moments = iter([0.0, 1.0, 1.0, 4.0, 4.0, 6.0])
    rounds = Rounds(10, clock=lambda: next(moments))
    for _ in range(3):
        rounds.round("read", lambda: True)
    assert rounds.times == {"read": pytest.approx([0.1, 0.3, 0.2])}
    assert rounds.microseconds() == {"read_us": pytest.approx(200_000)}


def test_it_counts_turns_that_came_to_something_else() -> None:
    answers = itertools.cycle([True, False])
    rounds = Rounds(10)
    rounds.round("read", lambda: next(answers))
    assert rounds.errors == 5


def test_it_sets_ours_beside_the_bare_limit() -> None:
    rounds = Rounds(1)
    rounds.times = {"ours": [0.002, 0.002, 0.004], "bare": [0.001]}
    figures = rounds.against("bare", ours="ours")
    assert (figures["rate"], figures["ratio"]) == (pytest.approx(500), pytest.approx(0.5))
    assert figures["p95_ms"] > figures["p50_ms"] == pytest.approx(2)
