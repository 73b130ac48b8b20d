"""A flow tried before any buyer's address is known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from events.models import Delivery, Exchange, Lead
from flows.turns.desk import Sending
from leadops.lib.http import Door
from recipients.deliver import Attempt, deliver
from recipients.models import Endpoint, Recipient
from tests.flows.scene import Scene, recipient, scene

pytestmark = pytest.mark.django_db

NOWHERE = Door()


def simulated(slug: str, **options: Any) -> Recipient:
    made = recipient(slug)
    made.endpoints.all().delete()
    Recipient.objects.filter(pk=made.pk).update(success="", price_path="", lead_id_path="")
    add_endpoint(made, **options)
    return made


def add_endpoint(made: Recipient, kind: str = "production", **options: Any) -> None:
    Endpoint(
        recipient=made,
        kind=kind,
        integration="simulated",
        url="simulated://buyer",
        options={"delay": "0s", **options},
    ).save()


def send(sending: Sending) -> Attempt:
    return deliver(
        sending.plan,
        sending.endpoint,
        sending.context,
        attempt=sending.attempt,
        tries=sending.tries,
        idempotency_key=sending.delivery_id,
        test=sending.test,
        door=NOWHERE,
    )


def work(made: Scene) -> None:
    """Until nothing is left to do."""
    starts = made.start()
    while starts or made.hurry():
        starts = starts or made.start()
        starts = made.take((), [(each, send(each)) for each in starts]).starts


def test_a_waterfall_runs_over_buyers_that_are_made_up():
    first = simulated("first", accepted=50, rejected=30, duplicate=10, error=10, price="40.00")
    second = simulated("second", accepted=100, rejected=0, duplicate=0, error=0, price="20.00")
    made = scene(first, second, pattern="waterfall")
    for n in range(30):
        made.post(email=f"a{n}@example.com", phone_1=f"5125550{n:03}")
    work(made)
    sold = Counter(
        Delivery.objects.filter(state="accepted").values_list("recipient__slug", flat=True)
    )
    assert sold["first"] + sold["second"] == 30
    assert min(sold.values()) > 2
    accepted = Delivery.objects.filter(state="accepted")
    prices = set(accepted.values_list("recipient__slug", "revenue"))
    assert {(slug, int(price)) for slug, price in prices} == {("first", 40), ("second", 20)}
    assert set(Exchange.objects.values_list("url", flat=True)) == {"simulated://buyer"}


def test_test_leads_reach_a_simulated_sandbox_and_earn_nothing():
    made_up = recipient("abc")
    add_endpoint(made_up, "sandbox", accepted=100, rejected=0, duplicate=0, error=0)
    made = scene(made_up)
    answer = made.post(test=True)
    work(made)
    lead = Lead.objects.get(id=answer.lead_id)
    assert made.delivery("abc").state == "accepted"
    assert (lead.test, lead.revenue) == (True, 0)
