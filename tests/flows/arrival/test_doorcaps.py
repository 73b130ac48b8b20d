"""Caps of flows and their sources, where leads come in."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connections

from events.models import Lead
from flows.models import CapCount, Flow, FlowSource
from tests.events.conftest import clear_record
from tests.flows.scene import Scene, recipient, scene

__all__ = ["clear_record"]

pytestmark = pytest.mark.django_db


def shop(flow: list | None = None, source: list | None = None, **fields) -> Scene:
    here = scene(recipient("a"))
    made = Flow.objects.get()
    made.caps = flow or []
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    terms = FlowSource.objects.get()
    terms.caps = source or []
    terms.save()
    return here


def post(here: Scene, **values):
    return here.post(**{"email": f"{uuid.uuid4().hex}@example.com", **values})


def test_it_rejects_what_is_beyond():
    here = shop(flow=[{"count": 2, "per": "day"}])
    outcomes = [post(here).outcome for _ in range(4)]
    assert outcomes == ["accepted", "accepted", "rejected", "rejected"]
    assert post(here).reason == "Daily cap reached (2/2)"
    assert CapCount.objects.get().used == 2


def test_a_lead_takes_a_place_of_all_caps_or_of_none():
    here = shop(flow=[{"count": 5, "per": "day"}], source=[{"count": 1, "per": "hour"}])
    assert post(here).outcome == "accepted"
    assert post(here).reason == "Hourly cap reached (1/1)"
    assert {count.used for count in CapCount.objects.all()} == {1}


def test_it_counts_money_at_the_price_that_is_paid():
    here = shop(flow=[{"money": "40.00", "per": "month"}])
    assert [post(here).outcome for _ in range(3)] == ["accepted", "accepted", "rejected"]


def test_it_counts_only_the_leads_of_its_rules():
    texas = {"field": "state", "op": "is", "value": "TX"}
    here = shop(flow=[{"count": 1, "per": "day", "when": texas}])
    assert post(here, state="TX").outcome == "accepted"
    assert post(here, state="CA").outcome == "accepted"
    assert post(here, state="TX").outcome == "rejected"


def test_what_is_rejected_for_another_reason_takes_no_place():
    here = shop(flow=[{"count": 1, "per": "day"}])
    assert here.post(email="").outcome == "rejected"
    assert not CapCount.objects.exists()


def test_test_leads_take_no_place():
    here = shop(flow=[{"count": 0, "per": "day"}])
    assert here.post(test=True).outcome == "accepted"


def test_a_lead_beyond_the_cap_is_no_duplicate_tomorrow():
    here = shop(
        flow=[{"count": 0, "per": "day"}], duplicate_match=[["email"]], duplicate_within=86_400.0
    )
    assert post(here, email="ann@example.com").reason == "Daily cap reached (0/0)"
    flow = Flow.objects.get()
    flow.caps = []
    flow.save()
    assert post(here, email="ann@example.com").outcome == "accepted"


@pytest.mark.django_db(transaction=True)
def test_it_is_exact_when_many_post_at_once(clear_record):
    here = shop(flow=[{"count": 25, "per": "day"}], source=[{"count": 1000, "per": "day"}])

    def work() -> None:
        try:
            for _ in range(8):
                post(here)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Lead.objects.count() == 64
    assert Lead.objects.exclude(status="rejected").count() == 25
    assert {int(count.used) for count in CapCount.objects.all()} == {25}
