"""Keeps secrets out of logs, events and pages: by value, by name, and by looks.

By value: the credentials that we hold, in every form a message may give them. By name: headers,
parameters and fields called like a secret, whatever their value. By looks: card numbers.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

from leadops.lib import cards, spellings

MASK = "•••"
# Shorter values occur by chance in ordinary text.
MIN_LENGTH = 4
LONG_ENOUGH = 8  # for a part of an encoding
_URLSAFE = str.maketrans("+/", "-_")

SENSITIVE_NAMES = (
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "apikey",
    "access-token",
    "refresh-token",
    "id-token",
    "auth-token",
    "x-auth-token",
    "token",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "client-secret",
    "private-key",
    "signature",
    "x-signature",
    "credential",
    "credentials",
    "card-number",
    "cardnumber",
    "cvv",
    "cvc",
)


class Redactor:
    """Masks `values` wherever they occur, and whatever stands under one of `names`.

    Immutable and made once for each plan: one regular expression for the values, one for the
    names, both linear in the text.
    """

    __slots__ = ("_fields", "_names", "_stems", "_values")

    def __init__(
        self, values: Iterable[str] = (), *, names: Iterable[str] = SENSITIVE_NAMES
    ) -> None:
        self._names = frozenset(_plain_name(name) for name in names)
        self._stems = _stems(self._names)
        self._values = _values_pattern(list(values))
        self._fields = _fields_pattern(self._names)

    def text(self, text: str) -> str:
        """`text` without secrets: JSON, XML, form or plain words."""
        if len(text) < MIN_LENGTH:
            return text
        text = self.secrets(text)
        # A tenth of the regular expression's time, and most texts name no secret.
        flat = text.lower().replace("-", "").replace("_", "")
        if any(map(flat.__contains__, self._stems)):
            text = self._fields.sub(_mask_field, text)
        return cards.mask(text, MASK)

    def secrets(self, text: str) -> str:
        """`text` without the values that we hold; nothing by name or by looks."""
        return text if self._values is None else self._values.sub(MASK, text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: MASK if self.is_sensitive(name) else self._header(value)
            for name, value in headers.items()
        }

    @lru_cache(maxsize=2048)  # noqa: B019  redactors are few, and live as long as their plans
    def _header(self, value: str) -> str:
        """Kept: most headers are the same in every message."""
        return self.text(value)

    def url(self, url: str) -> str:
        """The URL with sensitive parameters masked by name, and secrets wherever they stand."""
        base, question, query = url.partition("?")
        if not question:
            return self._header(url)
        pieces = [self._parameter(piece) for piece in query.split("&")]
        return f"{self.text(base)}?{'&'.join(pieces)}"

    def also(self, values: Iterable[str]) -> Redactor:
        """This redactor, and `values` masked as well, numbers and days in any spelling."""
        own, more = self._values, _values_text(list(values), spelt=True)
        if not more:
            return self
        both = copy.copy(self)
        both._values = re.compile(more if own is None else f"{own.pattern}|{more}")
        return both

    def is_sensitive(self, name: str) -> bool:
        return _plain_name(name) in self._names

    def _parameter(self, piece: str) -> str:
        name, equals, _ = piece.partition("=")
        return f"{name}={MASK}" if equals and self.is_sensitive(name) else self.text(piece)


def _stems(names: frozenset[str]) -> tuple[str, ...]:
    """The names that contain no other: a text without one of them has none at all."""
    return tuple(sorted(name for name in names if not any(o != name and o in name for o in names)))


@lru_cache(maxsize=1024)
def _plain_name(name: str) -> str:
    """`X-Api_Key` and `xApiKey` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _values_pattern(values: Collection[str]) -> re.Pattern[str] | None:
    text = _values_text(values)
    return re.compile(text) if text else None


def _values_text(values: Collection[str], *, spelt: bool = False) -> str:
    """A regular expression for all forms of the values; blank without any."""
    forms = {form for value in values for form in _forms(value) if len(form) >= MIN_LENGTH}
    spellings_of = {text for value in values for text in spellings.of(value)} if spelt else set()
    # The longest first: where one secret begins another, the whole of the longer must go.
    patterns = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
    return "|".join([*sorted(spellings_of), *patterns]) if patterns else ""


def _forms(value: str) -> set[str]:
    """The ways in which a message may write a value."""
    if len(value) < MIN_LENGTH:
        return set()
    encoded = base64.b64encode(value.encode()).decode()
    as_json = json.dumps(value)[1:-1]
    return {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        as_json,
        as_json.replace("/", "\\/"),
        json.dumps(value, ensure_ascii=False)[1:-1],
        escape(value),
        escape(value, quote=False),
        encoded,
        encoded.rstrip("="),
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
        *_within_base64(value.encode()),
        value.encode().hex(),
        quote(quote(value, safe=""), safe=""),
        json.dumps(as_json)[1:-1],
    }


def _within_base64(value: bytes) -> set[str]:
    """What base64 makes of the value in the middle of other text, as in `user:…`: the part that
    depends on nothing else. Where it begins, from 0 to 2 bytes of its group are the other's."""
    found = set()
    for before in range(3):
        whole = (before + len(value)) // 3 * 3
        encoded = base64.b64encode(bytes(before) + value[: whole - before]).decode()
        encoded = encoded[4:] if before else encoded
        found |= {encoded, encoded.translate(_URLSAFE)} if len(encoded) >= LONG_ENOUGH else set()
    return found


def basic_credentials(username: str, password: str) -> list[str]:
    """The values to mask for basic authentication: the password, and both together."""
    return [password, f"{username}:{password}"]


def _fields_pattern(names: frozenset[str]) -> re.Pattern[str]:
    """`"name": "value"`, `name=value` and `<name>value</name>`; letters of names may be parted."""
    each = sorted((_loosely(name) for name in names if name), key=len, reverse=True)
    name = rf"(?:{'|'.join(each) or '(?!)'})"
    return re.compile(
        rf'(?P<json>(?<!\\)"{name}"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[-\w.+]+)'
        rf"|(?P<form>(?:^|(?<=[&?\s])){name}=)[^&\s]*"
        rf"|(?P<xml><(?:[\w.-]+:)?{name}(?:\s[^<>]*)?>)[^<]+",
        re.IGNORECASE,
    )


def _loosely(name: str) -> str:
    return "[-_]?".join(name)


def _mask_field(match: re.Match[str]) -> str:
    if match["json"]:
        return f'{match["json"]}"{MASK}"'
    return f"{match['form'] or match['xml']}{MASK}"
