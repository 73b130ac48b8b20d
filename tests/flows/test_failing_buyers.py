"""Buyers that fail, on loopback, with real HTTP and a real pump: what waits for whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from events.models import Delivery, Event, Lead
from flows.delivery import endpoints
from flows.models import Work
from flows.turns.pump import Pump
from leadops.buyers import running_buyers
from recipients.models import Breaker, Endpoint, Recipient, RetryRule
from tests.events.conftest import clear_record
from tests.flows.scene import recipient, scene

__all__ = ["clear_record"]

pytestmark = pytest.mark.django_db(transaction=True)

BACKLOG = 10_000
# Deliveries of one recipient that were tried once and are due again.
RETRIES = """
    WITH numbers AS (SELECT n, 'lead_0Retry' || lpad(n::text, 14, '0') AS lead,
               'dlv_0Retry' || lpad(n::text, 14, '0') AS delivery
        FROM generate_series(1, %(count)s) AS n
    ), leads AS (
        INSERT INTO events_lead (id, flow_id, source_id, status, result, reason, test, demo,
            currency, cost, revenue, sales, step, seq, snapshot, sensitive, salt)
        SELECT lead, %(flow)s, %(source)s, 'working', '', '', false, false, 'USD', 15, 0, 0, 1, 3,
            1, '', decode(md5(lead), 'hex')
        FROM numbers
    ), snapshots AS (
        INSERT INTO events_snapshot (id, lead_id, version, at, body)
        SELECT 'snap' || lead, lead, 1, clock_timestamp(), '{"email": "a@example.com"}'
        FROM numbers
    ), deliveries AS (
        INSERT INTO events_delivery (id, lead_id, recipient_id, flow_id, step, state, outcome,
            category, reason, waits_for, attempts, tries, endpoint, price, revenue,
            buyer_lead_id, late, mapping_version, first_attempt_at)
        SELECT delivery, lead, %(recipient)s, %(flow)s, 1, 'waiting', 'server_error', '', '',
            'Retry', 1, 1, 'production', 45, 0, '', false, 0, clock_timestamp()
        FROM numbers
    )
    INSERT INTO flows_work (kind, lead_id, delivery_id, lane, claims, hold, due_at)
    SELECT 'deliver', lead, delivery, %(recipient)s || ':retry', 0, 0,
           clock_timestamp() - interval '1 hour'
    FROM numbers
"""


@pytest.fixture(autouse=True)
def _nothing_known():
    endpoints._at_rest.clear()


@pytest.fixture
def buyers() -> Iterator[Any]:
    with running_buyers() as running:
        yield running


def pump_until(done: Callable[[], bool], *, size: int = 8) -> None:
    """A pump until something is so, 60 s at most."""
    Pump(stopping=done, size=size).run(60)
    assert done()


def sold() -> int:
    return Lead.objects.filter(result="sold").count()


def test_a_retry_after_holds_all_deliveries_of_the_endpoint(buyers):
    made = recipient("abc")
    RetryRule.objects.create(recipient=made, outcome="rate_limited", times=3)
    Endpoint.objects.update(url=f"{buyers.url}/ratelimit?after=120")
    play = scene(made)
    play.post()
    pump_until(lambda: Endpoint.objects.get().not_before is not None)
    for number in range(5):
        play.post(email=f"p{number}@example.com")
    held = Delivery.objects.filter(waits_for="Rate limited by Abc")
    pump_until(lambda: held.count() == 5)
    assert buyers.stats()["total"] == 1
    assert set(held.values_list("attempts", flat=True)) == {0}
    one = Endpoint.objects.get()
    one.url, one.not_before = f"{buyers.url}/accept", None
    one.save()
    play.hurry()
    pump_until(lambda: sold() == 6)


def test_a_buyer_that_recovers_gets_everything_that_waited(buyers):
    made = recipient("abc")
    for outcome in ("server_error", "unknown"):
        RetryRule.objects.create(recipient=made, outcome=outcome, times=20, backoff=0.05)
    Recipient.objects.update(breaker_in_a_row=5, breaker_wait=0.5, breaker_longest_wait=1)
    Endpoint.objects.update(url=f"{buyers.url}/error")
    made.refresh_from_db()
    made.save()
    play = scene(made)
    for number in range(30):
        play.post(email=f"p{number}@example.com")
    probed = Event.objects.filter(type="breaker.probed")
    pump_until(probed.exists)
    one = Endpoint.objects.get()
    one.url = f"{buyers.url}/accept"
    one.save()
    pump_until(lambda: not Work.objects.exists())
    assert sold() == 30
    assert Breaker.objects.get().state == "closed"
    found = [e.type for e in Event.objects.filter(type__startswith="breaker.").order_by("id")]
    assert (found[0], found[-1]) == ("breaker.opened", "breaker.closed")


def test_a_probe_of_a_pump_that_dies_does_not_hold_the_endpoint_for_ever(buyers):
    """The pump is gone while its probe hangs: when the leases are over, another one recovers."""
    made = recipient("abc")
    RetryRule.objects.create(recipient=made, outcome="server_error", times=20, backoff=0.05)
    RetryRule.objects.create(recipient=made, outcome="unknown", times=20, backoff=0.05)
    Recipient.objects.update(breaker_in_a_row=3, breaker_wait=0.5, breaker_longest_wait=1)
    Endpoint.objects.update(url=f"{buyers.url}/error")
    made.refresh_from_db()
    made.save()
    play = scene(made)
    for number in range(6):
        play.post(email=f"p{number}@example.com")
    pump_until(lambda: Breaker.objects.filter(state="open").exists())
    one = Endpoint.objects.get()
    one.url = f"{buyers.url}/hang"
    one.save()
    dying = Pump(stopping=lambda: False, size=4)
    for _ in range(600):
        dying.run(0.1)
        if Breaker.objects.filter(state="probing").exists():
            break
    lost = Breaker.objects.get()
    assert lost.state == "probing"
    dying.close()  # as if killed: nobody takes in what its threads bring back
    one.url = f"{buyers.url}/accept"
    one.save()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE flows_work SET due_at = clock_timestamp() WHERE lease IS NOT NULL")
        cursor.execute("UPDATE recipients_breaker SET until = clock_timestamp()")
    pump_until(lambda: not Work.objects.exists())
    assert sold() == 6
    assert Breaker.objects.get().state == "ramping"  # more than six must go well


def test_ten_thousand_retries_do_not_keep_a_fresh_lead_waiting(buyers):
    made = recipient("abc")
    Endpoint.objects.update(url=f"{buyers.url}/accept")
    play = scene(made)
    names = {"count": BACKLOG, "flow": play.flow.id, "source": play.source.id, "recipient": made.id}
    with connection.cursor() as cursor:
        cursor.execute(RETRIES, names)
        cursor.execute("ANALYZE")
    answer = play.post(email="fresh@example.com")
    pump_until(lambda: play.lead(answer).status == "done", size=16)
    assert play.lead(answer).result == "sold"
    assert sold() < BACKLOG / 10
