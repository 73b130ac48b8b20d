"""A queue between processes that survives the death of the process reading it.

multiprocessing's reader lock is a semaphore: a worker killed while it waits for a task
holds it for ever, and no other worker ever gets a task again. A record lock on a file
is let go by the kernel when its owner dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from typing import Any

from django_q.queues import Queue

POLL_SECONDS = 0.01


class RecordLock:
    """An exclusive lock among processes; of use only where one thread a process takes it."""

    def __init__(self) -> None:
        fd, path = tempfile.mkstemp(prefix="leadops-lock-")
        os.unlink(path)
        self._fd = fd

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if block and timeout is None:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            return True
        until = time.monotonic() + (timeout or 0 if block else 0)
        while True:
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)

    def release(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exception: object) -> None:
        self.release()


class SturdyQueue(Queue):  # type: ignore[misc]  # the library is untyped
    """django-q2's queue, read under a lock that cannot be orphaned."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rlock = RecordLock()
