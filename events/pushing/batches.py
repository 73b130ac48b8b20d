"""What of the record goes out next: the batch under way again, or a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from events import directory, following
from events.eventjson import events_json
from events.following import Choice, Position
from events.models import Event, EventSubscription
from events.parameters import stamp, types
from events.visibility import Sight
from leadops.lib import ids

MOST_BYTES = 1024 * 1024  # of a batch; a single event may be larger
MOST_EVENTS = 1_000  # as the model has it
ROWS = 2_000  # of the record that are read in one go
MOST_READS = 20  # before the position is noted, where hardly anything is wanted
TYPE = "events.batch"


@dataclass(frozen=True, slots=True)
class Batch:
    """`id` is the webhook-id; `end` where the position is when it was taken."""

    id: str
    end: Position
    events: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to send yet: all up to `reached` was looked at; what waits is not full before
    `ready_at`. `more`: there is more of the record to look at."""

    reached: Position
    ready_at: datetime | None = None
    more: bool = False


def choice_of(subscription: EventSubscription) -> Choice:
    return Choice(
        types=frozenset(types(subscription.types)) if subscription.types else frozenset(),
        flows=_ids("flows.Flow", subscription.flows),
        parties=_ids("recipients.Recipient", subscription.recipients),
    )


def _ids(model: str, slugs: Sequence[str]) -> frozenset[str]:
    """One that is gone matches nothing, and does not make the choice wider."""
    found = ((directory.party(model, slug), slug) for slug in slugs)
    return frozenset(party.id if party else f"gone {slug}" for party, slug in found)


def next_batch(
    subscription: EventSubscription, at: Position, *, now: datetime, age: float | None = None
) -> Batch | Nothing:
    """The batch after a position. `age` in seconds goes before the subscription's own."""
    choice = choice_of(subscription)
    if subscription.batch_id and subscription.batch_tx is not None:
        end = Position(subscription.batch_tx, subscription.batch_after)
        return _again(subscription, at, end, choice)
    found, reached, caught_up = _gather(at, choice, subscription.batch_size)
    if not found:
        return Nothing(reached, more=not caught_up)
    events = [event for _, event in found]
    full = len(events) >= subscription.batch_size
    limit = subscription.batch_age if age is None else age
    if not full and caught_up and (now - events[0].timestamp).total_seconds() < limit:
        return Nothing(at, ready_at=events[0].timestamp)
    shown = _shown(subscription, events)
    kept = _fitting(shown)
    return Batch(
        id=ids.new_id("msg"),
        end=found[kept - 1][0],
        events=kept,
        body=_body(subscription, events[:kept], shown[:kept]),
    )


def _again(
    subscription: EventSubscription, at: Position, end: Position, choice: Choice
) -> Batch | Nothing:
    """The batch that is under way, made anew from the record."""
    found, _, _ = _gather(at, choice, MOST_EVENTS, until=end)
    events = [event for _, event in found]
    if not events:  # retention or a changed choice left nothing of it
        return Nothing(end, more=True)
    body = _body(subscription, events, _shown(subscription, events))
    return Batch(subscription.batch_id, end, len(events), body)


def _gather(
    at: Position, choice: Choice, size: int, until: Position | None = None
) -> tuple[list[tuple[Position, Event]], Position, bool]:
    """Wanted events after a position, at most `size`; how far was read, and whether that is all."""
    found: list[tuple[Position, Event]] = []
    for _ in range(MOST_READS):
        chunk = following.read(at, limit=ROWS, choice=choice)
        places = (place for place, _ in chunk.rows)
        found += [
            (place, event)
            for place, event in zip(places, chunk.events, strict=True)
            if until is None or place <= until
        ]
        at = chunk.reached
        if len(found) >= size or chunk.caught_up or (until is not None and at >= until):
            return found[:size], at, chunk.caught_up
    return found[:size], at, False


def _shown(subscription: EventSubscription, events: Sequence[Event]) -> list[bytes]:
    """As the API's lists show them to staff."""
    sight = Sight(personal=not subscription.masked)
    shown = events_json(events, sight, with_lead=subscription.with_lead)
    return [orjson.dumps(each) for each in shown]


def _fitting(shown: Sequence[bytes]) -> int:
    """How many go into one body; at least one."""
    size = 0
    for number, each in enumerate(shown):
        size += len(each) + 1
        if size > MOST_BYTES and number:
            return number
    return len(shown)


def _body(
    subscription: EventSubscription, events: Sequence[Event], shown: Sequence[bytes]
) -> bytes:
    """The same bytes for the same events, as long as nothing of them is erased."""
    head = _head(subscription, events[-1].timestamp, events[-1].id)
    return head[:-2] + b',"events":[' + b",".join(shown) + b"]}}"


def _head(subscription: EventSubscription, at: datetime, last: str) -> bytes:
    document: dict[str, Any] = {
        "type": TYPE,
        "timestamp": stamp(at),
        "data": {"subscription": subscription.slug, "test": False, "last": last},
    }
    return orjson.dumps(document)


def test_body(subscription: EventSubscription, now: datetime) -> bytes:
    """A batch without events, that says it is a test."""
    data = {"subscription": subscription.slug, "test": True, "last": None, "events": []}
    return orjson.dumps({"type": TYPE, "timestamp": stamp(now), "data": data})
