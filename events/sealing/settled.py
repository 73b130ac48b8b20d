"""Reading settled events in the record's order, as texts to hash."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg.sql import SQL, Literal

from events import following
from events.sealing import canonical, copied

# Where a batch ends: right after the transaction of its last row.
END = f"""
    SELECT tx::text::bigint + 1 FROM events_event
    WHERE tx >= %s::text::xid8 AND tx < %s::text::xid8 ORDER BY {following.ORDER} OFFSET %s LIMIT 1
"""  # noqa: S608
# Young rows keep back everything from their transaction on. Moments to come are no reason to wait.
BOUND = f"""
    SELECT least({following.HORIZON}::text::bigint, (
        SELECT min(tx)::text::bigint FROM events_event
        WHERE timestamp > now() - %s * interval '1 second' AND timestamp <= now()
    ))
"""  # noqa: S608
COPY = f"""
    COPY (
        SELECT date_trunc('month', timestamp AT TIME ZONE 'UTC')::date, tx::text::bigint,
               timestamp, {canonical.SQL}
        FROM events_event WHERE {{where}} ORDER BY {following.ORDER}
    ) TO STDOUT (FORMAT binary)
"""  # noqa: S608
# A batch is sorted in memory: its rows come in order but for the ids within a transaction.
MEMORY = "SET LOCAL work_mem = '64MB'"


def bound(cursor: Any, delay: float) -> int:
    """The first transaction that may not be sealed yet: it has not settled, or has written in the
    last `delay` seconds."""
    cursor.execute(BOUND, [delay])
    return int(cursor.fetchone()[0])


def batch_end(cursor: Any, *, start: int, bound: int, limit: int) -> int:
    """Where a batch of `limit` rows from `start` on ends, transactions being whole."""
    cursor.execute(END, [str(start), str(bound), limit - 1])
    found = cursor.fetchone()
    return int(found[0]) if found else bound


def texts(
    cursor: Any, *, start: int, end: int, month: date | None = None
) -> Iterator[tuple[int, int, int, bytes]]:
    """Month, transaction, moment and canonical text of all events with start <= tx < end."""
    where = SQL("tx >= {} AND tx < {}").format(
        SQL("{}::xid8").format(Literal(str(start))), SQL("{}::xid8").format(Literal(str(end)))
    )
    if month is not None:
        first, last = bounds(month)
        where += SQL(" AND timestamp >= {} AND timestamp < {}").format(
            Literal(first), Literal(last)
        )
    cursor.execute(MEMORY)
    with cursor.copy(SQL(COPY).format(where=where)) as copy:
        yield from copied.rows(copy)


def bounds(month: date) -> tuple[datetime, datetime]:
    """The month's first moment and that of the next, in UTC."""
    begin = datetime(month.year, month.month, 1, tzinfo=UTC)
    return begin, (begin + timedelta(days=32)).replace(day=1)
