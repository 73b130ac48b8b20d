"""What a pump's threads bring back to its main thread, told through a pipe."""

from __future__ import annotations

import contextlib
import os
import threading
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Returns(Generic[T]):
    """A queue whose main reader can wait for it with `select`: `fd` is readable when it is not
    empty."""

    def __init__(self) -> None:
        self._items: SimpleQueue[T] = SimpleQueue()
        self.fd, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self.fd, False)
        self._pipe = threading.Lock()
        self._closed = False

    def put(self, item: T) -> None:
        self._items.put(item)
        # Not after the pipe is closed: its number may be somebody else's by then.
        with self._pipe, contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            if not self._closed:
                os.write(self._write, b"!")

    def take(self) -> list[T]:
        """All that has come back since."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 65_536)
        found = []
        with contextlib.suppress(Empty):
            while True:
                found.append(self._items.get_nowait())
        return found

    def close(self) -> None:
        """Nobody listens any more."""
        with self._pipe:
            self._closed = True
            os.close(self.fd)
            os.close(self._write)
