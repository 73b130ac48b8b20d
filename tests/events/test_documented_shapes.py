"""Events have what the field's documents show in their examples, each where they show it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.models import Event
from events.ownfields import in_short
from recipients.outcomes import Outcome
from tests.events.test_api import World, get
from tests.factories import deliver_lead

pytestmark = pytest.mark.django_db

# The documents' examples, with what stands for any value of a kind. `type` and `kind` are ours for
# their `event_type` and, of feedback, `type`.
DELIVERED: dict[str, Any] = {
    "id": str,
    "type": "recipient.delivered",
    "timestamp": str,
    "lead_id": str,
    "flow_id": str,
    "entity_id": str,
    "recipient": {"id": str, "name": "Abc Insurance", "type": "buyer"},
    "outcome": "accepted",
    "duration_ms": int,
    "integration": "http",
    "response_code": 200,
    "price": 45.0,
    "delivery": {"method": "HTTP POST", "url": str, "price": 45.0, "margin": 30.0},
    "response": {
        "status_code": 200,
        "body": {"status": "accepted", "leadId": str, "price": 45.0},
        "parsed": {"buyer_lead_id": str, "acceptance": True},
    },
    "metadata": {"attempt_number": 1, "integration": "http", "buyer_tier": "premium"},
    "lead": {
        "id": str,
        "email": "john.smith@example.com",
        "email.valid": True,
        "email.domain": "example.com",
        "state": "TX",
        "source.name": "Web Form A",
    },
}
FAILED: dict[str, Any] = {
    "type": "recipient.failed",
    "timestamp": str,
    "lead_id": str,
    "recipient": {"id": str, "name": "Abc Insurance"},
    "outcome": "unknown",
    "duration_ms": int,
    "failure": {
        "reason": str,
        "category": str,
        "class": "technical",
        "details": str,
        "retry_eligible": True,
    },
    "delivery": {"method": "HTTP POST", "url": str, "attempted_price": 45.0},
    "metadata": {"attempt_number": 4, "total_attempts": 4, "first_attempt": str},
}
ATTEMPT: dict[str, Any] = {
    "type": "recipient.delivery_attempt",
    "timestamp": str,
    "lead_id": str,
    "recipient": {"id": str, "name": "Abc Insurance"},
    "delivery_plan": {"price": 45.0, "exclusive": True, "priority": 1, "timeout": int},
    "lead_snapshot": {"score": 85, "age_minutes": float, "enhancements_complete": True},
}
FILTERED: dict[str, Any] = {
    "type": "filter.failed",
    "outcome": "rejected",
    "reason": "State not in approved list",
    "rule_set": "geographic_filter",
    "rules_evaluated": 1,
}
RETURNED: dict[str, Any] = {
    "type": "feedback.received",
    "kind": "conversion",
    "value": "sold",
    "days_to_convert": int,
}


def lacks(example: Any, shown: Any, path: str = "") -> list[str]:
    """Where an event is not as an example shows it."""
    if isinstance(example, dict):
        if not isinstance(shown, dict):
            return [f"{path}: {shown!r} is no object"]
        return [
            problem
            for name, part in example.items()
            for problem in (
                lacks(part, shown[name], f"{path}.{name}")
                if name in shown
                else [f"{path}.{name} is missing"]
            )
        ]
    if isinstance(example, type):
        return [] if isinstance(shown, example) else [f"{path}: {shown!r}"]
    return [] if shown == example else [f"{path}: {shown!r}, not {example!r}"]


@pytest.fixture
def world() -> World:
    return World()


def shown(client: Client, kind: str, **query: Any) -> dict[str, Any]:
    events: list[dict[str, Any]] = get(client, "events", type=kind, **query).json()["results"]
    return events[0]


def test_deliveries_are_as_the_documents_show_them(client: Client, world: World):
    lead_id = world.lead()
    delivered = shown(client, "recipient.delivered")
    assert lacks(DELIVERED, delivered) == []
    assert lacks(ATTEMPT, shown(client, "recipient.delivery_attempt")) == []
    answer = client.post(
        "/api/v1/feedback",
        {"type": "conversion", "lead_id": lead_id, "value": "sold"},
        content_type="application/json",
        headers={"Authorization": "Bearer key-abc-0000001"},
    )
    assert answer.status_code == 201
    assert lacks(RETURNED, shown(client, "feedback.received")) == []


def test_failures_are_as_the_documents_show_them(client: Client, world: World):
    world.lead(outcomes={"abc-insurance": [Outcome.UNKNOWN] * 4})
    assert lacks(FAILED, shown(client, "recipient.failed")) == []
    world.lead(state="NY", email="b@example.com")
    assert lacks(FILTERED, shown(client, "filter.failed")) == []


def test_the_patterns_of_events_are_those_of_the_documents(client: Client, world: World):
    """Retry path and multi-buyer path."""
    lead_id = world.lead(
        outcomes={
            "abc-insurance": [Outcome.SERVER_ERROR, Outcome.REJECTED],
        }
    )
    kinds = list(
        Event.objects.filter(lead_id=lead_id, type__regex="^(retry|recipient)").order_by("seq")
        .values_list("type", flat=True)
    )  # fmt: skip
    assert [kind for kind in kinds if kind != "recipient.delivery_attempt"] == [
        "recipient.error",
        "retry.scheduled",
        "retry.attempted",
        "recipient.failed",
        "recipient.delivered",
    ]


def test_a_duplicate_says_when_it_came_before(client: Client, world: World):
    world.flow.duplicate_match, world.flow.duplicate_within = [["email"]], 30 * 86_400
    world.flow.save()
    deliver_lead(world.flow, world.web)
    deliver_lead(world.flow, world.web)
    reason = shown(client, "source.rejected")["reason"]
    assert reason.startswith("Duplicate: Previously submitted 20")


def test_a_full_cap_says_how_full(client: Client, world: World):
    world.abc.caps = [{"count": 1, "per": "day"}]
    world.abc.save()
    world.lead()
    world.lead(email="b@example.com")
    event = shown(client, "recipient.skipped")
    assert event["reason"] == "Daily cap reached (1/1)"
    assert event["recipient"]["name"] == "Abc Insurance"


def test_a_service_is_named_as_the_integration():
    entry = {"enhancement": {"id": "step_1", "name": "phone_validator"}, "response": None}
    assert in_short(entry) == {"integration": "phone_validator"}
