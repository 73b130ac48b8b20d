"""Two leads that come for one offer in the same instant: on a real database, with threads."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from events.models import Lead
from flows import plans
from flows.arrival import intake, offers, pings
from flows.arrival.preparing import Submission
from flows.arrival.storing import Answer
from flows.models import Source, SourcePing
from flows.turns import askers
from tests.flows.scene import LEAD, Scene, scene
from tests.flows.steps.test_auctions import bid, bidder

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


def post(stage: Scene, ping_id: str, number: int, start: Barrier) -> Answer:
    current = plans.current()
    values = {**LEAD, "email": f"lead{number}@example.com", "phone_1": f"555555{number:04d}"}
    try:
        start.wait(30)
        return intake.receive(
            current.flows[stage.flow.id],
            current.sources[stage.source.id],
            Submission(values, ping=ping_id),
            at=datetime.now(UTC),
        )
    finally:
        connection.close()


@pytest.mark.parametrize("_round", range(3))
def test_of_leads_for_one_offer_exactly_one_is_accepted(
    _round: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(askers, "put_all", lambda inquiry: [bid("50") for _ in inquiry.questions])
    stage = scene(bidder("a"), pattern="ping_post")
    Source.objects.update(price=Decimal(0))
    stage.source.refresh_from_db()
    stage.source.save()
    current = plans.current()
    offer = pings.answer(
        current.flows[stage.flow.id],
        current.sources[stage.source.id],
        Submission({"state": "TX"}),
        at=datetime.now(UTC),
    )
    start = Barrier(AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        told = list(threads.map(lambda n: post(stage, offer.id, n, start), range(AT_ONCE)))
    assert Counter(each.outcome for each in told) == {"accepted": 1, "rejected": AT_ONCE - 1}
    assert {each.reason for each in told if each.outcome == "rejected"} == {offers.UNKNOWN}
    (winner,) = (each for each in told if each.outcome == "accepted")
    assert SourcePing.objects.get().lead_id == winner.lead_id
    assert Lead.objects.filter(cost=Decimal(50)).count() == 1
