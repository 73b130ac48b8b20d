"""Accept a lead: parse it, check it, and store it with its first events and its due work.

`prepare` decides and writes nothing; `receive` stores in one transaction. What is answered has
been committed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from events import search, shapes
from events.journal import Journal
from events.models.lead import new_salt
from events.vocabulary import EventType
from flows import fields
from flows.arrival import cards, consent, doorcaps, guards, offers, posted
from flows.fields.text import storable
from flows.plan import FieldPlan, FlowPlan, SourcePlan
from flows.pricing import asking, figures
from flows.steps import answers as kept_answers
from flows.steps import bids
from flows.steps.ruleviews import judged
from flows.suppression import entries as suppression
from flows.turns.facts import on_list, repeats
from flows.turns.states import LeadState
from leadops.lib import conditions, ids, secrets, wake, wire
from leadops.lib.bulk import Table, dumps
from recipients.caps import Cap
from recipients.mapping import text_of
from recipients.outcomes import Outcome
from recipients.prices import TEST as PRICED_TEST
from recipients.prices import By, Priced

MASK = "•••"
SEARCHED = {"email": "email", "phone": "phone"}  # field types by which leads are found
LONGEST_SEARCHED = 320  # characters of an address
_PHONE_NAME = re.compile(r"phone|mobile|cell|tel", re.IGNORECASE)

LEAD = Table(
    "events_lead",
    {
        "id": "text",
        "flow_id": "text",
        "source_id": "text",
        "created_at": "timestamptz",
        "completed_at": "timestamptz",
        "status": "text",
        "result": "text",
        "reason": "text",
        "test": "boolean",
        "demo": "boolean",
        "currency": "text",
        "cost": "numeric",
        "services_cost": "numeric",
        "revenue": "numeric",
        "sales": "smallint",
        "step": "smallint",
        "seq": "integer",
        "snapshot": "smallint",
        "flow_version": "integer",
        "sensitive": "text",
        "salt": "bytea",
    },
)
LEAD_KEY = Table(
    "events_leadkey",
    {"lead_id": "text", "kind": "text", "digest": "bytea", "created_at": "timestamptz"},
)
WORK = """
    INSERT INTO flows_work (kind, lead_id, lane, claims, hold) VALUES ('advance', %s, %s, 0, 0)
"""


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
class Answer:
    """What the source is told. `price` is what it is owed for this lead."""

    outcome: str
    lead_id: str
    reasons: tuple[str, ...] = ()
    price: Decimal = Decimal(0)
    repeated: bool = False

    @property
    def reason(self) -> str:
        return self.reasons[0] if self.reasons else ""

    def kept(self) -> dict[str, Any]:
        """The answer as it is kept under an idempotency key."""
        return {
            "outcome": self.outcome,
            "lead_id": self.lead_id,
            "reasons": list(self.reasons),
            "price": str(self.price),
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Answer:
        """The answer that was kept."""
        return cls(
            outcome=kept["outcome"],
            lead_id=kept["lead_id"],
            reasons=tuple(kept["reasons"]),
            price=Decimal(kept["price"]),
            repeated=True,
        )


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


def receive(
    flow: FlowPlan,
    source: SourcePlan,
    submission: Submission,
    *,
    at: datetime,
    beside: Callable[[Prepared, Answer], None] = lambda _prepared, _answer: None,
) -> Answer:
    """Take a lead in. The answer is true when this returns: its transaction is committed.

    `flow.terms[source.id]` must exist. `beside` writes what must be true together with the lead;
    it is not called for one that was answered before. Raises DatabaseError when the lead cannot be
    stored.
    """
    prepared = prepare(flow, source, submission, at=at)
    if prepared.accepted and flow.suppress:
        look_up_suppression(prepared)
    key = guards.Key(source.id, flow.id, submission.key)
    if prepared.asks_for_price and not submission.ping:
        if submission.key and (known := guards.known_answer(key)):
            return Answer.of(known)
        ask_for_price(prepared, at=at)
    with transaction.atomic():
        if submission.key:
            known = guards.take_key(key, prepared.lead.id, at=at)
            if known is not None:
                return Answer.of(known)
        capped = _door_caps(prepared)
        before = transaction.savepoint() if capped else None
        _claim(prepared, at=at)
        held = _take_offer(prepared, submission.ping) if submission.ping else None
        if before is not None and not _within_caps(prepared, capped, before, at=at):
            held = None
        answer = store(prepared, at=at)
        if held is not None:
            with connection.cursor() as cursor:
                bids.insert(cursor, prepared.lead.id, held.bids, at=at)
                if held.asked or held.services_cost:
                    kept_answers.hand_over(cursor, submission.ping, prepared.lead.id, held.asked)
        if submission.key:
            guards.keep_answer(key, answer.kept())
        beside(prepared, answer)
    return answer


def _claim(prepared: Prepared, *, at: datetime) -> None:
    """Claim its values; a lead that has the same as an earlier one is rejected."""
    if prepared.accepted and prepared.claims:
        earlier = guards.claim_duplicates(prepared.flow, prepared.lead.id, prepared.claims, at=at)
        if earlier is not None:
            prepared.reject(repeats(earlier))


def _door_caps(prepared: Prepared) -> tuple[Cap, ...]:
    if prepared.lead.test or not prepared.accepted:
        return ()
    return prepared.flow.caps + prepared.flow.terms[prepared.source.id].caps


def _within_caps(prepared: Prepared, capped: tuple[Cap, ...], before: str, *, at: datetime) -> bool:
    """Count the lead; where there is no room for it, reject it and give back what it has claimed
    since `before`: tomorrow it is no duplicate."""
    full = ""
    if prepared.accepted:
        values = judged({**prepared.values, **prepared.sensitive}, prepared.source)
        full = doorcaps.take(capped, values, price=prepared.price, at=at)
    if not full:
        transaction.savepoint_commit(before)
        return True
    transaction.savepoint_rollback(before)
    prepared.ping, prepared.lead.services_cost = "", Decimal(0)
    prepared.reject(full)
    return False


def _take_offer(prepared: Prepared, ping_id: str) -> offers.Held | None:
    """The offer that the lead's ping was made; without one the lead is rejected."""
    if not prepared.accepted:
        return None
    held = offers.take(prepared.lead, ping_id)
    if held is None:
        prepared.reject(offers.UNKNOWN)
        return None
    prepared.priced = held.priced
    prepared.ping = ping_id
    prepared.lead.services_cost = held.services_cost
    # The bids were made in a step of the flow as it was then.
    prepared.lead.flow_version = held.flow_version or prepared.lead.flow_version
    return held


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


def store(prepared: Prepared, *, at: datetime) -> Answer:
    """Write the lead, its snapshots, events, search keys and due work; in a transaction."""
    lead, journal = prepared.lead, Journal(at)
    record(prepared, journal)
    raw = connection.connection
    with raw.pipeline(), wire.cursor() as cursor:
        LEAD.insert(cursor, [row(prepared)])
        journal.write(cursor)
        LEAD_KEY.insert(cursor, prepared.keys)
        if prepared.accepted and not lead.demo:
            cursor.execute(WORK, [lead.id, lead.flow_id])
            wake.ring(cursor)
    return _answer(prepared)


def row(prepared: Prepared) -> dict[str, Any]:
    """The lead as LEAD inserts it, as it stands."""
    values = {column: getattr(prepared.lead, column, None) for column in LEAD.columns}
    hidden = prepared.sensitive
    return {**values, "sensitive": secrets.encrypt(dumps(hidden)) if hidden else ""}


def record(prepared: Prepared, journal: Journal) -> None:
    """Note what came of the lead at the door."""
    lead, source = prepared.lead, prepared.source
    facts: dict[str, Any] = {
        "source": {"id": source.id, "name": source.name, "slug": source.slug},
        **({"test": True} if lead.test else {}),
        **({"import": prepared.imported} if prepared.imported else {}),
    }
    journal.record(
        lead,
        EventType.SOURCE_SUBMITTED,
        entity_id=source.id,
        values=prepared.raw,
        **facts,
    )
    if prepared.consent is not None:
        facts["consent"] = prepared.consent
    if prepared.ping:
        facts["ping"] = {"id": prepared.ping}
        if lead.services_cost:
            facts["ping"]["services_cost"] = shapes.money(lead.services_cost)
    if prepared.accepted:
        lead.cost = prepared.price + lead.services_cost
        if lead.flow_version:
            facts["flow_version"] = lead.flow_version
        journal.record(
            lead,
            EventType.SOURCE_ACCEPTED,
            entity_id=source.id,
            outcome=Outcome.ACCEPTED,
            values=prepared.values,
            price=float(prepared.price),
            pricing=prepared.priced.facts(),
            **facts,
        )
        return
    lead.status, lead.reason = "rejected", prepared.reasons[0].kept[:500]
    lead.completed_at = journal.at
    journal.record(
        lead,
        EventType.SOURCE_REJECTED,
        entity_id=source.id,
        outcome=Outcome.REJECTED,
        reason=prepared.reasons[0].kept,
        values=prepared.values,
        reasons=[reason.kept for reason in prepared.reasons],
        **facts,
    )


def _answer(prepared: Prepared) -> Answer:
    return Answer(
        outcome="accepted" if prepared.accepted else "rejected",
        lead_id=prepared.lead.id,
        reasons=tuple(reason.told for reason in prepared.reasons),
        price=prepared.price if prepared.accepted else Decimal(0),
    )
