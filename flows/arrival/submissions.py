"""What a source has to know to send leads to a flow, in words for whoever programs it.

Made from the configuration in use. No key is in it, no price and no criterion: those are agreed
elsewhere.
"""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from flows import plans
from flows.arrival import intake
from flows.arrival.aliases import USUAL
from flows.arrival.preparing import Submission
from flows.arrival.storing import Answer
from flows.fields.forms import FORMS, word_of
from flows.fields.samples import sample_of
from flows.models import Flow, FlowField, FlowSource, SubmissionLink
from flows.submitting.answers import EMAIL, reply_to
from flows.submitting.replies import Form, Outcome, Reply
from flows.trying import specifications
from leadops.lib.throttle import Throttle

KEY = "YOUR_KEY"
LEAD_ID = "lead_0VbZ9X4PEGJ2alWcyRza"
PRICE = Decimal("12.50")  # stands for what was agreed
MAX_EXAMPLE = 60
TRIES = Throttle(20, burst=20)  # by link, in each web process


@dataclass(frozen=True, slots=True)
class Item:
    """A field. `names`: other names under which it is taken."""

    name: str
    type: str
    required: bool
    example: str
    forms: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A call that works as it stands, once the key is put in."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A reply: when it comes, its status and what it says in both forms."""

    when: str
    status: int
    json: str
    xml: str


@dataclass(frozen=True, slots=True)
class Submitting:
    """The specification. `sites` and `networks` are whence posts are taken; none: from all."""

    flow: str
    source: str
    address: str
    api_address: str
    open: bool
    active: bool
    items: tuple[Item, ...]
    sites: tuple[str, ...]
    networks: tuple[str, ...]
    redirects: tuple[str, ...]
    samples: tuple[Sample, ...]
    replies: tuple[Told, ...]


def current(terms: FlowSource, *, base: str) -> Submitting:
    """The specification; `base` is the site's own address, without a slash at its end."""
    flow, source = terms.flow, terms.source
    address = f"{base}/flows/{flow.slug}/sources/{source.slug}/submit"
    items = tuple(_items(terms, flow.fields.all()))
    values = {item.name: item.example for item in items}
    return Submitting(
        flow=flow.name,
        source=source.name,
        address=address,
        api_address=f"{base}/api/v1/flows/{flow.slug}/leads",
        open=source.open_submit,
        active=flow.active and source.active and terms.active,
        items=items,
        sites=tuple(source.allowed_origins),
        networks=tuple(terms.allowed_ips or source.allowed_ips),
        redirects=tuple(source.redirect_hosts),
        samples=tuple(_samples(address, values, key="" if source.open_submit else KEY)),
        replies=tuple(_replies(items)),
    )


# --- fields


def _items(terms: FlowSource, fields: Iterable[FlowField]) -> Iterable[Item]:
    required = {*terms.require, *terms.source.require}
    names = _other_names({**terms.source.aliases, **terms.aliases})
    known = set()
    for field in fields:
        known.add(field.name)
        yield Item(
            name=field.name,
            type=word_of(field.type),
            required=field.required or field.name in required,
            example=_example(field.name, field.type),
            forms=FORMS.get(field.type, ())[1:],
            names=tuple(names.get(field.name, ())),
        )
    for name in sorted(required - known):
        yield Item(name, "text", True, _example(name, ""), (), tuple(names.get(name, ())))


def _other_names(aliases: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"trustedform_cert_url": ["xxTrustedFormCertUrl"]}
    for name, target in sorted(aliases.items()):
        if name.lower() not in USUAL:
            found.setdefault(target, []).append(name)
    return found


def _example(name: str, kind: str) -> str:
    value = sample_of(name, kind)
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- samples


def _samples(address: str, values: Mapping[str, str], *, key: str) -> Iterable[Sample]:
    pairs = [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in values.items()]
    document = json.dumps(dict(values), indent=2, ensure_ascii=False)
    yield Sample("A form", _curl(address, key, "application/json", "", pairs))
    yield Sample(
        "JSON", _curl(address, key, "application/json", "application/json", [_d(document)])
    )
    xml = _xml(values)
    yield Sample("XML", _curl(address, key, "text/xml", "text/xml", [_d(xml)]))


def _d(body: str) -> str:
    return f"--data-raw {shlex.quote(body)}"


def _curl(address: str, key: str, accept: str, type: str, rest: Iterable[str]) -> str:
    headers = [f"Authorization: Bearer {key}"] if key else []
    headers.append(f"Accept: {accept}")
    if type:
        headers.append(f"Content-Type: {type}")
    headers.append("X-LeadOps-Test: 1")
    parts = [f"-H {shlex.quote(header)}" for header in headers]
    return " \\\n  ".join([f"curl {shlex.quote(address)}", *parts, *rest])


def _xml(values: Mapping[str, str]) -> str:
    from xml.sax.saxutils import escape

    inner = "".join(f"\n  <{name}>{escape(value)}</{name}>" for name, value in values.items())
    return f"<lead>{inner}\n</lead>"


def _replies(items: tuple[Item, ...]) -> Iterable[Told]:
    lead = {"id": LEAD_ID}
    if any(item.name == EMAIL for item in items):
        lead[EMAIL] = "test.lead@example.com"
    needed = next((item.name for item in items if item.required), "email")
    for when, status, reply in (
        ("The lead is accepted", 201, Reply(Outcome.SUCCESS, "", lead, PRICE)),
        (
            "The lead is not accepted: mend it or leave it",
            201,
            Reply(Outcome.FAILURE, f"Missing required field: {needed}", {"id": LEAD_ID}),
        ),
        (
            "The request cannot be read, or may not be made: nothing is stored",
            400,
            Reply(Outcome.ERROR, "Not JSON: unexpected end of data"),
        ),
    ):
        document = json.dumps(reply.document(), indent=2, ensure_ascii=False)
        yield Told(when, status, document, reply.written(Form.XML))


# --- trying it


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a test lead: what was sent, and the answer."""

    request: str
    answer: str
    accepted: bool


def starting_values(items: Iterable[Item]) -> dict[str, str]:
    """Values to try first: the examples, with an address of mail that no test lead had yet."""
    found = {item.name: item.example for item in items}
    for name, value in found.items():
        if value == "test.lead@example.com":
            found[name] = f"test.{secrets.token_hex(4)}@example.com"
        elif value == "+15125550123":
            found[name] = f"+1512555{secrets.randbelow(100) + 100:04d}"
    return found


def attempt(terms: FlowSource, values: Mapping[str, str], *, at: datetime) -> Tried:
    """Post a test lead as the source would, and write the answer out. Raises NotTaken."""
    given = {name: value for name, value in values.items() if value.strip()}
    answer = _received(terms, {**given}, at)
    reply = reply_to(answer, given)
    return Tried(
        request=urlencode({**given, "test": "true"}).replace("&", "\n&"),
        answer=json.dumps(reply.document(), indent=2, ensure_ascii=False),
        accepted=reply.outcome is Outcome.SUCCESS,
    )


class NotTaken(Exception):
    """No lead can be posted now; the text says why."""


def _received(terms: FlowSource, values: dict[str, Any], at: datetime) -> Answer:
    current = plans.current()
    flow, source = current.flows.get(terms.flow_id), current.sources.get(terms.source_id)
    if flow is None or source is None or source.id not in flow.terms:
        raise NotTaken("This flow cannot be used at the moment.")
    if not flow.active or not source.active:
        raise NotTaken("This flow takes no leads at the moment.")
    return intake.receive(flow, source, Submission(values, test=True), at=at)


# --- links


def make_link(terms: FlowSource, *, days: int, by: str, now: datetime) -> SubmissionLink:
    """A new link; it stands in the flow's history."""
    link = SubmissionLink(terms=terms, made_by=by, expires_at=now + timedelta(days=days))
    specifications.recorded(_flow(terms), by, link.save)
    return link


def revoke(link: SubmissionLink, *, by: str) -> None:
    """From now on it opens nothing."""
    specifications.recorded(_flow(link.terms), by, link.delete)


def _flow(terms: FlowSource) -> Flow:
    return terms.flow
