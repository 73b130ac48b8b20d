"""Events as long settled transactions wrote them: rows with numbers of transactions of their own,
so that a test sees them settle without committing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

NOW = datetime.now(UTC)
THIS_MONTH = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
NEXT_MONTH = (THIS_MONTH + timedelta(days=32)).replace(day=1)


def write(
    tx: int,
    number: int = 1,
    *,
    lead: str = "lead_1",
    seq: int = 1,
    at: datetime = THIS_MONTH + timedelta(seconds=5),
    **data: Any,
) -> list[str]:
    """`number` events of one transaction; gives their ids, in the record's order."""
    ids = [f"evt_{tx:010d}{each:010d}" for each in range(number)]
    with connection.cursor() as cursor:
        for each, id in enumerate(ids):
            cursor.execute(
                "INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, "
                "outcome, reason, duration_ms, snapshot, exchange_id, digest, data, tx) VALUES "
                "(%s, %s, 'filter.passed', %s, %s, 'flow_1', 'step_1', '', 'said \"no\"\tä', "
                "12, 1, '', '\\x00ff', %s, %s::text::xid8)",
                [id, seq + each, at, lead, json.dumps({"a": 1.50, **data}), str(tx)],
            )
    return ids


def sql(statement: str, *parameters: Any) -> Any:
    """Run it as the database's owner who has switched the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, parameters)
        found = cursor.fetchone() if cursor.description else None
        cursor.execute("SET LOCAL session_replication_role = origin")
    return found
