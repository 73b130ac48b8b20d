"""What is sent: economics of a delivery, the four mappings, credentials and headers."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events import figures
from events.figures import Scope
from events.metrics import economics
from events.models import Event
from events.periods import Span
from tests.examples.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)

MAPPINGS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "simple-mapping": (
        {"our_field": "as it is"},
        {
            "their_field": "as it is",
            "contactEmail": "john.smith@example.com",
            "primaryPhone": "5125551234",
        },
    ),
    "transformed-mapping": (
        {"state": "CA"},
        {
            "phoneFormatted": "(512) 555-1234",
            "fullName": "John Smith",
            "stateFullName": "California",
            "submittedDate": "TODAY",
        },
    ),
    "conditional-mapping": (
        {"phone_2": "(512) 555-9876"},
        {"secondaryPhone": "5125559876", "priority": "HIGH"},
    ),
    "nested-object-mapping": (
        {
            "phone_2": "(512) 555-9876",
            "address_1": "1 Main St",
            "city": "Austin",
            "postal_code": "78701",
        },
        {
            "applicant": {
                "name": {"first": "John", "last": "Smith"},
                "contact": {
                    "email": "john.smith@example.com",
                    "phone": {"primary": "5125551234", "secondary": "5125559876"},
                },
                "address": {
                    "street": "1 Main St",
                    "city": "Austin",
                    "state": "TX",
                    "zip": "78701",
                },
            }
        },
    ),
}


@pytest.mark.parametrize("example", MAPPINGS)
def test_it_maps_as_the_guide_says(stage: Stage, example: str) -> None:
    lead, expected = MAPPINGS[example]
    stage.load(example)
    story = stage.run(**lead)
    if "submittedDate" in expected:
        expected = {**expected, "submittedDate": f"{story.lead.created_at:%Y-%m-%d}"}
    assert stage.body() == expected
    assert story.delivery.state == "accepted"
    assert story.delivery.revenue == Decimal("45.00")


@pytest.mark.parametrize(
    ("example", "lead", "expected"),
    [
        ("transformed-mapping", {"state": "TX"}, {"stateFullName"}),
        ("conditional-mapping", {}, {"secondaryPhone"}),
    ],
)
def test_it_leaves_out_what_has_no_value(
    stage: Stage, example: str, lead: dict[str, str], expected: set[str]
) -> None:
    stage.load(example)
    stage.run(**lead)
    assert set(MAPPINGS[example][1]) - set(stage.body()) == expected


def test_the_other_branch_is_sent_where_the_condition_does_not_hold(stage: Stage) -> None:
    stage.load("conditional-mapping")
    stage.run(score="70")
    assert stage.body() == {"priority": "NORMAL"}


def test_a_nested_key_is_left_out_alone(stage: Stage) -> None:
    stage.load("nested-object-mapping")
    stage.run()
    assert stage.body()["applicant"]["contact"]["phone"] == {"primary": "5125551234"}


SHOWN = {
    "api-key": {"x-api-key": "k3y-of-the-example", "content-type": "application/json"},
    "bearer-token": {
        "authorization": "Bearer t0ken-of-the-example",
        "accept": "application/json",
    },
    "basic-auth": {
        "authorization": "Basic " + base64.b64encode(b"leadops:p4ssword-of-the-example").decode()
    },
    "custom-headers": {"x-partner-id": "LC-12345", "x-campaign-id": "winter_2024"},
}


@pytest.mark.parametrize("example", SHOWN)
def test_it_shows_its_credentials(stage: Stage, example: str) -> None:
    stage.load(example)
    story = stage.run()
    received = stage.received()
    assert received | SHOWN[example] == received
    assert story.delivery.state == "accepted"
    kept = Event.objects.filter(lead_id=story.lead_id, data__icontains="of-the-example")
    assert not kept.exists()


def test_a_wrong_key_is_refused(stage: Stage) -> None:
    stage.load("api-key", ("keys=k3y-of-the-example", "keys=another"))
    story = stage.run()
    assert story.event("recipient.failed").outcome == "unauthorized"


def test_custom_headers_tell_lead_and_moment(stage: Stage) -> None:
    stage.load("custom-headers")
    before = datetime.now(UTC)
    story = stage.run()
    received = stage.received()
    assert received["x-request-id"] == story.lead_id
    sent = datetime.fromisoformat(received["x-timestamp"])
    assert abs((sent - before).total_seconds()) < 60


def test_a_delivery_earns_its_price_less_the_leads_cost(stage: Stage) -> None:
    stage.load("delivery-economics")
    story = stage.run()
    lead, event = story.lead, story.event("recipient.delivered")
    assert (lead.revenue, lead.cost) == (Decimal("45.00"), Decimal("15.00"))
    assert event.data["delivery"]["price"] == 45.00
    assert event.data["delivery"]["margin"] == 30.00


def test_a_failed_delivery_has_cost_all_the_same(stage: Stage) -> None:
    stage.load("delivery-economics", ("/accept", "/reject"))
    lead = stage.run().lead
    assert (lead.revenue, lead.cost) == (Decimal(0), Decimal("15.00"))
    assert lead.revenue - lead.cost == Decimal("-15.00")


def test_the_figures_say_what_one_more_per_cent_would_bring(stage: Stage) -> None:
    stage.load("delivery-economics")
    stage.run()
    stage.load("delivery-economics", ("/accept", "/reject"))
    for number in range(3):
        stage.run(email=f"lead{number}@example.com")
    now = datetime.now(UTC)
    span = Span(now - timedelta(days=1), now + timedelta(days=1), ZoneInfo("UTC"))
    cells, buckets = figures.read(Scope(span), [["kind", "outcome"], ["bucket"]])
    found = economics(figures.total(cells, buckets), days=30)
    assert (found.revenue, found.cost, found.margin) == (45, 15, 30)
    assert found.lost == -15
    # 4 deliveries a month, 1 % of them, 45 each.
    assert found.one_percent == Decimal("1.80")
