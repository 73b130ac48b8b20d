"""Helpers that encode: hashes, JSON, base64, and safe text for URLs and XML."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from html import escape as escape_markup
from typing import Any, Final
from urllib.parse import quote

from recipients.mapping.helpers.registry import Argument, BadArguments, helper, literal
from recipients.mapping.values import is_blank, json_of, text_of

_ALGORITHMS: Final = ("md5", "sha1", "sha256", "sha512")


def _good_algorithm(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    if len(arguments) < 2:
        return
    written = literal(arguments[1])
    if not isinstance(written, str) or written.lower() not in _ALGORITHMS:
        raise BadArguments(f"the algorithm is one of {', '.join(_ALGORITHMS)}, in quotes")


@helper("hash", prepare=_good_algorithm)
def hash_(value: Any, algorithm: Any = "sha256", /, *, salt: Any = "", salt_after: Any = "") -> str:
    """The hash in lower-case hex: `{{hash (lower lead.email) "md5" salt="abc"}}`.

    md5, sha1, sha256 or sha512 of salt + value + salt_after in UTF-8. Blank stays blank: the hash
    of nothing would look like a value.
    """
    if is_blank(value):
        return ""
    whole = text_of(salt) + text_of(value) + text_of(salt_after)
    # The buyers' suppression lists are made with these; nothing is protected by them.
    return hashlib.new(algorithm.lower(), _bytes(whole), usedforsecurity=False).hexdigest()


@helper("hmac", prepare=_good_algorithm)
def hmac_(value: Any, algorithm: Any = "sha256", /, *, key: Any) -> str:
    """The keyed hash (RFC 2104) in lower-case hex: `{{hmac lead.id "sha256" key="…"}}`."""
    if is_blank(value):
        return ""
    return hmac.new(_bytes(text_of(key)), _bytes(text_of(value)), algorithm.lower()).hexdigest()


@helper("json")
def json_(value: Any, /) -> str:
    """The value as JSON text, for a whole document in one parameter."""
    return json_of(value)


@helper("base64")
def base64_(value: Any, /) -> str:
    """The text in base64."""
    return base64.b64encode(_bytes(text_of(value))).decode()


@helper("url")
def url(value: Any, /) -> str:
    """The text safe for a URL: everything special as %XX."""
    return quote(_bytes(text_of(value)), safe="")


@helper("escape")
def escape(value: Any, /) -> str:
    """The text safe for XML and HTML: & < > and quotes as entities."""
    return escape_markup(text_of(value))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
