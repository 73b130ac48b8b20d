"""A person corrects a lead's data: typed as at the door, a new snapshot, an event that names the
fields. What was sent before stays on record as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.models import Lead, Snapshot
from events.vocabulary import EventType
from flows import fields, plans
from flows.arrival import cards, guards, preparing, storing
from flows.byhand import by_hand
from flows.byhand.by_hand import NotNow
from flows.fields.text import storable
from flows.plan import FieldPlan
from flows.turns.runs import Run
from leadops.lib import secrets
from leadops.lib.bulk import dumps

MASK = preparing.MASK
SET_SENSITIVE = "UPDATE events_lead SET sensitive = %s WHERE id = %s"


class Invalid(ValueError):
    """Some of the values cannot be taken; `problems` says why, by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


@dataclass(slots=True)
class _Draft:
    """A lead's values while they are changed."""

    values: dict[str, Any]
    hidden: dict[str, Any]

    def put(self, plan: FieldPlan, flat: Mapping[str, Any]) -> None:
        """Set a field with its components, or take it away."""
        for kept in (self.values, self.hidden):
            for name in [n for n in kept if n.partition(".")[0] == plan.name]:
                del kept[name]
        if not flat:
            return
        if plan.privacy == "sensitive":
            self.hidden.update(flat)
            self.values.update({plan.name: MASK, f"{plan.name}.valid": True})
        else:
            self.values.update(flat)


def shown(known: Mapping[str, Any], plan: FieldPlan) -> str:
    """A field as its form shows it: as it was posted."""
    value = known.get(f"{plan.name}.raw", known.get(plan.name))
    return "" if value is None else str(value)


def values_of(lead_id: str) -> Mapping[str, Any] | None:
    """The lead's newest snapshot, None where it was erased."""
    lead = Lead.objects.only("snapshot", "created_at", "salt").filter(pk=lead_id).first()
    if lead is None or lead.salt is None:
        return None
    rows = Snapshot.objects.filter(lead_id=lead_id, version=lead.snapshot, at__gte=lead.created_at)
    return rows.values_list("body", flat=True).first()


def edit(lead_id: str, given: Mapping[str, str], *, by: str, seen: int | None = None) -> list[str]:
    """Set fields of a lead to what was typed, blank to take one away; the names that changed.

    Fields that say what they said before are left alone. Raises Invalid, and NotNow while the lead
    is on its way, or where its data was erased.
    """
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run = by_hand.locked(cursor, lead_id, current, journal, seen=seen)
        _may(run)
        by_hand.read_values(cursor, run)
        draft = _Draft(dict(run.lead.values), dict(run.lead.hidden))
        changes = _changes(run, given, draft)
        if not changes:
            return []
        run.journal.record(
            run.lead,
            EventType.LEAD_EDITED,
            entity_id=run.lead.flow_id,
            reason=f"Changed by {by}: {', '.join(each['field'] for each in changes)}",
            values=draft.values,
            by=by,
            changes=changes,
        )
        if draft.hidden != run.lead.hidden:
            sealed = secrets.encrypt(dumps(draft.hidden)) if draft.hidden else ""
            cursor.execute(SET_SENSITIVE, [sealed, run.lead.id])
        _make_findable(cursor, run, {**draft.values, **draft.hidden})
        by_hand.save(cursor, run)
    return [each["field"] for each in changes]


def _may(run: Run) -> None:
    if run.lead.status == "rejected":
        raise NotNow("The lead was rejected at the door; its source must send it again.")
    held = run.lead.status == "review" or any(d.state == "review" for d in run.deliveries)
    if run.lead.status == "working" and not held:
        raise NotNow("The lead is on its way; its data cannot be changed now.")
    if any(d.state == "sending" for d in run.deliveries):
        raise NotNow("The lead is just being sent; try again in a moment.")


def _changes(run: Run, given: Mapping[str, str], draft: _Draft) -> list[dict[str, Any]]:
    """Take what was typed into the draft; what changed, without private values."""
    problems: dict[str, str] = {}
    found = []
    before = run.lead.known
    for plan in run.flow.fields:
        text = storable(given[plan.name]).strip() if plan.name in given else None
        if text is None or text == shown(before, plan).strip():
            continue
        if problem := _problem(plan, text):
            problems[plan.name] = problem
            continue
        flat = fields.flatten(plan.name, fields.parse(plan.type, text)) if text else {}
        draft.put(plan, flat)
        found.append(
            {
                "field": plan.name,
                "before": _told(plan, before.get(plan.name)),
                "after": _told(plan, flat.get(plan.name)),
            }
        )
    if problems:
        raise Invalid(problems)
    return found


def _problem(plan: FieldPlan, text: str) -> str:
    if not text:
        return "This field is required." if plan.required else ""
    if cards.without({plan.name: text}, {plan.name: plan.type}, mask=MASK)[1]:
        return f"{cards.REASON}."
    value = fields.parse(plan.type, text)
    return "" if value.valid else f"This {value.reason}."


def _told(plan: FieldPlan, value: Any) -> Any:
    """A value as the permanent record may show it."""
    if value is None:
        return None
    return value if plan.privacy == "plain" else MASK


def _make_findable(cursor: Any, run: Run, known: Mapping[str, Any]) -> None:
    """Have the lead found, and later ones recognised as its duplicates, by its new values too."""
    lead, at = run.lead, run.journal.at
    before = {row["digest"] for row in preparing.search_keys(run.flow, lead.known, lead.id, at)}
    keys = preparing.search_keys(run.flow, known, lead.id, at)
    storing.LEAD_KEY.insert(cursor, [row for row in keys if row["digest"] not in before])
    sets = (
        guards.claims(run.flow, lead.source_id, values, test=lead.test)
        for values in (lead.known, known)
    )
    own, claims = (set(each) for each in sets)
    if claims - own:
        guards.claim_duplicates(run.flow, lead.id, sorted(claims - own), at=at)
