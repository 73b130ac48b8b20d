"""The record's partitions: one a month, made ahead; and the nets beside them.

A row of a month without a table falls into the net (the default partition), so that nothing is
lost; while it lies there, PostgreSQL refuses to make the month's table. `mend` gets it out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection

from leadops.lib.locks import Busy, briefly

TABLES = ("events_event", "events_snapshot", "events_exchange")
TIMES = {"events_event": "timestamp", "events_snapshot": "at", "events_exchange": "at"}
MONTHS_AHEAD = 2
MEND_WAIT_MS = 5_000  # for the lock of a whole table, when somebody waits for it on purpose


def months(first: date, last: date) -> list[date]:
    """The first days of all months from `first` to `last`, both included."""
    month, found = first.replace(day=1), []
    while month <= last:
        found.append(month)
        month = following(month)
    return found


def following(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def name_of(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


def net_of(table: str) -> str:
    return f"{table}_rest"


def ensure(first: date | None = None) -> list[str]:
    """Make the missing partitions from `first` (today) to two months ahead; give their names.

    Months of which the net holds rows are left out, and so are those of a table that somebody
    keeps locked: the next run tries again, and the watch says what is missing.
    """
    today = datetime.now(UTC).date()
    last = today + timedelta(days=31 * MONTHS_AHEAD)
    wanted = [(table, month) for month in months(first or today, last) for table in TABLES]
    return [name for table, month in wanted if (name := _make(table, month))]


def _make(table: str, month: date) -> str:
    """The name of the partition if it was made now."""
    name = name_of(table, month)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return ""
        try:
            with briefly():
                cursor.execute(f"CREATE TABLE {name} PARTITION OF {table} {bounds(month)}")
        except Busy:
            return ""
        except IntegrityError:  # the net holds rows of it
            return ""
    return name


def bounds(month: date) -> str:
    return f"FOR VALUES FROM ('{month} 00:00+00') TO ('{following(month)} 00:00+00')"


@dataclass(frozen=True, slots=True)
class Readiness:
    """`until`: the first moment for which a table is missing. `nets` hold rows."""

    until: datetime
    nets: tuple[str, ...]


def readiness() -> Readiness:
    """How far ahead every table has its partitions, and which nets are not empty. Counts nothing.

    `until` lies in the past where the month that we are in has none.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        month = cursor.fetchone()[0].astimezone(UTC).date().replace(day=1)
        there = _there(cursor)
        while all(name_of(table, month) in there for table in TABLES):
            month = following(month)
        nets = tuple(net_of(table) for table in TABLES if _holds_rows(cursor, net_of(table)))
    return Readiness(datetime(month.year, month.month, 1, tzinfo=UTC), nets)


def _there(cursor: Any) -> set[str]:
    cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = ANY(%s::regclass[])",
        [list(TABLES)],
    )
    return {re.sub(r".*\.", "", name) for (name,) in cursor.fetchall()}


def _holds_rows(cursor: Any, net: str) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {net})")  # noqa: S608  our own name
    return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class Mended:
    """What was moved out of a net: so many rows, into partitions of these months."""

    table: str
    rows: int
    months: tuple[date, ...]


def mend() -> list[Mended]:
    """Move the rows of all nets into months of their own. Raises Busy.

    One transaction a table: either all of a net's rows are in their months, or all still in it.
    """
    with connection.cursor() as cursor:
        full = [table for table in TABLES if _holds_rows(cursor, net_of(table))]
    return [_mend(table) for table in full]


def _mend(table: str) -> Mended:
    """The net is taken off, a new one put in its place, its months are made.

    Rows of the record are never deleted or changed: a net with rows of one month becomes that
    month as it is; of several months they are written anew as they are, their transactions too,
    and the old table is dropped when as many have arrived. Seals hold: they go by (month, tx).
    Writers wait for as long; what is moved are a hundred thousand rows a second.
    """
    net, old = net_of(table), f"{table}_mended"
    with briefly(MEND_WAIT_MS), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        found = _months_in(cursor, table)
        cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {net}")
        cursor.execute(f"ALTER TABLE {net} RENAME TO {old}")
        there = _there(cursor)
        missing = [month for month in found if name_of(table, month) not in there]
        if len(found) == 1 and missing:
            _adopt(cursor, table, old, missing[0])
        else:
            _rewrite(cursor, table, old, missing)
        cursor.execute(f"CREATE TABLE {net} PARTITION OF {table} DEFAULT")
    return Mended(table, sum(found.values()), tuple(found))


def _months_in(cursor: Any, table: str) -> dict[date, int]:
    """The months of a net's rows, with how many there are."""
    cursor.execute(
        f"SELECT date_trunc('month', {TIMES[table]} AT TIME ZONE 'UTC')::date, count(*) "  # noqa: S608
        f"FROM {net_of(table)} GROUP BY 1 ORDER BY 1"
    )
    return dict(cursor.fetchall())


def _adopt(cursor: Any, table: str, old: str, month: date) -> None:
    name = name_of(table, month)
    cursor.execute(f"ALTER TABLE {old} RENAME TO {name}")
    cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} {bounds(month)}")


def _rewrite(cursor: Any, table: str, old: str, missing: list[date]) -> None:
    for month in missing:
        name = name_of(table, month)
        cursor.execute(f"CREATE TABLE {name} PARTITION OF {table} {bounds(month)}")
    columns = _columns(cursor, table)
    cursor.execute(f"SELECT count(*) FROM {old}")  # noqa: S608  our own name
    rows = cursor.fetchone()[0]
    cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {old}")  # noqa: S608
    if cursor.rowcount != rows:
        raise AssertionError(f"{rows} rows were in the net, {cursor.rowcount} came out")
    cursor.execute(f"DROP TABLE {old}")


def _columns(cursor: Any, table: str) -> str:
    cursor.execute(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [table],
    )
    return str(cursor.fetchone()[0])
