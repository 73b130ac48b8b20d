"""Long jobs that workers do bit by bit: one worker at a time, by a lease on the job's row.

The row is the truth, and a task only works on it: whoever comes after a worker that died goes on
from what the row says.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, models
from django.db.models.functions import Now

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)  # nobody's fault: the next run goes on


OPEN_STATES = ("queued", "running")


class Job(models.Model):
    """A job's row. Subclasses add `id`, `state` and how far it has come, among their states those
    that are open."""

    OPEN: ClassVar[frozenset[str]] = frozenset(OPEN_STATES)

    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    worked_until = models.DateTimeField(null=True, help_text="Till when a worker has it.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_open(self) -> bool:
        """Somebody works on it, or will."""
        return self.state in self.OPEN  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of a table, a name of ours."""

    table: str
    open_states: tuple[str, ...] = OPEN_STATES

    def work(
        self,
        id: str,
        step: Callable[[], bool],
        *,
        seconds: float,
        lease: float,
        stopping: Callable[[], bool],
    ) -> bool:
        """Take steps for some seconds; True when the job is at its end, or somebody else has it.

        A step says whether there is more to do, and renews the lease when it takes long.
        """
        if not self.claim(id, lease):
            return True
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not stopping():
                if not step():
                    return True
            return False
        finally:
            self.release(id)

    def claim(self, id: str, lease: float) -> bool:
        """Have the job for `lease` seconds; False when it is not open, or somebody has it."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.table} "  # noqa: S608  our own name
                "SET worked_until = clock_timestamp() + %s * interval '1 second' "
                "WHERE id = %s AND state = ANY(%s) "
                "AND (worked_until IS NULL OR worked_until < clock_timestamp())",
                [lease, id, list(self.open_states)],
            )
            return bool(cursor.rowcount)

    def renew(self, id: str, lease: float) -> None:
        """Keep it for `lease` seconds from now."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.table} "  # noqa: S608  our own name
                "SET worked_until = clock_timestamp() + %s * interval '1 second' WHERE id = %s",
                [lease, id],
            )

    def release(self, id: str) -> None:
        """Let others have it at once; raises nothing."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {self.table} SET worked_until = NULL WHERE id = %s",  # noqa: S608
                    [id],
                )
        except (DatabaseError, InterfaceError):
            log.exception("%s is free again when its lease ends", id)

    def unfinished(self) -> list[str]:
        """The ids of those on which nobody works; a worker that died leaves one so."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM {self.table} WHERE state = ANY(%s) "  # noqa: S608  our own name
                "AND (worked_until IS NULL OR worked_until < clock_timestamp()) "
                "ORDER BY created_at",
                [list(self.open_states)],
            )
            return [row[0] for row in cursor.fetchall()]
