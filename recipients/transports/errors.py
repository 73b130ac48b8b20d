"""Why a transport has no reply to show."""

from __future__ import annotations

from leadops.lib.http import errors as http
from leadops.lib.http.messages import Reply
from recipients.auth.errors import AuthError
from recipients.outcomes import Category


class TransportError(Exception):
    """Nothing usable came back. Decisions read the flags, `reason` and `details` are for people.

    `may_have_arrived`: the buyer may have the lead. `answered`: it did answer, but not so that the
    answer can be read; `reply` then holds what was understood of it, if anything was.
    """

    def __init__(
        self,
        reason: str,
        *,
        may_have_arrived: bool,
        category: Category = Category.NETWORK,
        details: str = "",
        answered: bool = False,
        reply: Reply | None = None,
    ) -> None:
        super().__init__(f"{reason}: {details}" if details else reason)
        self.reason = reason
        self.details = details
        self.may_have_arrived = may_have_arrived
        self.category = category
        self.answered = answered
        self.reply = reply


class NotSendable(TransportError):
    """The payload, the address or a header cannot be made into a message; nothing was sent."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(
            reason, may_have_arrived=False, category=Category.CONFIGURATION, details=details
        )


REASONS: dict[type[http.HttpError], str] = {
    http.AddressRefused: "Address not allowed",
    http.NameNotFound: "Name not found",
    http.ConnectionRefused: "Connection refused",
    http.TlsFailed: "TLS failed",
    http.ConnectTimeout: "Connection timeout",
    http.Interrupted: "Connection lost",
    http.DeadlineExceeded: "Timeout",
    http.ConnectionLost: "Connection lost",
    http.ReplyTooLarge: "Reply too large",
    http.MalformedReply: "Malformed reply",
}


def from_http(error: http.HttpError) -> TransportError:
    """The same failure in a transport's words."""
    if isinstance(error, http.RequestRefused):
        return NotSendable("Request cannot be sent", error.message)
    reply = None
    if isinstance(error, http.UnusableReply) and error.status:
        reply = Reply(error.status, error.headers, error.body)
    return TransportError(
        REASONS.get(type(error), "Delivery failed"),
        may_have_arrived=error.may_have_arrived,
        category=Category(error.category),
        details=error.message,
        answered=isinstance(error, http.UnusableReply),
        reply=reply,
    )


def from_auth(error: AuthError) -> TransportError:
    """There were no credentials to go with: the recipient did not get the lead."""
    return TransportError(
        error.reason, may_have_arrived=False, category=error.category, details=error.details
    )
