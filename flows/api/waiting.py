"""`Prefer: wait=N` (RFC 7240): the answer is held until the lead has come to its end."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

MAX_WAIT = 30.0  # seconds
FIRST_LOOK, LAST_LOOK = 0.01, 0.1  # seconds between looks, growing
# Answers held at once in this process; the other threads stay free for intake.
PLACES = threading.BoundedSemaphore(8)
# Most leads end in a fraction of a second: so long a burst of waits waits for places as well.
PLACE_SECONDS = 0.25
WAIT = re.compile(r'(?:^|[,;\s])wait\s*=\s*"?(\d+)"?(?:$|[,;\s])', re.IGNORECASE)
ENDED = "SELECT result, status FROM events_lead WHERE id = %s AND status <> 'working'"


def wanted(prefer: str) -> float | None:
    """The seconds that a Prefer header asks for, None where it asks for none."""
    found = WAIT.search(prefer)
    return min(float(found.group(1)), MAX_WAIT) if found else None


def gone(sock: Any) -> Callable[[], bool]:
    """Whether the client has hung up, by its connection; never where there is none to look at.

    An end of what it sends, seen without taking a byte, is the only sign that HTTP/1 gives.
    """

    def look() -> bool:
        try:
            return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return False
        except (OSError, ValueError):
            return True

    return look if type(sock) is socket.socket else _never


def _never() -> bool:
    return False


def result(lead_id: str, seconds: float, *, gone: Callable[[], bool] = _never) -> str | None:
    """What became of the lead (sold, unsold, stopped, rejected, review), None if not yet known.

    Looks again and again for `seconds` at most, or until nobody waits any more; once, when all
    places stay taken.
    """
    end, pause = time.monotonic() + seconds, FIRST_LOOK
    if not PLACES.acquire(timeout=min(seconds, PLACE_SECONDS)):
        return _look(lead_id)
    try:
        while (found := _look(lead_id)) is None and time.monotonic() < end and not gone():
            time.sleep(min(pause, max(end - time.monotonic(), 0.0)))
            pause = min(pause * 1.5, LAST_LOOK)
        return found
    finally:
        PLACES.release()


def _look(lead_id: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(ENDED, [lead_id])
        row = cursor.fetchone()
    return (row[0] or row[1]) if row else None
