"""Kinds that fetch a token first: what they have in common."""

from __future__ import annotations

import dataclasses
import math
import time
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from leadops.lib.http import HttpError, Reply, Request
from recipients import mapping
from recipients.auth.base import Scheme, parameter, render, with_header, with_query
from recipients.auth.errors import CredentialsRefused, TokenUnavailable, from_http
from recipients.auth.plain import header_name
from recipients.auth.session import Session, Way
from recipients.auth.tokens import Token
from recipients.options import Option, OptionError, OptionKind
from recipients.plan import Auth
from recipients.responses.reading import Reading
from recipients.responses.selectors import Selector, SelectorError, compile_selector

FETCH_SECONDS = 10.0  # that fetching a token may take
SAID = 200  # characters of what a service says to a refusal
# Told to come back later, which says nothing of the credentials.
LATER = frozenset({408, 425, 429})
PROBLEMS = tuple(
    compile_selector(path)
    for path in ("error_description", "error.message", "message", "error", "errors.0.message")
)

VALUE = Option(
    "value",
    OptionKind.TEMPLATE,
    help="What stands in the header.",
    default=mapping.compile_template("Bearer {{token}}"),
    example="Token {{token}}",
)


class Fetching(Scheme):
    """A token in a header (or a parameter), fetched before it ends and once more on a 401."""

    default_name: ClassVar[str] = "Authorization"
    fetches: ClassVar[bool] = True

    def check(self, auth: Auth) -> None:
        header_name(auth.name)
        for name in ("token_url", "url"):
            if text := auth.options.get(name):
                address(name, text)

    def fetch(self, auth: Auth, last: Token | None, *, session: Session, way: Way) -> Token:
        """A fresh token; `last` is the one before. Raises AuthError."""
        raise NotImplementedError

    def send(self, request: Request, *, auth: Auth, session: Session, way: Way) -> Reply:
        session.leads_to(request)
        token = self.token(auth, session=session, way=way)
        reply = session.send(signed(request, auth, token), way)
        if reply.status != 401:
            return reply
        # Not taken: the token ended early, or was called back. Once more with a fresh one.
        token = self.token(auth, session=session, way=way, refused=token)
        return session.send(signed(request, auth, token), way)

    def token(
        self, auth: Auth, *, session: Session, way: Way, refused: Token | None = None
    ) -> Token:
        """A token that serves, from wherever there is one. Raises AuthError."""
        fetch = partial(self._noted, auth=auth, session=session, way=way)
        token = session.tokens.get(auth.mark, fetch, until=session.deadline, refused=refused)
        session.learned |= {token.value, token.refresh} - {""}
        return token

    def _noted(self, last: Token | None, *, auth: Auth, session: Session, way: Way) -> Token:
        if last is not None:
            session.learned |= {last.value, last.refresh} - {""}
        token = self.fetch(auth, last, session=session, way=way)
        return dataclasses.replace(token, fetched_at=time.time())


def signed(request: Request, auth: Auth, token: Token) -> Request:
    if auth.place == "query":
        url = with_query(request.url, parameter(auth.name, token.value))
        return dataclasses.replace(request, url=url)
    return with_header(request, auth.name, render(auth.options["value"], {"token": token.value}))


def address(name: str, text: str) -> None:
    """Raises OptionError for what is no whole address."""
    parts = urlsplit(text.replace("${", "x").replace("}", "x"))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        if text.startswith("${"):
            return
        raise OptionError(name, "write a whole address, e.g. https://login.buyer.com/token")


def ask(request: Request, *, session: Session, way: Way) -> Reading:
    """The answer to a request for a token, if it is a good one. Raises AuthError."""
    left = min(FETCH_SECONDS, session.left())
    if left <= 0:
        raise TokenUnavailable("No token in time")
    try:
        request = dataclasses.replace(request, timeout=left, connect_timeout=min(5.0, left))
        reply = way(session.beside(request))
    except HttpError as error:
        raise from_http(error) from error
    if reply.ok:
        return Reading(reply)
    raise _refusal(reply)


def _refusal(reply: Reply) -> CredentialsRefused | TokenUnavailable:
    said = problem(Reading(reply))
    details = f"{reply.status} {said}".strip()
    if 400 <= reply.status < 500 and reply.status not in LATER:
        return CredentialsRefused("Token refused", details)
    return TokenUnavailable("Token could not be fetched", details)


def problem(reading: Reading) -> str:
    """What a service says went wrong, cut short."""
    found = (text for selector in PROBLEMS for text in reading.texts(selector))
    return next(found, "")[:SAID]


def read_token(reading: Reading, at: Selector, *, lifetime: Selector, ttl: float | None) -> Token:
    """The token in an answer. `lifetime` leads to its seconds, `ttl` is used where there are none.

    Raises CredentialsRefused where it has none: that is how some services say no.
    """
    value = next(iter(reading.texts(at)), "")
    if not value:
        said = problem(reading) or f"Nothing at {at.text}"
        raise CredentialsRefused("No token in the answer", said)
    seconds = _seconds(next(iter(reading.values(lifetime)), None))
    seconds = ttl if seconds is None else seconds
    return Token(value, expires_at=None if seconds is None else time.time() + seconds)


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def selector(name: str, text: str) -> Selector:
    """Raises OptionError."""
    try:
        return compile_selector(text)
    except SelectorError as error:
        raise OptionError(name, str(error)) from error
