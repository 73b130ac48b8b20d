"""The journal: the only writer of events, and of the snapshots and exchanges they point at.

A `Journal` collects what happens in one transaction and writes it in four statements, whatever
the number of leads. The caller holds the leads' rows locked, so order within a lead is the order
of the calls, and writes the leads' new `seq` and `snapshot` in the same transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from events import rollups
from events.vocabulary import EventType
from leadops.lib import ids
from leadops.lib.bulk import Table, dumps

EVENT = Table(
    "events_event",
    {
        "id": "text",
        "seq": "integer",
        "type": "text",
        "timestamp": "timestamptz",
        "lead_id": "text",
        "flow_id": "text",
        "entity_id": "text",
        "outcome": "text",
        "reason": "text",
        "duration_ms": "integer",
        "snapshot": "smallint",
        "exchange_id": "text",
        "digest": "bytea",
        "data": "jsonb",
    },
)
SNAPSHOT = Table(
    "events_snapshot",
    {
        "id": "text",
        "lead_id": "text",
        "version": "smallint",
        "at": "timestamptz",
        "body": "jsonb",
    },
)
EXCHANGE = Table(
    "events_exchange",
    {
        "id": "text",
        "lead_id": "text",
        "delivery_id": "text",
        "attempt": "smallint",
        "at": "timestamptz",
        "duration_ms": "integer",
        "method": "text",
        "url": "text",
        "request_headers": "jsonb",
        "request_body": "text",
        "status": "smallint",
        "reply_headers": "jsonb",
        "reply_body": "text",
        "error": "text",
    },
)
REASON_LENGTH = 500
LONGEST_MS = 2**31 - 1  # what the column holds: 24 days. A lead may be older when it completes


class Subject(Protocol):
    """The lead that events are about; `seq` and `snapshot` are moved on by the journal."""

    id: str
    flow_id: str
    source_id: str
    test: bool
    seq: int
    snapshot: int
    salt: bytes | None


@dataclass(slots=True)
class Journal:
    """What one transaction adds to the record, all at the moment `at` (the database's clock)."""

    at: datetime
    events: list[dict[str, Any]] = field(default_factory=list)
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    tallies: list[rollups.Cell] = field(default_factory=list)

    def record(
        self,
        lead: Subject,
        event_type: EventType,
        *,
        entity_id: str,
        outcome: str = "",
        reason: str = "",
        duration_ms: int | None = None,
        values: Mapping[str, Any] | None = None,
        exchange: Mapping[str, Any] | None = None,
        same_exchange: bool = False,
        at: datetime | None = None,
        **data: Any,
    ) -> str:
        """Note an event and give its id.

        `values` are the lead's data from this moment on (a new snapshot version); `exchange` the
        request and reply it came from, `same_exchange` that of the event noted just before;
        `data` the type's own fields. Of a lead that was erased (it has no salt any more) neither
        is kept, whoever still had them at hand.
        """
        at = at or self.at
        if lead.salt is None:
            values = exchange = None
        lead.seq += 1
        digest, exchange_id = None, ""
        if values is not None:
            digest = self._snapshot(lead, values, at)
        if exchange is not None:
            exchange_id, digest = self._exchange(lead, exchange, at)
        elif same_exchange:
            exchange_id, digest = self.events[-1]["exchange_id"], self.events[-1]["digest"]
        event = self._event(lead.id, lead.flow_id, event_type, at)
        event.update(
            seq=lead.seq,
            entity_id=entity_id,
            outcome=outcome,
            reason=reason[:REASON_LENGTH],
            duration_ms=None if duration_ms is None else min(duration_ms, LONGEST_MS),
            snapshot=lead.snapshot,
            exchange_id=exchange_id,
            digest=digest,
            data=data,
        )
        self.events.append(event)
        if event_type in rollups.COUNTING:
            self.tallies.extend(rollups.cells(_happening(lead, event)))
        return str(event["id"])

    def operation(
        self,
        event_type: EventType,
        *,
        entity_id: str,
        flow_id: str = "",
        reason: str = "",
        **data: Any,
    ) -> str:
        """Note an event about no lead: configuration, pauses, alerts."""
        event = self._event("", flow_id, event_type, self.at)
        event.update(entity_id=entity_id, reason=reason[:REASON_LENGTH], data=data)
        self.events.append(event)
        return str(event["id"])

    def move_on(self, cursor: Any) -> None:
        """Note what follows at this moment. Whoever had to wait for a lead's lock calls it then:
        who held it before has noted later events than this transaction's first moment."""
        cursor.execute("SELECT clock_timestamp()")
        self.at = cursor.fetchone()[0]

    def extend(self, other: Journal) -> None:
        """Take over what another journal of the same moment collected."""
        self.events += other.events
        self.snapshots += other.snapshots
        self.exchanges += other.exchanges
        self.tallies += other.tallies

    def write(self, cursor: Any) -> None:
        """Write everything; the caller's transaction makes it true."""
        SNAPSHOT.insert(cursor, self.snapshots)
        EXCHANGE.insert(cursor, self.exchanges)
        EVENT.insert(cursor, self.events)
        rollups.write(cursor, self.tallies)

    def _event(self, lead_id: str, flow_id: str, kind: EventType, at: datetime) -> dict[str, Any]:
        return {
            "id": ids.new_id("evt", at=None if at is self.at else at),
            "seq": 0,
            "type": kind.value,
            "timestamp": at,
            "lead_id": lead_id,
            "flow_id": flow_id,
            "entity_id": "",
            "outcome": "",
            "reason": "",
            "duration_ms": None,
            "snapshot": 0,
            "exchange_id": "",
            "digest": None,
            "data": {},
        }

    def _snapshot(self, lead: Subject, values: Mapping[str, Any], at: datetime) -> bytes:
        lead.snapshot += 1
        self.snapshots.append(
            {
                "id": ids.new_id("snap"),
                "lead_id": lead.id,
                "version": lead.snapshot,
                "at": at,
                "body": values,
            }
        )
        return salted_digest(lead.salt, values)

    def _exchange(
        self, lead: Subject, exchange: Mapping[str, Any], at: datetime
    ) -> tuple[str, bytes]:
        row = {"id": ids.new_id("exc"), "lead_id": lead.id, "at": at, **exchange}
        self.exchanges.append(row)
        return row["id"], salted_digest(lead.salt, exchange)


def salted_digest(salt: bytes | None, body: Mapping[str, Any]) -> bytes:
    """SHA-256 over the lead's salt and the body's JSON; says nothing once the salt is erased."""
    return hashlib.sha256(bytes(salt or b"") + dumps(body).encode()).digest()


def _happening(lead: Subject, event: Mapping[str, Any]) -> rollups.Happening:
    return rollups.Happening(
        type=event["type"],
        at=event["timestamp"],
        flow_id=lead.flow_id,
        source_id=lead.source_id,
        entity_id=event["entity_id"],
        outcome=event["outcome"],
        reason=event["reason"],
        duration_ms=event["duration_ms"],
        test=lead.test,
        data=event["data"],
    )
