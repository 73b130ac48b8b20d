"""Workers die while batches gather and while they are sent: no lead twice, none forgotten."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from leadops.buyers import Buyers
from tests.journeys import stage
from tests.journeys.stage import SOURCE_KEY, Stream
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

SETTLE_SECONDS = 90.0
GATHER = """
from recipients.models import Batching, MappingRow, Recipient
pool = Recipient.objects.get(slug="buyer")
pool.price_path = "price"
pool.save()
MappingRow.objects.create(recipient=pool, key="id", value="{{{{delivery.id}}}}")
Batching.objects.create(
    recipient=pool, count={count}, age={age}, items="results", key_path="id", wrapper="leads"
)
"""


@pytest.fixture
def market() -> Iterator[LiveSystem]:
    system = LiveSystem("--workers", "2", environment={"LEADOPS_LEASE": "5s"})
    try:
        system.start()
        yield system
    finally:
        system.discard()


def set_up(system: LiveSystem, url: str, *, count: int, age: float) -> None:
    stage.set_up(system, url)
    system.manage("shell", "-v0", "-c", GATHER.format(count=count, age=age))


def post(system: LiveSystem, number: int) -> None:
    for n in range(number):
        found = system.post("/api/v1/flows/auto/leads", {"email": f"a{n}@x.com"}, key=SOURCE_KEY)
        assert found.status_code == 201, found.text


def kill_pumps(system: LiveSystem) -> None:
    for pid in system.pump_pids():
        with contextlib.suppress(ProcessLookupError):  # one that was killed before
            os.kill(pid, signal.SIGKILL)


def requests_of(buyers: Buyers) -> dict[str, list[frozenset[str]]]:
    """The deliveries in each request, by its idempotency key."""
    found: dict[str, list[frozenset[str]]] = defaultdict(list)
    for entry in buyers.log():
        headers = {name.lower(): value for name, value in dict(entry["headers"]).items()}
        body: Any = entry["body"]
        body = json.loads(body) if isinstance(body, str) else body
        found[headers["idempotency-key"]].append(frozenset(row["id"] for row in body["leads"]))
    return dict(found)


def check(system: LiveSystem, buyers: Buyers, number: int) -> None:
    wait_for(lambda: stage.settled(system), SETTLE_SECONDS, what="the end of all work")
    states = system.sql("SELECT state, count(*) FROM events_delivery GROUP BY state")
    assert states == [("accepted", number)]
    seen: dict[str, str] = {}
    for key, times in requests_of(buyers).items():
        assert len(set(times)) == 1, "A batch was sent again with other leads."
        for delivery in times[0]:
            assert seen.setdefault(delivery, key) == key, "A lead is in two batches."
    assert len(seen) == number, "A lead was never sent."
    stored = dict(system.sql("SELECT id, batch FROM events_delivery"))
    assert stored == seen
    ended = "SELECT count(*) FROM events_event WHERE type = 'recipient.delivered'"
    assert system.value(ended) == number
    sold = system.value("SELECT coalesce(sum(revenue), 0) FROM events_lead")
    assert sold == stage.PRICE * number
    assert system.sql("SELECT state FROM flows_batch WHERE state = 'open'") == []
    system.manage("verify")


def test_it_forgets_no_lead_when_pumps_die_while_a_batch_gathers(
    market: LiveSystem, buyers: Buyers
) -> None:
    set_up(market, f"{buyers.url}/batch", count=1000, age=4)
    post(market, 20)
    waiting = "SELECT count(*) = 20 FROM events_delivery WHERE waits_for = 'Batch'"
    wait_for(lambda: market.value(waiting), 30, what="a batch that gathers")
    kill_pumps(market)
    check(market, buyers, 20)
    assert sum(map(len, requests_of(buyers).values())) == 1


def test_it_sends_the_same_batch_again_when_pumps_die_before_its_answer(
    market: LiveSystem, buyers: Buyers
) -> None:
    set_up(market, f"{buyers.url}/batch?ms=1500", count=10, age=60)
    post(market, 10)
    wait_for(buyers.log, 30, what="the batch")
    kill_pumps(market)
    check(market, buyers, 10)
    ((times),) = requests_of(buyers).values()
    assert len(times) >= 2
    doubts = "SELECT count(*) FROM events_event WHERE type = 'recipient.error'"
    assert market.value(doubts) == 10


def test_it_keeps_its_books_when_pumps_die_again_and_again(
    market: LiveSystem, buyers: Buyers
) -> None:
    set_up(market, f"{buyers.url}/batch?ms=200", count=7, age=1)
    with Stream(market, rate=40) as stream:
        for number in (40, 160, 320):
            wait_for(lambda n=number: len(stream.answered) >= n, 60, what="a stream of leads")  # type: ignore[misc]
            wait_for(market.pump_pids, 60, what="pumps")
            kill_pumps(market)
    assert stream.problems == []
    check(market, buyers, len(stream.answered))
