"""Many deliveries sent again: in batches, at a pace, safe to run twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events import verify
from events.models import Delivery, Event
from flows import plans, tasks
from flows.byhand import bulkretry, retrying
from flows.byhand.bulkretry import Filters
from flows.models import BulkRetry, Work
from leadops.lib import queue
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db


def failed(count: int, *, outcome: Outcome = Outcome.UNAVAILABLE, play: Scene | None = None):
    """Leads whose delivery to abc has failed for good."""
    play = play or scene(recipient("abc"))
    # A breaker would hold back what fails so often.
    Recipient.objects.update(breaker_enabled=False)
    plans.changed()
    for place in range(count):
        play.post(email=f"a{place}@example.com", phone_1=f"55555{10_000 + place}")
    tries = 4 if outcome in (Outcome.UNAVAILABLE, Outcome.SERVER_ERROR) else 1
    play.play(abc=[attempt(outcome, reason="Refused") for _ in range(count * tries)])
    return play


def filters(**more: Any) -> Filters:
    now = datetime.now(UTC)
    return Filters(start=now - timedelta(days=1), end=now + timedelta(minutes=1), **more)


def run(bulk: BulkRetry, seconds: float = 60.0) -> bool:
    return bulkretry.work(bulk.id, seconds=seconds, stopping=lambda: False)


def test_it_counts_what_fits_and_sends_exactly_that_again():
    play = failed(3)
    assert bulkretry.look(filters()).count == 3
    bulk = bulkretry.start(filters(recipient="abc"), by="olga")
    assert (bulk.total, bulk.state, Work.objects.count()) == (3, "queued", 0)
    assert run(bulk)
    bulk.refresh_from_db()
    assert (bulk.state, bulk.position, bulk.sent, bulk.refused) == ("done", 3, 3, {})
    assert set(Work.objects.values_list("lane", flat=True)) == {
        f"{Delivery.objects.first().recipient_id}:retry"
    }
    play.play(abc=[attempt(Outcome.ACCEPTED) for _ in range(3)])
    assert set(Delivery.objects.values_list("state", flat=True)) == {"accepted"}
    again = Event.objects.filter(type="retry.scheduled", data__manual=True)
    assert {(e.data["by"], e.data["bulk"]) for e in again} == {("olga", bulk.id)}
    assert [p for check in verify.run() for p in check.problems] == []


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({}, 2),
        ({"recipient": "abc"}, 2),
        ({"recipient": "premier"}, 0),
        ({"flow": "auto"}, 2),
        ({"flow": "other"}, 0),
        ({"outcome": "unavailable"}, 2),
        ({"outcome": "server_error"}, 0),
        ({"category": "network"}, 2),
        ({"category": "system"}, 0),
        ({"reason": "refus"}, 2),
        ({"reason": "gone"}, 0),
        ({"state": "declined"}, 0),
    ],
)
def test_it_takes_what_the_filters_say(chosen: dict[str, str], count: int):
    failed(2)
    assert bulkretry.look(filters(**chosen)).count == count


def test_it_takes_no_other_period():
    failed(1)
    ago = datetime.now(UTC) - timedelta(days=1)
    assert bulkretry.look(Filters(start=ago - timedelta(days=1), end=ago)).count == 0


def test_it_keeps_nobodys_address_of_what_was_searched():
    kept = filters(
        reason="Failed for ann@example.com", events="type=recipient.error&reason=%28737%29+555-0186"
    ).written()
    assert kept["reason"] == "Failed for •••"
    assert kept["events"] == "type=recipient.error&reason=%E2%80%A2%E2%80%A2%E2%80%A2"


def test_it_wants_something_to_do_and_not_too_much(monkeypatch):
    failed(3)
    with pytest.raises(bulkretry.NoneFit):
        bulkretry.start(filters(outcome="unknown"), by="olga")
    monkeypatch.setattr(bulkretry, "MOST", 2)
    assert bulkretry.look(filters()).too_many
    with pytest.raises(bulkretry.TooMany):
        bulkretry.start(filters(), by="olga")
    assert not BulkRetry.objects.exists()


def test_a_second_run_does_nothing_twice():
    failed(3)
    bulk = bulkretry.start(filters(), by="olga")
    assert run(bulk)
    assert run(bulk)
    assert Work.objects.count() == 3
    assert Event.objects.filter(type="retry.scheduled", data__manual=True).count() == 3


def test_two_workers_do_not_work_on_one():
    failed(1)
    bulk = bulkretry.start(filters(), by="olga")
    assert bulkretry.JOBS.claim(bulk.id, 60)
    assert run(bulk)
    assert not Work.objects.exists()
    assert bulkretry.JOBS.unfinished() == []


def test_what_a_dead_worker_left_is_gone_on_with(monkeypatch):
    failed(4)
    monkeypatch.setattr(bulkretry, "BATCH", 2)
    bulk = bulkretry.start(filters(), by="olga")
    assert bulkretry.JOBS.claim(bulk.id, 60)
    assert bulkretry._batch(bulk.id, 2)  # and then it died
    BulkRetry.objects.update(worked_until=datetime.now(UTC) - timedelta(seconds=1))
    assert bulkretry.JOBS.unfinished() == [bulk.id]
    assert run(bulk)
    assert Work.objects.count() == 4
    bulk.refresh_from_db()
    assert (bulk.sent, bulk.left_out) == (4, 0)


def test_a_batch_that_dies_on_the_way_has_done_nothing(monkeypatch):
    failed(3)
    bulk = bulkretry.start(filters(), by="olga")
    real, seen = retrying.send_again, []

    def dies(*args: Any, **facts: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        real(*args, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(retrying, "send_again", dies)
        with pytest.raises(KeyboardInterrupt):
            run(bulk)
    assert not Work.objects.exists()
    bulk.refresh_from_db()
    assert bulk.position == 0
    assert run(bulk)
    assert Work.objects.count() == 3


def test_one_that_cannot_be_stored_does_not_hold_up_the_others(monkeypatch):
    failed(3)
    bulk = bulkretry.start(filters(), by="olga")
    real, bad = retrying.send_again, bulk.deliveries[1]

    def fails(cursor: Any, run: Any, delivery: Any, *args: Any, **facts: Any) -> None:
        if delivery.id == bad:
            raise RuntimeError("broken")
        real(cursor, run, delivery, *args, **facts)

    monkeypatch.setattr(retrying, "send_again", fails)
    assert run(bulk)
    bulk.refresh_from_db()
    assert (bulk.state, bulk.sent, sum(bulk.refused.values())) == ("done", 2, 1)
    assert Work.objects.count() == 2


def test_it_says_what_it_left_out():
    play = scene(recipient("abc"), recipient("premier"), pattern="waterfall")
    play.post()
    play.play(
        abc=[attempt(Outcome.UNAVAILABLE, reason="Refused")] * 4,
        premier=[attempt(Outcome.ACCEPTED)],
    )
    play.post(email="b@example.com", phone_1="5555550000")
    play.play(
        abc=[attempt(Outcome.UNAVAILABLE, reason="Refused")] * 4,
        premier=[attempt(Outcome.REJECTED, reason="No")],
    )
    found = bulkretry.look(filters(recipient="abc"))
    assert (found.count, found.sold) == (2, 1)
    bulk = bulkretry.start(filters(recipient="abc"), by="olga")
    run(bulk)
    bulk.refresh_from_db()
    assert (bulk.sent, bulk.left_out) == (1, 1)
    (reason,) = bulk.refused
    assert reason.startswith("The lead was sold to Premier")


def test_forced_it_sends_what_was_sold_as_well():
    play = scene(recipient("abc"), recipient("premier"), pattern="waterfall")
    play.post()
    play.play(
        abc=[attempt(Outcome.UNAVAILABLE, reason="Refused")] * 4,
        premier=[attempt(Outcome.ACCEPTED)],
    )
    bulk = bulkretry.start(filters(recipient="abc"), by="olga", force=True)
    run(bulk)
    assert Work.objects.count() == 1


def test_it_waits_while_enough_are_waiting(monkeypatch):
    play = failed(5)
    monkeypatch.setattr(bulkretry, "MOST_WAITING", 2)
    monkeypatch.setattr(bulkretry, "BATCH", 2)
    monkeypatch.setattr(bulkretry, "PAUSE", 0.01)
    bulk = bulkretry.start(filters(), by="olga")
    assert not run(bulk, seconds=0.3)
    assert Work.objects.count() == 2
    bulk.refresh_from_db()
    assert bulk.waits_for
    play.play(abc=[attempt(Outcome.ACCEPTED)] * 2)
    assert not run(bulk, seconds=0.3)
    assert Work.objects.count() == 2
    bulk.refresh_from_db()
    assert bulk.position == 4


def test_cancelled_it_sends_no_more():
    failed(3)
    bulk = bulkretry.start(filters(), by="olga")
    bulkretry._batch(bulk.id, 1)
    assert bulkretry.cancel(bulk.id, by="omar")
    assert not bulkretry.cancel(bulk.id, by="omar")
    assert run(bulk)
    assert Work.objects.count() == 1
    ended = Event.objects.get(type="retry.bulk_ended")
    assert (ended.data["by"], ended.data["how"], ended.data["sent"]) == ("omar", "cancelled", 1)


def test_its_task_hands_on_to_a_successor(monkeypatch):
    failed(2)
    bulk = bulkretry.start(filters(), by="olga")
    asked: list[Any] = []
    monkeypatch.setattr(queue, "enqueue", lambda *args, **_: asked.append(args))
    monkeypatch.setattr(tasks, "BULK_TURN", 0.0)
    tasks.resume_bulk_retries()
    tasks.bulk_retry(bulk.id)
    assert asked == [(bulkretry.TASK, bulk.id)] * 2
    monkeypatch.setattr(tasks, "BULK_TURN", 60.0)
    tasks.bulk_retry(bulk.id)
    assert len(asked) == 2
    bulk.refresh_from_db()
    assert bulk.state == "done"
