"""Total deadlines: a socket time-out restarts with every byte, these do not."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time


class Exchange:
    """One request on its way: its deadlines (seconds of `time.monotonic`) and how far it came."""

    __slots__ = ("_is_twin", "_lock", "_sock", "connect_deadline", "cut_off", "deadline", "written")

    def __init__(self, *, timeout: float, connect_timeout: float) -> None:
        now = time.monotonic()
        self.deadline = now + timeout
        self.connect_deadline = now + min(timeout, connect_timeout)
        self.written = False  # some byte of the request may have left
        self.cut_off = False  # the watchdog ended it
        self._sock: socket.socket | None = None
        self._is_twin = False
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Seconds to the deadline; never 0, which would mean a socket that does not block."""
        return max(self.deadline - time.monotonic(), 0.001)

    def attach(self, sock: socket.socket) -> None:
        """Name the socket to shut down at the deadline; raises TimeoutError when it has passed."""
        self._watch(sock, is_twin=False)

    def attach_twin(self, sock: socket.socket) -> None:
        """The same through a second descriptor, for a socket that is about to be closed or wrapped
        while its connection goes on. Costs a descriptor until `detach`."""
        self._watch(socket.fromfd(sock.fileno(), sock.family, sock.type), is_twin=True)

    def detach(self) -> None:
        """Before closing: a closed descriptor's number may soon be another connection's."""
        with self._lock:
            self._drop()

    def _watch(self, sock: socket.socket, *, is_twin: bool) -> None:
        with self._lock:
            self._drop()
            self._sock, self._is_twin = sock, is_twin
            if self.cut_off:
                self._drop()
                raise TimeoutError("deadline passed")

    def _drop(self) -> None:
        if self._is_twin and self._sock is not None:
            self._sock.close()
        self._sock, self._is_twin = None, False

    def cut(self) -> None:
        with self._lock:
            self.cut_off = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket.shutdown: it forgets the cipher before it shuts down, and a
                    # sender in another thread could in between write in the clear.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


class Watchdog:
    """One thread that shuts down the sockets of exchanges past their deadline.

    It sleeps until the earliest deadline that it knew at its last look. Finished exchanges leave
    at once, so memory follows the number in flight, not the rate times the time-out.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._active: set[Exchange] = set()
        self._wake_at = math.inf
        self._thread: threading.Thread | None = None

    def watch(self, exchange: Exchange) -> None:
        with self._changed:
            self._active.add(exchange)
            if exchange.deadline < self._wake_at:
                self._wake_at = exchange.deadline
                self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()

    def release(self, exchange: Exchange) -> None:
        """After this returns the exchange's socket is never touched again."""
        with self._changed:
            self._active.discard(exchange)
        exchange.detach()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for exchange in [one for one in self._active if one.deadline <= now]:
                    exchange.cut()
                    self._active.discard(exchange)
                self._wake_at = min((one.deadline for one in self._active), default=math.inf)
                pause = None if self._wake_at == math.inf else max(self._wake_at - now, 0.0)
                self._changed.wait(pause)
