"""Leads: where each stands, its money, its newest values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_filters
import orjson
from django.db.models import Exists, OuterRef, QuerySet

from events import leadtags
from events.exports import values
from events.exports.cells import Record
from events.exports.subjects.base import Reading, Row, Subject, money, stamp
from events.exports.subjects.deliveries import Deliveries
from events.filters import Moment, PeriodForm
from events.masking import mask_values, personal_names
from events.models import Lead
from events.visibility import Sight
from leadops.lib.api import WrongShape


class LeadFilters(django_filters.FilterSet):  # type: ignore[misc]  # the library ships no types
    """`status`, `result`, `tag`, `test`, `start` ≤ created_at < `end`."""

    lead_id = django_filters.CharFilter(field_name="id")
    status = django_filters.ChoiceFilter(choices=Lead.Status.choices)
    result = django_filters.ChoiceFilter(choices=[c for c in Lead.Result.choices if c[0]])
    tag = django_filters.CharFilter(method="by_tag")
    test = django_filters.ChoiceFilter(
        choices=[("true", "Test leads"), ("false", "Without test leads")], method="by_test"
    )
    start = Moment(field_name="created_at", lookup_expr="gte")
    end = Moment(field_name="created_at", lookup_expr="lt", end=True)

    class Meta:
        model = Lead
        form = PeriodForm
        fields: list[str] = []

    def by_test(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(test=value == "true")

    def by_tag(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return leadtags.tagged(rows, value)


class Leads(Subject):
    name = "leads"
    filters = LeadFilters
    parties: ClassVar[Mapping[str, str]] = {
        "flow": "flows.Flow",
        "source": "flows.Source",
        "recipient": "recipients.Recipient",
    }
    select = (
        "created_at", "id", "status", "result", "reason", "flow_id", "flow__slug", "flow__name",
        "source_id", "source__slug", "source__name", "completed_at", "test", "currency", "cost",
        "services_cost", "revenue", "sales", "snapshot",
    )  # fmt: skip
    columns = (
        "id", "created_at", "status", "result", "reason", "flow.slug", "flow.name", "source.slug",
        "source.name", "completed_at", "test", "currency", "price", "revenue", "margin", "sales",
        "tags",
    )  # fmt: skip

    def all(self, sight: Sight) -> QuerySet[Any]:
        return sight.leads()

    def chosen(self, sight: Sight, given: Mapping[str, Any]) -> QuerySet[Any]:
        """As of every subject; a recipient is one that the lead went to. Tags are for those who see
        every lead."""
        if given.get("tag") and not sight.sees_all:
            raise WrongShape(
                "Some filters are not what they should be.",
                {"tag": "Only those who see every lead know its tags."},
            )
        rows = super().chosen(sight, {k: v for k, v in given.items() if k != "recipient"})
        if not given.get("recipient"):
            return rows
        theirs = Deliveries().chosen(sight, {"recipient": given["recipient"]})
        return rows.filter(Exists(theirs.filter(lead=OuterRef("pk"))))

    def records(self, rows: Sequence[Row], reading: Reading) -> list[Record]:
        bodies = {}
        if reading.with_lead and rows:
            # The values of today: a snapshot may be younger than its lead.
            bodies = values.newest({(row[1], row[18]) for row in rows if row[18]})
        tags = leadtags.of_leads([row[1] for row in rows]) if reading.sight.sees_all else {}
        return [
            _record(row, bodies.get((row[1], row[18])), tags.get(row[1], []), reading)
            for row in rows
        ]


def _record(row: Row, body: str | None, tags: list[str], reading: Reading) -> Record:
    (at, id, status, result, reason, flow_id, flow, flow_name, source_id, source, source_name,
     completed, test, currency, cost, services, revenue, sales, _) = row  # fmt: skip
    everything = reading.sight.sees_all
    own_reason = status == Lead.Status.REJECTED or result == Lead.Result.STOPPED
    envelope = {
        "id": id,
        "status": status,
        "result": result or None,
        "reason": (reason if own_reason or everything else "") or None,
        "created_at": stamp(at),
        "completed_at": stamp(completed),
        "test": test,
        "currency": currency,
        **(
            {
                "price": money(cost - services),
                "revenue": money(revenue),
                "margin": money(revenue - cost),
                "sales": sales,
                # An empty cell, but an empty list.
                "tags": tags or (None if reading.parsed else []),
            }
            if everything
            else {}
        ),
    }
    own = {
        "flow": {"id": flow_id, "slug": flow, "name": flow_name},
        "source": {"id": source_id, "slug": source, "name": source_name},
    }
    return Record(envelope, own, _values(body, flow_id, reading), no_lead=not reading.with_lead)


def _values(body: str | None, flow_id: str, reading: Reading) -> Any:
    if body is None:
        return None
    if reading.personal:
        return orjson.loads(body) if reading.parsed else orjson.Fragment(body)
    lead = orjson.loads(body)
    return mask_values(lead, personal_names(lead, reading.privacy_of(flow_id)))
