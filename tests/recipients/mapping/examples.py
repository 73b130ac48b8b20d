"""The lead that the tests and docs/mapping-language.md render with."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

LEAD: dict[str, Any] = {
    "id": "lead_7K9mHpQR3x2B5N8j",
    "first_name": "Mary",
    "last_name": "o'neil-smith",
    "email": "Mary@Example.com",
    "email.valid": True,
    "email.domain": "example.com",
    "phone_1": "+15555551234",
    "phone_2": "5555550000",
    "state": "CA",
    "city": "St. Helena",
    "postal_code": "02134",
    "address_1": "1 Main St",
    "score": 85,
    "income": "$54,321.50",
    "rate": 0.0525,
    "debt": 0,
    "opt_in": "yes",
    "is_owner": False,
    "date_of_birth": "1984-03-09",
    "timestamp": "2024-01-15T10:30:47.234Z",
    "product_interest": "Auto",
    "timezone": "America/New_York",
    "interests": ["auto", "home"],
    "vehicles": [{"make": "Ford", "year": 2019}, {"make": "Kia", "year": 2022}],
    "appended.phone_check": {"carrier": "Verizon", "risk": {"level": 2}},
    "appended.trust.score": 7,
    "tricky": "{{lead.email}}",
    "price": Decimal("15.00"),
    "empty": "",
}

CONTEXT: dict[str, Any] = {
    "lead": LEAD,
    "source": {"name": "Web Form A", "campaign_id": "winter_2024"},
    "flow": {"name": "Auto Insurance", "slug": "auto-insurance"},
    "recipient": {"name": "ABC", "slug": "abc"},
    "now": datetime(2024, 1, 15, 22, 5, 9, 7000, tzinfo=UTC),
    "delivery": {"id": "dlv_1", "attempt": 2, "idempotency_key": "key-1"},
    "delivery_attempt": 2,
}
