"""Digest access authentication, RFC 7616: MD5 and SHA-256, qop auth and auth-int."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from leadops.lib.http import Reply, Request, request_target
from recipients.auth.base import Scheme, needs, with_header
from recipients.auth.challenges import Challenge, challenges_of
from recipients.auth.session import Session, Way
from recipients.plan import Auth

# The strongest first.
ALGORITHMS: Final = {
    "sha-512-256": "sha512_256",
    "sha-256": "sha256",
    "md5": "md5",
}


@dataclass(frozen=True, slots=True)
class Nonce:
    """A server's challenge, answered again and again with a growing count."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: str = ""
    opaque: str | None = None
    userhash: bool = False
    counts: Callable[[], int] = field(default_factory=lambda: count(1).__next__)


class Digest(Scheme):
    """The first request is challenged with 401, which says that the lead was not taken.

    It is repeated once with the answer. Later ones answer the same challenge in advance; when the
    server wants another nonce it says so with 401, and that request is repeated once.
    """

    def check(self, auth: Auth) -> None:
        needs(auth, username="a user name")

    def send(self, request: Request, *, auth: Auth, session: Session, way: Way) -> Reply:
        known: Nonce | None = session.tokens.challenges.get(auth.mark)
        reply = session.send(_answering(request, known, auth), way)
        if reply.status != 401:
            return reply
        nonce, stale = nonce_of(reply.headers.get("www-authenticate", ""))
        if nonce is None or (known is not None and not stale and known.nonce == nonce.nonce):
            return reply
        session.tokens.challenges[auth.mark] = nonce
        reply = session.send(_answering(request, nonce, auth), way)
        if reply.status == 401:
            session.tokens.challenges.pop(auth.mark, None)
        return reply


def _answering(request: Request, nonce: Nonce | None, auth: Auth) -> Request:
    if nonce is None:
        return request
    return with_header(request, "Authorization", answer(request, nonce, auth))


def nonce_of(header: str) -> tuple[Nonce | None, bool]:
    """The strongest challenge of a header that can be answered, and whether ours was only old."""
    offers = [each for each in challenges_of(header) if _rank(each) is not None]
    if not offers:
        return None, False
    best = min(offers, key=lambda each: _rank(each) or 0)
    said = best.parameters
    nonce = Nonce(
        realm=said.get("realm", ""),
        nonce=said["nonce"],
        algorithm=said.get("algorithm", "MD5"),
        qop=_qop(said.get("qop", "")) or "",
        opaque=said.get("opaque"),
        userhash=said.get("userhash", "").lower() == "true",
    )
    return nonce, said.get("stale", "").lower() == "true"


def _rank(challenge: Challenge) -> int | None:
    """The place among ALGORITHMS; None for what cannot be answered."""
    said = challenge.parameters
    name = said.get("algorithm", "MD5").lower().removesuffix("-sess")
    if challenge.scheme != "digest" or name not in ALGORITHMS or not said.get("nonce"):
        return None
    return list(ALGORITHMS).index(name) if _qop(said.get("qop", "")) is not None else None


def _qop(offered: str) -> str | None:
    """auth before auth-int; blank where nothing is offered, as in RFC 2069; None: unknown ones."""
    words = [word.strip().lower() for word in offered.split(",") if word.strip()]
    if not words:
        return ""
    return next((word for word in ("auth", "auth-int") if word in words), None)


def answer(request: Request, nonce: Nonce, auth: Auth, *, cnonce: str = "") -> str:
    """The Authorization header, after RFC 7616 3.4."""
    digest = _digest(nonce.algorithm)
    cnonce, times = cnonce or secrets.token_hex(16), f"{nonce.counts():08x}"
    target = request_target(request.url)
    known = digest(f"{auth.username}:{nonce.realm}:{auth.secret}")
    if nonce.algorithm.lower().endswith("-sess"):
        known = digest(f"{known}:{nonce.nonce}:{cnonce}")
    asked = f"{request.method}:{target}"
    if nonce.qop == "auth-int":
        asked += f":{digest(request.body)}"
    middle = f"{times}:{cnonce}:{nonce.qop}:" if nonce.qop else ""
    username = digest(f"{auth.username}:{nonce.realm}") if nonce.userhash else auth.username
    parts = [
        f"username={_quoted(username)}",
        f"realm={_quoted(nonce.realm)}",
        f"nonce={_quoted(nonce.nonce)}",
        f"uri={_quoted(target)}",
        f'response="{digest(f"{known}:{nonce.nonce}:{middle}{digest(asked)}")}"',
        f"algorithm={nonce.algorithm}",
    ]
    if nonce.qop:
        parts += [f"qop={nonce.qop}", f"nc={times}", f'cnonce="{cnonce}"']
    if nonce.opaque is not None:
        parts.append(f"opaque={_quoted(nonce.opaque)}")
    if nonce.userhash:
        parts.append("userhash=true")
    return f"Digest {', '.join(parts)}"


def _digest(algorithm: str) -> Callable[[str | bytes], str]:
    name = ALGORITHMS[algorithm.lower().removesuffix("-sess")]

    def digest(text: str | bytes) -> str:
        data = text.encode() if isinstance(text, str) else text
        return hashlib.new(name, data, usedforsecurity=False).hexdigest()

    return digest


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
