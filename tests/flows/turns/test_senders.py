"""How many threads are at it."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from flows.turns import senders
from flows.turns.senders import AT_ONCE, FEW, SLOW, Crew, Senders
from recipients.deliver import Attempt
from recipients.outcomes import Outcome, Result

BUSY, FREE = AT_ONCE * 4, AT_ONCE / 2


def test_it_begins_with_few():
    assert Crew(128).wanted == FEW
    assert Crew(2).wanted == 2


@pytest.mark.parametrize(
    ("begun", "late", "wanted"),
    [
        (SLOW * 2, FREE, 16),  # nobody uses the interpreter: buyers take their time
        (SLOW / 2, BUSY, 16),  # hardly anything is begun, whoever uses it
        (SLOW * 2, BUSY, 6),  # more threads would only wait for each other
    ],
)
def test_it_doubles_where_buyers_take_their_time(begun, late, wanted):
    crew = Crew(128)
    crew.wanted = 8
    crew.look(begun=begun, late=late)
    assert crew.wanted == wanted


def test_it_stays_between_few_and_all():
    crew = Crew(10)
    for _ in range(5):
        crew.look(begun=0, late=0)
    assert crew.wanted == 10
    for _ in range(9):
        crew.look(begun=SLOW * 2, late=BUSY)
    assert crew.wanted == FEW


class Sent:
    """What came back."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def put(self, ended: Any) -> None:
        self.all.append(ended)


class Job:
    """As much of a sending as a sender looks at."""

    plan = endpoint = context = None
    attempt = tries = 1
    delivery_id = "dlv_1"
    test = False


def _run(monkeypatch, deliver, jobs: int, threads: int) -> tuple[Senders, Sent]:
    monkeypatch.setattr(senders, "deliver", deliver)
    sent = Sent()
    made = Senders(threads, cast(Any, None), cast(Any, sent), cast(Any, object()))
    for _ in range(jobs):
        made.send(cast(Any, Job()), time.monotonic() + 60)
    return made, sent


def _wait(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_all_are_at_it_where_every_buyer_hangs(monkeypatch):
    """No attempt begins to be answered before all have begun: with fewer threads none ever is."""
    together = threading.Barrier(32)

    def deliver(*args: Any, **kwargs: Any) -> Attempt:
        together.wait(30)
        return Attempt(result=Result(Outcome.ACCEPTED))

    made, sent = _run(monkeypatch, deliver, 64, 32)
    _wait(lambda: len(sent.all) == 64)
    made.close()


def test_what_was_given_is_made_before_they_end(monkeypatch):
    def deliver(*args: Any, **kwargs: Any) -> Attempt:
        time.sleep(0.001)
        return Attempt(result=Result(Outcome.ACCEPTED))

    made, sent = _run(monkeypatch, deliver, 200, 16)
    made.close()
    _wait(lambda: not any(thread.is_alive() for thread in made.threads))
    assert len(sent.all) == 200
