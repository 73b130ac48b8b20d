"""Caps at the door: how many leads a flow takes, and how many of a source.

Counted in the transaction that accepts the lead, and so neither more nor less than were accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from leadops.lib import wire
from leadops.lib.bulk import dumps
from recipients.caps import Cap

ROWS = """json_to_recordset(%s::json) AS r(
    key text, starts timestamptz, ends timestamptz, wanted numeric, most numeric
)"""
MAKE = f"""
    INSERT INTO flows_capcount (key, starts, ends, reserved, used, booked)
    SELECT key, starts, ends, 0, 0, 0 FROM {ROWS} ORDER BY key, starts
    ON CONFLICT (key, starts) DO NOTHING
"""  # noqa: S608
LOCK = f"""
    SELECT c.key, c.used FROM flows_capcount c
    JOIN {ROWS} ON c.key = r.key AND c.starts = r.starts
    ORDER BY c.key, c.starts FOR UPDATE OF c
"""  # noqa: S608
# All or none: a lead that is rejected for one of them takes no place of another.
TAKE = f"""
    UPDATE flows_capcount c SET used = c.used + r.wanted FROM {ROWS}
    WHERE c.key = r.key AND c.starts = r.starts AND NOT EXISTS (
        SELECT FROM flows_capcount f JOIN {ROWS} ON f.key = r.key AND f.starts = r.starts
        WHERE f.used >= r.most OR f.used + r.wanted > r.most
    )
"""  # noqa: S608


def take(caps: Sequence[Cap], values: Mapping[str, Any], *, price: Decimal, at: datetime) -> str:
    """Take a place of each cap that applies; else say which is full. In a transaction, the last
    that it does before it stores the lead: others wait for it."""
    applying = [cap for cap in caps if cap.applies(values)]
    if not applying:
        return ""
    rows = [_row(cap, price, at) for cap in applying]
    written = dumps(rows)
    locked, taken = wire.cursor(), wire.cursor()
    with connection.connection.pipeline(), wire.cursor() as cursor:
        cursor.execute(MAKE, [written])
        locked.execute(LOCK, [written])
        taken.execute(TAKE, [written, written])
    if taken.rowcount:
        return ""
    used = dict(locked.fetchall())
    full = next(cap for cap in applying if not cap.has_room(used[cap.key], cap.takes(price)))
    return full.reached(used[full.key])


def _row(cap: Cap, price: Decimal, at: datetime) -> dict[str, Any]:
    starts, ends = cap.window(at)
    wanted = cap.takes(price)
    return {"key": cap.key, "starts": starts, "ends": ends, "wanted": wanted, "most": cap.most}
