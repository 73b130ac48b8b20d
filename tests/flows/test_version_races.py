"""A flow saved by several at once while leads come in and go on."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection

from events.models import Delivery, Lead
from flows import plans
from flows.models import FlowVersion, StepRecipient
from leadops.changes import recorded
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)

SAVES, LEADS = 12, 30
NO = attempt(Outcome.REJECTED, reason="No")


def save(play: Scene, prices: range, *, by: str) -> None:
    """As the console does, or as a script does that knows nothing of versions (by nobody)."""
    try:
        for price in prices:
            if by:
                with recorded(play.flow, by=by):
                    _save(price)
            else:
                _save(price)
    finally:
        connection.close()


def _save(price: int) -> None:
    row = StepRecipient.objects.get(recipient__slug="abc")
    row.price = Decimal(price)
    row.save(update_fields=["price"])


def test_every_lead_is_sold_by_the_version_it_says():
    play = scene(recipient("abc"))
    savers = [
        threading.Thread(target=save, args=(play, prices), kwargs={"by": by})
        for by, prices in (
            ("olga", range(100, 100 + SAVES)),
            ("mia", range(200, 200 + SAVES)),
            ("", range(300, 300 + SAVES)),
        )
    ]
    for saver in savers:
        saver.start()
    under_way = []
    for number in range(LEADS):
        play.post(email=f"{number}@example.com", phone_1=f"55555512{number:02}")
        under_way += play.start()
    for saver in savers:
        saver.join()
    under_way += play.start()
    play.take((), [(sending, NO) for sending in under_way])
    inside = {row.number: row.inside for row in FlowVersion.objects.all()}
    assert Lead.objects.filter(status="done").count() == LEADS
    for delivery in Delivery.objects.select_related("lead"):
        [row] = inside[delivery.lead.flow_version]["steps"][1]["recipients"]
        assert delivery.price == Decimal(row.get("price", "45"))
    plans.forget()
    newest = plans.current().flows[play.flow.id]
    assert newest.version == max(inside.keys() | {newest.version})
    assert newest.steps[1].candidates[0].price == StepRecipient.objects.get().price
