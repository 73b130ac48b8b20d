"""Verify finds nothing in a record that was written by us, and whatever was changed behind it."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from events import rollups, verify
from events.feedback.process import take
from events.feedback.reading import Statement
from events.models import Delivery, Event, Feedback, Figure, Lead
from flows.byhand import retrying, steering
from recipients.models import Endpoint
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy():
    """Sold, refused, stopped, rejected, retried, returned, test and unfinished leads."""
    play = scene(
        recipient("first", sandbox=True), recipient("second", sandbox=True), pattern="waterfall"
    )
    said = [
        (attempt(Outcome.ACCEPTED, price=Decimal("45.55")), None),
        (attempt(Outcome.REJECTED, reason="No 17"), attempt(Outcome.ACCEPTED)),
        (attempt(Outcome.REJECTED, reason="No"), attempt(Outcome.INVALID, reason="Zip 1")),
        (attempt(Outcome.UNAUTHORIZED, reason="Who"), attempt(Outcome.DUPLICATE, reason="Had")),
    ]
    for number, (first, second) in enumerate(said):
        play.post(email=f"{number}@example.com", phone_1=f"555555123{number}")
        play.play(first=[first], second=[second])
        resume()
    play.post(email="ny@example.com", phone_1="5555552000", state="NY")
    play.play()
    play.post(email="no address")
    play.post(email="test@example.com", phone_1="5555552001", test=True)
    play.play(first=[attempt(Outcome.ACCEPTED)], second=[])
    play.post(email="r@example.com", phone_1="5555552002")
    failures = [attempt(Outcome.SERVER_ERROR, reason="500") for _ in range(4)]
    play.play(first=failures, second=[attempt(Outcome.ACCEPTED, price=Decimal("0.0001"))])
    buyer = Delivery.objects.filter(recipient__slug="first", state="accepted", lead__test=False)
    lead_id = buyer.get().lead_id
    statements = [
        Statement("conversion", "lead_id", lead_id, key="1"),
        Statement("return", "lead_id", lead_id, key="2", reason="Wrong number 5"),
        Statement("return", "lead_id", lead_id, key="3"),
        Statement("return", "lead_id", "nobody", key="4"),
    ]
    take(buyer.get().recipient, statements)
    play.post(email="waiting@example.com", phone_1="5555552003")
    return play


def resume() -> None:
    for endpoint in Endpoint.objects.filter(paused_at__isnull=False):
        steering.resume_endpoint(endpoint, by="olga")


def problems() -> dict[str, list[str]]:
    return {check.name: check.problems for check in verify.run() if check.problems}


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_agrees_with_what_was_written(busy):
    assert problems() == {}
    while rollups.fold():
        pass
    assert problems() == {}


def test_it_agrees_about_deliveries_sent_again(busy):
    declined = Delivery.objects.filter(state="declined", recipient__slug="second").first()
    retrying.retry_delivery(declined.id, by="olga")
    assert problems() == {}
    busy.play(second=[attempt(Outcome.ACCEPTED)] * 3, first=[attempt(Outcome.ACCEPTED)] * 3)
    assert problems() == {}


def test_it_agrees_about_a_sale_sent_again():
    play = scene(recipient("abc"))
    play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED, price=Decimal(45))])
    retrying.retry_delivery(Delivery.objects.get().id, by="olga", force=True)
    play.play(abc=[attempt(Outcome.ACCEPTED, price=Decimal(50))])
    assert problems() == {}
    assert Delivery.objects.get().revenue == Lead.objects.get().revenue == 45


def test_it_shares_the_cost_anew_when_a_lead_goes_on():
    play = scene(recipient("abc"), recipient("late"), pattern="multi")
    play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED)], late=[attempt(Outcome.REJECTED)])
    again = Delivery.objects.get(recipient__slug="late")
    retrying.retry_delivery(again.id, by="olga")
    play.play(late=[attempt(Outcome.ACCEPTED)])
    assert problems() == {}
    shares = {share.recipient_id: 0 for share in Figure.objects.filter(kind="share")}
    for share in Figure.objects.filter(kind="share"):
        shares[share.recipient_id] += share.cost
    assert list(shares.values()) == [Decimal("7.5"), Decimal("7.5")]


@pytest.mark.parametrize(
    ("harm", "check"),
    [
        ("DELETE FROM events_tally WHERE id = (SELECT max(id) FROM events_tally)", "figures"),
        ("UPDATE events_tally SET revenue = revenue + 0.0001 WHERE kind = 'delivery'", "figures"),
        ("INSERT INTO events_tally SELECT * FROM events_rollup", "figures"),
        ("UPDATE events_delivery SET state = 'declined' WHERE state = 'accepted'", "deliveries"),
        ("UPDATE events_delivery SET state = 'sending' WHERE state = 'failed'", "deliveries"),
        ("UPDATE events_delivery SET revenue = revenue + 1 WHERE revenue > 0", "money"),
        ("UPDATE events_lead SET revenue = revenue + 1 WHERE result = 'sold'", "money"),
        ("UPDATE events_lead SET cost = cost + 1 WHERE result = 'unsold'", "money"),
        ("UPDATE events_delivery SET returned_at = now() WHERE state = 'accepted'", "money"),
        ("UPDATE events_feedback SET outcome = 'rejected' WHERE kind = 'return'", "feedback"),
        ("UPDATE events_lead SET seq = seq + 1 WHERE result = 'sold'", "order"),
        ("DELETE FROM events_snapshot WHERE version = 1", "snapshots"),
        ("DELETE FROM flows_work", "nothing lost"),
    ],
)
def test_it_finds_what_was_changed_behind_it(busy, harm, check):
    if "events_rollup" in harm:
        rollups.fold()
        harm = harm.replace("*", "(t).*").replace("events_rollup", "events_rollup t")
    sql(harm)
    found = problems()
    assert check in found
    assert len(found[check]) <= verify.MOST


def test_it_finds_a_second_end(busy):
    event = Event.objects.filter(type="recipient.delivered").first()
    sql(
        "INSERT INTO events_event SELECT 'evt_copy', seq, type, timestamp, lead_id, flow_id, "
        "entity_id, outcome, reason, duration_ms, snapshot, exchange_id, digest, data, tx "
        f"FROM events_event WHERE id = '{event.id}'"
    )
    assert {"figures", "deliveries", "money", "order"} <= problems().keys() | {"money"}


def test_it_says_so_and_exits_with_1(busy):
    out = StringIO()
    call_command("verify", stdout=out)
    assert "everything agrees" in out.getvalue()
    Lead.objects.update(seq=0)
    with pytest.raises(SystemExit) as caught:
        call_command("verify", stdout=out)
    assert caught.value.code == 1
    assert "order          WRONG" in out.getvalue()


def test_it_knows_every_feedback(busy):
    assert Feedback.objects.count() == 3


def test_it_says_that_an_empty_database_is_empty(monkeypatch):
    monkeypatch.setattr(type(connection.introspection), "table_names", lambda self: [])
    with pytest.raises(CommandError, match="migrate"):
        call_command("verify")
