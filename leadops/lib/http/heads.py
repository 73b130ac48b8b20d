"""The heads of HTTP messages, written and read in one go.

http.client gives each header of a reply to the e-mail package, and urllib3 checks what comes of it:
together a third of what a small exchange costs.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from typing import IO, cast

MAX_LINE = 65_536  # bytes
MAX_HEADERS = 100
_STATUS = re.compile(rb"(HTTP/\S+)\s+([1-9]\d\d)(?:\s+(.*?))?\s*\Z")
_NO_BODY = frozenset({204, 304})
_SWITCHING = 101
_BLANK = " \t\r\n"


def header_lines(headers: Mapping[str, str | bytes]) -> Iterator[bytes]:
    """The lines of a head, without their ends; values are ASCII, or bytes as they go out."""
    for name, value in headers.items():
        if isinstance(value, str):
            yield f"{name}: {value}".encode("ascii")
        else:
            yield b"%b: %b" % (name.encode("ascii"), value)


class Answer(http.client.HTTPResponse):
    """A reply whose `headers` are a dict: names in lower case, repeated ones joined by a comma
    (RFC 9110, 5.3).

    A head cut short raises RemoteDisconnected: http.client takes the end of the connection for the
    end of the head, and a buyer that dies in it would have answered 200 with an empty body.
    """

    _method: str  # http.client's: of the request

    def begin(self) -> None:
        version, status, self.reason = self._status()
        headers = self._header()
        while status // 100 == 1 and status != _SWITCHING:  # hints before the reply itself
            version, status, self.reason = self._status()
            headers = self._header()
        self.code = self.status = status
        self.version = 10 if version in (b"HTTP/1.0", b"HTTP/0.9") else 11
        self.headers = self.msg = cast(http.client.HTTPMessage, headers)
        self._frame(headers)

    def _frame(self, headers: Mapping[str, str]) -> None:
        """Where the body ends (RFC 9112, 6.3)."""
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = headers.get("content-length", "").partition(",")[0]
        self.length = int(length) if length.isdecimal() and not self.chunked else None
        if self.status // 100 == 1 or self.status in _NO_BODY or self._method == "HEAD":
            self.length = 0
        unframed = self.length is None and not self.chunked
        self.will_close = self._check_close() or unframed  # type: ignore[attr-defined]

    def _status(self) -> tuple[bytes, int, str]:
        line = self._line()
        found = _STATUS.match(line)
        if found is None:
            raise http.client.BadStatusLine(repr(line[:100]))
        version, status, reason = found.groups()
        if not version.startswith((b"HTTP/1.", b"HTTP/0.9")):
            raise http.client.UnknownProtocol(version.decode("latin-1"))
        return version, int(status), (reason or b"").decode("latin-1")

    def _header(self) -> dict[str, str]:
        """Lines without a name are passed over; folded ones (RFC 9112, 5.2) are put together."""
        headers: dict[str, str] = {}
        name = ""
        for _ in range(MAX_HEADERS + 1):
            text = self._line().decode("latin-1")
            if text in ("\r\n", "\n"):
                return headers
            if text[0] in " \t":
                if name:
                    headers[name] = f"{headers[name]} {text.strip(_BLANK)}"
                continue
            name, colon, value = text.partition(":")
            name = name.strip(_BLANK).lower() if colon else ""
            value = value.strip(_BLANK)
            if name:
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
        raise http.client.HTTPException(f"more than {MAX_HEADERS} headers")

    def _line(self) -> bytes:
        line = cast(IO[bytes], self.fp).readline(MAX_LINE + 1)
        if line.endswith(b"\n"):
            return line
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("head")
        raise http.client.RemoteDisconnected("head cut short")
