"""A file on its way out: as a whole or a part of it (RFC 9110, 14), piece after piece.

The pieces come out of the database, so any web server has them, and none holds a file in memory.
Who reads slowly keeps a thread of the web server: few may at once, and who does not read at all is
cut off.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from events.exports import keeping
from events.exports.formats import FORMATS
from events.models import Export

CHUNK: Final = 64 * 1024
CHUNK_SECONDS: Final = 30.0  # for one chunk: 2 KB a second is the slowest reader
AT_ONCE: Final = 4  # downloads of one web process, of its 16 threads
RETRY: Final = "10"
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)

_places = threading.BoundedSemaphore(AT_ONCE)


class Full(Exception):
    """As many files are on their way as this process has room for."""


def served(request: HttpRequest, export: Export) -> HttpResponseBase:
    """The file, or the part that `Range` asks for. Raises Full. The caller has looked who asks,
    and that there is a file."""
    bounds = _bounds(request, export)
    if bounds is None:
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{export.bytes}"
        return refused
    start, end = bounds
    headers = {
        "Content-Type": FORMATS[export.format].content_type,
        "Content-Disposition": content_disposition_header(True, export.filename) or "attachment",
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
        "ETag": f'"{export.sha256}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    whole = (start, end) == (0, export.bytes)
    if not whole:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{export.bytes}"
    status = 200 if whole else 206
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    body = _Body(export, start, end, request.META.get("gunicorn.socket"))
    answer = StreamingHttpResponse(body, status=status, headers=headers)
    answer["Content-Encoding"] = "identity"  # its length is what is said
    return answer


def is_first(request: HttpRequest) -> bool:
    """Whether this is a download of its own: not the next part of one, nor a look at its head."""
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    return request.method == "GET" and (asked is None or asked[1] in ("", "0"))


def _bounds(request: HttpRequest, export: Export) -> tuple[int, int] | None:
    """From where to where; all of it where nothing else is asked for; None: there is no such
    part."""
    asked = RANGE.fullmatch(request.headers.get("Range", "").strip())
    only_if = request.headers.get("If-Range")
    if asked is None or asked[0] == "bytes=-" or only_if not in (None, f'"{export.sha256}"'):
        return 0, export.bytes
    first, last = asked[1], asked[2]
    if not first:
        start, end = max(export.bytes - int(last), 0), export.bytes
    else:
        start = int(first)
        end = min(int(last) + 1 if last else export.bytes, export.bytes)
    return (start, end) if start < end else None


class _Body(Iterable[bytes]):
    """The bytes, while a place is held for them."""

    def __init__(self, export: Export, start: int, end: int, sock: Any) -> None:
        self.sock, self.held = sock, _places.acquire(blocking=False)
        if not self.held:
            raise Full("Too many files are being downloaded; try again soon.")
        self.chunks = _chunks(keeping.part(export, start, end))

    def __iter__(self) -> Iterator[bytes]:
        if self.sock is not None:
            self.sock.settimeout(CHUNK_SECONDS)
        return self.chunks

    def __del__(self) -> None:
        """An answer that something broke before it went out."""
        self.close()

    def close(self) -> None:
        """Called by the web server, however it ended."""
        if self.held:
            self.held = False
            _places.release()
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.settimeout(None)


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]
