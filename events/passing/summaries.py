"""Summaries: what was said since the last one, as a file, to a destination."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.db import connection, transaction

from events.destinations import delivering
from events.exports.cells import Record
from events.exports.formats import FORMATS, Whole
from events.models import PassedFeedback
from events.passing import telling
from events.passing.settling import Came
from events.pushing.sending import LONGEST_WAIT, Refusal
from leadops.lib import ids

MOST = 5_000  # in one file; more go in the next, at once
JSON_TYPE = "application/json"
# Those that a summary holds already, before a new one is begun.
NEXT = """
    SELECT id, batch FROM events_passedfeedback
    WHERE source_id = %(source)s AND state = 'waiting' AND due_at <= clock_timestamp()
      AND (batch <> '' OR created_at < %(until)s)
    ORDER BY batch = '', batch, id LIMIT %(most)s FOR UPDATE
"""
GATHER = "UPDATE events_passedfeedback SET batch = %s WHERE id = ANY(%s)"

Rows = list[PassedFeedback]


def boundary(now: datetime, every: float) -> datetime:
    """The newest moment at which a summary was due: whole periods since 1970, UTC."""
    return datetime.fromtimestamp(now.timestamp() // every * every, UTC)


def gathered(source: Any, now: datetime) -> Rows:
    """What the summary under way holds, or a new one; nothing where none is due."""
    given = {
        "source": source.id,
        "until": boundary(now, source.feedback_every),
        "most": MOST,
    }
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


def send(source: Any, rows: Sequence[PassedFeedback], now: datetime) -> list[Came]:
    """The file to its destination; what came of it is what came of each of its rows."""
    destination = source.feedback_destination
    batch = rows[0].batch
    data = {
        "destination": destination.slug if destination else None,
        "file": name_of(source, batch),
        "rows": len(rows),
    }
    refusal = None
    if destination is None:
        refusal = Refusal("Summaries have no destination")
    else:
        refusal = _deliver(source, telling.told(rows), batch)
    return [Came(row, refusal, data=data, message_id=batch, down=True) for row in rows]


def send_test(source: Any, *, id: str) -> Refusal | None:
    """A file without rows; None when it arrived."""
    if source.feedback_destination is None:
        return Refusal("Summaries have no destination")
    return _deliver(source, [], id, test=True)


def name_of(source: Any, batch: str) -> str:
    return f"feedback-{source.slug}-{batch}.{source.feedback_format}"


def _deliver(
    source: Any, said: Sequence[dict[str, Any]], batch: str, *, test: bool = False
) -> Refusal | None:
    kind = source.feedback_format
    content_type = JSON_TYPE if kind == "json" else FORMATS[kind].content_type
    try:
        delivering.deliver(
            source.feedback_destination,
            name_of(source, batch),
            content_type,
            _file(source, said, batch, test=test),
            key=batch,
        )
    except delivering.Undelivered as error:
        return Refusal(str(error), wait=min(error.retry_after or 0.0, LONGEST_WAIT))
    return None


def _file(source: Any, said: Sequence[dict[str, Any]], batch: str, *, test: bool) -> BinaryIO:
    if source.feedback_format == "json":
        document = {"summary": batch, "source": source.slug, "test": test, "feedback": said}
        return BytesIO(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2))
    columns = [
        name
        for name in telling.COLUMNS
        if name not in ("value", "reason") or name in source.feedback_include
    ]
    columns += [f"fields.{name}" for name in source.feedback_fields]
    return BytesIO(_table(source.feedback_format, said, columns))


def _table(kind: str, said: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes:
    """In the formats of exports: texts are guarded against being taken for formulas."""
    exporter = FORMATS[kind]
    records = [Record({}, one, no_lead=True) for one in said]
    body = exporter.body(records, columns)
    if not isinstance(exporter, Whole):
        return exporter.head(columns) + body
    rows = (orjson.loads(line) for line in body.splitlines())
    return _assembled(lambda path: exporter.assemble(rows, columns, path))


def _assembled(make: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "summary")
        make(path)
        return path.read_bytes()
