"""How a recipient's deliveries went, by the version of the mapping that they were sent by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

MOST = 200_000  # deliveries that are looked at, the latest ones
# Ends of deliveries that were sent. Test leads go only to sandboxes, and count nowhere.
COUNTED = """
    SELECT mapping_version, count(*), count(*) FILTER (WHERE state = 'accepted'),
        coalesce(sum(revenue), 0)
    FROM (
        SELECT mapping_version, state, revenue, finished_at, attempts, endpoint
        FROM events_delivery
        WHERE recipient_id = %s AND created_at >= %s
        ORDER BY created_at DESC LIMIT %s
    ) AS latest
    WHERE finished_at IS NOT NULL AND attempts > 0 AND state <> 'skipped' AND endpoint <> 'sandbox'
    GROUP BY mapping_version
"""


@dataclass(frozen=True, slots=True)
class Went:
    """Deliveries that were sent and have ended, those accepted, what they brought."""

    ended: int = 0
    accepted: int = 0
    revenue: Decimal = Decimal(0)

    @property
    def rate(self) -> float | None:
        """Accepted of ended, from 0 to 1."""
        return self.accepted / self.ended if self.ended else None


def by_version(recipient_id: str, since: datetime) -> dict[int, Went]:
    """By number, of deliveries made since then; of more than MOST, the latest."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [recipient_id, since, MOST])
        return {number: Went(*counts) for number, *counts in cursor.fetchall()}
