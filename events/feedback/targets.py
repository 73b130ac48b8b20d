"""Which sale a statement is about: only ever one of the partner's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from events import search
from events.feedback.reading import Statement

WINDOW = timedelta(days=90)  # how far back an e-mail or a phone finds a lead

COLUMNS = "d.id, d.lead_id, d.revenue, d.finished_at, d.returned_at"
SALES = f"SELECT {COLUMNS} FROM events_delivery d"  # noqa: S608
OWN = "d.recipient_id = %s AND d.state = 'accepted'"
BY_LEAD = f"{SALES} WHERE {OWN} AND d.lead_id = ANY(%s)"
BY_ID = f"{SALES} WHERE {OWN} AND d.id = ANY(%s)"
BY_BUYERS_ID = f"""
    SELECT {COLUMNS}, d.buyer_lead_id FROM events_delivery d
    WHERE {OWN} AND d.buyer_lead_id = ANY(%s) AND NOT (d.buyer_lead_id = '')
"""  # noqa: S608
BY_DIGEST = f"""
    SELECT {COLUMNS}, k.digest FROM events_leadkey k JOIN events_delivery d ON d.lead_id = k.lead_id
    WHERE {OWN} AND k.digest = ANY(%s) AND d.finished_at >= %s
"""  # noqa: S608
EVENTS = """
    SELECT id, lead_id, coalesce(data -> 'delivery' ->> 'id', '') FROM events_event
    WHERE id = ANY(%s) AND lead_id <> ''
"""


@dataclass(slots=True)
class Sale:
    """An accepted delivery of the partner's."""

    id: str
    lead_id: str
    revenue: Decimal
    finished_at: datetime
    returned_at: datetime | None


class Finder:
    """Finds the sales of many statements with one query a kind of target."""

    def __init__(self, cursor: Any, recipient_id: str, *, at: datetime) -> None:
        self.cursor = cursor
        self.recipient_id = recipient_id
        self.at = at

    def find(self, statements: Sequence[Statement]) -> list[Sale | None]:
        """A sale for each statement, None where the partner has none such.

        Of several the newest; an event names its own.
        """
        wanted: dict[str, list[str]] = defaultdict(list)
        for statement in statements:
            wanted[statement.by].append(statement.target)
        found = {by: getattr(self, f"_{by}")(targets) for by, targets in wanted.items()}
        return [found[s.by].get(s.target) for s in statements]

    def _lead_id(self, targets: list[str]) -> dict[str, Sale]:
        self.cursor.execute(BY_LEAD, [self.recipient_id, targets])
        sales = [Sale(*row) for row in self.cursor.fetchall()]
        return _newest((sale.lead_id, sale) for sale in sales)

    def _event_id(self, targets: list[str]) -> dict[str, Sale]:
        self.cursor.execute(EVENTS, [targets])
        events = self.cursor.fetchall()
        by_lead = self._lead_id([lead_id for _, lead_id, delivery_id in events if not delivery_id])
        self.cursor.execute(BY_ID, [self.recipient_id, [row[2] for row in events if row[2]]])
        by_delivery = {row[0]: Sale(*row) for row in self.cursor.fetchall()}
        found = {}
        for event_id, lead_id, delivery_id in events:
            sale = by_delivery.get(delivery_id) if delivery_id else by_lead.get(lead_id)
            if sale:
                found[event_id] = sale
        return found

    def _buyer_lead_id(self, targets: list[str]) -> dict[str, Sale]:
        self.cursor.execute(BY_BUYERS_ID, [self.recipient_id, targets])
        return _newest((row[-1], Sale(*row[:-1])) for row in self.cursor.fetchall())

    def _email(self, targets: list[str]) -> dict[str, Sale]:
        return self._by_digest("email", targets)

    def _phone(self, targets: list[str]) -> dict[str, Sale]:
        return self._by_digest("phone", targets)

    def _by_digest(self, kind: str, targets: list[str]) -> dict[str, Sale]:
        digests = {target: search.digest(kind, target) for target in targets}
        known = [digest for digest in digests.values() if digest]
        self.cursor.execute(BY_DIGEST, [self.recipient_id, known, self.at - WINDOW])
        sales = _newest((bytes(row[-1]), Sale(*row[:-1])) for row in self.cursor.fetchall())
        return {target: sales[digest] for target, digest in digests.items() if digest in sales}


def _newest(pairs: Any) -> dict[Any, Sale]:
    found: dict[Any, Sale] = {}
    for key, sale in pairs:
        other = found.get(key)
        if other is None or (sale.finished_at, sale.id) > (other.finished_at, other.id):
            found[key] = sale
    return found
