"""Why an attempt had no credentials to go with. The lead was not sent, or refused with 401."""

from __future__ import annotations

from leadops.lib.http import errors as http
from recipients.outcomes import Category


class AuthError(Exception):
    """`reason` and `details` are for people; decisions read `category`."""

    def __init__(self, reason: str, details: str = "", *, category: Category) -> None:
        super().__init__(f"{reason}: {details}" if details else reason)
        self.reason = reason
        self.details = details
        self.category = category


class CredentialsRefused(AuthError):
    """Whoever gives out tokens wants none of our credentials: a person must look at them."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(reason, details, category=Category.AUTHENTICATION)


class TokenUnavailable(AuthError):
    """No token could be had at the moment; later may do."""

    def __init__(
        self, reason: str, details: str = "", *, category: Category = Category.NETWORK
    ) -> None:
        super().__init__(reason, details, category=category)


def from_http(error: http.HttpError) -> TokenUnavailable:
    """A token that could not be fetched: the lead itself was not sent, whatever arrived there."""
    return TokenUnavailable(
        "Token could not be fetched", error.message, category=Category(error.category)
    )
