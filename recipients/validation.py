"""What a recipient's configuration must satisfy: one set of checks for admin and bundle."""

from __future__ import annotations

import dataclasses
import functools
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from leadops.lib import certificates
from leadops.lib.http.messages import REUSE_SECONDS
from leadops.lib.http.tls import Tls
from leadops.lib.validation import plain_object as plain_object
from leadops.lib.validation import rules as rules
from recipients import addresses, expectations, mapping, responses
from recipients.auth import SCHEMES
from recipients.integrations import INTEGRATIONS, FieldError, Integration
from recipients.options import OptionError, compile_options
from recipients.outcomes import Outcome
from recipients.plan import Auth, AuthKind

if TYPE_CHECKING:
    from recipients.models import Credentials, Endpoint, Ping, Recipient, ResponseRule

MAX_TIMEOUT = 120.0
XML_NAME = re.compile(r"(?:[A-Za-z_][\w.\-]*:)?[A-Za-z_][\w.\-]*\Z")
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


@functools.cache
def _zones() -> frozenset[str]:
    """Kept: looking for the files takes ten milliseconds."""
    return frozenset(zoneinfo.available_timezones())


def time_zone(value: str) -> None:
    if value not in _zones():
        raise ValidationError(f"{value!r} is no time zone; write e.g. America/New_York.")


def integration(value: str) -> None:
    if value not in INTEGRATIONS:
        known = ", ".join(sorted(INTEGRATIONS))
        raise ValidationError(f"{value!r} is no integration of this version; there is: {known}.")


def template(value: str) -> None:
    try:
        mapping.compile_template(value)
    except mapping.MappingError as error:
        raise ValidationError(str(error)) from error


def expression(value: str) -> None:
    _compile([mapping.Row(key="x", value="", when=value)])


def mapping_key(value: str) -> None:
    _compile([mapping.Row(key=value, value="x")])


def _compile(rows: list[mapping.Row]) -> None:
    try:
        mapping.compile_rows(rows)
    except mapping.MappingError as error:
        raise ValidationError(str(error)) from error


def mapping_text(value: str) -> None:
    try:
        mapping.compile_text(value)
    except mapping.MappingError as error:
        raise ValidationError(str(error)) from error


def url_template(value: str) -> None:
    template(value)
    known = {scheme for each in INTEGRATIONS.values() for scheme in each.schemes}
    if addresses.scheme_of(value) not in known:
        raise ValidationError("Write a whole address, e.g. https://api.buyer.com/leads.")
    try:
        addresses.check(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def xml_name(value: str) -> None:
    if not XML_NAME.match(value):
        raise ValidationError(f"{value!r} cannot name an XML element.")


def timeout(value: float) -> None:
    if not 0 < value <= MAX_TIMEOUT:
        raise ValidationError(f"Between 1ms and {MAX_TIMEOUT:.0f}s.")


def keep_alive(value: float) -> None:
    if not 0 <= value <= REUSE_SECONDS:
        raise ValidationError(f"Between 0s and {REUSE_SECONDS / 60:.0f}m.")


def header_lines(value: str) -> None:
    for name, text in parse_headers(value):
        if not HEADER_NAME.match(name):
            raise ValidationError(f"{name!r} cannot name a header.")
        if name.lower() in OWN_HEADERS:
            raise ValidationError(f"{name} is set by LeadOps itself.")
        template(text)


def reply_header_lines(value: str) -> None:
    """Headers as a buyer sends them: values are no templates."""
    for name, _ in parse_headers(value):
        if not HEADER_NAME.match(name):
            raise ValidationError(f"{name!r} cannot name a header.")


def expected_request(value: str) -> None:
    try:
        expectations.parsed(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def parse_headers(text: str) -> list[tuple[str, str]]:
    """`Name: template` lines as pairs; raises ValidationError that names the line."""
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise ValidationError(f"Line {number}: write Name: value.")
        pairs.append((name.strip(), value.strip()))
    return pairs


def written_options(value: Any) -> None:
    """An object of texts, numbers and booleans, or of objects of these."""
    if not isinstance(value, dict):
        raise ValidationError("Write an object: {…}.")
    plain_object({name: one for name, one in value.items() if not isinstance(one, dict)})
    for one in value.values():
        if isinstance(one, dict):
            plain_object(one)


# Where the parts of credentials stand at an endpoint.
AUTH_FIELDS = {"name": "auth_name", "username": "auth_username", "secret": "auth_secret"}


def endpoint_auth(endpoint: Credentials) -> None:
    """Credentials are complete for the kind of authentication chosen, each as it must be."""
    if endpoint.auth not in AuthKind.__members__.values():
        return  # said where it stands
    kind = AuthKind(endpoint.auth)
    scheme = SCHEMES[kind]
    try:
        scheme.check(
            Auth(
                kind=kind,
                name=endpoint.auth_name or scheme.default_name,
                username=endpoint.auth_username,
                secret=endpoint.auth_secret,
                place=endpoint.auth_place,
                options=compile_options(scheme.options, endpoint.auth_options),
            )
        )
    except OptionError as error:
        field = AUTH_FIELDS.get(error.name, "")
        problem = ValidationError(error.message if field else str(error))
        problem.__cause__ = error  # which says where among the options
        raise ValidationError({field or "auth_options": problem}) from error


def endpoint_options(endpoint: Endpoint) -> None:
    """The options are those of the integration, each as it must be, and they fit together."""
    integration = _integration_of(endpoint)
    if integration is None:
        return  # said where the name stands
    try:
        compiled = compile_options(integration.options, endpoint.options)
    except OptionError as error:
        raise ValidationError({"options": str(error)}) from error
    if integration.check is not None:
        try:
            integration.check(endpoint, compiled)
        except FieldError as error:
            raise ValidationError({error.field: error.message}) from error


def endpoint_fixed(endpoint: Endpoint) -> None:
    """Where the integration has a format or method of its own, no other is asked for."""
    integration = _integration_of(endpoint)
    if integration is None:
        return
    wrong = {}
    for field, only in integration.fixed.items():
        if getattr(endpoint, field) != only:
            wanted = endpoint.Format(only).label if field == "format" else only
            wrong[field] = f"{integration.label} takes {wanted} only."
    if wrong:
        raise ValidationError(wrong)


def endpoint_address(endpoint: Endpoint) -> None:
    """The address is of a kind that the integration reaches."""
    integration = _integration_of(endpoint)
    if integration is None or not endpoint.url:
        return
    if addresses.scheme_of(endpoint.url) not in integration.schemes:
        wanted = " or ".join(f"{scheme}:" for scheme in integration.schemes)
        raise ValidationError(
            {"url": f"{integration.label} takes addresses that begin with {wanted}"}
        )


def _integration_of(endpoint: Endpoint) -> Integration | None:
    return INTEGRATIONS.get(endpoint.integration or endpoint.recipient.integration)


def endpoint_tls(endpoint: Endpoint) -> None:
    """Certificates can be read, and the key is theirs; what ${NAME} stands for is checked later."""
    texts = (endpoint.tls_ca, endpoint.tls_certificate, endpoint.tls_key)
    known = ["" if "${" in text else text for text in texts]
    if "${" in endpoint.tls_certificate:
        known[2] = ""
    tls = Tls(ca=known[0], certificate=known[1], key=endpoint.tls_key if known[1] else known[2])
    try:
        certificates.check(tls, with_key="${" not in endpoint.tls_key)
    except certificates.BadCertificate as error:
        raise ValidationError({f"tls_{error.part}": str(error)}) from error


FIELD_OF = {
    "lead_id": "lead_id_path",
    "price": "price_path",
    "message": "message_path",
    "reason": "reason_path",
}


def reply_reading(recipient: Recipient) -> None:
    for name, path in recipient.capture.items():
        if not isinstance(path, str):
            raise ValidationError({"capture": f"{name}: a path is a text."})
    try:
        responses.compile_reader(responses.ReaderSpec(**recipient.reader_fields()))
    except responses.ReaderError as error:
        part = error.path.split(".")[0]
        raise ValidationError({FIELD_OF.get(part, part): error.message}) from error


def mapping_document(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValidationError("An object of keys and templates.")
    try:
        mapping.compile_document(value)
    except mapping.MappingError as error:
        raise ValidationError(str(error)) from error


def lost_url(value: str) -> None:
    """Blank, or an address of HTTP that a notice can be posted to."""
    if not value:
        return
    template(value)
    if addresses.scheme_of(value) not in ("http", "https"):
        raise ValidationError("Write a whole address, e.g. https://api.buyer.com/lost.")
    try:
        addresses.check(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


BID_FIELDS = {"price": "bid_path", "lead_id": "bid_id_path", "reason": "reason_path"}


def bids(ping: Ping) -> None:
    """A recipient that is asked must say where its bid stands."""
    try:
        responses.compile_reader(responses.ReaderSpec(**ping.reader_fields()))
    except responses.ReaderError as error:
        part = error.path.split(".")[0]
        raise ValidationError({BID_FIELDS.get(part, part): error.message}) from error
    if ping.static_bid is None and not ping.bid_path:
        raise ValidationError({"bid_path": "Say where its bid stands, or what it always bids."})
    if ping.static_bid is not None and ping.lost_url:
        raise ValidationError({"lost_url": "With a static bid it is not asked, and is not told."})


OUTCOMES = frozenset(word.value for word in Outcome if word is not Outcome.SKIPPED)


def response_rule(rule: ResponseRule) -> None:
    spec = rule_spec(rule)
    if spec.outcome not in OUTCOMES:
        # Its choices have said so; what else is wrong is still to be found.
        spec = dataclasses.replace(spec, outcome=Outcome.REJECTED)
    try:
        responses.compile_reader(responses.ReaderSpec(rules=(spec,)))
    except responses.ReaderError as error:
        part = error.path.split(".")[-1]
        known = part in ("status", "contains", "matches", "when", "header", "outcome")
        raise ValidationError({part: error.message} if known else str(error)) from error


def rule_spec(rule: ResponseRule) -> responses.RuleSpec:
    return responses.RuleSpec(
        status=rule.status,
        contains=rule.contains,
        matches=rule.matches,
        when=rule.when,
        header=rule.header,
        outcome=rule.outcome,
        reason=rule.reason,
    )
