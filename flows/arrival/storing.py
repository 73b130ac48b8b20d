"""A lead at the door, written: row, first events, search keys, due work; and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from events import shapes
from events.journal import Journal
from events.vocabulary import EventType
from flows.arrival.preparing import Prepared
from leadops.lib import secrets, wake, wire
from leadops.lib.bulk import Table, dumps
from recipients.outcomes import Outcome

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
