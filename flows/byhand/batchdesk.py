"""What staff see of a recipient's batches, and what they do to them. It is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from events import shapes
from events.vocabulary import EventType
from flows.byhand.by_hand import REASON_LENGTH, noted
from flows.delivery import batchanswers
from flows.models import Batch
from leadops.lib import wake
from recipients.models import Recipient

LATEST = 5
# When it goes stands on its work; what is leased is under way, `infinity` is somebody's hold.
FOUND = """
    SELECT b.id, b.state, b.waits_for, b.test, b.size, b.opened_at, b.sent_at, b.tries, b.outcomes,
           CASE WHEN w.lease IS NULL AND w.due_at < 'infinity' THEN w.due_at END
    FROM flows_batch b LEFT JOIN flows_work w ON w.delivery_id = b.id
    WHERE b.recipient_id = %s AND (b.state = 'done') = %s
    ORDER BY b.opened_at DESC LIMIT %s
"""
RELEASE = """
    UPDATE flows_work SET due_at = clock_timestamp()
    WHERE delivery_id = ANY(%s) AND kind = 'batch' AND lease IS NULL AND due_at > clock_timestamp()
    RETURNING delivery_id
"""
# Of those whose worker died and whose leads were all given up, nobody else says that they are over.
FORGOTTEN = """
    UPDATE flows_batch b SET state = 'done', done_at = clock_timestamp()
    WHERE b.state IN ('sending', 'answered', 'waiting')
      AND b.sent_at < clock_timestamp() - interval '10 minutes'
      AND NOT EXISTS (SELECT FROM flows_work w WHERE w.delivery_id = b.id)
      AND NOT EXISTS (
          SELECT FROM events_delivery d WHERE d.batch = b.id AND d.state IN ('waiting', 'sending')
      )
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A batch on its recipient's page. `goes_at`: None while it is under way, or held."""

    id: str
    state: str
    waits_for: str
    test: bool
    size: int
    opened_at: datetime
    sent_at: datetime | None
    tries: int
    outcomes: dict[str, int]
    goes_at: datetime | None

    @property
    def label(self) -> str:
        return Batch.State(self.state).label

    @property
    def said(self) -> str:
        """What its leads came to, e.g. `3 accepted, 1 rejected`."""
        return ", ".join(f"{count} {word}" for word, count in sorted(self.outcomes.items()))


def of_recipient(recipient_id: str, *, done: bool) -> list[Shown]:
    """Those under way, or those that were sent last; the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [recipient_id, done, LATEST if done else 50])
        rows = cursor.fetchall()
    return [_shown(row) for row in rows]


def _shown(row: Sequence[Any]) -> Shown:
    *first, outcomes, goes_at = row
    return Shown(*first, outcomes=orjson.loads(outcomes), goes_at=goes_at)  # type: ignore[misc]  # a row's length


def release(recipient: Recipient, *, by: str, reason: str = "") -> int:
    """Let the batches that gather go now; how many."""
    waiting = Batch.objects.filter(recipient_id=recipient.pk).exclude(state=Batch.State.DONE)
    with noted() as (cursor, journal):
        cursor.execute(RELEASE, [list(waiting.values_list("id", flat=True))])
        released = sorted(row[0] for row in cursor.fetchall())
        for batch in Batch.objects.filter(id__in=released):
            journal.operation(
                EventType.BATCH_RELEASED,
                entity_id=recipient.pk,
                reason=reason.strip()[:REASON_LENGTH] or f"By {by}",
                by=by,
                recipient=shapes.recipient(recipient),
                batch={"id": batch.id, "count": batch.size},
            )
        if released:
            wake.ring(cursor)
    return len(released)


def forget_old() -> None:
    """Close batches that nobody is going to end, and forget answers that nobody will take in."""
    with connection.cursor() as cursor:
        cursor.execute(FORGOTTEN)
        cursor.execute(batchanswers.STALE)
