"""Buyers that want to know who sends: digest, tokens of OAuth 2.0 or a login, JWT, HMAC.

All of one process share what they gave out. `?user=` and `?password=` (or `?client=`, `?secret=`)
say what is right; the defaults are `lead` and `s3cret`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import jwt

from leadops.buyers.behaviours import accept, behaviour
from leadops.buyers.messages import Answer, Received, as_json

USER, SECRET = "lead", "s3cret"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEPT = 10_000
_PAIR = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass
class _Given:
    """Tokens and nonces that are good, with their ends (Unix times) or last counts."""

    tokens: dict[str, float] = field(default_factory=dict)
    refreshing: set[str] = field(default_factory=set)
    nonces: dict[str, int] = field(default_factory=dict)

    def token(self, ttl: float, prefix: str) -> str:
        token = f"{prefix}-{secrets.token_urlsafe(24)}"
        _bound(self.tokens)
        self.tokens[token] = time.time() + ttl
        return token


_given = _Given()


def _bound(kept: dict[str, Any]) -> None:
    while len(kept) >= KEPT:
        del kept[next(iter(kept))]


def _header(received: Received, name: str) -> str:
    headers = {known.lower(): value for known, value in received.headers().items()}
    return headers.get(name.lower(), "")


def _asked(received: Received, name: str, default: str) -> str:
    return received.target.query.get(name, default)


def _refused(challenge: str, message: str) -> Answer:
    headers = (("WWW-Authenticate", challenge),)
    return as_json(401, {"status": "error", "message": message}, headers=headers)


@behaviour("/auth/token")
def token(received: Received) -> Answer:
    """gives out tokens, OAuth 2.0; ?client=lead &secret=s3cret &ttl=3600 &rotate=1 &key=PEM"""
    fields = dict(parse_qsl(received.text(), keep_blank_values=True))
    client, secret = _client(received, fields)
    wanted = (_asked(received, "client", USER), _asked(received, "secret", SECRET))
    grant = fields.get("grant_type", "")
    if grant == JWT_GRANT:
        if problem := _assertion_problem(received, fields.get("assertion", "")):
            return as_json(400, {"error": "invalid_grant", "error_description": problem})
    elif (client, secret) != wanted:
        return as_json(401, {"error": "invalid_client", "error_description": "Unknown client"})
    given: dict[str, Any] = {"token_type": "Bearer"}
    if grant == "refresh_token":
        refresh = fields.get("refresh_token", "")
        if refresh not in _given.refreshing and refresh != _asked(received, "refresh", "first"):
            return as_json(400, {"error": "invalid_grant", "error_description": "Used or expired"})
        given["refresh_token"] = _rotated(received, refresh)
    elif grant not in ("client_credentials", JWT_GRANT):
        return as_json(400, {"error": "unsupported_grant_type"})
    ttl = received.target.number("ttl", 3600)
    given |= {"access_token": _given.token(ttl, "oauth"), "expires_in": int(ttl)}
    return as_json(200, given, delay=received.target.number("delay", 0.0))


def _client(received: Received, fields: dict[str, str]) -> tuple[str, str]:
    """From the body or from basic authentication, as RFC 6749 2.3.1 has it."""
    basic = _header(received, "authorization")
    if not basic.startswith("Basic "):
        return fields.get("client_id", ""), fields.get("client_secret", "")
    try:
        name, _, word = base64.b64decode(basic[6:]).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(name), unquote_plus(word)


def _rotated(received: Received, refresh: str) -> str:
    """A refresh token works once where they are rotated."""
    if not received.target.query.get("rotate"):
        return refresh
    _given.refreshing.discard(refresh)
    fresh = f"refresh-{secrets.token_urlsafe(24)}"
    _given.refreshing.add(fresh)
    return fresh


def _assertion_problem(received: Received, assertion: str) -> str:
    key = _asked(received, "key", SECRET)
    algorithm = "HS256" if "BEGIN" not in key else "RS256"
    try:
        jwt.decode(
            assertion,
            key,
            algorithms=[_asked(received, "algorithm", algorithm)],
            issuer=_asked(received, "client", USER),
            options={"verify_aud": False, "require": ["exp", "iss", "aud"]},
        )
    except jwt.PyJWTError as error:
        return str(error)
    return ""


@behaviour("/auth/login")
def login(received: Received) -> Answer:
    """gives out a session token for JSON or a form; ?user=lead &password=s3cret &ttl=1800"""
    try:
        said = json.loads(received.text() or "{}")
    except ValueError:
        said = dict(parse_qsl(received.text()))
    given = (str(said.get("username", "")), str(said.get("password", "")))
    if given != (_asked(received, "user", USER), _asked(received, "password", SECRET)):
        return as_json(403, {"success": False, "message": "Wrong user name or password"})
    ttl = received.target.number("ttl", 1800)
    session = _given.token(ttl, "session")
    value = {"success": True, "data": {"token": session, "expires": int(ttl)}}
    return as_json(200, value, headers=(("X-Session", session),))


@behaviour("/auth/forget")
def forget(received: Received) -> Answer:
    """calls all tokens and nonces back, as if they had ended early"""
    _given.tokens.clear()
    _given.nonces.clear()
    return as_json(200, {"status": "forgotten"})


@behaviour("/auth/oauth", "/auth/session")
def oauth(received: Received) -> Answer:
    """accepts whoever shows a token of /auth/token or /auth/login that has not ended; ?price="""
    shown = _header(received, "authorization") or _header(received, "x-session")
    word = shown.removeprefix("Bearer ").strip() or received.target.query.get("access_token", "")
    if time.time() >= _given.tokens.get(word, 0.0):
        return _refused('Bearer error="invalid_token"', "Token unknown or expired")
    return accept(received)


@behaviour("/auth/key")
def key(received: Received) -> Answer:
    """accepts the keys of ?keys=ONE,TWO in X-API-Key or as a bearer token; ?status=403"""
    shown = _header(received, "x-api-key") or _header(received, "authorization")
    if shown.removeprefix("Bearer ") in _asked(received, "keys", SECRET).split(","):
        return accept(received._replace(target=received.target._replace(query={})))
    status = int(received.target.number("status", 401))
    return as_json(status, {"status": "error", "message": "Unknown key"})


@behaviour("/auth/jwt")
def signed_jwt(received: Received) -> Answer:
    """accepts whoever shows a JWT of its own as the bearer token; ?client= &key="""
    shown = _header(received, "authorization").removeprefix("Bearer ")
    if problem := _assertion_problem(received, shown):
        return _refused('Bearer error="invalid_token"', problem)
    return accept(received)


@behaviour("/auth/hmac")
def signature(received: Received) -> Answer:
    """accepts bodies signed with sha256, as t=TIME,v1=HEX of TIME.BODY in X-Signature; ?secret="""
    parts = dict(
        piece.split("=", 1) for piece in _header(received, "x-signature").split(",") if "=" in piece
    )
    stamp, shown = parts.get("t", ""), parts.get("v1", "")
    secret = _asked(received, "secret", SECRET).encode()
    wanted = hmac.new(secret, stamp.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(shown, wanted):
        return _refused("Signature", "The signature does not match")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
        return _refused("Signature", "The signature is too old")
    return accept(received)


@behaviour("/auth/digest")
def digest(received: Received) -> Answer:
    """wants digest; ?user= &password= &algorithm=SHA-256 &uses=0: times that a nonce serves"""
    shown = {
        name: quoted or plain
        for name, quoted, plain in _PAIR.findall(_header(received, "authorization"))
    }
    nonce = shown.get("nonce", "")
    if not shown or nonce not in _given.nonces:
        return _challenge(received, stale=bool(shown))
    uses = int(received.target.number("uses", 0))
    number = int(shown.get("nc", "0"), 16)
    if uses and number > uses:
        return _challenge(received, stale=True)
    if not hmac.compare_digest(shown.get("response", ""), _response(received, shown)):
        return _challenge(received, stale=False)
    _given.nonces[nonce] = number
    return accept(received)


def _challenge(received: Received, *, stale: bool) -> Answer:
    nonce = secrets.token_hex(16)
    _bound(_given.nonces)
    _given.nonces[nonce] = 0
    algorithm = re.sub(r"[^\w-]", "", _asked(received, "algorithm", "SHA-256"))
    text = f'Digest realm="leads", nonce="{nonce}", algorithm={algorithm}, qop="auth", opaque="o"'
    return _refused(f"{text}, stale=true" if stale else text, "Who are you?")


def _response(received: Received, shown: dict[str, str]) -> str:
    """What RFC 7616 3.4.1 says it must be, from the request line that came."""
    algorithm = _asked(received, "algorithm", "SHA-256").lower()

    def hashed(text: str) -> str:
        name = "md5" if algorithm.startswith("md5") else "sha256"
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    user, password = _asked(received, "user", USER), _asked(received, "password", SECRET)
    uri = received.head.decode("latin-1").split(" ", 2)[1]
    known = hashed(f"{user}:leads:{password}")
    if algorithm.endswith("-sess"):
        known = hashed(f"{known}:{shown.get('nonce', '')}:{shown.get('cnonce', '')}")
    asked = hashed(f"{received.method}:{uri}")
    middle = ":".join(shown.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    return hashed(f"{known}:{middle}:{asked}")
