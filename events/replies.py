"""The replies that a recipient gave last, with the outcome that the record holds for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
# The events of a lead are few: found by the lead, the recipient's last one with a reply is taken.
OF_LEADS = """
    SELECT DISTINCT ON (event.lead_id)
        exchange.id, exchange.at, exchange.lead_id, event.outcome,
        exchange.status, exchange.reply_headers, exchange.reply_body,
        coalesce(event.data -> 'metadata' ->> 'endpoint', '')
    FROM events_event AS event
    JOIN events_exchange AS exchange
        ON exchange.id = event.exchange_id AND exchange.at = event.timestamp
    WHERE event.lead_id = ANY(%s) AND event.entity_id = %s AND event.type = ANY(%s)
        AND event.exchange_id <> '' AND exchange.status IS NOT NULL
    ORDER BY event.lead_id, event.timestamp DESC, event.seq DESC
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


def of_leads(recipient_id: str, lead_ids: Sequence[str]) -> dict[str, LastReply]:
    """The last reply that the recipient gave for each of the leads, by the lead's id."""
    ends = [kind.value for kind in ATTEMPT_ENDS]
    with connection.cursor() as cursor:
        cursor.execute(OF_LEADS, [list(lead_ids), recipient_id, ends])
        found = [LastReply(*row) for row in cursor.fetchall()]
    return {each.lead_id: each for each in found}
