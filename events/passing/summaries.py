"""Summaries: what was said since the last one, as a file, to a destination."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from events.models import PassedFeedback
from events.passing import filing, message, telling, writing
from events.passing.boundaries import boundary, zone_of
from events.passing.settling import Came
from events.passing.wording import way_to
from events.passing.writing import Form, Unwritable, Written
from events.pushing.sending import Refusal
from leadops.lib import ids

MOST = 5_000  # in one file; more go in the next, at once
NO_DESTINATION = "There is no destination"
# Those that a summary holds already, before a new one is begun.
NEXT = """
    SELECT id, batch FROM events_passedfeedback
    WHERE source_id = %(source)s AND state = 'waiting' AND due_at <= clock_timestamp()
      AND (batch <> '' OR created_at < %(until)s)
    ORDER BY batch = '', batch, id LIMIT %(most)s FOR UPDATE
"""
GATHER = "UPDATE events_passedfeedback SET batch = %s WHERE id = ANY(%s)"

Rows = list[PassedFeedback]


def due_until(source: Any, now: datetime) -> datetime:
    """What was said before this moment is due, UTC."""
    zone = zone_of(source.feedback_timezone)
    return boundary(now, source.feedback_every, zone=zone, at=source.feedback_at)


def gathered(source: Any, now: datetime) -> Rows:
    """What the summary under way holds, or a new one; nothing where none is due."""
    given = {"source": source.id, "until": due_until(source, now), "most": MOST}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NEXT, given)
        found = cursor.fetchall()
        if not found:
            return []
        batch = found[0][1]
        chosen = [id for id, own in found if own == batch]
        if not batch:
            cursor.execute(GATHER, [ids.new_id("fbs"), chosen])
    rows = PassedFeedback.objects.filter(id__in=chosen).select_related(*telling.RELATED)
    return list(rows.order_by("id"))


def send(source: Any, rows: Sequence[PassedFeedback]) -> list[Came]:
    """The file to its destination; what came of it is what came of each of its rows."""
    batch, to = rows[0].batch, source.feedback_destination
    way = way_to(source)
    if to is None or way.form is None:
        return _all(rows, Refusal(way.trouble if to else NO_DESTINATION))
    told = telling.told(rows, reads_lead=way.form.reads_lead)
    try:
        written = writing.many(way.form, told, id=batch)
    except Unwritable as error:
        return _all(rows, Refusal(str(error)))
    name = filing.name_of(way, batch)
    filed = filing.file(to, written, name, key=batch, title=f"Feedback to {source.name}")
    data = filing.facts(to, filed, name, len(rows))
    return [
        Came(
            row,
            filed.refusal,
            exchange=filing.exchange_of(to, filed, written, part, way=way),
            data=data,
            message_id=batch,
            down=True,
        )
        for row, part in zip(rows, written.parts, strict=True)
    ]


def _all(rows: Sequence[PassedFeedback], refusal: Refusal) -> list[Came]:
    return [Came(row, refusal, message_id=row.batch, down=True) for row in rows]


def send_test(source: Any, *, id: str, now: datetime) -> Refusal | None:
    """A file that says it is a test; None when it arrived."""
    to, way = source.feedback_destination, way_to(source)
    if to is None or way.form is None:
        return Refusal(way.trouble if to else NO_DESTINATION)
    try:
        written = _test(source, way.form, id, now)
    except Unwritable as error:
        return Refusal(str(error))
    name = filing.name_of(way, id, test=True)
    return filing.file(
        to, written, name, key=id, title=f"Feedback to {source.name}: a test"
    ).refusal


def _test(source: Any, form: Form, id: str, now: datetime) -> Written:
    """Without rows, but for templates: of these one says what the others will look like."""
    test = message.tell_test(source, id=id, at=now)
    if source.feedback_mode != "summary":
        return writing.one(form, test)
    return writing.many(form, [test] if form.own else [], id=id, test=True)
