"""Payloads as bytes, one function a format. Each raises NotSendable where a value has no place."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote_plus
from xml.sax.saxutils import escape, quoteattr

import orjson

from recipients.mapping import text_of
from recipients.plan import BodyFormat, EndpointPlan
from recipients.transports.errors import NotSendable

MAX_DEPTH: Final = 32

_XML_NAME = re.compile(r"(?:[^\W\d][\w.-]*:)?[^\W\d][\w.-]*\Z")
# Production 2 of XML 1.0: what may not stand in a document, not even escaped.
_XML_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

CONTENT_TYPES: Final[Mapping[BodyFormat, str]] = {
    BodyFormat.JSON: "application/json",
    BodyFormat.XML: "application/xml; charset=utf-8",
    BodyFormat.FORM: "application/x-www-form-urlencoded",
    BodyFormat.CSV: "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What carries a payload: a body, or a query. `headers` are those that staff have not set."""

    body: bytes = b""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def message_of(payload: Any, endpoint: EndpointPlan) -> Message:
    """The payload in the endpoint's format. Raises NotSendable."""
    # A GET has no body that a receiver must look at, whatever the format says.
    if endpoint.format is BodyFormat.QUERY or endpoint.method == "GET":
        return Message(query=form_body(payload).decode("ascii"))
    body = body_of(payload, endpoint.format, xml_root=endpoint.xml_root)
    return Message(body, headers={"Content-Type": CONTENT_TYPES[endpoint.format]})


def body_of(payload: Any, format: BodyFormat, *, xml_root: str) -> bytes:
    """The payload in a format that has a body."""
    if format is BodyFormat.JSON:
        return json_body(payload)
    if format is BodyFormat.XML:
        return xml_body(payload, root=xml_root)
    return _BODIES[format](payload)


def json_body(payload: Any) -> bytes:
    """Decimals become numbers, digit for digit."""
    try:
        return orjson.dumps(payload, default=_json_default)
    except TypeError:
        # A number over 64 bits, half a surrogate pair: orjson refuses, JSON knows the first.
        try:
            return orjson.dumps(_tame(payload, MAX_DEPTH), default=_json_default)
        except TypeError as error:
            raise NotSendable("Payload cannot be written as JSON", str(error)) from error


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}") if value.is_finite() else None
    return text_of(value)


def _tame(value: Any, depth: int) -> Any:
    if depth < 0:
        raise TypeError("nested too deeply")
    if isinstance(value, Mapping):
        return {_tame(text_of(key), depth): _tame(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_tame(one, depth - 1) for one in value]
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, int) and not isinstance(value, bool):
        return orjson.Fragment(str(value))
    return value


def form_body(payload: Any) -> bytes:
    """`a[b]=1` for objects, `a[]=1` for lists of values, `a[0][b]=1` for lists of objects."""
    pairs = (f"{_plus(key)}={_plus(value)}" for key, value in pairs_of(payload))
    return "&".join(pairs).encode("ascii")


def _plus(text: str) -> str:
    # Brackets stay readable, as in what browsers and the libraries of receivers write.
    return quote_plus(text, safe="[]", errors="replace")


def pairs_of(payload: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(payload, Mapping):
        raise NotSendable("Payload has no names", "Forms and queries need names for their values")
    for key, value in payload.items():
        yield from _pairs(text_of(key), value, MAX_DEPTH)


def _pairs(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth < 0:
        raise NotSendable("Payload nests too deeply")
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _pairs(f"{name}[{text_of(key)}]", one, depth - 1)
    elif isinstance(value, list | tuple):
        for position, one in enumerate(value):
            part = f"[{position}]" if isinstance(one, Mapping | list | tuple) else "[]"
            yield from _pairs(name + part, one, depth - 1)
    else:
        yield name, text_of(value)


def csv_body(payload: Any) -> bytes:
    """A line of names and a line of values, after RFC 4180."""
    pairs = list(pairs_of(payload))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([name for name, _ in pairs])
    writer.writerow([value for _, value in pairs])
    return out.getvalue().encode("utf-8", "replace")


def xml_body(payload: Any, *, root: str) -> bytes:
    """Keys are elements, `@name` an attribute, `#text` the text; a list repeats its element."""
    if isinstance(payload, list | tuple):
        payload = {"item": payload}
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _element(root, payload, pieces, MAX_DEPTH)
    return "".join(pieces).encode("utf-8")


def _element(name: str, value: Any, pieces: list[str], depth: int) -> None:
    if depth < 0:
        raise NotSendable("Payload nests too deeply")
    if not _XML_NAME.match(name):
        raise NotSendable("Payload cannot be written as XML", f"{name!r} is not an XML name")
    if isinstance(value, list | tuple):
        for one in value:
            _element(name, one, pieces, depth - 1)
        return
    if not isinstance(value, Mapping):
        pieces.append(f"<{name}>{escape(_legal(value))}</{name}>")
        return
    attributes = "".join(_attribute(key, one) for key, one in value.items() if key[:1] == "@")
    pieces.append(f"<{name}{attributes}>")
    for key, one in value.items():
        if key == "#text":
            pieces.append(escape(_legal(one)))
        elif key[:1] != "@":
            _element(key, one, pieces, depth - 1)
    pieces.append(f"</{name}>")


def _attribute(key: str, value: Any) -> str:
    name = key[1:]
    if not _XML_NAME.match(name):
        raise NotSendable("Payload cannot be written as XML", f"{key!r} is not an attribute")
    return f" {name}={quoteattr(_legal(value))}"


def _legal(value: Any) -> str:
    return _XML_ILLEGAL.sub("", text_of(value))


_BODIES: Final[Mapping[BodyFormat, Callable[[Any], bytes]]] = {
    BodyFormat.FORM: form_body,
    BodyFormat.CSV: csv_body,
}
