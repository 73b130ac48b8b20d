"""What a recipient is sent and how its replies are read, in words for the buyer.

Made from the configuration as it stands. Nothing in it is secret, none of it a person's, and it
says nothing of what is the business's own: prices, conditions, whom else a lead would go to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from leadops.lib import durations, locators
from leadops.lib.http.messages import Reply
from leadops.lib.redact import MASK, Redactor
from recipients import mapping, validation
from recipients.deliver import RecordedRequest, rehearse
from recipients.integrations import integration_for
from recipients.integrations.reading import reading_over
from recipients.mapping import MappingError, RenderError, Row
from recipients.mapping.keys import parse_key
from recipients.models import Endpoint, Recipient, Secret
from recipients.outcomes import Outcome
from recipients.plan import BodyFormat, Context, RecipientPlan
from recipients.responses import ReaderSpec

REFERENCE = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
MASKED = re.compile(r"""\bformat\s+[^\s{}]+\s+"([^"]+)\"""")
KINDS = ("production", "regional", "backup", "sandbox", "fallback")
EXAMPLE_LENGTH = 120
# Values that every lead and delivery has.
ALWAYS_THERE = frozenset({"lead.id", "lead.timestamp", "now", "delivery_attempt"})
ALWAYS_ROOTS = ("delivery.", "flow.")
WORDS = {
    "email": "e-mail address",
    "phone": "phone number",
    "postal_code": "postal code",
    "state": "code of a state, e.g. TX",
    "country": "code of a country, e.g. US",
    "date": "date, YYYY-MM-DD",
    "date_of_birth": "date, YYYY-MM-DD",
    "time": "time, HH:MM",
    "url": "address of a page",
    "ip": "IP address",
    "ssn": "social security number",
    "currency": "amount",
    "trustedform_url": "address of a certificate",
}
BY_STATUS = (
    ("400, 413, 415, 422, other 4xx", Outcome.INVALID),
    ("401, 403", Outcome.UNAUTHORIZED),
    ("409", Outcome.DUPLICATE),
    ("429", Outcome.RATE_LIMITED),
    ("408, 425, 5xx", Outcome.SERVER_ERROR),
)
MEANING = {
    Outcome.ACCEPTED: "You take the lead.",
    Outcome.REJECTED: "You do not want this lead. It is not sent to you again.",
    Outcome.DUPLICATE: "You have this lead already. It is not sent to you again.",
    Outcome.INVALID: "Something is wrong with the data. It is not sent again as it is.",
    Outcome.UNAUTHORIZED: "Our credentials are refused. We stop sending until that is settled.",
    Outcome.RATE_LIMITED: "Too much at once. We wait as Retry-After says.",
    Outcome.SERVER_ERROR: "Your side has a problem. We try again.",
    Outcome.UNREADABLE: "We do not understand the answer. A person looks at it.",
    Outcome.UNAVAILABLE: "We could not reach you. We try again.",
    Outcome.UNKNOWN: "No answer came in time. We ask again with the same key.",
}


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


@dataclass(frozen=True, slots=True)
class Item:
    """A field of the document; `sent` says when it is there."""

    name: str
    type: str
    format: str
    example: str
    sent: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A reply and what it comes to."""

    when: str
    outcome: Outcome
    reason: str = ""

    @property
    def meaning(self) -> str:
        return MEANING[self.outcome]

    @property
    def word(self) -> str:
        return self.outcome.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Retry:
    outcome: Outcome
    meaning: str
    tries: str

    @property
    def word(self) -> str:
        return self.outcome.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Specification:
    name: str
    ways: tuple[Way, ...] = ()
    items: tuple[Item, ...] = ()
    sample: RecordedRequest | None = None
    readings: tuple[Reading, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    accepted: Reply | None = None
    retries: tuple[Retry, ...] = ()
    growth: float = 1.0
    max_age: str = ""
    rotation: date | None = None
    problem: str = ""
    by_status: tuple[Reading, ...] = field(
        default=tuple(Reading(status, outcome) for status, outcome in BY_STATUS)
    )

    @property
    def sandbox(self) -> Way | None:
        return next((way for way in self.ways if way.kind == "sandbox"), None)

    @property
    def accepted_body(self) -> str:
        return self.accepted.body.decode("utf-8", "replace") if self.accepted else ""


def specification_of(
    recipient: Recipient,
    plan: RecipientPlan,
    context: Context,
    *,
    kinds: Mapping[str, str],
    required: Collection[str],
    accepted: Reply | None = None,
) -> Specification:
    """The specification, for a sample lead in `context`.

    `kinds` are types of the lead's fields, `required` those that every lead has; `accepted` is a
    reply that means yes.
    """
    if plan.production is None or plan.paused_reason.startswith("Configuration error"):
        return Specification(recipient.name, problem="It is not set up to its end yet.")
    endpoints = sorted(recipient.endpoints.all(), key=lambda row: KINDS.index(row.kind))
    attempt = rehearse(plan, plan.production, context, reply=None)
    spec = _reading(recipient)
    return Specification(
        name=recipient.name,
        ways=tuple(_way(row, recipient) for row in endpoints),
        items=tuple(_items(_rows(recipient), context, plan, kinds, required)),
        sample=_readable(attempt.request) if attempt.request else None,
        readings=tuple(_readings(spec)),
        values=tuple(_values(spec)),
        accepted=accepted,
        retries=tuple(_retries(plan)),
        growth=plan.retry.timeout_growth,
        max_age=durations.text(plan.retry.max_age) if plan.retry.max_age else "",
        rotation=rotation_of(plan),
    )


def rotation_of(plan: RecipientPlan) -> date | None:
    """When the first of its credentials has to be changed."""
    due = Secret.objects.filter(name__in=plan.secrets, expires_at__isnull=False)
    return due.order_by("expires_at").values_list("expires_at", flat=True).first()


def _readable(request: RecordedRequest) -> RecordedRequest:
    """The request laid out for reading, without a password in its address."""
    try:
        body = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False)
    except ValueError:
        body = request.body
    return replace(request, url=locators.without_secrets(request.url), body=body)


# --- how it is reached


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


# --- what is sent


def _rows(recipient: Recipient) -> list[Row]:
    if recipient.mapping_text.strip():
        return mapping.rows_of_text(recipient.mapping_text)
    return [
        Row(row.key, row.value, row.when, row.keep_blank) for row in recipient.mapping_rows.all()
    ]


def _items(
    rows: Sequence[Row],
    context: Context,
    plan: RecipientPlan,
    kinds: Mapping[str, str],
    required: Collection[str],
) -> Iterator[Item]:
    """One a name; of several cases of a name the one that gives a value serves as example."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.key, []).append(row)
    for name, cases in by_name.items():
        found = [_example(row, context) for row in cases]
        value = next((each for each in reversed(found) if each not in (None, "")), None)
        sent = {_sent(row, required) for row in cases}
        yield Item(
            name=name,
            type=_type(value),
            format=next((text for row in cases if (text := _form(row, kinds))), ""),
            example=_shown(value, name, plan),
            sent=min(sent, key=(ALWAYS, KNOWN, SOMETIMES).index),
        )


ALWAYS, KNOWN, SOMETIMES = "always", "when known", "in some cases"


def _example(row: Row, context: Context) -> Any:
    """What the row gives for the sample, its condition set aside."""
    try:
        found: Any = mapping.compile_rows([Row(row.key, row.value)]).render(context)
    except (MappingError, RenderError):
        return None
    for _ in parse_key(row.key):
        if isinstance(found, dict) and len(found) == 1:
            found = next(iter(found.values()))
        elif isinstance(found, list) and len(found) == 1:
            found = found[0]
    return None if found == {} else found


def _sent(row: Row, required: Collection[str]) -> str:
    if row.when:
        return SOMETIMES
    template = mapping.compile_template(row.value)
    if row.keep_blank or template.is_constant:
        return ALWAYS
    return ALWAYS if all(_is_there(path, required) for path in template.paths) else KNOWN


def _is_there(path: str, required: Collection[str]) -> bool:
    if path in ALWAYS_THERE or path.startswith(ALWAYS_ROOTS):
        return True
    return path.startswith("lead.") and path.removeprefix("lead.") in required


def _form(row: Row, kinds: Mapping[str, str]) -> str:
    """The mask it is written by, else what a field of its kind looks like."""
    if found := MASKED.search(row.value):
        return found[1]
    if REFERENCE.search(row.value):
        return "the same for all leads"
    template = mapping.compile_template(row.value)
    if template.is_constant:
        return "the same for all leads"
    words = {WORDS.get(kinds.get(path.removeprefix("lead."), ""), "") for path in template.paths}
    return words.pop() if len(words) == 1 else ""


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else "text"


def _shown(value: Any, name: str, plan: RecipientPlan) -> str:
    if value in (None, ""):
        return ""
    if plan.redactor.is_sensitive(name.rpartition(".")[2]):
        return MASK
    return hidden(plan.redactor.text(mapping.text_of(value)))[:EXAMPLE_LENGTH]


# --- how replies are read


def _reading(recipient: Recipient) -> ReaderSpec:
    rules = tuple(validation.rule_spec(rule) for rule in recipient.response_rules.all())
    own = ReaderSpec(**recipient.reader_fields(), rules=rules)
    kinds = {row.kind: row.integration for row in recipient.endpoints.all()}
    main = kinds.get(Endpoint.Kind.PRODUCTION) or recipient.integration
    return reading_over(own, integration_for(main).reading)


def _readings(spec: ReaderSpec) -> Iterator[Reading]:
    """In the order in which they decide."""
    accepts = False
    for rule in spec.rules:
        parts = [
            f"status {rule.status}" if rule.status else "",
            f"the header {rule.header}" if rule.header else "",
            f"“{rule.contains}” in the body" if rule.contains else "",
            f"the body matches {rule.matches}" if rule.matches else "",
            rule.when,
        ]
        word = rule.outcome.strip().lower()
        outcome = {"success": Outcome.ACCEPTED, "failure": Outcome.REJECTED}.get(word)
        outcome = outcome or Outcome(word)
        accepts = accepts or outcome is Outcome.ACCEPTED
        yield Reading(", ".join(filter(None, parts)), outcome, rule.reason)
    if spec.success:
        yield Reading(f"status 2xx, {spec.success}", Outcome.ACCEPTED)
        yield Reading("status 2xx, any other value there", Outcome.REJECTED)
    elif not accepts:
        yield Reading("status 2xx", Outcome.ACCEPTED)


def _values(spec: ReaderSpec) -> Iterator[tuple[str, str]]:
    """What else is read, and where."""
    for name, path in (
        ("Your id of the lead", spec.lead_id),
        ("The price", spec.price),
        ("The reason of a refusal", spec.reason),
        ("A message", spec.message),
    ):
        if path:
            yield name, path


def _retries(plan: RecipientPlan) -> Iterator[Retry]:
    """Outcomes after which a lead is sent again; what we do after the last try is our own."""
    for outcome in Outcome:
        rule = plan.retry.rule(outcome)
        if not rule.times or outcome not in MEANING:
            continue
        times = "once" if rule.times == 1 else f"{rule.times} times"
        wait = durations.text(rule.backoff)
        longer = f", each wait {rule.factor:g} times the one before" if rule.factor > 1 else ""
        yield Retry(outcome, MEANING[outcome], f"{times}, the first after {wait}{longer}")
