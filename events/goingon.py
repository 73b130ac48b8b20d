"""When leads that wait go on: they themselves, or a delivery of theirs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from events.models import Delivery, Lead

BATCH = "Batch"  # what a delivery waits for that goes when its batch goes
# A lead's own work waits for nothing but a time: that of the next tier of its window.
GOES_ON = """
    SELECT coalesce(delivery_id, lead_id), due_at FROM flows_work
    WHERE (delivery_id = ANY(%s) OR (kind = 'advance' AND lead_id = ANY(%s)))
      AND lease IS NULL AND due_at > now() AND due_at < 'infinity'
"""


def goes_on(leads: Iterable[Lead], deliveries: Iterable[Delivery]) -> dict[str, datetime]:
    """When what waits of these goes on, by id of the lead or of the delivery. Nothing is asked
    where no lead is on its way."""
    working = [lead.id for lead in leads if lead.status == Lead.Status.WORKING]
    if not working:
        return {}
    deliveries = list(deliveries)
    batches = {each.id: each.batch for each in deliveries if each.waits_for == BATCH}
    asked = [*(each.id for each in deliveries), *batches.values()]
    with connection.cursor() as cursor:
        cursor.execute(GOES_ON, [asked, working])
        found = dict(cursor.fetchall())
    for id, batch in batches.items():
        found.pop(id, None)  # its own time is that of asking what became of its batch
        if batch in found:
            found[id] = found[batch]
    return found
