"""Says aloud when the record's months are not made ahead, or rows fell into a net."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from events import alerting, partitions
from events.journal import Journal
from events.partitions import Readiness

# Two months are made ahead: with less than one, making them has failed for weeks.
FAR_ENOUGH = timedelta(days=28)
AHEAD, NET = "record:ahead", "record:net"
COMMAND = "manage.py partitions --mend"


def trouble(found: Readiness, now: datetime) -> Iterator[tuple[str, str]]:
    """Alerts' subjects and texts."""
    if found.until - now < FAR_ENOUGH:
        yield (
            AHEAD,
            f"The record's partitions reach to {found.until:%-d %B %Y} only; "
            "see operations.md#partitions",
        )
    if found.nets:
        yield (
            NET,
            f"{', '.join(found.nets)} hold rows of months without a partition; run {COMMAND}",
        )


def watch() -> None:
    """Open an alert about each trouble, and close those that are over."""
    found = partitions.readiness()
    wrong = dict(trouble(found, datetime.now(UTC)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        for subject in (AHEAD, NET):
            _say(cursor, journal, subject, wrong.get(subject, ""))
        journal.write(cursor)


def _say(cursor: Any, journal: Journal, subject: str, text: str) -> None:
    if text:
        alerting.raise_alert(cursor, journal, subject=subject, text=text)
    else:
        alerting.resolve_alerts(cursor, journal, subject=subject)
