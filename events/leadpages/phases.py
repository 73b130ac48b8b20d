"""Where a lead's time went: each wait and each piece of work, on one scale. Pure.

Named as the field's documents name them: parsing is accepted − submitted, enhancement an answer −
the event before, delivery the end of an attempt − its beginning, the total last − submitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from events.vocabulary import ATTEMPT_ENDS, EventType

PARSING, FILTERS, ENHANCEMENT = "Parsing", "Filters", "Enhancement"
AUCTION, TURN, DELIVERY = "Auction", "Waiting for its turn", "Delivery"
RETRY, REVIEW, OTHER = "Waiting for a retry", "Waiting for a person", "Other work"
ORDER: Final = (
    PARSING, FILTERS, ENHANCEMENT, AUCTION, TURN, DELIVERY, RETRY, REVIEW, OTHER,
)  # fmt: skip
WAITS: Final = frozenset({TURN, RETRY, REVIEW})
# By what ended the wait or the work: a type, or a group of them.
BY_END: Final[Mapping[str, str]] = {
    EventType.SOURCE_ACCEPTED: PARSING,
    EventType.SOURCE_REJECTED: PARSING,
    EventType.RECIPIENT_ATTEMPT: TURN,
    EventType.RECIPIENT_DELIVERED: DELIVERY,
    EventType.RECIPIENT_ERROR: DELIVERY,
    EventType.RECIPIENT_FAILED: DELIVERY,
    EventType.RETRY_ATTEMPTED: RETRY,
    EventType.REVIEW_RELEASED: REVIEW,
    EventType.REVIEW_REDIRECTED: REVIEW,
    EventType.REVIEW_CLOSED: REVIEW,
    "filter": FILTERS,
    "enhancement": ENHANCEMENT,
    "auction": AUCTION,
}
AFTERWARDS: Final = frozenset({"feedback", "lead"})  # days later; they would dwarf the rest
SLOW_MS: Final = 50
MOST: Final = 30  # that are drawn


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` after the lead came, in ms. `left` and `width` are shares of the whole."""

    phase: str
    about: str
    event_id: str
    start: float
    ms: float
    left: float = 0.0
    width: float = 0.0
    slowest: bool = False

    @property
    def waits(self) -> bool:
        return self.phase in WAITS


@dataclass(frozen=True, slots=True)
class Course:
    """`spans` in order; `hidden` shorter ones are not among them. `totals`: phase → ms, what ran
    at the same time counted once. `total`: from the first event to the last."""

    spans: list[Span]
    hidden: int
    totals: list[tuple[str, float]]
    total: float

    @property
    def slowest(self) -> Span | None:
        return next((span for span in self.spans if span.slowest), None)


def course(events: Sequence[Any], names: Mapping[str, str]) -> Course:
    """`events` of one lead in order; `names` by the id of what an event is about."""
    own = [event for event in events if _group(event) not in AFTERWARDS]
    if len(own) < 2:
        return Course([], 0, [], 0.0)
    begin = own[0].timestamp
    total = max(_ms(begin, event.timestamp) for event in own)
    found = [
        Span(
            phase,
            names.get(event.entity_id, ""),
            event.id,
            _ms(begin, since),
            _ms(since, event.timestamp),
        )
        for event, since, phase in _ended(own)
    ]
    found = [span for span in found if span.ms >= 0.5]
    longest = max((span.ms for span in found), default=0.0)
    drawn = sorted(found, key=lambda span: span.ms, reverse=True)[:MOST]
    marked = next((s for s in drawn if s.ms == longest >= SLOW_MS), None)
    return Course(
        [_placed(span, total, slowest=span is marked) for span in found if span in drawn],
        len(found) - len(drawn),
        [(phase, ms) for phase in ORDER if (ms := _union(found, phase)) >= 0.5],
        total,
    )


def _ended(events: Sequence[Any]) -> list[tuple[Any, datetime, str]]:
    """Each event that ends something, since when that lasted, and what it was."""
    begun: dict[str, datetime] = {}  # delivery → its attempt's beginning, or its wait's
    held: datetime | None = None
    found = []
    before = events[0]
    for event in events[1:]:
        phase = BY_END.get(event.type) or BY_END.get(_group(event), OTHER)
        key = _delivery(event)
        since = before.timestamp
        if event.type in ATTEMPT_ENDS or event.type == EventType.RETRY_ATTEMPTED:
            since = begun.pop(key, since)
        elif phase == REVIEW and held is not None:
            since, held = held, None
        if event.type in (EventType.RECIPIENT_ATTEMPT, EventType.RETRY_SCHEDULED):
            begun[key] = event.timestamp
        if event.type == EventType.REVIEW_HELD:
            held = event.timestamp
        found.append((event, since, phase))
        before = event
    return found


def _placed(span: Span, total: float, *, slowest: bool) -> Span:
    share = total or 1.0
    return replace(span, left=span.start / share, width=span.ms / share, slowest=slowest)


def _union(spans: Sequence[Span], phase: str) -> float:
    """How long the phase lasted, in ms; what overlaps counts once."""
    total = end = 0.0
    for span in sorted((s for s in spans if s.phase == phase), key=lambda s: s.start):
        total += max(0.0, span.start + span.ms - max(end, span.start))
        end = max(end, span.start + span.ms)
    return total


def _delivery(event: Any) -> str:
    found = event.data.get("delivery")
    return str(found.get("id") or "") if isinstance(found, Mapping) else ""


def _group(event: Any) -> str:
    return str(event.type).split(".", 1)[0]


def _ms(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds() * 1000)
