"""The review queue: what waits for a person, the longest waiting first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from events import cursors
from events.chosen import Chosen
from events.models import Delivery, Lead
from events.visibility import Sight
from flows.byhand import reviewing

PAGE = 50
COUNTED = 100  # the badge counts no further
AGES = {
    "1h": ("Over an hour", timedelta(hours=1)),
    "1d": ("Over a day", timedelta(days=1)),
    "7d": ("Over a week", timedelta(days=7)),
}
# Both halves read a partial index that holds nothing but what waits.
HELD = """
    SELECT (SELECT count(*) FROM (
        SELECT FROM events_delivery
        WHERE held_at IS NOT NULL AND (%s::text[] IS NULL OR recipient_id = ANY(%s)) LIMIT %s
    ) AS deliveries) + (SELECT count(*) FROM (
        SELECT FROM events_lead l
        WHERE %s AND l.held_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM events_delivery d WHERE d.lead_id = l.id AND d.held_at IS NOT NULL
        ) LIMIT %s
    ) AS leads)
"""


@dataclass(frozen=True, slots=True)
class Filters(Chosen):
    """`reason` is looked for within the reasons."""

    known = {"age": AGES}

    recipient: str = ""
    flow: str = ""
    outcome: str = ""
    reason: str = ""
    age: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery, or a lead that was put aside before there was any."""

    id: str
    since: datetime
    lead_id: str
    flow: str
    recipient: str
    reason: str
    outcome: str
    attempts: int
    test: bool
    may_have: bool


@dataclass(slots=True)
class Page:
    entries: list[Entry] = field(default_factory=list)
    after: str = ""  # the cursor of the next page; blank: this was the last


def listed(sight: Sight, chosen: Filters) -> Page:
    """One page of the queue. A cursor that is none begins anew."""
    rows = [_entry_of(row) for row in islice(_deliveries(sight, chosen), PAGE + 1)]
    if sight.sees_all and not chosen.recipient and not chosen.outcome:
        rows += [_aside(row) for row in islice(_leads(chosen), PAGE + 1)]
    rows.sort(key=lambda entry: (entry.since, entry.id))
    shown = rows[:PAGE]
    more = len(rows) > PAGE
    return Page(shown, cursors.encode(shown[-1].since, shown[-1].id) if more else "")


def count(sight: Sight) -> int:
    """How many wait, counted up to COUNTED; one short query, for every page of the console asks."""
    theirs = None if sight.recipients is None else sorted(sight.recipients)
    with connection.cursor() as cursor:
        cursor.execute(HELD, [theirs, theirs, COUNTED, sight.sees_all, COUNTED])
        return min(int(cursor.fetchone()[0]), COUNTED)


def _put_aside() -> QuerySet[Lead]:
    own = Delivery.objects.filter(lead=OuterRef("pk"), held_at__isnull=False)
    return Lead.objects.filter(held_at__isnull=False).exclude(Exists(own))


def _deliveries(sight: Sight, chosen: Filters) -> Iterator[Delivery]:
    rows = _chosen(sight.deliveries(), chosen)
    if chosen.recipient:
        rows = rows.filter(recipient__slug=chosen.recipient)
    if chosen.outcome:
        rows = rows.filter(outcome=chosen.outcome)
    rows = rows.select_related("recipient", "flow", "lead").only(
        "id", "held_at", "lead_id", "reason", "outcome", "attempts", "in_doubt",
        "recipient__name", "flow__name", "lead__test",
    )  # fmt: skip
    return iter(rows[: PAGE + 1])


def _leads(chosen: Filters) -> Iterator[Lead]:
    rows = _chosen(_put_aside(), chosen).select_related("flow")
    return iter(rows.only("id", "held_at", "reason", "test", "flow__name")[: PAGE + 1])


def _chosen(rows: QuerySet[Any], chosen: Filters) -> QuerySet[Any]:
    rows = rows.filter(held_at__isnull=False).order_by("held_at", "id")
    if chosen.flow:
        rows = rows.filter(flow__slug=chosen.flow)
    if chosen.reason:
        rows = rows.filter(reason__icontains=chosen.reason)
    if chosen.age:
        rows = rows.filter(held_at__lte=datetime.now(UTC) - AGES[chosen.age][1])
    try:
        at, id = cursors.time_and_id(chosen.after)
    except ValueError:
        return rows
    return rows.filter(held_at__gte=at).exclude(Q(held_at=at) & Q(id__lte=id))


def _entry_of(row: Delivery) -> Entry:
    assert row.held_at is not None  # noqa: S101  chosen by it
    return Entry(
        id=row.id,
        since=row.held_at,
        lead_id=row.lead_id,
        flow=row.flow.name,
        recipient=row.recipient.name,
        reason=row.reason,
        outcome=row.outcome,
        attempts=row.attempts,
        test=row.lead.test,
        may_have=reviewing.may_have_it(row),
    )


def _aside(row: Lead) -> Entry:
    assert row.held_at is not None  # noqa: S101  chosen by it
    return Entry(
        id=row.id,
        since=row.held_at,
        lead_id=row.id,
        flow=row.flow.name,
        recipient="",
        reason=row.reason,
        outcome="",
        attempts=0,
        test=row.test,
        may_have=False,
    )
