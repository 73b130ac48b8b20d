"""What a simulated buyer receives and answers."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote

REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    207: "Multi-Status",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    423: "Locked",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Target(NamedTuple):
    """A request line's target, taken apart: `path` as it came, `action` without `/b/{buyer}`."""

    path: str
    action: str
    query: Mapping[str, str]

    def number(self, name: str, default: float) -> float:
        """A parameter as a finite, non-negative number."""
        try:
            value = float(self.query[name])
        except (KeyError, ValueError):
            return default
        return value if 0 <= value < 1e9 else default


def target_of(text: str) -> Target:
    raw, _, query = text.partition("?")
    path = unquote(raw) or "/"
    action = path
    if path.startswith("/b/"):
        action = "/" + "/".join(path.split("/")[3:])
    return Target(path, action, dict(parse_qsl(query, keep_blank_values=True)))


class Received(NamedTuple):
    """One request. `repeat` counts how often its idempotency key came before, on any path."""

    method: str
    target: Target
    head: bytes
    body: bytes
    key: str
    repeat: int
    number: int

    def headers(self) -> dict[str, str]:
        """Names as they were written."""
        lines = self.head.decode("utf-8", "replace").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.strip(): value.strip() for name, _, value in pairs}

    def text(self) -> str:
        """The body, unpacked when it came compressed."""
        headers = {name.lower(): value for name, value in self.headers().items()}
        if headers.get("content-encoding", "").lower() == "gzip":
            try:
                return gzip.decompress(self.body).decode("utf-8", "replace")
            except (OSError, EOFError, zlib.error):
                return "(not gzip)"
        return self.body.decode("utf-8", "replace")


class Wire(Protocol):
    """The connection, for behaviours that do not answer in one piece."""

    async def write(self, data: bytes) -> None:
        """Raises ConnectionError when the other side has gone."""

    async def pause(self, seconds: float) -> None:
        """The same."""

    def close(self) -> None: ...

    def reset(self) -> None: ...


Script = Callable[[Wire], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply, `delay` seconds after the request; or a `script` that does as it likes."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    script: Script | None = None

    def wire(self, *, is_head: bool = False) -> bytes:
        reason = REASONS.get(self.status, "Status")
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        head = (
            f"HTTP/1.1 {self.status} {reason}\r\nContent-Type: {self.content_type}\r\n"
            f"{extra}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode("latin-1", "replace") + (b"" if is_head else self.body)


def as_json(status: int, value: Any, **settings: Any) -> Answer:
    return Answer(status, json.dumps(value).encode(), **settings)
