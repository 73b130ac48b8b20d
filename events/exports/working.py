"""Making an export's file: whose turn it is, step by step, and what is done when a step fails.
`gathering` reads the rows, `finishing` makes the file of them.

One export is worked on at a time, however many machines there are: there are few workers for all
that is not pumping. The others take turns with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction

from events.exports import finishing, gathering, keeping, noting, steering
from events.exports.finishing import JOBS, MOST_TRIES, Stopped
from events.exports.subjects.base import NotTheirs
from events.models import Export
from leadops.lib.api import WrongShape
from leadops.lib.jobs import AWAY

log = logging.getLogger(__name__)

SLOT = 0x4558_504F_5254  # "EXPORT": the advisory lock of whoever works on one
State = Export.State


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
            return gathering.gather(export_id)
        finishing.finish(export, stopping)
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
