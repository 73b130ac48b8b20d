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

from leadops.lib import spellings

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

# 13 to 19 digits, in groups parted by single spaces or hyphens; the issuer's numbers (ISO/IEC 7812)
# and the Luhn sum decide: a time in milliseconds is no card.
# The look-behind stands second, so that the search can jump from one possible start to the next.
_CARD = re.compile(r"[2-6](?<![\w.+-].)(?:[ -]?\d){12,18}(?![\w-])")

_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5\d{15}|2[2-7]\d{14}|3[47]\d{13}"
    r"|3[0689]\d{12,17}|35\d{14,17}|6\d{15,18}"
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
        flat = text.lower().translate(_PARTING)
        if any(map(flat.__contains__, self._stems)):
            text = self._fields.sub(_mask_field, text)
        return _CARD.sub(_mask_card, text)

    def secrets(self, text: str) -> str:
        """`text` without the values that we hold; nothing by name or by looks."""
        return text if self._values is None else self._values.sub(MASK, text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: MASK if self.is_sensitive(name) else self.text(value)
            for name, value in headers.items()
        }

    def url(self, url: str) -> str:
        """The URL with sensitive parameters masked by name, and secrets wherever they stand."""
        base, question, query = url.partition("?")
        if not question:
            return self.text(url)
        pieces = [self._parameter(piece) for piece in query.split("&")]
        return f"{self.text(base)}?{'&'.join(pieces)}"

    def also(self, values: Iterable[str]) -> Redactor:
        """This redactor, and `values` masked as well, numbers and days in any spelling."""
        own, more = self._values, _values_pattern(list(values), spelt=True)
        if more is None:
            return self
        both = copy.copy(self)
        both._values = more if own is None else re.compile(f"{own.pattern}|{more.pattern}")
        return both

    def is_sensitive(self, name: str) -> bool:
        return _plain_name(name) in self._names

    def _parameter(self, piece: str) -> str:
        name, equals, _ = piece.partition("=")
        return f"{name}={MASK}" if equals and self.is_sensitive(name) else self.text(piece)


_PARTING = {ord(char): None for char in "-_"}


def _stems(names: frozenset[str]) -> tuple[str, ...]:
    """The names that contain no other: a text without one of them has none at all."""
    return tuple(sorted(name for name in names if not any(o != name and o in name for o in names)))


@lru_cache(maxsize=1024)
def _plain_name(name: str) -> str:
    """`X-Api_Key` and `xApiKey` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _values_pattern(values: Collection[str], *, spelt: bool = False) -> re.Pattern[str] | None:
    forms = {form for value in values for form in _forms(value) if len(form) >= MIN_LENGTH}
    spellings_of = {text for value in values for text in spellings.of(value)} if spelt else set()
    # The longest first: where one secret begins another, the whole of the longer must go.
    patterns = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
    return re.compile("|".join([*sorted(spellings_of), *patterns])) if patterns else None


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


def _mask_card(match: re.Match[str]) -> str:
    text = match[0].replace(" ", "").replace("-", "")
    is_card = _ISSUED.fullmatch(text) and _luhn([int(char) for char in text])
    return MASK if is_card else match[0]


def _luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1: every second digit from the right is doubled, the sum ends in 0."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
