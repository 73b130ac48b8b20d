"""Files of values on their way into a list: cut into pieces at the door, worked in behind it.

The pieces are rows, so any machine may work them in; each is gone with the transaction that did.
A worker that dies loses nothing and does nothing twice.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from django.db import connection, transaction
from django.utils import timezone

from flows.suppression import entries, lines, values
from flows.suppression.lines import HEAD, Found, Layout, Piece, Refused
from leadops.lib import jobs
from leadops.lib.bulk import dumps
from leadops.lib.jobs import AWAY
from recipients.models import SuppressionList, SuppressionPiece, SuppressionUpload
from recipients.plan import ListPlan
from recipients.suppression import plan_of

log = logging.getLogger(__name__)

Mode, State = SuppressionUpload.Mode, SuppressionUpload.State

TASK = "flows.tasks.suppression_upload"
MOST_BYTES = 200 * 1024 * 1024
LEASE = 120.0  # seconds that a worker has it for, renewed with each piece
REPORTED = 1_000  # bad lines that are kept
TIDY_FROM = 50_000  # entries that came or went at once

JOBS = jobs.Jobs("recipients_suppressionupload")
RENEW = """
    UPDATE recipients_suppressionupload
    SET state = 'running', position = position + 1,
        lines = lines + %s, read = read + %s, bad = bad + %s,
        changed = changed + %s, report = report || %s::jsonb,
        worked_until = clock_timestamp() + %s * interval '1 second'
    WHERE id = %s
"""
EMPTY = "DELETE FROM recipients_suppressionentry WHERE list_id = %s"
TAKE_OVER = "UPDATE recipients_suppressionentry SET list_id = %s WHERE list_id = %s"
SET_COUNT = """
    UPDATE recipients_suppressionlist SET entries = %s, changed_at = clock_timestamp()
    WHERE id = %s
"""


def start(
    row: SuppressionList,
    file: BinaryIO,
    *,
    by: str,
    mode: str = Mode.ADD,
    column: str = "",
    filename: str = "",
) -> SuppressionUpload:
    """Keep the file in pieces, to be worked in; raises Refused."""
    head = file.read(HEAD)
    if not head:
        raise Refused("The file is empty.")
    how = lines.layout(head, plan_of(row), column=column)
    file.seek(0)
    with transaction.atomic():
        upload = SuppressionUpload.objects.create(
            number=secrets.randbelow(2**31 - 1) + 1,
            target=row,
            by=by,
            filename=filename[:200].replace("\0", ""),
            mode=mode,
            delimiter=how.delimiter,
            column=how.column,
            header=how.header,
        )
        upload.total = sum(1 for _ in _kept(upload, file))
        upload.save(update_fields=["total"])
    return upload


def _kept(upload: SuppressionUpload, file: BinaryIO) -> Iterator[SuppressionPiece]:
    for number, piece in enumerate(lines.pieces(file, most=MOST_BYTES)):
        yield SuppressionPiece.objects.create(
            upload=upload, number=number, first_line=piece.first_line, data=piece.data
        )


def cancel(upload_id: str) -> bool:
    """Work no more of it in; False when it had ended. What an addition added stays."""
    with transaction.atomic():
        upload = SuppressionUpload.objects.select_for_update().get(pk=upload_id)
        if not upload.is_open:
            return False
        _end(upload, State.CANCELLED)
    return True


def work(upload_id: str, *, seconds: float, stopping: Callable[[], bool]) -> bool:
    """Work on one for some seconds; True when it is at its end, or somebody else has it."""
    step = partial(_step, upload_id)
    return JOBS.work(upload_id, step, seconds=seconds, lease=LEASE, stopping=stopping)


def _step(upload_id: str) -> bool:
    """One piece, or what comes after the last; False when nothing is left to do."""
    try:
        with transaction.atomic():
            upload = _locked(upload_id)
            if not upload.is_open:
                return False
            if upload.position < upload.total:
                _work_in(upload)
                return True
            _finish(upload)
    except AWAY:
        raise
    except Exception:
        log.exception("%s cannot be worked in", upload_id)
        _fail(upload_id, "It cannot be worked in; the log says why.")
        return False
    _tidy_up(upload)
    return False


def _locked(upload_id: str) -> SuppressionUpload:
    query = SuppressionUpload.objects.select_for_update(of=("self",)).select_related("target")
    return query.get(pk=upload_id)


def _work_in(upload: SuppressionUpload) -> None:
    piece = SuppressionPiece.objects.get(upload=upload, number=upload.position)
    plan = plan_of(upload.target)
    removes = upload.mode == Mode.REMOVE
    found = lines.read(
        Piece(piece.first_line, bytes(piece.data)),
        plan,
        Layout(upload.delimiter, upload.column, upload.header),
        values.sought if removes else _entry,
    )
    number = -upload.number if upload.mode == Mode.REPLACE else plan.id
    entries.lock(plan.id)
    changed = entries.run(entries.REMOVE if removes else entries.ADD, number, found.digests)
    if upload.mode != Mode.REPLACE and changed:
        entries.counted(plan.id, -changed if removes else changed)
        # A file that is cancelled or fails half-way has changed the list all the same.
        part = {"part": f"{upload.position + 1} of {upload.total}"} if upload.total > 1 else {}
        _record(upload, "removed" if removes else "added", changed, len(found.bad), **part)
    piece.delete()
    _note(upload, found, changed)


def _entry(plan: ListPlan, text: str) -> list[bytes]:
    return [values.entry(plan, text)]


def _note(upload: SuppressionUpload, found: Found, changed: int) -> None:
    room = max(REPORTED - len(upload.report), 0)
    with connection.cursor() as cursor:
        cursor.execute(
            RENEW,
            [
                found.lines,
                found.read,
                len(found.bad),
                changed,
                dumps(found.bad[:room]),
                LEASE,
                upload.id,
            ],
        )


def _finish(upload: SuppressionUpload) -> None:
    """All pieces are in: a list that is replaced changes now, in one moment."""
    row = SuppressionList.objects.select_for_update().get(pk=upload.target_id)
    if upload.mode == Mode.REPLACE:
        if problem := _doubtful(upload):
            _end(upload, State.FAILED, problem)
            return
        with connection.cursor() as cursor:
            cursor.execute(EMPTY, [row.pk])
            cursor.execute(TAKE_OVER, [row.pk, -upload.number])
            cursor.execute(SET_COUNT, [upload.changed, row.pk])
    if upload.mode == Mode.REPLACE or upload.total > 1:
        did = {Mode.ADD: "added in all", Mode.REMOVE: "removed in all"}
        _record(upload, did.get(Mode(upload.mode), "now, replaced"), upload.changed, upload.bad)
    _end(upload, State.DONE)


def _record(upload: SuppressionUpload, did: str, number: int, bad: int, **facts: str) -> None:
    entries.recorded(upload.target, did, number, upload.by, **{"bad lines": bad}, **facts)


def _doubtful(upload: SuppressionUpload) -> str:
    """A wrong file or column must not empty a list."""
    if not upload.read:
        return "No line had a usable value; the list is as it was."
    if upload.bad > upload.read:
        return "More lines were bad than good; the list is as it was."
    return ""


def _fail(upload_id: str, problem: str) -> None:
    with transaction.atomic():
        _end(_locked(upload_id), State.FAILED, problem)


def _end(upload: SuppressionUpload, state: str, problem: str = "") -> None:
    upload.state, upload.problem, upload.finished_at = state, problem, timezone.now()
    upload.save(update_fields=["state", "problem", "finished_at"])
    SuppressionPiece.objects.filter(upload=upload).delete()
    with connection.cursor() as cursor:
        cursor.execute(EMPTY, [-upload.number])


def _tidy_up(upload: SuppressionUpload) -> None:
    """Let look-ups read the index alone, without waiting for the server's own tidying."""
    if upload.changed >= TIDY_FROM and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) recipients_suppressionentry")
