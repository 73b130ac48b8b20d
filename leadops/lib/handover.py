"""Handing a client's connection from one process of this machine to another.

The giver sends the socket's descriptor over a Unix socket (SCM_RIGHTS), with a message that says
what it is for. The taker answers yes or why not; on a yes the giver confirms, and never touches the
connection again. Until the confirmation the taker does not write: exactly one of the two does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

PATH_LIMIT = 107  # bytes of a Unix socket's path, sys/un.h
MOST_BYTES = 128 * 1024
PATIENCE = 2.0  # seconds that either side waits for the other
AT_ONCE = 4  # threads of a process that wait for an answer; it takes a millisecond
PLACE_SECONDS = 0.5  # that others wait to be among them
CONFIRMED = b"!"
HANDED_OVER = "leadops.handed_over"  # true in a WSGI environment whose connection is gone


class NobodyThere(ConnectionError):
    """No process takes connections, or it does not answer."""


class Refused(Exception):
    """The taker does not want it; the connection is still the giver's."""

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after = retry_after  # seconds


def path(home: Path, name: str) -> Path:
    """Where a taker of this home listens. Its folder is ours alone."""
    beside = home / "run" / f"{name}.sock"
    if len(os.fsencode(beside)) <= PATH_LIMIT:
        return beside
    key = hashlib.blake2s(os.fsencode(home), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"leadops-{os.geteuid()}-{key}" / f"{name}.sock"


def give(at: Path, connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Hand a connection over; our end of it is closed then. Raises Refused and NobodyThere."""
    body = orjson.dumps(message) + b"\n"
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        try:
            line.connect(os.fspath(at))
            socket.send_fds(line, [body[:1]], [connection.fileno()])
            line.sendall(body[1:])
            answer = orjson.loads(_line(line))
            if answer:
                raise Refused(**answer)
            line.sendall(CONFIRMED)
        except (OSError, ValueError) as error:
            raise NobodyThere(f"Nobody takes connections: {error}") from error
    os.close(connection.detach())


class Giver:
    """Gives connections to one taker, for all threads of a process.

    A taker that hangs costs each PATIENCE. Threads of a web server are few, and other callers need
    them: so few may wait for it at once, and as long as it is silent one alone, who finds out when
    it answers again.
    """

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._trying = threading.BoundedSemaphore(1)
        self._silent = False

    def give(self, at: Path, connection: socket.socket, message: Mapping[str, Any]) -> None:
        """As `give`; raises NobodyThere at once where others wait in vain."""
        place, wait = (self._trying, 0.0) if self._silent else (self._places, PLACE_SECONDS)
        if not place.acquire(timeout=wait):
            raise NobodyThere("Nobody takes connections: others wait already")
        try:
            give(at, connection, message)
            self._silent = False
        except Refused:
            self._silent = False
            raise
        except NobodyThere as error:
            self._silent = isinstance(error.__cause__, TimeoutError)
            raise
        finally:
            place.release()


def _line(line: socket.socket) -> bytes:
    text = bytearray()
    while not text.endswith(b"\n"):
        more = line.recv(64 * 1024)
        if not more or len(text) + len(more) > MOST_BYTES:
            raise ConnectionResetError("half a message")
        text += more
    return bytes(text)


class Taker:
    """Takes connections, one exchange after the other, on a thread of its own.

    `judge` looks at a message and gives None to take it, or why not; `take` gets the connection
    once it is ours. Neither may take long.
    """

    def __init__(
        self,
        at: Path,
        *,
        judge: Callable[[Mapping[str, Any]], Refused | None],
        take: Callable[[socket.socket, Mapping[str, Any]], None],
    ) -> None:
        self.at = at
        self._judge, self._take = judge, take
        self._listener = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._run, name="handover", daemon=True)

    def start(self) -> None:
        """Listen; raises OSError."""
        _make_private(self.at.parent)
        self.at.unlink(missing_ok=True)
        self._listener.bind(os.fspath(self.at))
        self._listener.listen(256)
        self._thread.start()

    def stop(self) -> None:
        """Take no more."""
        self.at.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line, contextlib.suppress(OSError, ValueError):
                line.settimeout(PATIENCE)
                self._exchange(line)

    def _exchange(self, line: socket.socket) -> None:
        first, descriptors, _, _ = socket.recv_fds(line, 1, 1)
        if not descriptors:
            return
        with contextlib.ExitStack() as closing:
            connection = closing.enter_context(socket.socket(fileno=descriptors[0]))
            message = orjson.loads(first + _line(line))
            refused = self._judge(message)
            line.sendall(orjson.dumps(_said(refused)) + b"\n")
            if refused is None and line.recv(1) == CONFIRMED:
                closing.pop_all()
                self._take(connection, message)


def _said(refused: Refused | None) -> dict[str, Any] | None:
    if refused is None:
        return None
    return {
        "status": refused.status,
        "code": refused.code,
        "message": refused.message,
        "retry_after": refused.retry_after,
    }


def _make_private(folder: Path) -> None:
    """Who reaches the socket could hand us connections of their own."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to someone else; remove it or set LEADOPS_HOME.")
