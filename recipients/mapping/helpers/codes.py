"""Helpers that encode: hashes, JSON, base64, and safe text for URLs and XML."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from html import escape as escape_markup
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from recipients.mapping.errors import RenderError
from recipients.mapping.helpers.registry import Argument, BadArguments, helper, literal
from recipients.mapping.markup import MarkupError, prefix_of, xml_of
from recipients.mapping.values import is_blank, json_of, plain, text_of

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


def _good_name(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    written = literal(arguments[1])
    if not isinstance(written, str) or prefix_of(written) != "":
        raise BadArguments("the element's name is a plain one, in quotes")


@helper("xml", prepare=_good_name)
def xml(value: Any, name: Any, /) -> str:
    """The value as an XML element of this name: `{{xml lead.vehicles "vehicle"}}`."""
    if is_blank(value):
        return ""
    try:
        return xml_of(text_of(name), plain(value))
    except MarkupError as exc:
        raise RenderError(f"The value cannot be written as XML: {exc}") from exc


@helper("uuid")
def uuid(value: Any, /) -> str:
    """A UUID (version 5) made of the value, the same each time: `{{uuid lead.id}}`."""
    return "" if is_blank(value) else str(uuid5(NAMESPACE_URL, _known(text_of(value))))


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


def _known(text: str) -> str:
    """The text without half surrogate pairs, which no encoding can carry."""
    return _bytes(text).decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
