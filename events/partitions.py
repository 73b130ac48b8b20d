"""The record's partitions: one a month, made ahead."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.db import connection

TABLES = ("events_event", "events_snapshot", "events_exchange")
MONTHS_AHEAD = 2


def months(first: date, last: date) -> list[date]:
    """The first days of all months from `first` to `last`, both included."""
    month, found = first.replace(day=1), []
    while month <= last:
        found.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def ensure(first: date | None = None) -> list[str]:
    """Make the missing partitions from `first` (today) to two months ahead; give their names.

    Months of which the default partition already holds rows cannot be cut out of it; rows keep
    going there, and `manage.py verify` says so.
    """
    today = datetime.now(UTC).date()
    last = today + timedelta(days=31 * MONTHS_AHEAD)
    made = []
    with connection.cursor() as cursor:
        for month in months(first or today, last):
            end = (month + timedelta(days=32)).replace(day=1)
            for table in TABLES:
                name = f"{table}_{month:%Y_%m}"
                cursor.execute("SELECT to_regclass(%s)", [name])
                if cursor.fetchone()[0] is None:
                    cursor.execute(
                        f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
                        f"FOR VALUES FROM ('{month} 00:00+00') TO ('{end} 00:00+00')"
                    )
                    made.append(name)
    return made
