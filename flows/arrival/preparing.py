"""A lead as it comes: parsed, checked and priced. Decides, and writes nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from events import search
from events.models.lead import new_salt
from flows import fields
from flows.arrival import cards, consent, guards, posted
from flows.fields.text import storable
from flows.plan import FieldPlan, FlowPlan, SourcePlan
from flows.pricing import asking, figures
from flows.steps.ruleviews import judged
from flows.suppression import entries as suppression
from flows.turns.facts import on_list
from flows.turns.states import LeadState
from leadops.lib import conditions, ids, secrets
from recipients.mapping import text_of
from recipients.prices import TEST as PRICED_TEST
from recipients.prices import By, Priced

MASK = "•••"
SEARCHED = {"email": "email", "phone": "phone"}  # field types by which leads are found
LONGEST_SEARCHED = 320  # characters of an address
_PHONE_NAME = re.compile(r"phone|mobile|cell|tel", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a source posted."""

    values: Mapping[str, Any]
    test: bool = False
    demo: bool = False
    key: str = ""  # the source's Idempotency-Key
    ping: str = ""  # the ping whose offer it makes use of
    imported: Mapping[str, Any] | None = None  # the file and row that it came from


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a lead is rejected: as its source is told, and as the permanent record keeps it."""

    told: str
    kept: str


@dataclass(slots=True)
class Prepared:
    """A lead that has been parsed and checked, not yet stored."""

    lead: LeadState
    flow: FlowPlan
    source: SourcePlan
    priced: Priced
    raw: dict[str, Any]
    values: dict[str, Any]
    sensitive: dict[str, Any]
    reasons: list[Reason]
    keys: list[dict[str, Any]] = field(default_factory=list)
    claims: list[guards.Claim] = field(default_factory=list)
    consent: dict[str, Any] | None = None  # what the record keeps of it
    ping: str = ""  # whose offer it makes use of
    imported: Mapping[str, Any] | None = None

    @property
    def price(self) -> Decimal:
        return self.priced.price

    @property
    def accepted(self) -> bool:
        return not self.reasons

    @property
    def asks_for_price(self) -> bool:
        """Only for leads that may be bought is a pricing service asked."""
        terms = self.flow.terms[self.source.id]
        asks = terms.service is not None or bool(terms.service_problem)
        return asks and self.accepted and not self.lead.test

    def reject(self, reason: str) -> None:
        """For a reason that names nobody's values."""
        self.reasons.append(_plain(reason))


def prepare(
    flow: FlowPlan,
    source: SourcePlan,
    submission: Submission,
    *,
    at: datetime,
    identified: bool = True,
) -> Prepared:
    """Parse and check; everything but what other leads decide.

    Of a lead that is not `identified` yet, nothing is required, and what is missing is no reason.
    """
    terms = flow.terms[source.id]
    lead_id = ids.new_id("lead", at=at if submission.demo else None)
    # As a mapping writes any moment: buyers, events and the preview show one form.
    written = text_of(at)
    own = {"id": lead_id, "timestamp": written, "source.name": source.name}
    raw = {str(name): storable(value) for name, value in submission.values.items()}
    secret = [plan.name for plan in flow.fields if plan.privacy == "sensitive"]
    raw = terms.aliases.applied(raw, hidden=secret)
    raw, refused = cards.without(raw, {plan.name: plan.type for plan in flow.fields}, mask=MASK)
    values: dict[str, Any] = dict(own)
    sensitive: dict[str, Any] = {}
    known = {plan.name for plan in flow.fields}
    found = _card_numbers(refused, known)
    shown = posted.veiled(raw, secret, mask=MASK)
    for name, value in shown.items():
        if name in known or name in own or posted.passes_for_ours(name, value, known):
            continue
        values[name] = value
    for plan in flow.fields:
        required = identified and (plan.required or plan.name in terms.require)
        problem = _field(plan, raw, values, sensitive, required=required)
        if problem:
            found.append(problem)
    beside = sorted(terms.require - known) if identified else []
    found += [_missing(name) for name in beside if _is_blank(raw.get(name))]
    if not terms.active:
        found.append(_plain(f"{source.name} may not send to {flow.name}"))
    seen = judged({**values, **sensitive}, source)
    accept = terms.accept
    failed = accept.evaluate(seen).failed if identified else conditions.ruled_out(accept, seen)
    if not found and failed is not None:
        found.append(_unwanted(f"Not accepted from {source.name}", failed, flow, sensitive))
    everything = {**values, **sensitive}
    lead = _lead(lead_id, flow, source, submission, at)
    prepared = Prepared(
        lead=lead,
        flow=flow,
        source=source,
        priced=PRICED_TEST if submission.test else _priced(flow, source, everything),
        raw={**shown, "id": lead_id, "timestamp": written},
        values=values,
        sensitive=sensitive,
        reasons=found,
        imported=submission.imported,
    )
    prepared.keys = list(search_keys(flow, everything, lead_id, at))
    prepared.claims = guards.claims(flow, source.id, everything, test=submission.test)
    if flow.consent is not None:
        _judge_consent(prepared, flow.consent, everything, at, identified=identified)
    return prepared


def _priced(flow: FlowPlan, source: SourcePlan, values: Mapping[str, Any]) -> Priced:
    """By rules or fixed. What rules read that is measured, is read once a minute."""
    terms = flow.terms[source.id]
    wanted = terms.prices.figures
    if not wanted:
        return terms.prices.of(values) or Priced(terms.price)
    figures.memory.renew()
    known = figures.memory.of(source.id, flow.id, wanted)
    return terms.prices.of(values, known) or Priced(terms.price)


def look_up_suppression(prepared: Prepared) -> None:
    """Reject a lead that is on a list of its flow."""
    known = {**prepared.values, **prepared.sensitive}
    if slug := suppression.suppressed_by(prepared.flow.suppress, known):
        prepared.reject(on_list(slug))


def _judge_consent(
    prepared: Prepared,
    terms: consent.Terms,
    values: Mapping[str, Any],
    at: datetime,
    *,
    identified: bool,
) -> None:
    found = consent.evidence(terms, values, arrived=at)
    if not identified and found.missing:
        return
    prepared.consent = consent.facts(found, terms, now=at)
    age = terms.max_age if terms.required else None
    lack = consent.lacks(found, required=terms.required, max_age=age, now=at)
    if lack:
        prepared.reject(lack)


def ask_for_price(prepared: Prepared, *, at: datetime) -> None:
    """Let the pricing service name the price; where it does not, the fallback stands."""
    terms = prepared.flow.terms[prepared.source.id]
    lead_id, otherwise = prepared.lead.id, prepared.priced
    if terms.service is None:
        problem = terms.service_problem
        prepared.priced = dataclasses.replace(otherwise, by=By.FALLBACK, reason=problem)
        return
    context = {
        "lead": {**prepared.values, **prepared.sensitive},
        "source": prepared.source.values,
        "flow": {"id": prepared.flow.id, "slug": prepared.flow.slug, "name": prepared.flow.name},
        "recipient": {},
        "now": at,
        "delivery": {"id": lead_id, "attempt": 1, "idempotency_key": lead_id},
        "delivery_attempt": 1,
    }
    prepared.priced = asking.ask(terms.service, context, otherwise=otherwise, key=lead_id)


def _card_numbers(names: Collection[str], known: Collection[str]) -> list[Reason]:
    """The record keeps only names of ours: a source may write anything for a name."""
    ours = [name for name in names if name in known]
    return [Reason(cards.reason(names), cards.reason(ours))] if names else []


def _plain(text: str) -> Reason:
    return Reason(text, text)


def _unwanted(
    text: str, failed: conditions.Failure, flow: FlowPlan, sensitive: Mapping[str, Any]
) -> Reason:
    told, kept = failed.masked(sensitive), failed.masked(flow.private)
    return Reason(f"{text}: {told.text}", f"{text}: {kept.text}")


def _missing(name: str) -> Reason:
    return _plain(f"Missing required field: {name}")


def _is_blank(given: Any) -> bool:
    return given is None or (isinstance(given, str) and not given.strip())


def _field(
    plan: FieldPlan,
    raw: Mapping[str, Any],
    values: dict[str, Any],
    sensitive: dict[str, Any],
    *,
    required: bool,
) -> Reason | None:
    """Parse one field into `values`; give the reason for which it rejects the lead, if any."""
    given = raw.get(plan.name)
    if _is_blank(given):
        return _missing(plan.name) if required else None
    value = fields.parse(plan.type, given)
    flat = fields.flatten(plan.name, value)
    if plan.privacy == "sensitive":
        sensitive.update(flat)
        values.update({plan.name: MASK, f"{plan.name}.valid": value.valid})
    else:
        values.update(flat)
    if value.valid or not required:
        return None
    said, seen = f"Invalid {plan.name}: {value.reason}", repr(given)[:100]
    told = f"{said} ({MASK if plan.privacy == 'sensitive' else seen})"
    return Reason(told, told if plan.privacy == "plain" else said)


def _lead(
    lead_id: str, flow: FlowPlan, source: SourcePlan, submission: Submission, at: datetime
) -> LeadState:
    return LeadState(
        id=lead_id,
        flow_id=flow.id,
        source_id=source.id,
        created_at=at,
        status="working",
        result="",
        reason="",
        test=submission.test,
        demo=submission.demo,
        currency=flow.currency,
        cost=Decimal(0),
        revenue=Decimal(0),
        sales=0,
        step=0,
        seq=0,
        snapshot=0,
        salt=new_salt(),
        flow_version=flow.version,
    )


def search_keys(
    flow: FlowPlan, values: Mapping[str, Any], lead_id: str, at: datetime
) -> Iterator[dict[str, Any]]:
    """The digests under which a lead is found: of its e-mails and phones, and of what stands in
    other fields and is one: people ask to be erased by whatever address they gave."""
    found: dict[tuple[str, bytes], None] = {}
    typed = {plan.name for plan in flow.fields if plan.type in SEARCHED}
    for plan in flow.fields:
        kind, value = SEARCHED.get(plan.type), values.get(plan.name)
        if kind and value:
            found[kind, secrets.search_digest(kind, str(value))] = None
    for name, value in values.items():
        if name in typed or not isinstance(value, str) or "." in name:
            continue
        kind = "email" if "@" in value else "phone" if _PHONE_NAME.search(name) else ""
        if kind and len(value) <= LONGEST_SEARCHED and (digest := search.digest(kind, value)):
            found[kind, digest] = None
    for kind, digest in found:
        yield {"lead_id": lead_id, "kind": kind, "digest": digest, "created_at": at}
