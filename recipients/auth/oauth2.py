"""OAuth 2.0 after RFC 6749: client credentials (4.4) and refresh tokens (6)."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote_plus, urlencode

from leadops.lib.http import Request
from recipients.auth.base import needs, render
from recipients.auth.fetching import VALUE, Fetching, ask, read_token, selector
from recipients.auth.plain import basic
from recipients.auth.session import Session, Way
from recipients.auth.tokens import Token
from recipients.options import Option, OptionError, OptionKind
from recipients.plan import Auth

ACCESS_TOKEN = selector("token", "access_token")
REFRESH_TOKEN = selector("token", "refresh_token")
EXPIRES_IN = selector("expires_in", "expires_in")
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# What the protocol says itself.
OWN_PARAMETERS = frozenset(
    {"grant_type", "client_id", "client_secret", "refresh_token", "assertion"}
)

TTL = Option(
    "ttl",
    OptionKind.DURATION,
    help="How long a token serves where the answer does not say.",
    example="30m",
)
PARAMS = Option("params", OptionKind.PAIRS, help="Further parameters of the request for a token.")


class OAuth2(Fetching):
    """`username` is the client's id, `secret` its secret."""

    options = (
        Option("token_url", OptionKind.TEXT, required=True, help="Where tokens are given out."),
        Option(
            "grant",
            OptionKind.CHOICE,
            choices=("client_credentials", "refresh_token"),
            default="client_credentials",
        ),
        Option(
            "refresh_token",
            OptionKind.SECRET,
            help="The first one. Those that the service gives later are kept.",
            example="${BUYER_REFRESH_TOKEN}",
        ),
        Option("scope", default="", help="Parted by spaces."),
        Option("audience", default=""),
        Option(
            "credentials",
            OptionKind.CHOICE,
            choices=("body", "basic"),
            default="body",
            help="Where the client's id and secret stand in the request for a token.",
        ),
        PARAMS,
        TTL,
        VALUE,
    )

    def check(self, auth: Auth) -> None:
        super().check(auth)
        needs(auth, username="the client's id")
        refreshing = auth.options["grant"] == "refresh_token"
        if refreshing and not auth.options["refresh_token"]:
            raise OptionError("refresh_token", "must be given for this grant")
        if not refreshing:
            needs(auth, secret="the client's secret")  # noqa: S106  a description
        check_params(auth)

    def fetch(self, auth: Auth, last: Token | None, *, session: Session, way: Way) -> Token:
        used = ""
        fields = {"grant_type": auth.options["grant"]}
        if auth.options["grant"] == "refresh_token":
            # A service that gives a new one with each token takes the old one no more.
            used = (last.refresh if last else "") or auth.options["refresh_token"]
            fields["refresh_token"] = used
        fields |= {"scope": auth.options["scope"], "audience": auth.options["audience"]}
        headers = dict(FORM)
        if auth.options["credentials"] == "basic":
            # Both are form-encoded first: RFC 6749 2.3.1.
            headers["Authorization"] = basic(quote_plus(auth.username), quote_plus(auth.secret))
        else:
            fields |= {"client_id": auth.username, "client_secret": auth.secret}
        request = token_request(auth, fields, headers)
        reading = ask(request, session=session, way=way)
        token = read_token(reading, ACCESS_TOKEN, lifetime=EXPIRES_IN, ttl=auth.options["ttl"])
        given = next(iter(reading.texts(REFRESH_TOKEN)), "")
        return dataclasses.replace(token, refresh=(given or used) if used else "")


def check_params(auth: Auth) -> None:
    """Raises OptionError for a parameter that the protocol has its own word for."""
    for name in auth.options["params"] or {}:
        if name in OWN_PARAMETERS:
            raise OptionError("params", f"{name} has a key of its own")


def token_request(auth: Auth, fields: dict[str, str], headers: dict[str, str]) -> Request:
    """A form of what is not blank, and of staff's own parameters."""
    own = {name: render(text, {}) for name, text in (auth.options["params"] or {}).items()}
    said = {name: text for name, text in {**fields, **own}.items() if text}
    return Request("POST", auth.options["token_url"], headers, urlencode(said).encode())
