"""Deliveries: a lead to a recipient, what came of it and what it brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet

from events.exports.cells import Record
from events.exports.subjects.base import Reading, Row, Subject, money, stamp
from events.filters import Moment, Outcomes, PeriodForm
from events.models import Delivery
from events.visibility import Sight
from recipients.outcomes import Category


class DeliveryFilters(django_filters.FilterSet):  # type: ignore[misc]  # the library ships no types
    """`state`, `outcome`, `category`, `start` ≤ created_at < `end`."""

    lead_id = django_filters.CharFilter()
    state = django_filters.ChoiceFilter(choices=Delivery.State.choices)
    outcome = Outcomes(lookup_expr="in")
    category = django_filters.ChoiceFilter(choices=[(c.value, c.value) for c in Category])
    start = Moment(field_name="created_at", lookup_expr="gte")
    end = Moment(field_name="created_at", lookup_expr="lt", end=True)

    class Meta:
        model = Delivery
        form = PeriodForm
        fields: list[str] = []


class Deliveries(Subject):
    name = "deliveries"
    filters = DeliveryFilters
    parties: ClassVar[Mapping[str, str]] = {
        "flow": "flows.Flow",
        "recipient": "recipients.Recipient",
    }
    select = (
        "created_at", "id", "lead_id", "recipient_id", "recipient__slug", "recipient__name",
        "flow__slug", "state", "outcome", "category", "reason", "attempts", "endpoint", "price",
        "revenue", "buyer_lead_id", "late", "finished_at", "returned_at",
    )  # fmt: skip
    columns = (
        "id", "created_at", "lead_id", "recipient.slug", "recipient.name", "flow", "state",
        "outcome", "category", "reason", "attempts", "endpoint", "price", "revenue",
        "buyer_lead_id", "late", "finished_at", "returned_at",
    )  # fmt: skip

    def all(self, sight: Sight) -> QuerySet[Any]:
        return sight.deliveries()

    def usual(self, given: Mapping[str, Any], *, with_lead: bool) -> list[str]:
        """A delivery has no values of its own; its lead's are in an export of leads."""
        return list(self.columns)

    def records(self, rows: Sequence[Row], reading: Reading) -> list[Record]:
        return [_record(row) for row in rows]


def _record(row: Row) -> Record:
    (at, id, lead_id, recipient_id, recipient, name, flow, state, outcome, category, reason,
     attempts, endpoint, price, revenue, buyer_lead_id, late, finished, returned) = row  # fmt: skip
    envelope = {
        "id": id,
        "created_at": stamp(at),
        "lead_id": lead_id,
        "flow": flow,
        "state": state,
        "outcome": outcome or None,
        "category": category or None,
        "reason": reason or None,
        "attempts": attempts,
        "endpoint": endpoint,
        "price": money(price),
        "revenue": money(revenue),
        "buyer_lead_id": buyer_lead_id or None,
        "late": late,
        "finished_at": stamp(finished),
        "returned_at": stamp(returned),
    }
    own = {"recipient": {"id": recipient_id, "slug": recipient, "name": name}}
    return Record(envelope, own, no_lead=True)
