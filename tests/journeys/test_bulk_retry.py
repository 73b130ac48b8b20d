"""A bulk retry whose worker dies in the middle: the next goes on, and nothing goes out twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from leadops.buyers import Buyers
from tests.journeys import stage
from tests.journeys.stage import PRICE, Stream
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

LEADS = 320  # more than may wait at once, so that the bulk retry takes a while
KEY = "ops-key-of-the-journeys-0123456789"
LEASE_SECONDS = 5
SETTLE_SECONDS = 120.0
# Its lease ends, and a schedule that runs by the minute finds it.
TAKEN_UP_SECONDS = 300.0

REFUSING = """
from leadops.accounts.models import AccountKey, User
from recipients.models import Recipient, RetryRule

buyer = Recipient.objects.get()
Recipient.objects.update(breaker_enabled=False)
RetryRule.objects.create(recipient=buyer, outcome="server_error", times=0)
key = AccountKey(user=User.objects.create_user(username="olga", role="ops"))
key.set({key!r})
key.save()
"""
TAKING = """
from recipients.models import Endpoint

endpoint = Endpoint.objects.get()
endpoint.url, endpoint.timeout = {url!r}, 30
endpoint.save()
"""
FAILED = "SELECT count(*) FROM events_delivery WHERE state = 'failed'"
BULK = "SELECT state, position, total, sent FROM flows_bulkretry"


@pytest.fixture
def failed(buyers: Buyers) -> Iterator[LiveSystem]:
    """A system whose buyer has failed with every lead, and works again, slowly."""
    system = LiveSystem("--workers", "2", environment={"LEADOPS_LEASE": f"{LEASE_SECONDS}s"})
    try:
        system.start()
        stage.set_up(system, f"{buyers.url}/error")
        system.manage("shell", "-v0", "-c", REFUSING.format(key=KEY))
        with Stream(system, rate=100) as stream:
            wait_for(lambda: len(stream.answered) >= LEADS, 120, what="enough leads")
        assert stream.problems == []
        wait_for(lambda: stage.settled(system), SETTLE_SECONDS, what="the failure of all of them")
        url = f"{buyers.url}/accept?ms=1500"
        system.manage("shell", "-v0", "-c", TAKING.format(url=url))
        yield system
    finally:
        system.discard()


def kill_workers(system: LiveSystem) -> None:
    for worker in system.workers("misc"):
        worker.kill()


def kill_cluster(system: LiveSystem) -> None:
    """Its main process: the supervisor ends what is left of it and starts another."""
    system.main("misc").kill()


@pytest.mark.parametrize("kill", [kill_workers, pytest.param(kill_cluster, marks=pytest.mark.soak)])
def test_it_goes_on_where_a_killed_worker_left_it(
    kill: Callable[[LiveSystem], None], failed: LiveSystem, buyers: Buyers
) -> None:
    total = failed.value(FAILED)
    assert total >= LEADS
    answer = failed.post("/api/v1/recipients/buyer/retry", {"start": "2020-01-01"}, KEY)
    assert (answer.status_code, answer.json()["total"]) == (202, total), answer.text
    wait_for(lambda: 0 < position(failed) < total, 120, what="the middle of the bulk retry")
    kill(failed)
    left = position(failed)
    assert left < total
    wait_for(lambda: position(failed) > left, TAKEN_UP_SECONDS, what="another worker")
    wait_for(lambda: failed.sql(BULK)[0][0] == "done", 120, what="the end of the bulk retry")
    assert failed.sql(BULK) == [("done", total, total, total)]
    wait_for(lambda: stage.settled(failed), SETTLE_SECONDS, what="the end of all work")
    check_books(failed, total)
    check_buyer(buyers, total)


def position(system: LiveSystem) -> int:
    return int(system.value("SELECT position FROM flows_bulkretry"))


def check_books(system: LiveSystem, total: int) -> None:
    """Every delivery is sent again once, sold once, and paid for once."""
    counted = "SELECT count(*), count(DISTINCT entity_id) FROM events_event WHERE type = %s"
    assert system.sql(counted, "recipient.delivered")[0][0] == total
    times = system.sql(
        "SELECT DISTINCT count(*) FILTER (WHERE type = 'retry.scheduled'), "
        "count(*) FILTER (WHERE type = 'recipient.delivered'), "
        "count(*) FILTER (WHERE type = 'recipient.failed'), max(seq) = count(*) "
        "FROM events_event WHERE lead_id IS NOT NULL AND lead_id <> '' GROUP BY lead_id"
    )
    assert times == [(1, 1, 1, True)]
    assert system.value("SELECT sum(revenue) FROM events_delivery") == PRICE * total
    assert system.value("SELECT sum(revenue) FROM events_lead") == PRICE * total
    figures = "SELECT sum(revenue) FROM events_figure WHERE kind = 'delivery'"
    assert system.value(figures) == PRICE * total
    ended = "SELECT count(*) FROM events_event WHERE type = 'retry.bulk_ended'"
    assert system.value(ended) == 1


def check_buyer(buyers: Buyers, total: int) -> None:
    """It saw every lead once more, under the key of the first time."""
    seen = {
        path: Counter(entry["idempotency_key"] for entry in buyers.log(path=path))
        for path in ("/error", "/accept")
    }
    assert set(seen["/accept"].values()) == {1}
    assert seen["/accept"] == seen["/error"]
    assert len(seen["/accept"]) == total
