"""Everything that can go wrong on the way to another server and back.

HttpError
├── NothingSent                 free to try again: nothing that the other side may act on
│   ├── RequestRefused          bad URL, a line break in a header              configuration
│   ├── AddressRefused          the name leads to a private address            security
│   ├── NameNotFound            DNS has no such name, or did not answer        network
│   ├── ConnectionRefused       nobody listens there, or no way leads there    network
│   ├── TlsFailed               certificate, protocol or handshake             security
│   ├── ConnectTimeout          no connection within the connect time-out      network
│   └── Interrupted             SMTP, SFTP: ended before anything was taken    network
└── MayHaveArrived              the other side may have acted on it
    ├── DeadlineExceeded        no whole answer within the total deadline      network
    ├── ConnectionLost          closed or reset before the whole answer        network
    └── UnusableReply           answered, but not in a way that can be read
        ├── ReplyTooLarge       more decoded bytes than the request allows     system
        └── MalformedReply      not HTTP, or a broken transfer encoding        system

Decisions read `may_have_arrived` and `category` (a word of `recipients.outcomes.Category`),
never the text.
"""

from __future__ import annotations

from collections.abc import Mapping


class HttpError(Exception):
    """`may_have_arrived`: the request, or a part of it, may have reached the other side."""

    category = "network"

    def __init__(self, message: str, *, may_have_arrived: bool, category: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.may_have_arrived = may_have_arrived
        self.category = category or type(self).category


class NothingSent(HttpError):
    def __init__(self, message: str, *, category: str = "") -> None:
        super().__init__(message, may_have_arrived=False, category=category)


class RequestRefused(NothingSent):
    category = "configuration"


class AddressRefused(NothingSent):
    category = "security"


class NameNotFound(NothingSent):
    pass


class ConnectionRefused(NothingSent):
    pass


class TlsFailed(NothingSent):
    category = "security"


class ConnectTimeout(NothingSent):
    pass


class Interrupted(NothingSent):
    pass


class MayHaveArrived(HttpError):
    def __init__(self, message: str, *, category: str = "") -> None:
        super().__init__(message, may_have_arrived=True, category=category)


class DeadlineExceeded(MayHaveArrived):
    pass


class ConnectionLost(MayHaveArrived):
    pass


class UnusableReply(MayHaveArrived):
    """Carries what was understood of the answer: `status` is 0 where not even that was."""

    category = "system"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = body


class ReplyTooLarge(UnusableReply):
    pass


class MalformedReply(UnusableReply):
    pass
