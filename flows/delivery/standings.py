"""How much of caps and limits is used, of recipients, flows and steps; whether a recipient is open,
and what waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from flows.delivery.counters import AT_ONCE, EVER
from flows.models import CapCount, Flow, Step, StepRecipient
from recipients import caps, hours, limits
from recipients.caps import Cap
from recipients.hours import Hours
from recipients.limits import Limits
from recipients.models import Recipient

MOST = 20  # held leads that are told one by one
COUNTED = 1000  # they are counted no further
# By what they wait for, first come the first to go; infinity: when somebody resumes it.
HELD = """
    SELECT d.id, d.lead_id, d.waits_for, nullif(w.due_at, 'infinity')
    FROM flows_work w JOIN events_delivery d ON d.id = w.delivery_id
    WHERE w.lane = ANY(%s) AND w.lease IS NULL AND d.state = 'waiting' AND d.waits_for <> ''
    ORDER BY w.due_at LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class CapStanding:
    """`used` is what was accepted, `reserved` what is under way."""

    cap: Cap
    used: Decimal
    reserved: Decimal
    resets_at: datetime
    where: str = ""  # blank: its own; else flow and step, or the source, or the recipient

    @property
    def taken(self) -> Decimal:
        return self.used + self.reserved

    @property
    def share(self) -> int:
        """Percent of it that is taken, at most 100."""
        if self.cap.most <= 0:
            return 100
        return min(100, int(self.taken * 100 / self.cap.most))


@dataclass(frozen=True, slots=True)
class LimitStanding:
    name: str
    most: int
    used: int
    waiting: int


@dataclass(frozen=True, slots=True)
class HoursStanding:
    """`next` is when it closes, of one that is open; of another, when it opens. By its own clock:
    where the lead's counts, that of a lead of which nothing is known."""

    hours: Hours
    is_open: bool
    next: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that waits. `goes_at` None: when somebody resumes the recipient. In line for a
    place among those under way: at the latest then."""

    delivery_id: str
    lead_id: str
    reason: str
    goes_at: datetime | None

    @property
    def in_line(self) -> bool:
        return self.reason.startswith(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Standing:
    zone: ZoneInfo
    caps: tuple[CapStanding, ...]
    limits: tuple[LimitStanding, ...]
    hours: HoursStanding | None
    held: tuple[Held, ...]
    held_count: int


def standing_of(recipient: Recipient, *, at: datetime | None = None) -> Standing:
    """Raises ValueError where the configuration cannot be used."""
    at = at or datetime.now(UTC)
    zone = ZoneInfo(recipient.timezone)
    allowed = limits.parse(recipient.limits, owner=recipient.id)
    capped = list(_caps(recipient))
    counts = _counts(capped, allowed)
    held = _held(recipient.id)
    return Standing(
        zone=zone,
        caps=tuple(_cap(cap, where, counts, at) for cap, where in capped),
        limits=tuple(_limits(allowed, counts, at)),
        hours=_hours(hours.parse(recipient.hours), at, zone),
        held=tuple(held[:MOST]),
        held_count=len(held),
    )


def of_flow(flow: Flow, *, at: datetime | None = None) -> tuple[CapStanding, ...]:
    """A flow's caps at the door, those of its sources there, and of its steps. Raises ValueError
    where the configuration cannot be used."""
    capped = [(cap, "") for cap in caps.parse(flow.caps, owner=flow.id)]
    for row in flow.sources.select_related("source").exclude(caps=[]):
        listed = caps.parse(row.caps, owner=f"{flow.id}:{row.source_id}")
        capped += [(cap, row.source.name) for cap in listed]
    for step in flow.steps.exclude(caps=[]):
        capped += [(cap, step.name) for cap in caps.parse(step.caps, owner=step.id)]
    for listed_in, cap, name in _listed(step__flow=flow):
        capped.append((cap, f"{listed_in}, {name}"))
    return _standings(capped, at)


def of_step(step: Step, *, at: datetime | None = None) -> tuple[CapStanding, ...]:
    """A step's caps, and those of single recipients in it. Raises ValueError as well."""
    own = [(cap, "") for cap in caps.parse(step.caps, owner=step.id)]
    return _standings([*own, *((cap, name) for _, cap, name in _listed(step=step))], at)


def _listed(**where: Any) -> Iterator[tuple[str, Cap, str]]:
    """The caps of recipients in steps: the step's name, the cap, the recipient's name."""
    rows = StepRecipient.objects.filter(**where).exclude(caps=[])
    for row in rows.select_related("recipient", "step").order_by("step__position", "position"):
        owner, zone = f"{row.step_id}:{row.recipient_id}", row.recipient.timezone
        for cap in caps.parse(row.caps, owner=owner, zone=zone):
            yield row.step.name, cap, row.recipient.name


def _standings(
    capped: Sequence[tuple[Cap, str]], at: datetime | None = None
) -> tuple[CapStanding, ...]:
    at = at or datetime.now(UTC)
    counts = _counts(capped, limits.NONE) if capped else {}
    return tuple(_cap(cap, where, counts, at) for cap, where in capped)


def _caps(recipient: Recipient) -> Sequence[tuple[Cap, str]]:
    """Its own, and those that it has in steps."""
    own = caps.parse(recipient.caps, owner=recipient.id, zone=recipient.timezone)
    found = [(cap, "") for cap in own]
    for row in recipient.steps.select_related("step__flow").exclude(caps=[]):
        owner = f"{row.step_id}:{recipient.id}"
        listed = caps.parse(row.caps, owner=owner, zone=recipient.timezone)
        found += [(cap, f"{row.step.flow.name}, {row.step.name}") for cap in listed]
    return found


Counts = dict[tuple[str, datetime], CapCount]


def _counts(capped: Sequence[tuple[Cap, str]], allowed: Limits) -> Counts:
    keys = [cap.key for cap, _ in capped] + [allowed.key, *(rate.key for rate in allowed.rates)]
    rows = CapCount.objects.filter(key__in=keys, ends__gt=datetime.now(UTC))
    return {(row.key, row.starts): row for row in rows}


def _cap(cap: Cap, where: str, counts: Counts, at: datetime) -> CapStanding:
    starts, ends = cap.window(at)
    row = counts.get((cap.key, starts), CapCount())
    return CapStanding(cap, Decimal(row.used), Decimal(row.reserved), ends, where)


def _limits(allowed: Limits, counts: Counts, at: datetime) -> Sequence[LimitStanding]:
    found = []
    if allowed.concurrency is not None:
        row = counts.get((allowed.key, EVER), CapCount())
        found.append(
            LimitStanding("at once", allowed.concurrency, int(row.reserved), int(row.booked))
        )
    for rate in allowed.rates:
        now = rate.window(at)
        row = counts.get((rate.key, now), CapCount())
        ahead = [each for (key, starts), each in counts.items() if key == rate.key and starts > now]
        name = "a minute" if rate.seconds == 60 else "a second"
        waiting = sum(int(each.booked) for each in ahead)
        found.append(LimitStanding(name, rate.most, int(row.used), waiting))
    return found


def _hours(found: Hours | None, at: datetime, zone: ZoneInfo) -> HoursStanding | None:
    if found is None:
        return None
    is_open = found.is_open(at, zone)
    turns = found.closes(at, zone) if is_open else found.opens(at, zone)
    return HoursStanding(found, is_open, turns.astimezone(zone) if turns else None)


def _held(recipient_id: str) -> list[Held]:
    with connection.cursor() as cursor:
        cursor.execute(HELD, [[recipient_id, f"{recipient_id}:retry"], COUNTED])
        return [Held(*row) for row in cursor.fetchall()]
