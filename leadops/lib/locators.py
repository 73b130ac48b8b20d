"""Addresses without the secrets that people write into them, for those who only read."""

from __future__ import annotations

import re

from leadops.lib.redact import MASK, Redactor

USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
PLACE = re.compile(r"([a-z][a-z0-9+.-]*://)([^/?#\s]*)(.*)", re.IGNORECASE | re.DOTALL)
OPEN = frozenset({"mailto://"})  # what follows is no secret, unless it holds a password

_redactor = Redactor()


def without_secrets(url: str) -> str:
    """The URL, its password and sensitive parameters masked."""
    return _redactor.url(USER.sub(MASK, url))


def place(url: str) -> str:
    """Scheme and host of an address whose path is a secret, as that of a chat's webhook is."""
    found = PLACE.match(url)
    if found is None:
        return MASK
    scheme, host, rest = found.groups()
    if scheme.lower() in OPEN:
        return url if ":" not in host else scheme + MASK
    if scheme.lower() not in ("http://", "https://"):
        return scheme + MASK  # slack://token/token: even the host may be one
    host = host.rpartition("@")[2]
    return f"{scheme}{host}/{MASK}" if rest.strip("/") else f"{scheme}{host}"
