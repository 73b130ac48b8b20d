"""What a person does to a lead: in one transaction, under the lock that pumps take, recorded.

Of two people, or of a person and a worker, the second waits for the first and then sees what
became of the lead. Whoever decided on what is no longer so is told: `NotNow`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from django.db import connection, transaction

from events.journal import Journal
from events.privacy import values
from events.privacy.wording import scrubbed
from events.retention import gone
from events.retention.terms import Kept
from events.vocabulary import EventType
from flows import earlier
from flows.delivery import dispatching
from flows.plan import Plans
from flows.turns import worktable
from flows.turns.rows import DELIVERIES, LOCK_LEADS, save_deliveries, save_leads
from flows.turns.runs import Run
from flows.turns.states import DeliveryState, LeadState
from leadops.lib import wake

REASON_LENGTH = 300
UNDER_WAY = frozenset({"waiting", "sending"})
VALUES = """
    SELECT body FROM events_snapshot WHERE lead_id = %s AND version = %s AND at >= %s
"""
SINCE = """
    SELECT EXISTS (SELECT FROM events_event WHERE lead_id = %s AND seq > %s AND type <> %s)
"""
DELIVER = """
    INSERT INTO flows_work (kind, lead_id, delivery_id, lane, claims, hold)
    VALUES ('deliver', %s, %s, %s, 0, 0)
"""
# A worker may have the lead's own work at hand; it then does what there is to do.
ADVANCE = """
    INSERT INTO flows_work (kind, lead_id, lane, claims, hold) VALUES ('advance', %s, %s, 0, 0)
    ON CONFLICT (lead_id) WHERE kind = 'advance'
    DO UPDATE SET due_at = clock_timestamp(), lease = NULL
"""


class NotNow(Exception):
    """It cannot be done as things stand; the text says why."""


class NoSuchLead(LookupError):
    """There is no lead of that id."""


@contextmanager
def noted() -> Iterator[tuple[Any, Journal]]:
    """A transaction with its cursor and journal, written at its end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        yield cursor, journal
        journal.write(cursor)


def locked(
    cursor: Any, lead_id: str, current: Plans, journal: Journal, *, seen: int | None = None
) -> Run:
    """The lead and its deliveries, locked the way pumps lock them.

    `seen` is the number of the lead's newest event when somebody looked at it: raises NotNow where
    something has happened since (that others looked is nothing), where its flow cannot be used, or
    it was erased; NoSuchLead.
    """
    cursor.execute(LOCK_LEADS, [[lead_id]])
    row = cursor.fetchone()
    if row is None:
        raise NoSuchLead(lead_id)
    journal.move_on(cursor)
    lead = LeadState.of(row)
    if seen is not None and lead.seq != seen and _moved_on(cursor, lead_id, seen):
        raise NotNow("Something happened to this lead in the meantime. Look at it again.")
    if lead.salt is None:
        raise NotNow("The lead's data was erased.")
    flow = earlier.followed(current, lead)
    if flow is None:
        raise NotNow("The lead's flow cannot be used at the moment; correct its configuration.")
    if flow.broken:
        raise NotNow(f"{flow.broken}. Move its leads to the current version of the flow.")
    source = current.sources.get(lead.source_id)
    run = Run(lead=lead, flow=flow, journal=journal, source=source)
    cursor.execute(DELIVERIES, [[lead_id]])
    run.deliveries = [DeliveryState.of(row) for row in cursor.fetchall()]
    run.find_place()
    return run


def _moved_on(cursor: Any, lead_id: str, seen: int) -> bool:
    cursor.execute(SINCE, [lead_id, seen, EventType.LEAD_VIEWED.value])
    return bool(cursor.fetchone()[0])


def read_values(cursor: Any, run: Run) -> None:
    """Load the lead's newest snapshot; raises NotNow where it was erased, or is no longer kept."""
    cursor.execute(VALUES, [run.lead.id, run.lead.snapshot, run.lead.created_at])
    row = cursor.fetchone()
    if run.lead.salt is None:
        raise NotNow("The lead's data was erased.")
    if row is None:
        words = gone.words(Kept.SNAPSHOTS, run.lead.flow_id)
        raise NotNow(f"The lead's data is {words}; it cannot be sent again.")
    run.lead.values = row[0] if isinstance(row[0], dict) else orjson.loads(row[0])


def impersonal(cursor: Any, run: Run, text: str) -> str:
    """What somebody wrote about a lead, as the permanent record may hold it: without what any
    version of the lead's values says, and without addresses and numbers."""
    lead = run.lead
    known = values.of_leads(cursor, [lead.id], lead.created_at).get(lead.id, {})
    private = [v for name, v in known.items() if name in run.flow.private]
    return scrubbed(text, [str(value) for value in (*private, *lead.hidden.values())])


def save(
    cursor: Any, run: Run, *, send: Sequence[DeliveryState] = (), advance: bool = False
) -> None:
    """Write the lead and its deliveries back, with the work that is due now."""
    save_leads(cursor, [run])
    save_deliveries(cursor, [run])
    run.book.write(cursor)
    run.counters.write()
    if run.dropped:
        cursor.execute(worktable.DROP, [run.dropped])
    for delivery in send:
        cursor.execute(DELIVER, [run.lead.id, delivery.id, dispatching.lane(delivery)])
    if advance:
        cursor.execute(ADVANCE, [run.lead.id, run.lead.flow_id])
    if send or advance:
        wake.ring(cursor)
