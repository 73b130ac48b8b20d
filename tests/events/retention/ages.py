"""Leads that came long ago: whatever is there is made older, the record included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from events import partitions
from events.models import RecordSettings

DAY = 86_400.0
TIMES = {
    "events_event": ("timestamp",),
    "events_snapshot": ("at",),
    "events_exchange": ("at",),
    "events_lead": ("created_at", "completed_at", "held_at"),
    "events_leadkey": ("created_at",),
    "events_delivery": ("created_at", "first_attempt_at", "finished_at", "held_at"),
    "events_feedback": ("received_at", "occurred_at"),
    "events_tally": ("hour",),
    "events_rollup": ("hour",),
}


def older(days: int) -> None:
    """Everything that there is happened so many days earlier. Needs the rights of a superuser."""
    partitions.ensure((datetime.now(UTC) - timedelta(days=days + 40)).date())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
        for table, columns in TIMES.items():
            moves = ", ".join(f"{c} = {c} - interval '{days} days'" for c in columns)
            cursor.execute(f"UPDATE {table} SET {moves}")


def keep(**days: float) -> None:
    """`events=40, exchanges=30`; what is not said is kept for ever."""
    forever = {"events": 36_500, "exchanges": 36_500, "snapshots": 36_500}
    kept = {f"{name}_kept": number * DAY for name, number in {**forever, **days}.items()}
    RecordSettings.objects.update_or_create(id=1, defaults=kept)


def month_of(days: int) -> date:
    """The first day of the month so many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).date().replace(day=1)


def there(table: str, month: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [partitions.name_of(table, month)])
        return cursor.fetchone()[0] is not None
