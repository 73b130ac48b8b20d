"""What goes out and what comes back, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `timeout` is the total deadline in seconds, connect to last byte."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0
    connect_timeout: float = 5.0
    max_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer: header names in lower case, body decoded of its transfer encodings."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300
