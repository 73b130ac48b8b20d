"""The rows of an export read and kept, a piece at a time.

Each step reads some thousand rows with a cursor of the database, packs them, and keeps them
together with how far that was: a worker that dies loses nothing, and whoever comes next goes on.
Rows are read in order of time and id, from what had settled when the export began, so that what is
written meanwhile changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet

from events.exports import keeping
from events.exports.cells import Record
from events.exports.formats import FORMATS, Exporter, Whole
from events.exports.subjects import SUBJECTS, Subject
from events.exports.subjects.base import Reading
from events.models import Export
from events.visibility import Sight

PIECE_BYTES = 2 * 1024 * 1024
PIECE_ROWS = 20_000
STEP_SECONDS = 5.0
FETCHED, FETCHED_BYTES = 1_000, 4 * 1024 * 1024  # rows read at once, and how much they may be
FIRST_FETCH = 100
State = Export.State


def gather(export_id: str) -> bool:
    """Read and keep one piece; True: there is more to do."""
    with transaction.atomic():
        export = Export.objects.select_for_update().get(pk=export_id)
        if not export.is_open:
            return False
        subject, exporter = SUBJECTS[export.what], FORMATS[export.format]
        sight = sight_of(export)
        rows = subject.chosen(sight, export.filters).order_by()
        if export.started_at is None:
            _begin(export, subject, rows)
        piece = _Piece(export, subject, exporter)
        piece.read(rows, reading_of(export, exporter, sight))
        piece.keep()
        _hold(export)
        export.save()
    return True


def sight_of(export: Export) -> Sight:
    """What the export may see: what its maker saw when it began."""
    kept = export.recipients
    return Sight(recipients=None if kept is None else frozenset(kept))


def reading_of(export: Export, exporter: Exporter, sight: Sight) -> Reading:
    wanted = export.with_lead and (
        not export.columns or any(name.split(".")[0] == "lead" for name in export.columns)
    )
    parsed = exporter.columns or bool(export.columns)
    return Reading(sight=sight, personal=export.personal, with_lead=wanted, parsed=parsed)


def _begin(export: Export, subject: Subject, rows: QuerySet[Any]) -> None:
    """Its state, and the time that it covers, by which progress is told."""
    export.state, export.started_at = State.RUNNING, _now()
    every = subject.all(Sight()).order_by()
    start, end = (_moment_of(subject, export.filters, name) for name in ("start", "end"))
    bounds = every.aggregate(first=Min(subject.at), last=Max(subject.at))
    first, last = bounds["first"], bounds["last"]
    export.span_start = max(start, first) if start and first else start or first
    export.span_end = min(end, last) if end and last else end or last


def _moment_of(subject: Subject, filters: Any, name: str) -> datetime | None:
    form = subject.filters({name: filters.get(name, "")}).form
    return form.cleaned_data.get(name) if form.is_valid() else None


def _hold(export: Export) -> None:
    """The lease goes on: a piece may take long."""
    export.touched_at = _now()
    export.worked_until = export.touched_at + timedelta(seconds=settings.LEADOPS_LEASE)


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


class _Piece:
    """The rows of one step, as bytes."""

    def __init__(self, export: Export, subject: Subject, exporter: Exporter) -> None:
        self.export, self.subject, self.exporter = export, subject, exporter
        self.raw = isinstance(exporter, Whole)
        self.parts: list[bytes] = []
        self.size = 0
        self.fetched = FIRST_FETCH
        self.columns = list(export.columns)
        if export.pieces == 0 and not self.raw:
            self._add(exporter.head(self.columns))

    def read(self, rows: QuerySet[Any], reading: Reading) -> None:
        """Rows until the piece is full, or there are no more."""
        end, count = time.monotonic() + STEP_SECONDS, 0
        for found in fetch(self.export, self.subject, rows, lambda: self.fetched):
            before = self.size
            records = self.subject.records(found, reading)
            self.export.partner_words |= reading.partner_words
            self._add(self.exporter.body(records, self.columns))
            count += len(found)
            self.export.position_at, self.export.position_id = found[-1][0], found[-1][1]
            self.fetched = _next_fetch(self.size - before, len(found))
            full = self.size >= PIECE_BYTES or count >= PIECE_ROWS
            if full or time.monotonic() >= end:
                break
        else:
            self.export.gathered = True
        self.export.rows += count

    def _add(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)

    def keep(self) -> None:
        data = b"".join(self.parts)
        if not data:
            return
        export = self.export
        keeping.put(export.id, data, number=export.pieces, first=export.bytes, raw=self.raw)
        export.pieces += 1
        export.bytes += len(data)


def _next_fetch(size: int, rows: int) -> int:
    """How many rows to read at once, so that few large ones do not fill the memory."""
    each = max(size // max(rows, 1), 1)
    return max(min(FETCHED_BYTES // each, FETCHED), 10)


def fetch(
    export: Export, subject: Subject, rows: QuerySet[Any], count: Callable[[], int]
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows after the export's position, in order, some at a time; at most a piece's."""
    rows = _after(export, subject, rows)
    chosen = rows.order_by(subject.at, "id").values_list(*subject.select)[: PIECE_ROWS + 1]
    text, parameters = chosen.query.sql_with_params()
    # A cursor of the server: the rows stay there until they are wanted.
    with connection.chunked_cursor() as cursor:
        cursor.execute(text, parameters)
        while found := cursor.fetchmany(count()):
            yield found


def _after(export: Export, subject: Subject, rows: QuerySet[Any]) -> QuerySet[Any]:
    if subject.settled:
        # Not a column of the model: what was not settled then is not there.
        table = rows.model._meta.db_table
        where = f"{table}.tx < %s::text::xid8"
        rows = rows.extra(where=[where], params=[str(export.horizon)])  # noqa: S610  our own text
    else:
        rows = rows.filter(**{f"{subject.at}__lt": export.begun_at})
    if export.position_at is None:
        return rows
    at, id = export.position_at, export.position_id
    # The first condition alone lets PostgreSQL begin at the right place of its index.
    return rows.filter(**{f"{subject.at}__gte": at}).exclude(**{subject.at: at, "id__lte": id})


def sample(export: Export, count: int) -> list[Record]:
    """The first rows of an export that is not saved; at most `count`."""
    subject, exporter = SUBJECTS[export.what], FORMATS[export.format]
    sight = sight_of(export)
    rows = subject.chosen(sight, export.filters).order_by()
    reading = reading_of(export, exporter, sight)
    reading.parsed = True
    with transaction.atomic():
        for found in fetch(export, subject, rows, lambda: count):
            return subject.records(found, reading)
    return []
