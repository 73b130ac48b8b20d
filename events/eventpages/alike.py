"""All that is like one event: how many, since when, and what they have in common."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from events import charts, directory, figures
from events.eventpages import shown, walking
from events.eventpages.columns import TEXTS
from events.eventpages.filters import Filters
from events.eventpages.walking import Place, Walked
from events.models import Counted, Event
from events.periods import Span, floor
from events.visibility import Sight
from events.vocabulary import EventType

MOST: Final = 1_000  # that are looked at for what they have in common
SECONDS: Final = 1.0
PATIENCE: Final = 10.0  # seconds for finding all deliveries of a pattern
STRETCHES: Final = (2_000, 8_000, 20_000, 20_000, 20_000, 20_000)
SPANS: Final = {
    "1h": ("1 hour", timedelta(hours=1)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}
USUAL: Final = "24h"
# What a failure may share with another, beside whose it is, its type and its outcome.
ALSO: Final = ("category", "reason", "endpoint", "mapping", "status")
PARTS: Final = (
    ("reason", "Reason"),
    ("mapping", "Mapping version"),
    ("endpoint", "Endpoint"),
    ("status", "Response code"),
    ("attempt", "Attempt"),
)
NAMED: Final = 8  # values of a part that are listed
OF_RECIPIENTS: Final = frozenset({EventType.RECIPIENT_ERROR, EventType.RECIPIENT_FAILED})


@dataclass(frozen=True, slots=True)
class Part:
    """One thing by which they differ: value → how many; `others` are those not listed."""

    name: str
    label: str
    values: list[tuple[str, int]]
    others: int
    chosen: bool

    @property
    def same(self) -> bool:
        """Do all have the same value?"""
        return len(self.values) == 1 and not self.others


@dataclass(frozen=True, slots=True)
class Pattern:
    """`newest` are those that were looked at, `more`: there are older ones; `leads` of these."""

    walked: Walked
    newest: list[Event]
    parts: list[Part]
    chart: dict[str, Any]
    leads: int

    @property
    def more(self) -> bool:
        return self.walked.next is not None

    @property
    def latest(self) -> Event | None:
        return self.newest[0] if self.newest else None

    @property
    def earliest(self) -> Event | None:
        return self.newest[-1] if self.newest else None


def like(event: Event, also: Sequence[str]) -> Filters:
    """The filters that find what is like an event: the same party or step, type and outcome, and
    of what it was `also` the same."""
    own: dict[str, str] = {"reason": str(event.reason)} | {
        name: str(value) for name in ALSO if name in TEXTS and (value := TEXTS[name](event))
    }
    kept = {name: own[name] for name in ALSO if name in also and own.get(name)}
    recipient = directory.party("recipients.Recipient", event.entity_id)
    flow = None if recipient else directory.party("flows.Flow", event.flow_id)
    return Filters(
        type=(event.type,),
        outcome=(event.outcome,) if event.outcome else (),
        recipient=recipient.slug if recipient else "",
        flow=flow.slug if flow else "",
        **kept,
    )


def period(event: Event, name: str, now: datetime) -> tuple[datetime, datetime]:
    """The span with the event in it: up to now, or for an old event with it in the middle."""
    length = SPANS[name if name in SPANS else USUAL][1]
    if now - event.timestamp < length:
        return now - length, now + timedelta(seconds=1)
    return event.timestamp - length / 2, event.timestamp + length / 2


def pattern(
    filters: Filters, sight: Sight, *, start: datetime, end: datetime, zone: ZoneInfo
) -> Pattern:
    """What fits the filters in the span. Raises walking.Nothing and walking.TooSlow."""
    wanted = walking.search(filters, sight, start=start, end=end)
    walked = walking.walk(wanted, most=MOST, seconds=SECONDS, stretches=STRETCHES)
    newest = shown.events_at(walked.found, sight)
    span = Span(start, end, zone)
    return Pattern(
        walked,
        newest,
        [_part(name, label, newest, filters) for name, label in PARTS],
        _chart(filters, newest, span),
        len({event.lead_id for event in newest if event.lead_id}),
    )


def _part(name: str, label: str, events: Sequence[Event], filters: Filters) -> Part:
    texts = [TEXTS[name](event) if name in TEXTS else event.reason for event in events]
    found = Counter(str(text) for text in texts if text not in (None, ""))
    listed = found.most_common(NAMED)
    others = len(events) - sum(n for _, n in listed)
    return Part(name, label, listed, others if listed else 0, bool(getattr(filters, name, "")))


def _chart(filters: Filters, newest: Sequence[Event], span: Span) -> dict[str, Any]:
    """By the hour or day: those that were looked at, and for recipients, beside them, what they
    accepted meanwhile: all of it failing says something else than some of it."""
    interval = span.interval
    steps = span.steps(interval)
    names = charts.labels(steps, interval, span.zone)
    counted = Counter(floor(event.timestamp, interval, span.zone) for event in newest)
    lines = [charts.line("Like this", "bad", [counted[step] for step in steps], kind="bar")]
    if filters.recipient and set(filters.type) & OF_RECIPIENTS:
        accepted = _accepted(filters.recipient, span, interval)
        lines.append(charts.line("Accepted", "good", [accepted[step] for step in steps]))
    return charts.chart("alike", "When", "count", names, lines)


def _accepted(slug: str, span: Span, interval: str) -> Counter[datetime]:
    found: Counter[datetime] = Counter()
    recipient = directory.party("recipients.Recipient", slug)
    if recipient is not None:
        scope = figures.Scope(span, recipients=[recipient.id])
        [read] = figures.read(scope, [("time", "kind", "outcome")], interval=interval)
        for row in read:
            if row.key["kind"] == Counted.Kind.ATTEMPT and row.key["outcome"] == "accepted":
                found[row.key["time"]] += row.n
    return found


def delivery_ids(filters: Filters, sight: Sight, *, most: int, now: datetime) -> list[str]:
    """The deliveries that these events are about, each once, up to `most`.

    Raises walking.Nothing, walking.TooSlow, and ValueError for a period that is none.
    """
    start, end = filters.bounds(ZoneInfo("UTC"), now)
    wanted = walking.search(filters, sight, start=start, end=end)
    found: dict[str, None] = {}
    after: Place | None = None
    began = time.monotonic()
    while len(found) < most:
        if time.monotonic() - began > PATIENCE:
            raise walking.TooSlow
        walked = walking.walk(wanted, most=MOST, after=after, seconds=SECONDS, stretches=STRETCHES)
        found |= dict.fromkeys(_deliveries(walked, sight))
        after = walked.next
        if after is None:
            break
    return list(found)[:most]


def _deliveries(walked: Walked, sight: Sight) -> list[str]:
    times = [at for at, _ in walked.found]
    if not times:
        return []
    events = sight.events().filter(
        id__in=[id for _, id in walked.found], timestamp__range=(min(times), max(times))
    )
    found = events.values_list("data__delivery__id", flat=True)
    return [id for id in found if id]
