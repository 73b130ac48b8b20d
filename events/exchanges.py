"""What buyers answered, beside the events that came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from django.db import connection

from events.models import Event

BODY_LENGTH = 4_000  # characters that the API shows; the lead page shows all that was kept
# `at` is bounded so that PostgreSQL leaves out the months that cannot hold them.
BODIES = """
    SELECT id, left(reply_body, %s) FROM events_exchange
    WHERE id = ANY(%s) AND at BETWEEN %s AND %s AND status IS NOT NULL
"""


def bodies(events: Iterable[Event]) -> dict[str, Any]:
    """The replies' bodies by exchange, JSON as JSON; of erased ones nothing."""
    chosen = [event for event in events if event.exchange_id]
    if not chosen:
        return {}
    times = [event.timestamp for event in chosen]
    with connection.cursor() as cursor:
        cursor.execute(
            BODIES, [BODY_LENGTH, [event.exchange_id for event in chosen], min(times), max(times)]
        )
        return {id: _readable(body) for id, body in cursor.fetchall()}


def _readable(body: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
