"""How the answers to a large batch are taken in: all are stored first, then slice by slice settled.

Each step is one transaction. Until the last answer is stored none is taken in: a worker that dies
leaves an answer that was lost, as a small batch's does. After that none is lost: whoever finds a
delivery left behind settles it by its stored answer (`batchanswers.py`, `turn.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from events.journal import Journal
from flows.delivery import batchanswers, batchwork
from flows.delivery.batchwork import BatchEnded
from flows.turns import turn
from leadops.lib import wire

log = logging.getLogger(__name__)

STORED = 500  # answers that are stored in one transaction
SLICE = 250  # deliveries that are settled in one transaction


@dataclass(slots=True)
class TakingIn:
    """A batch of several slices that has ended. `placed`: it keeps its place in the window until
    it is `over`."""

    ended: BatchEnded
    lease: str
    lease_seconds: float
    placed: bool = True
    over: bool = False
    _stored: int = 0
    _taken: int = 0

    @property
    def lane(self) -> str:
        return self.ended.lane

    def step(self, may_start: Callable[[str], bool]) -> turn.Done:
        """One slice; what the leads begin by it.

        Raises what is nobody's fault: the database is away, or chose this turn to end a deadlock.
        The same step may then be made again.
        """
        if self._stored < len(self.ended.results):
            try:
                self._store()
            except Exception as error:
                if isinstance(error, turn.DATABASE) and not isinstance(error, turn.UNSTORABLE):
                    raise
                log.exception("Answers of %s cannot be stored", self.ended.sending.id)
                return self._at_once(may_start)
            return turn.Done()
        return self._settle(may_start)

    def _store(self) -> None:
        """The next answers; with the last of them all count, and the record says so."""
        results = self.ended.results
        end = min(self._stored + STORED, len(results))
        with transaction.atomic():
            connection.ensure_connection()
            with wire.cursor() as cursor:
                batchanswers.store(cursor, results[self._stored : end])
                if end == len(results):
                    cursor.execute("SELECT clock_timestamp()")
                    journal = Journal((cursor.fetchone() or [None])[0])
                    batchwork.record(self.ended, journal)
                    journal.write(cursor)
                    batchwork.answered(self.ended, cursor)
        self._stored = end

    def _settle(self, may_start: Callable[[str], bool]) -> turn.Done:
        here = self.ended.results[self._taken : self._taken + SLICE]
        done = turn.take(
            turn.Turn(
                [], here, self.lease, self.lease_seconds, may_start, stored=self.ended.sending.id
            )
        )
        self._taken += len(here)
        self.over = self._taken >= len(self.ended.results)
        return done

    def _at_once(self, may_start: Callable[[str], bool]) -> turn.Done:
        """All in one turn, which finds the lead that cannot be stored."""
        self.over = True
        results = self.ended.results
        return turn.take(
            turn.Turn([], results, self.lease, self.lease_seconds, may_start, batches=[self.ended])
        )


def is_large(ended: BatchEnded) -> bool:
    """Whether its answers are more than one turn should settle."""
    return len(ended.results) > SLICE
