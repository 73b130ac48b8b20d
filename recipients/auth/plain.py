"""Credentials that stand in the request as they are: keys, bearer tokens, user and password."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping

from recipients.auth.base import Scheme, is_open, needs, parameter
from recipients.options import OptionError
from recipients.plan import Auth

HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2


def header_name(name: str) -> None:
    """Raises OptionError."""
    if name and not HEADER_NAME.match(name):
        raise OptionError("name", f"{name!r} cannot name a header.")


class ApiKey(Scheme):
    """A key in a header, or in a parameter of the address."""

    default_name = "X-API-Key"

    def check(self, auth: Auth) -> None:
        needs(auth, secret="its key or token")  # noqa: S106  a description
        header_name(auth.name)

    def headers(self, auth: Auth) -> Mapping[str, str]:
        return {} if auth.place == "query" else {auth.name or self.default_name: auth.secret}

    def query(self, auth: Auth) -> str:
        return parameter(auth.name or "api_key", auth.secret) if auth.place == "query" else ""


class Bearer(Scheme):
    """RFC 6750, with a token that staff were given."""

    def check(self, auth: Auth) -> None:
        needs(auth, secret="its key or token")  # noqa: S106  a description

    def headers(self, auth: Auth) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {auth.secret}"}


class Basic(Scheme):
    """RFC 7617."""

    def check(self, auth: Auth) -> None:
        if not auth.username:
            raise OptionError("username", "Basic authentication needs a user name.")
        if ":" in auth.username and not is_open(auth.username):
            raise OptionError("username", "A user name of basic authentication has no colon.")

    def headers(self, auth: Auth) -> Mapping[str, str]:
        return {"Authorization": basic(auth.username, auth.secret)}


class Headers(Scheme):
    """Whatever headers staff wrote at the endpoint."""

    def headers(self, auth: Auth) -> Mapping[str, str]:
        return dict(auth.headers)


def basic(username: str, password: str) -> str:
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
