"""What would become of a lead at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from flows.arrival import doorcaps, guards, preparing
from flows.arrival.preparing import Prepared, Submission
from flows.plan import FlowPlan, SourcePlan
from flows.simulation.leads import Posted
from flows.steps.ruleviews import judged
from flows.turns.facts import repeats
from leadops.lib.bulk import dumps

HIDDEN: Final = preparing.MASK
SHOWN: Final = 200  # characters of a value
LACKS: Final = "Consent required"  # what reasons begin with that are about consent
# As `guards` claims them, but nothing is claimed; a lead is no duplicate of itself.
EARLIER: Final = """
    SELECT d.at, d.lead_id FROM flows_duplicateclaim d
    JOIN json_to_recordset(%(claims)s::json) AS r(digest text, within float)
        ON d.digest = decode(r.digest, 'hex')
    WHERE d.flow_id = %(flow)s AND d.lead_id <> %(lead)s
        AND d.at >= %(at)s - interval '1 second' * r.within
    ORDER BY d.at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A field as it was given and read. `valid` None: nothing was given."""

    name: str
    type: str
    given: str
    value: str
    valid: bool | None
    reason: str
    required: bool


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `passed` None: not looked at, and why."""

    name: str
    passed: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class Door:
    """`reasons` reject the lead: none accepts it."""

    prepared: Prepared
    fields: tuple[FieldSeen, ...]
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return not self.reasons


def at_the_door(flow: FlowPlan, source: SourcePlan, posted: Posted, *, at: datetime) -> Door:
    """Everything that intake looks at; duplicates and lists are looked up, nothing is claimed."""
    submission = Submission(posted.values, test=posted.test)
    prepared = preparing.prepare(flow, source, submission, at=at)
    if posted.id:  # orders are drawn by it, and it is no duplicate of itself
        prepared.lead.id = prepared.values["id"] = posted.id
    told = [reason.told for reason in prepared.reasons]
    own = tuple(text for text in told if not text.startswith(LACKS))
    checks = [
        _criteria(own),
        _duplicates(prepared, at=at),
        _suppression(prepared),
        _consent(prepared),
        _caps(prepared, at=at),
        _price(prepared),
    ]
    return Door(
        prepared,
        tuple(_fields(prepared)),
        tuple(checks),
        tuple(reason.told for reason in prepared.reasons),
    )


def _fields(prepared: Prepared) -> Sequence[FieldSeen]:
    required = prepared.flow.terms[prepared.source.id].require
    everything = {**prepared.values, **prepared.sensitive}
    found = []
    for plan in prepared.flow.fields:
        hidden = plan.privacy == "sensitive"
        raw = prepared.raw.get(plan.name)
        blank = raw is None or not str(raw).strip()
        value = everything.get(plan.name)
        found.append(
            FieldSeen(
                name=plan.name,
                type=plan.type.replace("_", " "),
                given="" if blank else HIDDEN if hidden else str(raw)[:SHOWN],
                value="" if blank else HIDDEN if hidden else str(value)[:SHOWN],
                valid=None if blank else bool(everything.get(f"{plan.name}.valid", True)),
                reason=str(everything.get(f"{plan.name}.reason") or ""),
                required=plan.required or plan.name in required,
            )
        )
    return found


def _criteria(reasons: Sequence[str]) -> Check:
    return Check("Fields and criteria", not reasons, "; ".join(reasons) or "All hold")


def _duplicates(prepared: Prepared, *, at: datetime) -> Check:
    if not prepared.claims:
        terms = prepared.flow.terms[prepared.source.id]
        looks = prepared.flow.duplicates or terms.duplicates
        said = "The lead lacks the values" if looks else "The flow does not look for them"
        return Check("Duplicates", None, said)
    given: dict[str, Any] = {
        "flow": prepared.flow.id,
        "lead": prepared.lead.id,
        "at": at,
        "claims": dumps([guards.Claim._asdict(claim) for claim in prepared.claims]),
    }
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, given)
        row = cursor.fetchone()
    if row is None:
        return Check("Duplicates", True, "No earlier lead has the values")
    if prepared.accepted:
        prepared.reject(repeats(row[0]))
    return Check("Duplicates", False, f"{repeats(row[0])} as {row[1]}")


def _suppression(prepared: Prepared) -> Check:
    if not prepared.flow.suppress:
        return Check("Suppression", None, "The flow has no lists")
    names = ", ".join(each.slug for each in prepared.flow.suppress)
    before = len(prepared.reasons)
    preparing.look_up_suppression(prepared)
    if len(prepared.reasons) > before:
        return Check("Suppression", False, prepared.reasons[-1].told)
    return Check("Suppression", True, f"On none of: {names}")


def _consent(prepared: Prepared) -> Check:
    terms, facts = prepared.flow.consent, prepared.consent
    if terms is None or facts is None:
        return Check("Consent", None, "The flow names no evidence")
    lack = next((r.told for r in prepared.reasons if r.told.startswith(LACKS)), "")
    if lack:
        return Check("Consent", False, lack)
    if not facts.get("present"):
        return Check("Consent", True, f"No {facts['field']}, and none is required")
    problem = facts.get("problem")
    return Check("Consent", not problem, f"{facts['field']}: {problem or 'evidence is there'}")


def _caps(prepared: Prepared, *, at: datetime) -> Check:
    """Counted as for a lead that comes, and taken back."""
    terms = prepared.flow.terms[prepared.source.id]
    caps = prepared.flow.caps + terms.caps
    if not caps or prepared.lead.test or not prepared.accepted:
        said = "Flow and source have none" if not caps else "The lead does not count"
        return Check("Caps", None, said)
    values = judged({**prepared.values, **prepared.sensitive}, prepared.source)
    with transaction.atomic():
        full = doorcaps.take(caps, values, price=prepared.price, at=at)
        transaction.set_rollback(True)
    if full:
        prepared.reject(full)
    return Check("Caps", not full, full or "There is room")


def _price(prepared: Prepared) -> Check:
    priced = prepared.priced
    said = f"{priced.price:.2f} {prepared.flow.currency} ({priced.by.value})"
    if prepared.asks_for_price:
        return Check("Price to the source", None, f"Would ask the pricing service; else {said}")
    return Check("Price to the source", True, said)
