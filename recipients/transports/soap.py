"""SOAP 1.1 and 1.2 over HTTP: the mapped document in an envelope, with WS-Security if wanted.

SOAP 1.1: https://www.w3.org/TR/2000/NOTE-SOAP-20000508/, 1.2: https://www.w3.org/TR/soap12/.
UsernameToken: OASIS Web Services Security UsernameToken Profile 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree

from recipients.mapping import RenderError, Template
from recipients.mapping.markup import MarkupError, prefix_of, xml_attribute, xml_of, xml_text
from recipients.mapping.values import iso
from recipients.options import Option, OptionKind
from recipients.plan import Context
from recipients.transports.base import Job
from recipients.transports.bodies import Message, declarations, payload_for
from recipients.transports.errors import NotSendable
from recipients.transports.http import HttpTransport

_OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_WSSE: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
_WSU: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
_TOKEN: Final = f"{_OASIS}username-token-profile-1.0"
_BASE64: Final = f"{_OASIS}soap-message-security-1.0#Base64Binary"
_ENVELOPES: Final[Mapping[str, str]] = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_NONCE_BYTES: Final = 16
_NOT_IN_A_HEADER: Final = re.compile(r'[\x00-\x1f\x7f"\\]+')

OPTIONS: Final = (
    Option("version", OptionKind.CHOICE, "SOAP's.", default="1.1", choices=("1.1", "1.2")),
    Option(
        "action",
        OptionKind.TEMPLATE,
        "What is asked of the service, as its WSDL says.",
        example="http://tempuri.org/ILeads/Submit",
    ),
    Option(
        "namespace",
        help="The namespace of the operation, whose name is the XML root.",
        example="http://tempuri.org/",
    ),
    Option(
        "elements",
        OptionKind.CHOICE,
        "Whether what is in the operation belongs to its namespace: elementFormDefault in the "
        "service's schema.",
        default="qualified",
        choices=("qualified", "unqualified"),
    ),
    Option(
        "xml_namespaces",
        OptionKind.PAIRS,
        "Further prefixes and their namespaces, declared at the envelope.",
        default={},
        example='{"xsi": "http://www.w3.org/2001/XMLSchema-instance"}',
    ),
    Option(
        "header",
        OptionKind.TEMPLATE,
        "Own header blocks, as XML with templates.",
        example='<k:Key xmlns:k="urn:buyer">{{source.campaign_id}}</k:Key>',
    ),
    Option(
        "security",
        OptionKind.CHOICE,
        "WS-Security user name: the password as it is, or as a digest.",
        default="none",
        choices=("none", "text", "digest"),
    ),
    Option("username", help="For WS-Security."),
    Option("password", OptionKind.SECRET, "For WS-Security.", example="${BUYER_PASSWORD}"),
    Option(
        "security_lifetime",
        OptionKind.DURATION,
        "WS-Security time stamp: how long the message is valid.",
        example="5m",
    ),
)


class SoapTransport(HttpTransport):
    """One SOAP call a delivery."""

    def message(self, job: Job) -> Message:
        try:
            call = _Call.of(job)
            envelope = call.envelope(payload_for(job.payload, job.endpoint))
        except RenderError as error:
            raise NotSendable("SOAP header or action cannot be rendered", str(error)) from error
        except MarkupError as error:
            raise NotSendable("Payload cannot be written as XML", str(error)) from error
        return Message(envelope.encode("utf-8", "replace"), headers=call.headers())


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: the job, and what its endpoint's options make of it."""

    job: Job
    options: Mapping[str, Any]
    action: str

    @classmethod
    def of(cls, job: Job) -> _Call:
        options = job.endpoint.options
        action = options.get("action")
        text = "" if action is None else action.text(job.context).strip()
        return cls(job, options, _NOT_IN_A_HEADER.sub("", text))

    @property
    def version(self) -> str:
        return str(self.options.get("version", "1.1"))

    def headers(self) -> dict[str, str]:
        """How the action is said: a header of its own in 1.1, a part of the type in 1.2."""
        if self.version == "1.1":
            return {
                "Content-Type": "text/xml; charset=utf-8",
                "SOAPAction": f'"{self.action}"',
            }
        action = f'; action="{self.action}"' if self.action else ""
        return {"Content-Type": f"application/soap+xml; charset=utf-8{action}"}

    def envelope(self, payload: Any) -> str:
        names = namespaces_of(self.options)
        header = security_of(self.job) + self._header()
        prefixes = {name.rpartition(":")[2] for name in names}
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope{_written(names)}>'
            + (f"<soap:Header>{header}</soap:Header>" if header else "")
            + f"<soap:Body>{self._operation(payload, prefixes)}</soap:Body></soap:Envelope>"
        )

    def _operation(self, payload: Any, prefixes: set[str]) -> str:
        name = self.job.endpoint.xml_root
        namespace = self.options.get("namespace") or ""
        if not namespace:
            return xml_of(name, payload, prefixes=prefixes)
        prefix = prefix_of(name) or ""
        if not prefix and self.options.get("elements") == "unqualified":
            prefix = "op"
            name = f"op:{name}"
        declaration = f"@xmlns:{prefix}" if prefix else "@xmlns"
        return xml_of(name, {declaration: namespace, **payload}, prefixes=prefixes)

    def _header(self) -> str:
        template = self.options.get("header")
        return "" if template is None else header_blocks(template, self.job.context, self.options)


def namespaces_of(options: Mapping[str, Any]) -> dict[str, str]:
    """The envelope's namespaces, as the attributes that declare them."""
    soap = _ENVELOPES[options.get("version", "1.1")]
    return {"@xmlns:soap": soap, **declarations(options.get("xml_namespaces", {}))}


def _written(names: Mapping[str, str]) -> str:
    return "".join(f" {name[1:]}={xml_attribute(uri)}" for name, uri in names.items())


def header_blocks(template: Template, context: Context, options: Mapping[str, Any]) -> str:
    """Own header blocks; values are written as texts and never as markup.

    Raises MarkupError where that is no XML.
    """
    blocks = template.text(context, escape=_as_text_or_attribute).strip()
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        whole = f"<header{_written(namespaces_of(options))}>{blocks}</header>"
        etree.fromstring(whole.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise MarkupError(f"the header blocks are no XML: {error.msg}") from error
    return blocks


def _as_text_or_attribute(value: str) -> str:
    # A template may write a value between quotes too.
    return xml_text(value).replace('"', "&quot;").replace("'", "&#39;")


def security_of(job: Job) -> str:
    """The WS-Security header block, "" where none is wanted."""
    options, now = job.endpoint.options, _now(job.context)
    kind, lifetime = options.get("security", "none"), options.get("security_lifetime")
    token = "" if kind == "none" else _username_token(job, kind, iso(now))
    if not token and lifetime is None:
        return ""
    soap = options.get("version", "1.1")
    attributes = f'xmlns:wsse="{_WSSE}" xmlns:wsu="{_WSU}" soap:mustUnderstand='
    attributes += '"true"' if soap == "1.2" else '"1"'
    return f"<wsse:Security {attributes}>{_timestamp(now, lifetime)}{token}</wsse:Security>"


def _now(context: Context) -> datetime:
    """The context's moment: the same job builds the same message."""
    now = context.get("now")
    if not isinstance(now, datetime):
        raise NotSendable("SOAP security needs the time", "the context has no `now`")
    return now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)


def _timestamp(now: datetime, lifetime: float | None) -> str:
    if lifetime is None:
        return ""
    expires = iso(now + timedelta(seconds=lifetime))
    return (
        f"<wsu:Timestamp><wsu:Created>{iso(now)}</wsu:Created>"
        f"<wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
    )


def _username_token(job: Job, kind: str, created: str) -> str:
    username = job.endpoint.options.get("username") or ""
    password = job.endpoint.options.get("password") or ""
    nonce = _nonce(job, password, created)
    written = password
    if kind == "digest":
        digest = hashlib.sha1(
            nonce + created.encode() + password.encode(), usedforsecurity=False
        ).digest()  # SHA-1 is the profile's own
        written = base64.b64encode(digest).decode()
    type = f"{_TOKEN}#Password{kind.capitalize()}"
    return (
        f"<wsse:UsernameToken><wsse:Username>{xml_text(username)}</wsse:Username>"
        f'<wsse:Password Type="{type}">{xml_text(written)}</wsse:Password>'
        f'<wsse:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</wsse:Nonce>'
        f"<wsu:Created>{created}</wsu:Created></wsse:UsernameToken>"
    )


def _nonce(job: Job, password: str, created: str) -> bytes:
    """Another for each attempt, the same for the same job, and not to be guessed."""
    message = f"{job.idempotency_key}\n{job.attempt}\n{created}"
    return hmac.digest(password.encode(), message.encode(), "sha256")[:_NONCE_BYTES]
