"""A sign of life each second, as long as every part of the process moves.

A process can live and do nothing: stopped, or one of its threads waits for ever. So what beats is
not the process but the slowest of its parts; where one stands still, the beat stays away, and
whoever watches starts the process anew.
"""

from __future__ import annotations

import faulthandler
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
# On the row of this machine and home: a predecessor's is taken over.
BEAT = """
    INSERT INTO events_streamsbeat (host, home, pid, beat, open)
    VALUES (%(host)s, %(home)s, %(pid)s, clock_timestamp(), %(open)s)
    ON CONFLICT (host, home) DO UPDATE
    SET pid = excluded.pid, beat = excluded.beat, open = excluded.open
"""
SIGN_OFF = (
    "DELETE FROM events_streamsbeat WHERE host = %(host)s AND home = %(home)s AND pid = %(pid)s"
)
Moved = Callable[[], None]


def unwatched() -> None:
    """For parts that nobody watches."""


@dataclass(slots=True)
class Part:
    """A loop of the process, which calls this whenever it comes round."""

    name: str
    limit: float  # seconds that one round may take
    at: float = field(default_factory=time.monotonic)

    def __call__(self) -> None:
        self.at = time.monotonic()

    def stands_still(self, now: float) -> bool:
        return now - self.at > self.limit


class Pulse(threading.Thread):
    """Beats while all parts move. `open` says how many streams there are."""

    def __init__(self, home: Path, pid: int, *, open: Callable[[], int]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._row: dict[str, str | int] = {
            "host": socket.gethostname(),
            "home": str(home),
            "pid": pid,
        }
        self._open = open
        self._parts: list[Part] = []
        self._still: set[str] = set()
        self._stopping = threading.Event()

    def part(self, name: str, limit: float) -> Moved:
        """What a loop is to call at each round, which takes `limit` seconds at most."""
        found = Part(name, limit)
        self._parts.append(found)
        return found

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.beat()
            except Exception as error:
                log.warning("Could not give a sign of life: %s", type(error).__name__)
                connection.close()
            self._stopping.wait(BEAT_SECONDS)
        connection.close()

    def beat(self) -> bool:
        """Whether all parts move; only then there is a beat."""
        now = time.monotonic()
        still = {part.name for part in self._parts if part.stands_still(now)}
        self._say(still)
        if not still:
            self._execute(BEAT, open=self._open())
        return not still

    def _say(self, still: set[str]) -> None:
        """Once for each, with where every thread is: it is gone when the process is."""
        new, self._still = still - self._still, still
        if new:
            log.error("Stands still: %s. No sign of life until it moves", ", ".join(sorted(new)))
            faulthandler.dump_traceback(file=sys.__stderr__ or 2, all_threads=True)

    def stop(self, seconds: float) -> None:
        """Sign off: what ends in order leaves no beat behind that looks like a hang."""
        self._stopping.set()
        self.join(seconds)
        try:
            self._execute(SIGN_OFF)
        except Exception as error:
            log.warning("Could not sign off: %s", type(error).__name__)

    def _execute(self, statement: str, **values: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**self._row, **values})
