"""How a buyer is reached: its endpoints, without what is secret about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from leadops.lib import durations, locators
from leadops.lib.redact import MASK, Redactor
from recipients import validation
from recipients.integrations import integration_for
from recipients.models import Endpoint, Recipient
from recipients.plan import BodyFormat

REFERENCE = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
KINDS = ("production", "regional", "backup", "sandbox", "fallback", "ping")


@dataclass(frozen=True, slots=True)
class Way:
    """One endpoint."""

    kind: str
    method: str
    address: str
    format: str
    timeout: str
    authentication: str
    headers: tuple[tuple[str, str], ...]
    idempotency: str
    compressed: bool
    certificate: bool


def ways_of(recipient: Recipient) -> tuple[Way, ...]:
    """Every endpoint, in the order in which a buyer asks for them."""
    endpoints = sorted(recipient.endpoints.all(), key=lambda row: KINDS.index(row.kind))
    return tuple(_way(row, recipient) for row in endpoints)


def _way(row: Endpoint, recipient: Recipient) -> Way:
    chosen = integration_for(row.integration or recipient.integration)
    method = chosen.method or row.method
    format = chosen.format or BodyFormat(row.format)
    by_http = "https" in chosen.schemes
    return Way(
        kind=row.kind,
        method=method if by_http else chosen.label,
        address=hidden(locators.without_secrets(row.url)),
        format=_format(method, format, row) if by_http else chosen.label,
        timeout=durations.text(row.timeout),
        authentication=_authentication(row),
        headers=tuple(_headers(row)),
        idempotency=row.idempotency_header if by_http else "",
        compressed=row.compress,
        certificate=bool(row.tls_certificate),
    )


def _format(method: str, format: BodyFormat, row: Endpoint) -> str:
    if format is BodyFormat.XML:
        return f"XML, outermost element <{row.xml_root}>"
    named = {
        BodyFormat.JSON: "JSON",
        BodyFormat.FORM: "form (application/x-www-form-urlencoded)",
        BodyFormat.QUERY: "parameters of the address",
        BodyFormat.CSV: "CSV",
    }
    return named[format]


def _authentication(row: Endpoint) -> str:
    """The kind and where it stands; never what it holds."""
    if row.auth == Endpoint.Auth.API_KEY:
        place = "parameter" if row.auth_place == "query" else "header"
        return f"API key in the {place} {row.auth_name or 'X-API-Key'}"
    if row.auth == Endpoint.Auth.HEADERS:
        return "Headers as below"
    return "None" if row.auth == Endpoint.Auth.NONE else str(row.get_auth_display())


def _headers(row: Endpoint) -> Iterator[tuple[str, str]]:
    known = Redactor()
    for name, value in validation.parse_headers(row.headers):
        shown = MASK if known.is_sensitive(name) else hidden(known.text(value))
        yield name, _plain(shown)


def hidden(text: str) -> str:
    """`text` with every reference to a secret masked; not even its name is shown."""
    return REFERENCE.sub(MASK, text)


def _plain(template: str) -> str:
    """A template without its language: what a reader needs is that something stands there."""
    return re.sub(r"\{\{+\s*([^{}]*?)\s*\}\}+", r"‹\1›", template)
