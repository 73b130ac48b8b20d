"""The thread that has hooks looked at and their notices sent, in the program of the streams."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.hooks import telling, working
from events.hooks.working import Follower
from events.streaming.pulse import Moved, unwatched
from leadops.lib.http import Door

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
AWAY_SECONDS = 5.0  # after something went wrong
IDLE_SECONDS = 2.0  # while no hook is active and nothing is to be told
BUSY = (
    "SELECT EXISTS (SELECT FROM events_eventhook WHERE active AND stopped_at IS NULL), "
    "EXISTS (SELECT FROM events_hooknotice WHERE sent_at IS NULL AND given_up_at IS NULL "
    "AND due_at <= clock_timestamp()), "
    "EXISTS (SELECT FROM events_hookfollower WHERE tx IS NOT NULL)"
)


class Hooks:
    """Two threads: one follows the record, one sends; a slow receiver holds up no hook."""

    def __init__(self, follows: Moved = unwatched, tells: Moved = unwatched) -> None:
        self._stopping = threading.Event()
        self._follower = Follower()
        self._threads = [
            threading.Thread(target=self._run, args=(part, moved), name=name, daemon=True)
            for name, part, moved in (
                ("hooks", self._follow, follows),
                ("hook notices", self._tell, tells),
            )
        ]
        networks = settings.LEADOPS_PRIVATE_NETWORKS
        self._door = Door(private_networks=networks, pool_size=telling.THREADS)
        self._pool = ThreadPoolExecutor(telling.THREADS, thread_name_prefix="hook notice")

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Let what is under way end, for so long."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(seconds / len(self._threads))
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, part: Callable[[], float], moved: Moved) -> None:
        while not self._stopping.is_set():
            moved()
            wait = AWAY_SECONDS
            try:
                wait = part()
            except Exception as error:
                log.exception("Hooks ended early; trying again")
                connection.close()
                self._say(error)
            self._stopping.wait(wait)
        connection.close()

    def _say(self, error: Exception) -> None:
        try:
            working.troubled(f"{type(error).__name__}: {error}")
        except Exception:
            connection.close()  # the database is away: the log has it

    def _follow(self) -> float:
        active, _, placed = _busy()
        if not (active or placed):
            return IDLE_SECONDS
        self._follower.look(timezone.now(), stopping=self._stopping)
        return POLL_SECONDS if active else IDLE_SECONDS

    def _tell(self) -> float:
        active, waits, _ = _busy()
        if not waits:
            return POLL_SECONDS if active else IDLE_SECONDS
        told = telling.look(self._door, self._pool)
        return 0.0 if told == telling.AT_ONCE else POLL_SECONDS


def _busy() -> tuple[bool, bool, bool]:
    with connection.cursor() as cursor:
        cursor.execute(BUSY)
        active, waits, placed = cursor.fetchone()
    return active, waits, placed
