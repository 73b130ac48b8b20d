"""A signed JWT: exchanged for a token (RFC 7523, as Salesforce has it), or shown as it is."""

from __future__ import annotations

import re
import textwrap
import time
import uuid
from typing import Any

import jwt

from recipients.auth.base import is_open, needs, render
from recipients.auth.fetching import VALUE, Fetching, ask, read_token
from recipients.auth.oauth2 import (
    ACCESS_TOKEN,
    EXPIRES_IN,
    FORM,
    PARAMS,
    TTL,
    check_params,
    token_request,
)
from recipients.auth.session import Session, Way
from recipients.auth.tokens import Token
from recipients.options import Option, OptionError, OptionKind
from recipients.plan import Auth

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "HS256", "HS384", "HS512")
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----\s*([A-Za-z0-9+/=\s]+?)\s*-----END \1-----", re.ASCII)
OWN_CLAIMS = frozenset({"iss", "sub", "aud", "iat", "exp", "jti"})


class Jwt(Fetching):
    """`username` is the issuer (the client's id), `secret` the private key or shared secret."""

    options = (
        Option(
            "token_url",
            default="",
            help="Where the JWT is exchanged for a token. Blank: the JWT itself is the token.",
        ),
        Option("subject", default="", help="On whose behalf, e.g. a user's name."),
        Option("audience", default="", help="Blank: the token address."),
        Option("scope", default="", help="Parted by spaces."),
        Option("algorithm", OptionKind.CHOICE, choices=ALGORITHMS, default="RS256"),
        Option("key_id", default="", help="Stands as kid in the JWT's header."),
        Option(
            "lifetime",
            OptionKind.DURATION,
            default=180.0,
            help="How long a JWT is good for. Salesforce takes 3m at most.",
            example="3m",
        ),
        Option("claims", OptionKind.PAIRS, help="Further claims."),
        PARAMS,
        TTL,
        VALUE,
    )

    def check(self, auth: Auth) -> None:
        super().check(auth)
        needs(auth, username="the issuer", secret="its private key")  # noqa: S106  a description
        check_params(auth)
        if own := OWN_CLAIMS & set(auth.options["claims"] or {}):
            raise OptionError("claims", f"{min(own)} has a key of its own")
        if not is_open(auth.secret):
            _check_key(auth)

    def fetch(self, auth: Auth, last: Token | None, *, session: Session, way: Way) -> Token:
        now = time.time()
        assertion = _signed(auth, now)
        session.learned.add(assertion)
        if not auth.options["token_url"]:
            return Token(assertion, expires_at=now + auth.options["lifetime"])
        fields = {"grant_type": GRANT, "assertion": assertion, "scope": auth.options["scope"]}
        reading = ask(token_request(auth, fields, dict(FORM)), session=session, way=way)
        return read_token(reading, ACCESS_TOKEN, lifetime=EXPIRES_IN, ttl=auth.options["ttl"])


def _signed(auth: Auth, now: float) -> str:
    options = auth.options
    claims: dict[str, Any] = {
        name: render(text, {}) for name, text in (options["claims"] or {}).items()
    }
    claims |= {
        "iss": auth.username,
        "aud": options["audience"] or options["token_url"],
        "iat": int(now),
        "exp": int(now + options["lifetime"]),
        "jti": str(uuid.uuid4()),
    }
    if options["subject"]:
        claims["sub"] = options["subject"]
    if options["scope"] and not options["token_url"]:
        claims["scope"] = options["scope"]
    headers = {"kid": options["key_id"]} if options["key_id"] else None
    known = {name: value for name, value in claims.items() if value != ""}
    return jwt.encode(known, key_of(auth), algorithm=options["algorithm"], headers=headers)


def key_of(auth: Auth) -> str:
    """The key as PEM has it: forms and environments make one line of it, or write \\n."""
    text = auth.secret.strip().replace("\\n", "\n")
    if (found := _PEM.fullmatch(text)) is None:
        return text if text.startswith("-----") else auth.secret
    lines = textwrap.wrap("".join(found[2].split()), 64)
    return "\n".join([f"-----BEGIN {found[1]}-----", *lines, f"-----END {found[1]}-----", ""])


def _check_key(auth: Auth) -> None:
    try:
        jwt.encode({}, key_of(auth), algorithm=auth.options["algorithm"])
    except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError) as error:
        wanted = auth.options["algorithm"]
        raise OptionError("secret", f"This key cannot sign with {wanted}; write PEM.") from error
