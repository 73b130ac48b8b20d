"""What goes out and what comes back, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadops.lib.http.tls import Tls

# A connection is not reused for longer, so that a changed DNS record is noticed.
REUSE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Connections that only requests with an equal one share, so never across TLS identities.

    `connections` idle ones are kept at most, None: one for each thread; an idle one is used again
    within `keep_alive` seconds, 0: never.
    """

    tls: Tls | None = None
    connections: int | None = None
    keep_alive: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `timeout` is the total deadline in seconds, connect to last byte.

    `pool` None: the connections that everybody uses. `shown` stands in the record in place of a
    body that nobody can read as it is.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0
    connect_timeout: float = 5.0
    max_bytes: int = 65_536
    pool: Pool | None = None
    shown: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer: header names in lower case, body decoded of its transfer encodings.

    `protocol` says whose status it is.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    protocol: str = "HTTP"

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300
