"""A cap under real pumps: leads from 64 threads at once, and a pump that is killed amid them.

`LEADS` and `PUMPS` in the environment make it a big one (10000 and 4).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
import requests

from leadops.buyers import Buyers
from tests.journeys import stage
from tests.journeys.stage import PRICE, SOURCE_KEY
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

LEADS = int(os.environ.get("LEADS", "600"))
PUMPS = os.environ.get("PUMPS", "2")
THREADS = 64
CAP = 100
SETTLE_SECONDS = 300.0
CAPPED = """
from recipients.models import Recipient
buyer = Recipient.objects.get()
buyer.caps = [{{"count": {cap}, "per": "month"}}, {{"money": "{money}", "per": "month"}}]
buyer.limits = {{"concurrency": 16}}
buyer.save()
"""


@pytest.fixture
def market(buyers: Buyers) -> Iterator[LiveSystem]:
    system = LiveSystem("--workers", PUMPS, environment={"LEADOPS_LEASE": "5s"})
    try:
        system.start()
        stage.set_up(system, f"{buyers.url}/slow?ms=20")
        script = CAPPED.format(cap=CAP, money=PRICE * CAP)
        system.manage("shell", "-v0", "-c", script)
        yield system
        system.stop()
    finally:
        system.discard()


def test_a_cap_is_exact_whatever_the_number_of_threads_and_pumps(
    market: LiveSystem, buyers: Buyers
):
    numbers = iter(range(LEADS))
    lock, problems = threading.Lock(), []

    def post() -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {SOURCE_KEY}"
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            answer = session.post(
                f"{market.url}/api/v1/flows/auto/leads",
                json={"email": f"p{number}@example.com"},
                timeout=120,
            )
            if answer.status_code != 201:
                problems.append(answer.text)

    threads = [threading.Thread(target=post) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    sold = "SELECT count(*) FROM events_delivery WHERE state = 'accepted'"
    wait_for(lambda: market.value(sold) >= 10, 120, what="the first sales")
    os.kill(market.pump_pids()[0], signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert problems == []
    wait_for(lambda: stage.settled(market), SETTLE_SECONDS, what="the end of all work")
    assert market.value(sold) == CAP
    assert market.value("SELECT count(*) FROM events_lead") == LEADS
    assert market.value("SELECT sum(revenue) FROM events_lead") == PRICE * CAP
    assert len({entry["idempotency_key"] for entry in buyers.log()}) == CAP
    left = "SELECT sum(reserved), sum(booked) FROM flows_capcount"
    assert market.sql(left) == [(0, 0)]
    used = "SELECT used FROM flows_capcount WHERE key NOT LIKE '%:room' ORDER BY used"
    assert [int(row[0]) for row in market.sql(used)] == [CAP, PRICE * CAP]
    reasons = market.sql("SELECT DISTINCT reason FROM events_delivery WHERE state = 'skipped'")
    assert {row[0] for row in reasons} <= {
        f"Monthly cap reached ({CAP}/{CAP})",
        f"Monthly cap reached ({PRICE * CAP}.00/{PRICE * CAP}.00)",
    }
