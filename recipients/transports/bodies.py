"""Payloads as bytes, one function a format. Each raises NotSendable where a value has no place.

`options` are those of OPTIONS, compiled; what is not in it has its default.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote_plus

import orjson

from recipients.mapping import text_of
from recipients.mapping.markup import MarkupError, xml_of
from recipients.mapping.plainletters import in_plain_letters
from recipients.options import Option, OptionKind
from recipients.plan import BodyFormat, EndpointPlan
from recipients.transports.errors import NotSendable

Options = Mapping[str, Any]

MAX_DEPTH: Final = 32

_NONE: Final[Options] = {}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

CONTENT_TYPES: Final[Mapping[BodyFormat, str]] = {
    BodyFormat.JSON: "application/json",
    BodyFormat.XML: "application/xml; charset=utf-8",
    BodyFormat.FORM: "application/x-www-form-urlencoded",
    BodyFormat.CSV: "text/csv; charset=utf-8",
}

OPTIONS: Final = (
    Option(
        "json_list",
        OptionKind.BOOLEAN,
        "JSON: a list with the lead as its only item.",
        default=False,
    ),
    Option(
        "xml_namespaces",
        OptionKind.PAIRS,
        "XML: prefixes and their namespaces, declared at the root; xmlns is the one without.",
        default={},
        example='{"xmlns": "urn:buyer:leads", "xsi": "http://www.w3.org/2001/XMLSchema-instance"}',
    ),
    Option("xml_declaration", OptionKind.BOOLEAN, "XML: begins with <?xml …?>.", default=True),
    Option(
        "form_lists",
        OptionKind.CHOICE,
        "Form and query: how a list is written. brackets: a[]=1&a[]=2; repeat: a=1&a=2; "
        "indexes: a[0]=1&a[1]=2; commas: a=1,2.",
        default="brackets",
        choices=("brackets", "repeat", "indexes", "commas"),
    ),
    Option(
        "form_nesting",
        OptionKind.CHOICE,
        "Form, query and CSV: how a name within a name is written. brackets: a[b]; dots: a.b.",
        default="brackets",
        choices=("brackets", "dots"),
    ),
    Option(
        "csv_delimiter",
        OptionKind.CHOICE,
        "CSV: what stands between values.",
        default="comma",
        choices=tuple(_DELIMITERS),
    ),
    Option("csv_header", OptionKind.BOOLEAN, "CSV: begins with a line of names.", default=True),
    Option(
        "csv_columns",
        help="CSV: the columns in their order; without, the names that have a value.",
        example="first_name, last_name, phone",
    ),
)


def options_for(*formats: BodyFormat) -> tuple[Option, ...]:
    """The options of these formats alone, for what takes no others."""
    names = tuple(f"{format}_" for format in formats)
    return tuple(option for option in OPTIONS if option.name.startswith(names))


@dataclass(frozen=True, slots=True)
class Message:
    """What carries a payload: a body, or a query. `headers` are those that staff have not set."""

    body: bytes = b""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def message_of(payload: Any, endpoint: EndpointPlan) -> Message:
    """The payload in the endpoint's format. Raises NotSendable."""
    payload = payload_for(payload, endpoint)
    # A GET has no body that a receiver must look at, whatever the format says.
    if endpoint.format is BodyFormat.QUERY or endpoint.method == "GET":
        return Message(query=form_body(payload, endpoint.options).decode("ascii"))
    body = body_of(payload, endpoint.format, xml_root=endpoint.xml_root, options=endpoint.options)
    return Message(body, headers={"Content-Type": CONTENT_TYPES[endpoint.format]})


def payload_for(payload: Any, endpoint: EndpointPlan) -> Any:
    """The payload in the letters that the endpoint takes."""
    return in_plain_letters(payload) if endpoint.ascii else payload


def body_of(payload: Any, format: BodyFormat, *, xml_root: str, options: Options = _NONE) -> bytes:
    """The payload in a format that has a body."""
    if format is BodyFormat.XML:
        return xml_body(payload, root=xml_root, options=options)
    return _BODIES[format](payload, options)


def json_body(payload: Any, options: Options = _NONE) -> bytes:
    """Decimals become numbers, digit for digit."""
    if options.get("json_list") and not isinstance(payload, list | tuple):
        payload = [payload]
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


def form_body(payload: Any, options: Options = _NONE) -> bytes:
    """`a[b]=1` for objects, `a[]=1` for lists of values, `a[0][b]=1` for lists of objects.

    A name that ends in [] already gets no second pair.
    """
    pairs = (f"{_plus(key)}={_plus(value)}" for key, value in pairs_of(payload, options))
    return "&".join(pairs).encode("ascii")


def _plus(text: str) -> str:
    # Brackets stay readable, as in what browsers and the libraries of receivers write.
    return quote_plus(text, safe="[]", errors="replace")


def pairs_of(payload: Any, options: Options = _NONE) -> Iterator[tuple[str, str]]:
    """The payload's values with their names, flat. Raises NotSendable where it has no names."""
    if not isinstance(payload, Mapping):
        raise NotSendable("Payload has no names", "Forms and queries need names for their values")
    naming = _Naming(options.get("form_lists", "brackets"), options.get("form_nesting") == "dots")
    for key, value in payload.items():
        yield from _pairs(text_of(key), value, naming, MAX_DEPTH)


@dataclass(frozen=True, slots=True)
class _Naming:
    lists: str
    dotted: bool

    def within(self, name: str, part: str) -> str:
        return f"{name}.{part}" if self.dotted else f"{name}[{part}]"

    def item(self, name: str, position: int, item: Any) -> str:
        """The name of a list's item."""
        if isinstance(item, Mapping | list | tuple) or self.lists == "indexes":
            return self.within(name.removesuffix("[]"), str(position))
        return name if self.lists == "repeat" or name.endswith("[]") else f"{name}[]"


def _pairs(name: str, value: Any, naming: _Naming, depth: int) -> Iterator[tuple[str, str]]:
    if depth < 0:
        raise NotSendable("Payload nests too deeply")
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _pairs(naming.within(name, text_of(key)), one, naming, depth - 1)
    elif not isinstance(value, list | tuple):
        yield name, text_of(value)
    elif naming.lists == "commas" and not any(
        isinstance(one, Mapping | list | tuple) for one in value
    ):
        yield name, ",".join(map(text_of, value))
    else:
        for position, one in enumerate(value):
            yield from _pairs(naming.item(name, position, one), one, naming, depth - 1)


def csv_body(payload: Any, options: Options = _NONE) -> bytes:
    """A line of names and a line of values, after RFC 4180; of a list, a line for each item.

    With columns chosen, a value outside of them is refused: it would be lost in silence.
    """
    items = payload if isinstance(payload, list | tuple) else [payload]
    # A column holds one value: what repeats a name in a form is numbered here.
    lists = "commas" if options.get("form_lists") == "commas" else "indexes"
    rows = [dict(pairs_of(item, {**options, "form_lists": lists})) for item in items]
    columns = _columns(options.get("csv_columns") or "") or tuple(
        dict.fromkeys(name for row in rows for name in row)
    )
    for row in rows:
        if unknown := row.keys() - set(columns):
            raise NotSendable("Payload has no place in the CSV", f"no column {min(unknown)!r}")
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=_DELIMITERS[options.get("csv_delimiter", "comma")])
    if options.get("csv_header", True):
        writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


@lru_cache(maxsize=256)
def _columns(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def xml_body(payload: Any, *, root: str, options: Options = _NONE) -> bytes:
    """Keys are elements, `@name` an attribute, `#text` the text; a list repeats its element."""
    if isinstance(payload, list | tuple):
        payload = {"item": payload}
    if namespaces := options.get("xml_namespaces"):
        own = payload if isinstance(payload, Mapping) else {"#text": payload}
        payload = {**declarations(namespaces), **own}
    start = _DECLARATION if options.get("xml_declaration", True) else ""
    try:
        return (start + xml_of(root, payload)).encode("utf-8", "replace")
    except MarkupError as error:
        raise NotSendable("Payload cannot be written as XML", str(error)) from error


def declarations(namespaces: Mapping[str, Any]) -> dict[str, str]:
    """Namespaces as the attributes that declare them; the one without a prefix is `xmlns`."""
    return {
        "@xmlns" if prefix in ("", "xmlns") else f"@xmlns:{prefix}": uri.text({})
        for prefix, uri in namespaces.items()
    }


_BODIES: Final[Mapping[BodyFormat, Callable[[Any, Options], bytes]]] = {
    BodyFormat.JSON: json_body,
    BodyFormat.FORM: form_body,
    BodyFormat.CSV: csv_body,
}
