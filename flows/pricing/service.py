"""A pricing service as it is written, checked and compiled: one small endpoint, described in the
same words as a recipient's. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from leadops.lib import durations
from leadops.lib.redact import Redactor
from recipients import addresses, mapping, responses, validation
from recipients.plan import BodyFormat, EndpointPlan, RecipientPlan
from recipients.prices import amount, written
from recipients.termerrors import TermError

KEYS: Final = (
    "url", "method", "format", "headers", "send", "success", "price", "timeout", "max_price",
    "fallback",
)  # fmt: skip
METHODS: Final = ("GET", "POST", "PUT")
TIMEOUT: Final = "1s"
LONGEST: Final = 10.0  # seconds: the source waits for it
INTEGRATION: Final = "http"

Fill = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Service:
    """`fallback` None: what the rules or the fixed price say."""

    plan: RecipientPlan
    endpoint: EndpointPlan
    max_price: Decimal | None
    fallback: Decimal | None


def compiled(
    document: Mapping[str, Any],
    *,
    id: str = "pricing",
    fill: Fill = str,
    secrets: Collection[str] = (),
) -> Service:
    """The service of `{url, send, price, …}`; raises TermError, with the place.

    `fill` replaces `${NAME}`; it is asked for all texts before `secrets`, the values it gave out,
    are read.
    """
    _check_keys(document)
    endpoint = _endpoint(document, id, fill)
    sent = _mapping(document.get("send") or {}, fill)
    spec = responses.ReaderSpec(
        success=_text(document, "success"), price=_text(document, "price", required=True)
    )
    try:
        reader = responses.compile_reader(spec)
    except responses.ReaderError as error:
        raise TermError(error.message, error.path) from error
    plan = RecipientPlan(
        id=id,
        slug=id,
        name="pricing service",
        mapping=sent,
        reader=reader,
        type="crm",
        production=endpoint,
        redactor=Redactor(secrets),
    )
    return Service(plan, endpoint, _amount(document, "max_price"), _amount(document, "fallback"))


def normal(document: Any) -> Any:
    """The service as it is stored: amounts and the time-out in one spelling; the document itself
    where it is wrong."""
    if not isinstance(document, Mapping) or not document:
        return document
    try:
        compiled(document)
    except ValueError:
        return document
    found = {key: document[key] for key in KEYS if document.get(key) not in (None, "", {})}
    for key in ("max_price", "fallback"):
        if key in found:
            found[key] = written(amount(found[key], key))
    found["timeout"] = durations.text(durations.parse(found.get("timeout", TIMEOUT)))
    return found


def _check_keys(document: Mapping[str, Any]) -> None:
    if not isinstance(document, Mapping):
        raise TermError("Write {url: …, send: {…}, price: path}")
    for key in document:
        if key not in KEYS:
            raise TermError(f"Unknown key {key!r}; there is: {', '.join(KEYS)}", str(key))
    for key in ("url", "price"):
        if not document.get(key):
            raise TermError(f"The key {key} is missing")


def _endpoint(document: Mapping[str, Any], id: str, fill: Fill) -> EndpointPlan:
    url = _text(document, "url")
    if addresses.scheme_of(url) not in ("http", "https"):
        raise TermError("Write a whole address, e.g. https://prices.example.com/quote", "url")
    try:
        addresses.check(url)
    except ValueError as error:
        raise TermError(str(error).rstrip("."), "url") from error
    method = _text(document, "method").upper() or "POST"
    if method not in METHODS:
        raise TermError(f"{method!r} is not possible; there is: {', '.join(METHODS)}", "method")
    return EndpointPlan(
        id=id,
        url=_template(fill(url), "url"),
        integration=INTEGRATION,
        method=method,
        format=_format(document, method),
        timeout=_timeout(document),
        headers=tuple(_headers(document.get("headers") or {}, fill)),
        idempotency_header="",
    )


def _format(document: Mapping[str, Any], method: str) -> BodyFormat:
    given = _text(document, "format")
    if not given:
        return BodyFormat.QUERY if method == "GET" else BodyFormat.JSON
    if given not in ("json", "form", "query", "xml"):
        raise TermError(f"{given!r} is not possible; there is: json, form, query, xml", "format")
    return BodyFormat(given)


def _timeout(document: Mapping[str, Any]) -> float:
    try:
        seconds = durations.parse(document.get("timeout") or TIMEOUT)
    except ValueError as error:
        raise TermError(str(error).rstrip("."), "timeout") from error
    if not 0 < seconds <= LONGEST:
        raise TermError(f"Between 1ms and {LONGEST:.0f}s: the source waits for it", "timeout")
    return seconds


def _headers(document: Any, fill: Fill) -> Any:
    if not isinstance(document, Mapping):
        raise TermError("Write {Name: value}", "headers")
    for name, value in document.items():
        path = f"headers.{name}"
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise TermError("A text is expected", path)
        if not validation.HEADER_NAME.match(str(name)) or name.lower() in validation.OWN_HEADERS:
            raise TermError(f"{name!r} cannot be set as a header", path)
        yield str(name), _template(fill(str(value)), path)


def _mapping(document: Any, fill: Fill) -> mapping.Mapping:
    try:
        rows = mapping.rows_of(document)
        filled = [mapping.Row(r.key, fill(r.value), r.when, r.keep_blank) for r in rows]
        return mapping.compile_rows(filled)
    except mapping.MappingError as error:
        path = f"send.{error.path}" if error.path else "send"
        raise TermError(f"{error.message} (column {error.column})", path) from error


def _template(text: str, path: str) -> Any:
    try:
        return mapping.compile_template(text)
    except mapping.MappingError as error:
        raise TermError(f"{error.message} (column {error.column})", path) from error


def _text(document: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    value = document.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise TermError("A text is expected", key)
    return value.strip()


def _amount(document: Mapping[str, Any], key: str) -> Decimal | None:
    value = document.get(key)
    return None if value in (None, "") else amount(value, key)
