"""What a kind of authentication does. How to add one: docs/authentication.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from leadops.lib.http import Reply, Request
from recipients.auth.session import Session, Way
from recipients.mapping import Template
from recipients.options import Option, OptionError
from recipients.plan import Auth


class Scheme:
    """A kind of authentication; this one adds nothing.

    What never changes is written by `headers` and `query` when the request is built. What depends
    on the request, a token or a challenge is done by `send`. Neither may send a lead twice: only
    an answer of 401, which says that it was not taken, is followed by another request.
    """

    options: ClassVar[tuple[Option, ...]] = ()
    # The header or parameter that is used when none is named.
    default_name: ClassVar[str] = ""
    # Whether its credentials can be tried without a lead.
    fetches: ClassVar[bool] = False

    def check(self, auth: Auth) -> None:
        """Raises OptionError for what is missing or wrong; references may stand unfilled."""

    def headers(self, auth: Auth) -> Mapping[str, str]:
        return {}

    def query(self, auth: Auth) -> str:
        return ""

    def send(self, request: Request, *, auth: Auth, session: Session, way: Way) -> Reply:
        """The recipient's answer. Raises AuthError and HttpError."""
        return session.send(request, way)


def needs(auth: Auth, **words: str) -> None:
    """Each named part of the credentials is there; `words` say what it is."""
    for name, word in words.items():
        if not getattr(auth, name):
            raise OptionError(name, f"{auth.kind} needs {word}.")


def is_open(text: str) -> bool:
    """Whether a text still holds references: what it says is not known yet."""
    return "${" in text


def render(template: Template, values: Mapping[str, Any]) -> str:
    """A template over these names alone, e.g. `{{token}}`."""
    return template.text({"source": values, "lead": {}})


def with_header(request: Request, name: str, value: str) -> Request:
    """Whatever the letters of an earlier header of that name, it is replaced."""
    lower = name.lower()
    headers = {known: kept for known, kept in request.headers.items() if known.lower() != lower}
    return dataclasses.replace(request, headers={**headers, name: value})


def with_query(url: str, query: str) -> str:
    """`url` with more parameters, before its fragment."""
    if not query:
        return url
    base, hash_sign, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{query}{hash_sign}{fragment}"


def parameter(name: str, value: str) -> str:
    return f"{quote(name, safe='')}={quote(value, safe='')}"
