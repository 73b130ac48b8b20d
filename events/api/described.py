"""What the API's description says of events and leads: shapes, and examples that fit them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, inline_serializer
from rest_framework import serializers

from events.vocabulary import EventType
from recipients.outcomes import Outcome

DELIVERED: dict[str, Any] = {
    "id": "evt_0VbZ9X5NKphTZVxh0Mvo",
    "type": "recipient.delivered",
    "timestamp": "2026-11-21T01:14:21.858Z",
    "lead_id": "lead_0VbZ9X4PEGJ2alWcyRza",
    "flow_id": "flow_0VbZ8m1oWm2qYJcR3kTa",
    "entity_id": "rcp_0VbZ8m2Lw0dS6fPq9xYb",
    "seq": 7,
    "outcome": "accepted",
    "reason": None,
    "duration_ms": 245,
    "integration": "http",
    "response_code": 200,
    "price": 45.0,
    "recipient": {
        "id": "rcp_0VbZ8m2Lw0dS6fPq9xYb",
        "name": "ABC Insurance Buyers",
        "slug": "abc-insurance",
        "type": "buyer",
    },
    "delivery": {
        "id": "dlv_0VbZ9X5Rr3tQp0sKd8Wc",
        "method": "HTTP POST",
        "url": "https://api.abcinsurance.com/leads",
        "price": 45.0,
        "margin": 30.0,
    },
    "response": {
        "status_code": 200,
        "body": {"status": "accepted", "leadId": "ABC10001", "price": 45.0},
        "parsed": {
            "buyer_lead_id": "ABC10001",
            "acceptance": True,
            "price": 45.0,
            "message": None,
        },
    },
    "metadata": {
        "attempt_number": 1,
        "total_attempts": 1,
        "integration": "http",
        "buyer_tier": "premium",
        "endpoint": "production",
        "mapping_version": 1,
    },
    "lead": {
        "id": "lead_0VbZ9X4PEGJ2alWcyRza",
        "email": "john@example.com",
        "email.valid": True,
        "email.domain": "example.com",
        "state": "TX",
        "source.name": "Web Form A",
        "appended.phone_check.carrier": "Verizon",
    },
}
EVENTS_SHOWN = [OpenApiExample("Delivered", value=DELIVERED, response_only=True)]
EVENT_PAGE = [
    OpenApiExample(
        "A page",
        value={
            "results": [DELIVERED],
            "next": "https://leads.example.com/api/v1/events?limit=1&cursor=MjAyNi0xMS0y.c2ln",
        },
        response_only=True,
    )
]


class EventShape(serializers.Serializer[Any]):
    """The envelope. The type's own fields stand beside it."""

    id = serializers.CharField(required=False)
    type = serializers.ChoiceField(
        choices=[(kind.value, kind.text) for kind in EventType], required=False
    )
    timestamp = serializers.DateTimeField(required=False)
    lead_id = serializers.CharField(allow_null=True, required=False)
    flow_id = serializers.CharField(allow_null=True, required=False)
    entity_id = serializers.CharField(allow_null=True, required=False)
    seq = serializers.IntegerField(required=False, help_text="0 for operations.")
    outcome = serializers.ChoiceField(
        choices=[(word.value, word.value) for word in Outcome], allow_null=True, required=False
    )
    reason = serializers.CharField(allow_null=True, required=False)
    duration_ms = serializers.IntegerField(allow_null=True, required=False)
    lead = serializers.DictField(
        allow_null=True,
        required=False,
        help_text="The lead at that moment, components behind a dot; null once erased.",
    )

    class Meta:
        ref_name = "Event"


EVENT = EventShape
EVENT_PAGES = OpenApiResponse(
    inline_serializer(
        "EventPage",
        {"results": EventShape(many=True), "next": serializers.URLField(allow_null=True)},
    )
)
