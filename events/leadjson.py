"""Leads as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from events import directory
from events.masking import mask_values, personal_names
from events.models import Delivery, Lead
from events.parameters import stamp
from events.privacy import minimisation
from events.visibility import Sight, lead_reason


def lead_json(
    lead: Lead, sight: Sight, values: Mapping[str, Any] | None, deliveries: Iterable[Delivery]
) -> dict[str, Any]:
    """A lead, read with its tags; its money and buyers only for staff, as far as they see them."""
    shown: dict[str, Any] = {
        "id": lead.id,
        "status": lead.status,
        "result": lead.result or None,
        "reason": lead_reason(sight, lead) or None,
        "flow": _party(lead.flow),
        "source": _party(lead.source),
        "created_at": stamp(lead.created_at),
        "completed_at": _stamp(lead.completed_at),
        "test": lead.test,
        "currency": lead.currency,
    }
    if sight.recipients is None:
        shown["price"] = _money(lead.cost - lead.services_cost)
    if sight.sees_all:
        shown["revenue"] = _money(lead.revenue)
        shown["margin"] = _money(lead.revenue - lead.cost)
        shown["tags"] = list(getattr(lead, "tags", ()))
    if not sight.source:
        shown["deliveries"] = [delivery_json(delivery) for delivery in deliveries]
        shown["disclosed"] = minimisation.as_json(lead, sight)
    if values is not None and not sight.sees_personal:
        values = mask_values(values, personal_names(values, directory.privacy(lead.flow_id)))
    shown["values"] = values
    return shown


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "recipient": _party(delivery.recipient),
        "state": delivery.state,
        "outcome": delivery.outcome or None,
        "category": delivery.category or None,
        "reason": delivery.reason or None,
        "waits_for": delivery.waits_for or None,
        "attempts": delivery.attempts,
        "endpoint": delivery.endpoint,
        "price": _money(delivery.price),
        "revenue": _money(delivery.revenue),
        "buyer_lead_id": delivery.buyer_lead_id or None,
        "late": delivery.late,
        "created_at": stamp(delivery.created_at),
        "finished_at": _stamp(delivery.finished_at),
        "returned_at": _stamp(delivery.returned_at),
    }


def _party(party: Any) -> dict[str, str]:
    return {"id": party.id, "slug": party.slug, "name": party.name}


def _money(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
