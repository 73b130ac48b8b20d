"""Events as the lines of a stream. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from events.streaming.asked import Form

RETRY_MS = 2_000  # what a browser waits before it connects anew


def entry(form: Form, shown: dict[str, Any]) -> bytes:
    """One event."""
    line = orjson.dumps(shown)
    if form is Form.SSE:
        return b"id: " + str(shown["id"]).encode() + b"\ndata: " + line + b"\n\n"
    return line + b"\n"


def opening(form: Form) -> bytes:
    """What stands before the first event."""
    return f"retry: {RETRY_MS}\n\n".encode() if form is Form.SSE else b""


def heartbeat(form: Form, passed: str) -> bytes:
    """A sign of life. `passed` is the last event that has been looked at, wanted or not: a browser
    takes it for its Last-Event-ID, although nothing is dispatched."""
    if form is Form.LINES:
        return b"\n"
    return f": alive\nid: {passed}\n\n".encode() if passed else b": alive\n\n"


def closing(form: Form, code: str, message: str, after: str) -> bytes:
    """Why the stream ends, as its last line. `after` is where to go on."""
    said = orjson.dumps({"stream": {"closed": code, "message": message, "after": after or None}})
    if form is Form.SSE:
        return b"event: closed\ndata: " + said + b"\n\n"
    return said + b"\n"


def head(form: Form, *, chunked: bool) -> bytes:
    """The answer's head."""
    version = "1.1" if chunked else "1.0"
    lines = [
        f"HTTP/{version} 200 OK",
        f"Content-Type: {form.content_type}; charset=utf-8",
        "Cache-Control: no-store",
        "X-Accel-Buffering: no",  # nginx passes on what comes at once
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        *(["Transfer-Encoding: chunked"] if chunked else []),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def framed(data: bytes, *, chunked: bool) -> bytes:
    """Data as a chunk of its own (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked else data


LAST_CHUNK = b"0\r\n\r\n"
