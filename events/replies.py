"""The replies that a recipient gave last, with the outcome that the record holds for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from events.vocabulary import ATTEMPT_ENDS

# An exchange has its event's own time, which leads PostgreSQL to its month and, with the id, to
# its row. An attempt that failed for good has two events; the later says what came of it.
LAST = """
    SELECT DISTINCT ON (event.timestamp, event.exchange_id)
        exchange.id, exchange.at, exchange.lead_id, event.outcome,
        exchange.status, exchange.reply_headers, exchange.reply_body, event.endpoint
    FROM (
        SELECT exchange_id, timestamp, outcome, seq,
            coalesce(data -> 'metadata' ->> 'endpoint', '') AS endpoint
        FROM events_event
        WHERE entity_id = %s AND type = ANY(%s) AND exchange_id <> ''
        ORDER BY timestamp DESC LIMIT %s
    ) AS event
    JOIN events_exchange AS exchange
        ON exchange.id = event.exchange_id AND exchange.at = event.timestamp
    WHERE exchange.status IS NOT NULL
    ORDER BY event.timestamp DESC, event.exchange_id DESC, event.seq DESC
    LIMIT %s
"""
LOOKED = 3  # events looked through for each reply wanted


@dataclass(frozen=True, slots=True)
class LastReply:
    """A reply as it is kept: at most 65,536 characters of its body, without secrets. `endpoint` is
    the kind of the one that gave it."""

    id: str
    at: datetime
    lead_id: str
    outcome: str
    status: int
    headers: Mapping[str, Any]
    body: str
    endpoint: str


def last(recipient_id: str, count: int) -> list[LastReply]:
    """The newest first; none of attempts that got no reply, nor of persons erased."""
    ends = [kind.value for kind in ATTEMPT_ENDS]
    with connection.cursor() as cursor:
        cursor.execute(LAST, [recipient_id, ends, LOOKED * count, count])
        return [LastReply(*row) for row in cursor.fetchall()]
