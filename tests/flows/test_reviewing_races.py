"""Several people and workers at one lead, each with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from events import verify
from events.models import Delivery, Event
from flows.byhand import bulkretry, retrying, reviewing
from flows.byhand.by_hand import NotNow
from flows.models import Work
from recipients.outcomes import Outcome
from tests.flows.byhand.test_bulkretry import failed, filters
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts: Callable[[], object]) -> list[str]:
    """Do all at once; what each came to: done, or the reason why not."""
    start = Barrier(len(acts))

    def one(act: Callable[[], object]) -> str:
        try:
            start.wait(30)
            act()
        except NotNow as error:
            return str(error)
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_of_many_who_decide_at_once_one_does():
    play = scene(recipient("abc"), recipient("premier"), pattern="waterfall")
    answer = play.post()
    play.play(abc=[attempt(Outcome.UNREADABLE, reason="Odd")])
    delivery, seen = play.delivery("abc"), play.lead(answer).seq
    premier = recipient("other")
    said = together(
        lambda: retrying.retry_delivery(delivery.id, by="a", seen=seen),
        lambda: retrying.retry_delivery(delivery.id, by="b", seen=seen),
        lambda: reviewing.close(delivery.id, by="c", reason="x", decision="failed", seen=seen),
        lambda: reviewing.send_elsewhere(delivery.id, premier.id, by="d", force=True, seen=seen),
        lambda: reviewing.accept(delivery.id, by="e", reason="x", seen=seen),
    )
    assert said.count("done") == 1
    assert sum("in the meantime" in text for text in said) == 4
    assert Work.objects.count() == 1
    assert [problem for check in verify.run() for problem in check.problems] == []


def test_a_bulk_retry_that_two_work_on_sends_each_once():
    failed(8)
    bulk = bulkretry.start(filters(), by="olga")
    together(*[lambda: _all_of(bulk.id) for _ in range(3)])
    assert Work.objects.count() == 8
    assert Delivery.objects.filter(state="waiting").count() == 8
    again = Event.objects.filter(type="retry.scheduled", data__manual=True)
    assert again.count() == 8
    bulk.refresh_from_db()
    assert (bulk.state, bulk.sent, bulk.position) == ("done", 8, 8)


def _all_of(bulk_id: str) -> None:
    """As if leases had run out all the time."""
    while bulkretry._batch(bulk_id, 2):
        pass
