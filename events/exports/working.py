"""Making an export's file, piece by piece.

Each step reads some rows and keeps them as a piece, and with it, in one transaction, how far that
was: a worker that dies loses nothing, and whoever comes next goes on. Rows are read in order of
time and id, from what had settled when the export began, so that what is written meanwhile changes
nothing. A file is offered when its last byte is kept, and not before.

One export is worked on at a time, however many machines there are: there are few workers for all
that is not pumping. The others take turns with it.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet

from events.exports import keeping, noting, steering
from events.exports.cells import Record
from events.exports.formats import FORMATS, Exporter, Whole
from events.exports.subjects import SUBJECTS, Subject
from events.exports.subjects.base import NotTheirs, Reading
from events.models import Export
from events.visibility import Sight
from leadops.lib import jobs
from leadops.lib.api import WrongShape
from leadops.lib.jobs import AWAY

log = logging.getLogger(__name__)

JOBS = jobs.Jobs("events_export")
SLOT = 0x4558_504F_5254  # "EXPORT": the advisory lock of whoever works on one
PIECE_BYTES = 2 * 1024 * 1024
PIECE_ROWS = 20_000
STEP_SECONDS = 5.0
FETCHED, FETCHED_BYTES = 1_000, 4 * 1024 * 1024  # rows read at once, and how much they may be
FIRST_FETCH = 100
MOST_TRIES = 3
ASSEMBLY = 240.0  # seconds: the lease while a file is made as a whole; its end takes longest
LEFT_BEHIND = timedelta(days=1)  # what a worker that was killed left in its folder
State = Export.State


class Stopped(Exception):
    """The cluster stops, or the export was cancelled: nothing of the file is kept."""


def work(export_id: str, *, seconds: float, stopping: Callable[[], bool]) -> None:
    """Work on one for some seconds, unless somebody works on another."""
    with _slot() as had:
        if had:
            JOBS.work(
                export_id,
                lambda: _step(export_id, stopping),
                seconds=seconds,
                lease=settings.LEADOPS_LEASE,
                stopping=stopping,
            )


def following_one() -> str | None:
    """The export that has waited longest for its turn."""
    rows = Export.objects.filter(pk__in=JOBS.unfinished()).order_by("touched_at")
    return rows.values_list("id", flat=True).first()


@contextmanager
def _slot() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SLOT])
        had = bool(cursor.fetchone()[0])
    try:
        yield had
    finally:
        if had and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [SLOT])


def _step(export_id: str, stopping: Callable[[], bool]) -> bool:
    """The next piece, or the end; False when nothing is left to do."""
    try:
        export = Export.objects.get(pk=export_id)
        if not export.is_open:
            return False
        if not export.gathered:
            return _gather(export_id)
        _finish(export, stopping)
    except AWAY:
        raise
    except Stopped:
        return False
    except (WrongShape, NotTheirs, keeping.Gone) as error:
        _fail(export_id, _said(error))
    except Exception as error:
        log.exception("An export's step failed: %s", export_id)
        return _failed_once(export_id, error)
    return False


def _said(error: Exception) -> str:
    fields = getattr(error, "fields", None) or {}
    return " ".join([str(error), *(f"{name}: {text}" for name, text in fields.items())])[:500]


def _failed_once(export_id: str, error: Exception) -> bool:
    """Try again, but not for ever."""
    with transaction.atomic():
        export = Export.objects.select_for_update().get(pk=export_id)
        export.tries += 1
        export.save(update_fields=["tries"])
    if export.tries < MOST_TRIES:
        return True
    _fail(export_id, f"Something broke here ({type(error).__name__}); the log says what.")
    return False


def _fail(export_id: str, text: str) -> None:
    with noting.noted() as journal:
        export = Export.objects.select_for_update().get(pk=export_id)
        if export.is_open:
            export.error = text
            steering.end(export, State.FAILED, journal)


# --- gathering


def _gather(export_id: str) -> bool:
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


# --- the end


def _finish(export: Export, stopping: Callable[[], bool]) -> None:
    exporter = FORMATS[export.format]
    if isinstance(exporter, Whole):
        _assemble(export, exporter, stopping)
        return
    digest = hashlib.sha256()
    for place, data in enumerate(keeping.pieces(export.id, export.pieces)):
        digest.update(data)
        if place % 50 == 49:
            JOBS.renew(export.id, settings.LEADOPS_LEASE)
            if stopping():
                raise Stopped
    with noting.noted() as journal:
        kept = Export.objects.select_for_update().get(pk=export.id)
        if kept.is_open and kept.gathered and kept.pieces == export.pieces:
            kept.sha256 = digest.hexdigest()
            steering.end(kept, State.DONE, journal)


def _assemble(export: Export, exporter: Whole, stopping: Callable[[], bool]) -> None:
    """Make the file from the rows that were gathered, in a folder of this machine, and keep it."""
    JOBS.renew(export.id, ASSEMBLY)
    _count_try(export)
    with _folder(export.id) as folder:
        path = folder / f"file.{exporter.name}"
        exporter.assemble(_rows(export, stopping), export.columns, path)
        _keep_whole(export, path)


def _count_try(export: Export) -> None:
    """Counted before the work: what ends with its worker, by memory or time, is not for ever."""
    with transaction.atomic():
        kept = Export.objects.select_for_update().get(pk=export.id)
        kept.tries += 1
        kept.save(update_fields=["tries"])
    if kept.tries > MOST_TRIES:
        raise WrongShape("The file could not be made; its worker ended before it each time.")


def _rows(export: Export, stopping: Callable[[], bool]) -> Iterator[list[Any]]:
    for place, data in enumerate(keeping.pieces(export.id, export.pieces, raw=True)):
        if stopping() or (place % 10 == 0 and not _still_open(export.id)):
            raise Stopped
        if place % 10 == 0:
            JOBS.renew(export.id, ASSEMBLY)
        for line in data.splitlines():
            yield orjson.loads(line)


def _still_open(export_id: str) -> bool:
    return Export.objects.filter(pk=export_id, state__in=Export.OPEN).exists()


@contextmanager
def _folder(export_id: str) -> Iterator[Path]:
    """A folder for nobody else's eyes, gone afterwards; what the killed left goes, too."""
    home = Path(settings.LEADOPS_HOME) / "exports"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in home.iterdir():
        if left.name.startswith(export_id) or left.stat().st_mtime < _long_ago():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{export_id}-", dir=home) as folder:
        yield Path(folder)


def _long_ago() -> float:
    return time.time() - LEFT_BEHIND.total_seconds()


def _keep_whole(export: Export, path: Path) -> None:
    """All of the file and that it is done: true together."""
    digest, count, size = hashlib.sha256(), 0, 0
    with noting.noted() as journal, path.open("rb") as file:
        kept = Export.objects.select_for_update().get(pk=export.id)
        if not (kept.is_open and kept.gathered and kept.pieces == export.pieces):
            return
        while data := file.read(keeping.PIECE):
            keeping.put(kept.id, data, number=count, first=size)
            digest.update(data)
            count, size = count + 1, size + len(data)
        kept.stored.filter(raw=True).delete()
        kept.pieces, kept.bytes, kept.sha256 = count, size, digest.hexdigest()
        steering.end(kept, State.DONE, journal)


# --- a look before


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
