"""What authentication needs during one attempt, and what it leaves behind for the record."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from leadops.lib.http import Reply, Request
from leadops.lib.http.errors import ConnectTimeout
from recipients.auth.tokens import Tokens

Way = Callable[[Request], Reply]
"""A guarded way out; raises HttpError."""


@dataclass(slots=True)
class Session:
    """`deadline` (monotonic) ends the whole attempt, tokens and repetitions included.

    `learned` are secrets that were fetched or made on the way, to be kept out of the record;
    `sent` is the request that went to the recipient last, as it went.
    """

    tokens: Tokens = field(default_factory=Tokens)
    deadline: float = math.inf
    learned: set[str] = field(default_factory=set)
    sent: Request | None = None
    _towards: Request | None = None

    def leads_to(self, request: Request) -> None:
        """Say what the attempt will send, once it has its credentials."""
        self._towards = request

    def beside(self, request: Request) -> Request:
        """`request` over the connections of the recipient, where it goes to the same server."""
        other = self._towards
        if other is None or urlsplit(other.url).netloc != urlsplit(request.url).netloc:
            return request
        return dataclasses.replace(request, pool=other.pool)

    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()

    def send(self, request: Request, way: Way) -> Reply:
        """Send to the recipient, within what is left of the attempt. Raises HttpError."""
        left = self.left()
        if left <= 0:
            raise ConnectTimeout("No time was left after getting a token")
        if left < request.timeout:
            request = dataclasses.replace(request, timeout=left)
        self.sent = request
        return way(request)
