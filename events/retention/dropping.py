"""A month goes as a whole: its table is dropped, which is recorded in the same transaction."""

from __future__ import annotations

from typing import Any

from django.db import connection

from events.journal import Journal
from events.models import Trim, TrimRun
from events.retention import missed, sealed, underway
from events.retention.months import Month
from events.retention.terms import Kept
from events.vocabulary import EventType
from leadops.lib.locks import briefly


class MustStay(Exception):
    """Something came in the way since it was planned; the text says what."""


def drop(month: Month, run: TrimRun) -> int:
    """Drop it, raise the run's sums; give the number of its rows. Raises Busy, MustStay.

    With a default partition it cannot be detached concurrently, so the whole table is locked for
    a moment. Writers queue behind that lock: what takes time is done before it.
    """
    with briefly(), connection.cursor() as cursor:
        rows = _count(cursor, month)
        _record(cursor, month, run, rows)
        if month.kept is Kept.EVENTS:
            missed.note(cursor, month)
        cursor.execute(f"LOCK TABLE {month.kept.value}, {month.name} IN ACCESS EXCLUSIVE MODE")
        if underway.any_due(cursor, month):
            raise MustStay("a lead of it is under way again")
        if month.kept is Kept.EVENTS and sealed.more_came(cursor, month):
            raise MustStay("events came into it that are not sealed yet")
        cursor.execute(f"DROP TABLE {month.name}")
    run.rows += rows
    run.bytes += month.bytes
    return rows


def _count(cursor: Any, month: Month) -> int:
    cursor.execute(f"SELECT count(*) FROM {month.name}")  # noqa: S608  our own name
    return int(cursor.fetchone()[0])


def _record(cursor: Any, month: Month, run: TrimRun, rows: int) -> None:
    Trim.objects.create(
        run=run.id,
        month=month.first,
        table_name=month.kept.value,
        whole=True,
        until=month.end,
        rows=rows,
        bytes=month.bytes,
    )
    TrimRun.objects.filter(id=run.id).update(rows=run.rows + rows, bytes=run.bytes + month.bytes)
    note(cursor, month, run, rows, whole=True)


def note(cursor: Any, month: Month, run: TrimRun, rows: int, *, whole: bool) -> None:
    """The event of it, in the caller's transaction."""
    cursor.execute("SELECT clock_timestamp()")
    journal = Journal(cursor.fetchone()[0])
    how = "are no longer kept" if whole else "are no longer kept where their time is over"
    journal.operation(
        EventType.RECORD_TRIMMED,
        entity_id=run.id,
        reason=f"{month.kept.noun.capitalize()} of {month.first:%B %Y} {how}: {rows} rows",
        table=month.kept.value,
        month=f"{month.first:%Y-%m}",
        whole=whole,
        rows=rows,
        by=run.by,
    )
    journal.write(cursor)
