"""A token from a login call, as services have it that follow no standard."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson

from leadops.lib.http import Request
from recipients.auth.base import render
from recipients.auth.fetching import VALUE, Fetching, ask, read_token, selector
from recipients.auth.plain import HEADER_NAME
from recipients.auth.session import Session, Way
from recipients.auth.tokens import Token
from recipients.options import Option, OptionError, OptionKind
from recipients.plan import Auth

NOWHERE = "header:x-no-such-header"


class Login(Fetching):
    """`username` and `secret` stand in the call's body as `{{username}}` and `{{password}}`."""

    options = (
        Option("url", required=True, help="Where to log in."),
        Option("method", OptionKind.CHOICE, choices=("POST", "PUT", "GET"), default="POST"),
        Option("format", OptionKind.CHOICE, choices=("json", "form"), default="json"),
        Option(
            "body",
            OptionKind.PAIRS,
            help="What the call says; dots make objects of JSON.",
            example='{"user": "{{username}}", "password": "{{password}}"}',
        ),
        Option("call_headers", OptionKind.PAIRS, help="Further headers of the call."),
        Option(
            "token",
            required=True,
            help="Where the token stands in the answer.",
            example="data.token, //token or header: X-Session",
        ),
        Option("expires_in", default="", help="Where its seconds stand in the answer, if they do."),
        Option(
            "ttl",
            OptionKind.DURATION,
            default=1800.0,
            help="How long a token serves where the answer does not say.",
            example="30m",
        ),
        VALUE,
    )

    def check(self, auth: Auth) -> None:
        super().check(auth)
        selector("token", auth.options["token"])
        selector("expires_in", auth.options["expires_in"] or NOWHERE)
        for name in auth.options["call_headers"] or {}:
            if not HEADER_NAME.match(name):
                raise OptionError("call_headers", f"{name!r} cannot name a header")

    def fetch(self, auth: Auth, last: Token | None, *, session: Session, way: Way) -> Token:
        reading = ask(_call(auth), session=session, way=way)
        return read_token(
            reading,
            selector("token", auth.options["token"]),
            lifetime=selector("expires_in", auth.options["expires_in"] or NOWHERE),
            ttl=auth.options["ttl"],
        )


def _call(auth: Auth) -> Request:
    options = auth.options
    values = {"username": auth.username, "password": auth.secret, "secret": auth.secret}
    said = {name: render(text, values) for name, text in (options["body"] or {}).items()}
    headers = {"Accept": "application/json, */*;q=0.5"}
    body = b""
    if said and options["method"] != "GET":
        is_json = options["format"] == "json"
        kind = "json" if is_json else "x-www-form-urlencoded"
        headers["Content-Type"] = f"application/{kind}"
        body = orjson.dumps(_nested(said)) if is_json else urlencode(said).encode()
    own = {name: render(text, values) for name, text in (options["call_headers"] or {}).items()}
    return Request(options["method"], options["url"], {**headers, **own}, body)


def _nested(pairs: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs.items():
        *groups, leaf = name.split(".")
        level = document
        for group in groups:
            inner = level.setdefault(group, {})
            level = inner if isinstance(inner, dict) else level
        level[leaf] = value
    return document
