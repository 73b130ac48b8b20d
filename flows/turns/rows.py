"""The rows of leads and deliveries: read in bulk as a turn's states, and what changed written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from flows.turns.runs import Run
from flows.turns.states import DeliveryState, LeadState
from leadops.lib.bulk import Table

LEAD = Table(
    "events_lead",
    {
        "id": "text",
        "status": "text",
        "result": "text",
        "reason": "text",
        "cost": "numeric",
        "services_cost": "numeric",
        "revenue": "numeric",
        "sales": "smallint",
        "step": "smallint",
        "step_id": "text",
        "seq": "integer",
        "snapshot": "smallint",
        "completed_at": "timestamptz",
        "held_at": "timestamptz",
        "inquiry": "text",
    },
)
SEALED = Table("events_lead", {"id": "text", "sensitive": "text"})
DELIVERY = Table(
    "events_delivery",
    {
        "id": "text",
        "lead_id": "text",
        "recipient_id": "text",
        "flow_id": "text",
        "step": "smallint",
        "step_id": "text",
        "state": "text",
        "outcome": "text",
        "category": "text",
        "reason": "text",
        "waits_for": "text",
        "attempts": "smallint",
        "tries": "smallint",
        "endpoint": "text",
        "price": "numeric",
        "revenue": "numeric",
        "buyer_lead_id": "text",
        "late": "boolean",
        "sold": "boolean",
        "in_doubt": "boolean",
        "mapping_version": "integer",
        "routing": "jsonb",
        "pricing": "jsonb",
        "holds": "jsonb",
        "batch": "text",
        "created_at": "timestamptz",
        "first_attempt_at": "timestamptz",
        "finished_at": "timestamptz",
        "held_at": "timestamptz",
    },
)
NOT_COLUMNS = {"values", "row", "_hidden", "_sealed_anew"}
# What a row of each is read as: the states' fields stand in the same order.
LEAD_COLUMNS = [f.name for f in fields(LeadState) if f.name not in NOT_COLUMNS]
LOCK_LEADS = f"""
    SELECT {", ".join(LEAD_COLUMNS)} FROM events_lead
    WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""  # noqa: S608
DELIVERIES = f"""
    SELECT {", ".join(DELIVERY.columns)} FROM events_delivery WHERE lead_id = ANY(%s) ORDER BY id
"""  # noqa: S608
WRITTEN_ONCE = {
    "id", "lead_id", "recipient_id", "flow_id", "step", "step_id", "routing", "pricing",
    "created_at",
}  # fmt: skip


class _Changes:
    """Finds what a turn has changed in rows of a table."""

    def __init__(self, read: Sequence[str], written: Iterable[str]) -> None:
        self.names = tuple(written)
        self._now = attrgetter(*self.names)
        self._before = itemgetter(*map(read.index, self.names))

    def of(self, state: LeadState | DeliveryState) -> dict[str, Any]:
        """The new values of the columns that have changed."""
        now, before = self._now(state), self._before(state.row)
        return {
            name: value
            for name, value, was in zip(self.names, now, before, strict=True)
            if value is not was and value != was
        }


LEAD_CHANGES = _Changes(LEAD_COLUMNS, (c for c in LEAD.columns if c != "id"))
DELIVERY_CHANGES = _Changes(
    [*DELIVERY.columns], (c for c in DELIVERY.columns if c not in WRITTEN_ONCE)
)


def save_leads(cursor: Any, runs: Sequence[Run]) -> None:
    changed = []
    for run in runs:
        if not run.flow.broken:  # it has no steps
            run.lead.step_id = run.flow.step_id(run.lead.step)
        run.lead.held_at = _held(run, run.lead.status, run.lead.held_at)
        if found := LEAD_CHANGES.of(run.lead):
            changed.append({"id": run.lead.id, **found})
    LEAD.update(cursor, changed)
    sealed = [run.lead for run in runs if run.lead.was_sealed]
    SEALED.update(cursor, [{"id": lead.id, "sensitive": lead.sensitive} for lead in sealed])


def save_deliveries(cursor: Any, runs: Sequence[Run]) -> None:
    """Insert the new ones, update the changed ones."""
    fresh, changed = [], []
    for run in runs:
        for delivery in run.deliveries:
            delivery.held_at = _held(run, delivery.state, delivery.held_at)
            if delivery.new:
                fresh.append({c: getattr(delivery, c) for c in DELIVERY.columns})
            elif found := DELIVERY_CHANGES.of(delivery):
                changed.append({"id": delivery.id, **found})
    DELIVERY.insert(cursor, fresh)
    DELIVERY.update(cursor, changed)


def _held(run: Run, state: str, since: datetime | None) -> datetime | None:
    """Since when it has been in review; None while it is not."""
    return (since or run.journal.at) if state == "review" else None
