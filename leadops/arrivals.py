"""Requests while they come in: bodies that come in chunks, clients that take their time.

A client that sends half a request and no more would keep one of the web server's threads for ever;
some dozens of them, and no lead gets in.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from leadops.lib.http.deadlines import Exchange, Watchdog

SILENT_SECONDS = 0.1  # then a new connection waits for its first byte without a thread
HEADER_SECONDS = 5.0  # from the first byte to the end of the head
BODY_SECONDS = 10.0  # from the first byte that is asked for; 1 MiB at 1 Mbit/s
MAX_CHUNKED = 1024 * 1024  # bytes; no call takes more
TOO_LARGE = orjson.dumps(
    {"error": {"code": "too_large", "message": f"The body is over {MAX_CHUNKED // 1024} KiB."}}
)

watchdog = Watchdog()

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def deadline(seconds: float) -> Exchange:
    return Exchange(timeout=seconds, connect_timeout=seconds)


@contextmanager
def within(limit: Exchange, sock: Any) -> Iterator[None]:
    """The socket is shut down when the limit passes; reading from it then ends."""
    watchdog.watch(limit)
    try:
        limit.attach(sock)
        yield
    finally:
        watchdog.release(limit)


class Bodies:
    """WSGI: a body must come within BODY_SECONDS. One in chunks gets a length, without which
    Django takes it for empty."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if sock := environ.get("gunicorn.socket"):
            environ["wsgi.input"] = _Timed(environ["wsgi.input"], sock)
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        # Who shows no key is refused without a look at the body.
        if chunked and "HTTP_AUTHORIZATION" in environ:
            body = environ["wsgi.input"].read(MAX_CHUNKED + 1)
            if len(body) > MAX_CHUNKED:
                length = ("Content-Length", str(len(TOO_LARGE)))
                headers = [("Content-Type", "application/json"), length]
                start_response("413 Content Too Large", headers)
                return [TOO_LARGE]
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return self.application(environ, start_response)


class _Timed:
    """A body's stream, all of it within one deadline that begins with the first read."""

    def __init__(self, stream: Any, sock: Any) -> None:
        self._stream = stream
        self._sock = sock
        self._seconds = BODY_SECONDS
        self._limit: Exchange | None = None

    def allow(self, seconds: float) -> None:
        """Give it longer: for whoever is known and may send a file."""
        self._seconds = max(self._seconds, seconds)

    def _read(self, method: str, *arguments: Any) -> Any:
        if self._limit is None:
            self._limit = deadline(self._seconds)
        with within(self._limit, self._sock):
            return getattr(self._stream, method)(*arguments)

    def read(self, *size: int) -> bytes:
        return bytes(self._read("read", *size))

    def readline(self, *size: int) -> bytes:
        return bytes(self._read("readline", *size))

    def readlines(self, *hint: int) -> list[bytes]:
        return list(self._read("readlines", *hint))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readlines())
