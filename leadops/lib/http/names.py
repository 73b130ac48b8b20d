"""Names to addresses, within a time limit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address

from leadops.lib.http.errors import NameNotFound

Lookup = Callable[[str, int], Sequence[str]]

# A name server that does not answer holds one thread per name, never more than these.
MAX_LOOKUPS = 32


def system_lookup(host: str, port: int) -> Sequence[str]:
    """The addresses of `host` in the system's order of preference, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Names:
    """Looks names up on threads of its own: `getaddrinfo` knows no time-out.

    Callers that ask for the same name at the same time share one look-up. Nothing is kept
    afterwards, so that a changed record holds from the next connection on.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[Sequence[str]]] = {}

    def addresses(self, host: str, port: int, *, timeout: float) -> Sequence[str]:
        """At least one address. Raises NameNotFound, also after `timeout` seconds."""
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            found = self._start(host, port).result(timeout=max(timeout, 0.0))
        except TimeoutError as error:
            raise NameNotFound(f"The name {host} was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NameNotFound(f"The name {host} cannot be resolved: {reason}") from error
        if not found:
            raise NameNotFound(f"The name {host} has no address")
        return found

    def _start(self, host: str, port: int) -> Future[Sequence[str]]:
        with self._lock:
            running = self._running.get((host, port))
            if running is not None:
                return running
            if len(self._running) >= MAX_LOOKUPS:
                raise NameNotFound(f"The name {host} was not looked up: name servers do not answer")
            future: Future[Sequence[str]] = Future()
            self._running[host, port] = future
        threading.Thread(
            target=self._look_up, args=(host, port, future), name="names", daemon=True
        ).start()
        return future

    def _look_up(self, host: str, port: int, future: Future[Sequence[str]]) -> None:
        try:
            found = self._lookup(host, port)
        except BaseException as error:
            self._forget(host, port)
            future.set_exception(error)
        else:
            self._forget(host, port)
            future.set_result(found)

    def _forget(self, host: str, port: int) -> None:
        with self._lock:
            self._running.pop((host, port), None)
