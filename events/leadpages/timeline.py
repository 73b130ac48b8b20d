"""A lead's events in order, with the time between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from events.models import Event
from events.vocabulary import FAILURES, EventType

GROUPS = (
    "source",
    "filter",
    "enhancement",
    "recipient",
    "retry",
    "review",
    "feedback",
    "flow",
    "lead",
)
LOOKS = frozenset({EventType.LEAD_VIEWED, EventType.LEAD_COPIED, EventType.LEAD_ERASED})
SLOW_MS = 50  # shorter waits are not worth pointing at


@dataclass(frozen=True, slots=True)
class Step:
    """An event as the timeline shows it. `gap_ms` since the event before; `part` of the longest
    wait before the flow's end, 0 to 1 (feedback comes days later and would dwarf the rest)."""

    event: Event
    about: str
    gap_ms: int
    part: float
    slowest: bool
    failed: bool

    @property
    def group(self) -> str:
        return str(self.event.type).split(".", 1)[0]


def timeline(events: Sequence[Event], names: Mapping[str, str]) -> list[Step]:
    """`names` gives recipients', sources' and steps' names by id."""
    gaps = [0] + [
        max(0, round((after.timestamp - before.timestamp).total_seconds() * 1000))
        for before, after in pairwise(events)
    ]
    own = [gap for event, gap in zip(events, gaps, strict=True) if _of_the_flow(event)]
    longest = max(own, default=0)
    return [
        Step(
            event=event,
            about=names.get(event.entity_id, ""),
            gap_ms=gap,
            part=min(gap / longest, 1.0) if longest else 0.0,
            slowest=gap == longest >= SLOW_MS and _of_the_flow(event),
            failed=event.type in FAILURES,
        )
        for event, gap in zip(events, gaps, strict=True)
    ]


def _of_the_flow(event: Event) -> bool:
    """Feedback comes days later, and so do people who look."""
    return not str(event.type).startswith("feedback.") and event.type not in LOOKS
