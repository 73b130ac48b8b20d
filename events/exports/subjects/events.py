"""Events: the envelope, the type's own fields, the lead at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson
from django.db.models import QuerySet

from events.exports import values
from events.exports.cells import Record
from events.exports.subjects.base import Reading, Row, Subject, stamp
from events.feedback import said as feedback_words
from events.filters import EventFilters
from events.masking import TextMask, mask_values, personal_names
from events.ownfields import in_short
from events.visibility import Sight

KEPT_MASKS = 2_000  # events of a lead stand near each other
# Fields of an event in which nothing of the lead stands.
NAMES_ONLY = frozenset(["recipient", "source", "metadata"])


class Events(Subject):
    name = "events"
    at = "timestamp"
    settled = True
    filters = EventFilters
    parties: ClassVar[Mapping[str, str]] = (
        {} if "flow" in EventFilters.base_filters else {"flow": "flows.Flow"}
    )
    select = (
        "timestamp", "id", "type", "lead_id", "flow_id", "entity_id", "seq", "outcome", "reason",
        "duration_ms", "data", "snapshot",
    )  # fmt: skip
    columns = (
        "id", "type", "timestamp", "lead_id", "flow_id", "entity_id", "seq", "outcome", "reason",
        "duration_ms", "recipient.id", "recipient.slug", "recipient.name", "recipient.type",
        "delivery.id", "delivery.method", "delivery.url", "delivery.price", "delivery.margin",
        "response.status_code", "response.parsed.buyer_lead_id", "response.parsed.acceptance",
        "response.parsed.price", "response.parsed.message", "failure.reason", "failure.category",
        "failure.class", "failure.details", "failure.retry_eligible", "retry_at",
        "metadata.attempt_number", "metadata.total_attempts", "metadata.integration",
        "metadata.endpoint", "metadata.buyer_tier", "other",
    )  # fmt: skip

    def all(self, sight: Sight) -> QuerySet[Any]:
        return sight.events()

    def records(self, rows: Sequence[Row], reading: Reading) -> list[Record]:
        if not rows:
            return []
        bodies = {}
        if reading.with_lead or not reading.personal:
            wanted = {(row[3], row[11]) for row in rows if row[3] and row[11]}
            bodies = values.read(wanted, rows[-1][0])
        made = _plain if reading.personal else _masked
        return [
            made(row, own, reason, bodies.get((row[3], row[11])), reading)
            for row, (own, reason) in zip(rows, _said(rows, reading), strict=True)
        ]


def _said(rows: Sequence[Row], reading: Reading) -> list[tuple[Any, str]]:
    """The events' own fields and reasons, with the words that partners wrote: they stand apart."""
    found = [(orjson.loads(row[10]), row[8]) for row in rows]
    lacking = [own for own, _ in found if feedback_words.lacks(own)]
    if not lacking:
        return found
    reading.partner_words = True
    words = feedback_words.read(lacking)
    return [
        feedback_words.told(own, reason, words) if feedback_words.lacks(own) else (own, reason)
        for own, reason in found
    ]


def _plain(row: Row, own: Any, reason: str, body: str | None, reading: Reading) -> Record:
    lead: Any = None
    if body is not None:
        lead = orjson.loads(body) if reading.parsed else orjson.Fragment(body)
    return _record(row, own, reason, lead, reading)


def _masked(row: Row, own: Any, reason: str, body: str | None, reading: Reading) -> Record:
    """With what is the lead's own made unreadable; nothing is said of what was erased."""
    if body is None:
        return _record(row, own, reason, None, reading)
    key = (row[3], row[11])
    if key not in reading.masks:
        if len(reading.masks) >= KEPT_MASKS:
            reading.masks.clear()
        lead = orjson.loads(body)
        privacy = reading.privacy_of(row[4])
        shown = mask_values(lead, personal_names(lead, privacy))
        reading.masks[key] = TextMask([lead], privacy), shown
    mask, shown = reading.masks[key]
    own = {name: value if name in NAMES_ONLY else mask.deep(value) for name, value in own.items()}
    return _record(row, own, mask.text(reason), shown, reading)


def _record(row: Row, own: Any, reason: str, lead: Any, reading: Reading) -> Record:
    at, id, kind, lead_id, flow_id, entity_id, seq, outcome, _, duration, _, _ = row
    envelope = {
        "id": id,
        "type": kind,
        "timestamp": stamp(at),
        "lead_id": lead_id or None,
        "flow_id": flow_id or None,
        "entity_id": entity_id or None,
        "seq": seq,
        "outcome": outcome or None,
        "reason": reason or None,
        "duration_ms": duration,
    }
    short = None if reading.parsed else in_short({**own, **envelope})
    no_lead = not (reading.with_lead and lead_id)
    return Record(envelope, own, lead, no_lead=no_lead, short=short)
