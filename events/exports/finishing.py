"""The end of an export: the file's digest, or the whole file made from the rows that were gathered.
A file is offered when its last byte is kept, and not before."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction

from events.exports import keeping, noting, steering
from events.exports.formats import FORMATS, Whole
from events.models import Export
from leadops.lib import jobs
from leadops.lib.api import WrongShape

JOBS = jobs.Jobs("events_export")
MOST_TRIES = 3
ASSEMBLY = 240.0  # seconds: the lease while a file is made as a whole; a worker may be slow
LEFT_BEHIND = timedelta(days=1)  # what a worker that was killed left in its folder
State = Export.State


class Stopped(Exception):
    """The cluster stops, or the export was cancelled: nothing of the file is kept."""


def finish(export: Export, stopping: Callable[[], bool]) -> None:
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
        for line in io.BytesIO(data):
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
    with noting.noted() as journal, path.open("rb") as file:
        kept = Export.objects.select_for_update().get(pk=export.id)
        if not (kept.is_open and kept.gathered and kept.pieces == export.pieces):
            return
        whole = keeping.put_all(kept.id, file)
        kept.stored.filter(raw=True).delete()
        kept.pieces, kept.bytes, kept.sha256 = whole.pieces, whole.bytes, whole.sha256
        steering.end(kept, State.DONE, journal)
