"""What came of telling a source: on the feedback's row, the source's line, and in the record.

In one transaction, and only while the lease is the worker's own: whatever is sent twice is settled
once. Leads are locked first, in order of their ids, as everybody does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from events import leads
from events.journal import Journal
from events.leads import LockedLead
from events.models import PassedFeedback
from events.pushing.sending import Refusal
from events.pushing.working import backoff
from events.vocabulary import EventType
from leadops.lib.bulk import Table

GIVE_UP_AFTER = timedelta(days=1)  # of nothing but failures
ERROR_LENGTH = 300

HELD = """
    SELECT failing_since, failures, clock_timestamp() FROM events_feedbackline
    WHERE source_id = %(source)s AND lease = %(lease)s FOR UPDATE
"""
STILL = """
    SELECT id, tries, failing_since, created_at FROM events_passedfeedback
    WHERE id = ANY(%s) AND state = 'waiting' FOR UPDATE
"""
ROW = Table(
    "events_passedfeedback",
    {
        "id": "text",
        "state": "text",
        "due_at": "timestamptz",
        "tries": "integer",
        "failing_since": "timestamptz",
        "error": "text",
        "settled_at": "timestamptz",
    },
)
# A line is down where nothing answers, or only to say so; one message that is refused is not.
TAKEN = """
    UPDATE events_feedbackline SET delivered = delivered + %(taken)s, delivered_at = %(at)s,
        failures = 0, failing_since = NULL
    WHERE source_id = %(source)s
"""
REFUSED = """
    UPDATE events_feedbackline SET failed_at = %(at)s, failed_reason = %(reason)s,
        failures = failures + %(down)s::int,
        failing_since = CASE WHEN %(down)s THEN coalesce(failing_since, %(at)s)
            ELSE failing_since END
    WHERE source_id = %(source)s
"""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one: taken without a `refusal`. `down`: whoever receives is not well, whatever
    is sent. `exchange` as the journal keeps it, `data` besides what every such event says."""

    row: PassedFeedback
    refusal: Refusal | None = None
    seconds: float | None = None
    exchange: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""  # where it is not the row's
    down: bool = False
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Settled:
    """`wait` in seconds before the source is tried again: 0 unless it is down."""

    taken: int = 0
    failed: int = 0
    wait: float = 0.0
    hopeless: str = ""  # why, where the source has been down for too long


def settle(source: Any, lease: str, came: Sequence[Came]) -> Settled | None:
    """None when the lease is somebody else's by now: they settle what they send."""
    with transaction.atomic(), connection.cursor() as cursor:
        locked = leads.lock(cursor, (one.row.feedback.lead_id for one in came))
        cursor.execute(HELD, {"source": source.id, "lease": lease})
        held = cursor.fetchone()
        if held is None:
            return None
        cursor.execute(STILL, [[one.row.id for one in came]])
        still = {row[0]: row[1:] for row in cursor.fetchall()}
        batch = _Batch(source, Journal(held[2]), locked, held[0], held[1])
        for one in came:
            if one.row.id in still:
                batch.settle(one, *still[one.row.id])
        return batch.save(cursor)


@dataclass(slots=True)
class _Batch:
    """One transaction's work."""

    source: Any
    journal: Journal
    leads: dict[str, LockedLead]
    down_since: datetime | None
    failures: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    taken: int = 0
    failed: int = 0
    wait: float = 0.0
    reason: str = ""
    down: bool = False

    def settle(
        self, one: Came, tries: int, failing_since: datetime | None, created_at: datetime
    ) -> None:
        at, tries = self.journal.at, tries + one.tried
        row: dict[str, Any] = {"id": one.row.id, "tries": tries, "due_at": at, "settled_at": at}
        if one.refusal is None:
            self.taken += 1
            row |= {"state": "sent", "failing_since": None, "error": ""}
            self._record(EventType.FEEDBACK_SENT, one, tries)
        else:
            self.reason = one.refusal.reason
            self.down |= one.down
            since = failing_since or at
            row |= {"failing_since": since, "error": self.reason[:ERROR_LENGTH]}
            if one.refusal.final or at - since >= GIVE_UP_AFTER or self._too_old(created_at):
                self.failed += 1
                row["state"] = "failed"
                self._record(EventType.FEEDBACK_FAILED, one, tries)
            else:
                self.wait = max(self.wait, one.refusal.wait)
                wait = max(one.refusal.wait, backoff(tries))
                row |= {
                    "state": "waiting",
                    "due_at": at + timedelta(seconds=wait),
                    "settled_at": None,
                }
        self.rows.append(row)

    def _too_old(self, created_at: datetime) -> bool:
        return self._hopeless and self.journal.at - created_at >= GIVE_UP_AFTER

    @property
    def _hopeless(self) -> bool:
        """Of single messages: all of a summary are tried together, and have a day of their own."""
        if self.source.feedback_mode == "summary":
            return False
        since = self.down_since
        return since is not None and self.journal.at - since >= GIVE_UP_AFTER

    def _record(self, kind: EventType, one: Came, tries: int) -> None:
        feedback = one.row.feedback
        seconds = one.seconds
        self.journal.record(
            self.leads[feedback.lead_id],
            kind,
            entity_id=self.source.id,
            reason=one.refusal.reason if one.refusal else "",
            duration_ms=None if seconds is None else round(seconds * 1000),
            exchange={**one.exchange, "attempt": min(tries, 32_767)} if one.exchange else None,
            kind=feedback.kind,
            feedback_id=feedback.id,
            message_id=one.message_id or one.row.id,
            attempts=tries,
            source={"id": self.source.id, "name": self.source.name, "slug": self.source.slug},
            **one.data,
        )

    def save(self, cursor: Any) -> Settled:
        ROW.update(cursor, self.rows)
        given = {"source": self.source.id, "at": self.journal.at, "taken": self.taken}
        down = self.down and not self.taken
        if self.taken:
            cursor.execute(TAKEN, given)
        elif self.reason:
            reason = self.reason[:ERROR_LENGTH]
            cursor.execute(REFUSED, {**given, "reason": reason, "down": down})
        leads.save(cursor, list(self.leads.values()))
        self.journal.write(cursor)
        return Settled(
            self.taken,
            self.failed,
            max(self.wait, backoff(self.failures)) if down else 0.0,
            self.reason if down and self._hopeless else "",
        )
