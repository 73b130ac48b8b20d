"""Where the bytes of exports are: in the database, in pieces, packed small and encrypted, until
they expire. docs/decisions says why."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from events.exports import noting
from events.journal import Journal
from events.models import Export, ExportLink, ExportPiece
from events.models.export import What
from events.vocabulary import EventType
from leadops.lib import secrets, wire

KEPT = timedelta(days=7)
ROWS_KEPT = timedelta(days=90)  # the list of who took what; the record keeps it for ever
PIECE = 1024 * 1024  # bytes of a piece of a file that was made as a whole
TIDIED = 50  # exports a run

# By cursors that send the values apart: a connection counts how often each statement comes, and
# would hold the last hundred pieces if they stood in its text.
INSERT = """
    INSERT INTO events_exportpiece (export_id, raw, number, first, size, data)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
NEXT = """
    SELECT first, size, data FROM events_exportpiece
    WHERE export_id = %s AND raw = %s AND number = %s
"""
PLACE = """
    SELECT number FROM events_exportpiece
    WHERE export_id = %s AND NOT raw AND first <= %s ORDER BY number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was kept: its pieces, its bytes, its digest."""

    pieces: int
    bytes: int
    sha256: str


class Gone(LookupError):
    """The file has expired, or was deleted while it was read."""


def put(export_id: str, data: bytes, *, number: int, first: int, raw: bool = False) -> None:
    """Keep a piece; the caller's transaction makes it true."""
    with wire.cursor() as cursor:
        cursor.execute(INSERT, [export_id, raw, number, first, len(data), _packed(data)])


def put_all(export_id: str, file: BinaryIO) -> Kept:
    """Keep a whole file; the caller's transaction makes it true."""
    digest, count, size = hashlib.sha256(), 0, 0
    with wire.cursor() as cursor:
        while data := file.read(PIECE):
            cursor.execute(INSERT, [export_id, False, count, size, len(data), _packed(data)])
            digest.update(data)
            count, size = count + 1, size + len(data)
    return Kept(count, size, digest.hexdigest())


def _packed(data: bytes) -> bytes:
    return secrets.seal(zlib.compress(data, 1))


def pieces(export_id: str, count: int, *, raw: bool = False, start: int = 0) -> Iterator[bytes]:
    """The pieces from number `start` on, one after the other, each read when it is wanted.
    Raises Gone where one is missing."""
    for number in range(start, count):
        with connection.cursor() as cursor:
            cursor.execute(NEXT, [export_id, raw, number])
            row = cursor.fetchone()
        if row is None:
            raise Gone("The file is no longer kept.")
        yield zlib.decompress(secrets.unseal(bytes(row[2])))


def part(export: Export, start: int, end: int) -> Iterator[bytes]:
    """The file's bytes from `start` up to but without `end`."""
    with connection.cursor() as cursor:
        cursor.execute(PLACE, [export.id, start])
        row = cursor.fetchone()
    if row is None:
        if start >= end:
            return
        raise Gone("The file is no longer kept.")
    place = _first_of(export, row[0])
    for data in pieces(export.id, export.pieces, start=row[0]):
        if place >= end:
            return
        yield data[max(start - place, 0) : end - place]
        place += len(data)


def _first_of(export: Export, number: int) -> int:
    found = ExportPiece.objects.filter(export=export, raw=False, number=number)
    return found.values_list("first", flat=True).get()


def purge(export: Export) -> None:
    """Delete its file and its links; who took what stays. The caller holds the row."""
    ExportPiece.objects.filter(export=export).delete()
    ExportLink.objects.filter(export=export).delete()
    export.purged_at = timezone.now()
    export.send_at = None
    export.save(update_fields=["purged_at", "send_at"])


def forget_old() -> int:
    """Delete files whose time is over, and the rows of exports long past; how many."""
    now = timezone.now()
    ended = Q(expires_at__lt=now) & ~Q(state__in=Export.OPEN) & Q(purged_at__isnull=True)
    found = list(Export.objects.filter(ended).values_list("id", flat=True)[:TIDIED])
    for id in found:
        _forget(id, "Its time was over")
    old = Export.objects.filter(purged_at__lt=now - ROWS_KEPT)
    old.filter(pk__in=list(old.values_list("pk", flat=True)[:TIDIED])).delete()
    return len(found)


def forget_before(moment: datetime, *, since: datetime | None = None) -> int:
    """Delete every file with personal values, or words of partners, that was begun before a moment,
    and not before `since`; how many.

    For an erasure: the person may stand in any of them. What is still being made begins anew, and
    reads the record as it is then.
    """
    # What words stand in an export of events is known when its piece is kept.
    holds = Q(personal=True) | Q(what=What.EVENTS)
    found = Export.objects.filter(holds, begun_at__lt=moment, purged_at__isnull=True)
    if since is not None:
        found = found.filter(begun_at__gte=since)
    return sum(_forget_person(id) for id in list(found.order_by("id").values_list("id", flat=True)))


def _forget_person(id: str) -> bool:
    """Whether a file was deleted. Looked at under lock: it may be done by now."""
    with noting.noted() as journal:
        export = Export.objects.select_for_update().filter(pk=id, purged_at__isnull=True).first()
        if export is None:
            return False
        if export.is_open:
            restart(export)
            return False
        if not (export.personal or export.partner_words):
            return False
        return _delete(export, journal, "A person who may stand in it was erased")


def _forget(id: str, why: str) -> None:
    """Nothing where somebody else did it."""
    with noting.noted() as journal:
        export = Export.objects.select_for_update().filter(pk=id, purged_at__isnull=True).first()
        if export is not None:
            _delete(export, journal, why)


def _delete(export: Export, journal: Journal, why: str) -> bool:
    """Whether there was a file; the caller holds the row."""
    had = export.has_file
    purge(export)
    if had:
        journal.operation(
            EventType.EXPORT_DELETED,
            entity_id=export.id,
            reason=f"{why}; its file was deleted",
            rows=export.rows,
            sha256=export.sha256,
        )
    return had


def restart(export: Export) -> None:
    """Forget what was read so far; the caller holds the row."""
    ExportPiece.objects.filter(export=export).delete()
    export.position_at, export.position_id, export.gathered = None, "", False
    export.rows = export.bytes = export.pieces = 0
    export.partner_words = False
    export.save(
        update_fields=[
            "position_at", "position_id", "gathered", "rows", "bytes", "pieces", "partner_words",
        ]
    )  # fmt: skip
