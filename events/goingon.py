"""When a lead that waits goes on: it, or one of its deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from events.models import Delivery

# A lead's own work waits for nothing but a time: that of the next tier of its window.
GOES_ON = """
    SELECT coalesce(delivery_id, ''), due_at FROM flows_work
    WHERE (delivery_id = ANY(%s) OR (kind = 'advance' AND lead_id = %s))
      AND lease IS NULL AND due_at > now() AND due_at < 'infinity'
"""


def goes_on(lead_id: str, deliveries: Iterable[Delivery]) -> dict[str, datetime]:
    """When what waits of a lead goes on, by delivery; under a blank id the lead itself."""
    with connection.cursor() as cursor:
        cursor.execute(GOES_ON, [[delivery.id for delivery in deliveries], lead_id])
        return dict(cursor.fetchall())
