"""The own fields of delivery events, in the shapes of the field's documents."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

from recipients.deliver import Attempt
from recipients.outcomes import Result
from recipients.plan import EndpointPlan, RecipientPlan


class Party(Protocol):
    """A recipient, as a plan or as a model."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def slug(self) -> str: ...
    @property
    def type(self) -> str: ...


def recipient(party: Party) -> dict[str, Any]:
    return {"id": party.id, "name": party.name, "slug": party.slug, "type": party.type}


def money(amount: Decimal | None) -> float | None:
    """Amounts have four places and twelve digits at most: exact as a JSON number."""
    return None if amount is None else float(amount)


def delivery(delivery_id: str, attempt: Attempt, **money_fields: Any) -> dict[str, Any]:
    request = attempt.request
    return {
        "id": delivery_id,
        "method": f"HTTP {request.method}" if request else "",
        # Without the query, which may hold the lead: the exchange has the whole of it.
        "url": _place(attempt),
        **money_fields,
    }


def _place(attempt: Attempt) -> str:
    if attempt.place is not None:
        return attempt.place
    return attempt.request.url.partition("?")[0] if attempt.request else ""


def response(attempt: Attempt) -> dict[str, Any] | None:
    """What came back, None when nothing did. Its body stays in the exchange, which is erasable;
    readers of the record put it beside these fields."""
    if attempt.reply is None:
        return None
    return {
        "status_code": attempt.reply.status,
        "parsed": {
            "buyer_lead_id": attempt.result.buyer_lead_id or None,
            "acceptance": attempt.result.accepted,
            "price": money(attempt.result.price),
            "message": attempt.result.message or None,
            **({"captures": dict(attempt.result.captures)} if attempt.result.captures else {}),
        },
    }


def exchange(attempt: Attempt, *, delivery_id: str, attempt_number: int) -> dict[str, Any] | None:
    """Request and reply as the journal keeps them; None where nothing was sent."""
    request, reply = attempt.request, attempt.reply
    if request is None:
        return None
    return {
        "delivery_id": delivery_id,
        "attempt": attempt_number,
        "duration_ms": round(attempt.seconds * 1000),
        "method": request.method,
        "url": request.url,
        "request_headers": dict(request.headers),
        "request_body": request.body,
        "status": reply.status if reply else None,
        "reply_headers": dict(reply.headers) if reply else {},
        "reply_body": reply.body if reply else "",
        "error": "" if reply else f"{attempt.result.reason}: {attempt.result.details}",
    }


def failure(result: Result, *, retry_eligible: bool) -> dict[str, Any]:
    return {
        "reason": result.reason,
        "category": result.category.value if result.category else "",
        "class": result.failure_class.value,
        "details": result.details,
        "retry_eligible": retry_eligible,
    }


def metadata(
    plan: RecipientPlan, endpoint: str, *, used: EndpointPlan | None = None, **facts: Any
) -> dict[str, Any]:
    """`endpoint` is what the delivery calls it, `used` the one itself where it is at hand."""
    used = used or plan.way(endpoint)
    return {
        "integration": used.integration if used else plan.integration,
        "buyer_tier": plan.tier,
        "endpoint": endpoint,
        **facts,
    }


def delivery_plan(
    endpoint: EndpointPlan, price: Decimal | None, *, exclusive: bool, priority: int, timeout: float
) -> dict[str, Any]:
    """`timeout` in seconds; the document's is in milliseconds."""
    return {
        "price": money(price),
        "exclusive": exclusive,
        "priority": priority,
        "timeout": round(timeout * 1000),
        "endpoint": endpoint.kind,
    }


def lead_snapshot(values: Mapping[str, Any], age_seconds: float) -> dict[str, Any]:
    return {
        "score": values.get("score"),
        "age_minutes": round(age_seconds / 60, 2),
        "enhancements_complete": True,
    }
