"""Many deliveries sent again: chosen by filter, counted before, then done in batches behind the
scenes.

`start` writes down which deliveries it will be, so that what was counted is what is done. `work`
takes a batch at a time in one transaction: the batch's retries and how far it has come are true
together, so a worker that dies loses nothing and does nothing twice. It never has more than
MOST_WAITING deliveries waiting for a turn, so neither first attempts nor the buyer are flooded, and
a cancel stops nearly all that has not been sent.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from events.eventpages import alike
from events.eventpages.filters import Filters as EventFilters
from events.eventpages.walking import Nothing, TooSlow
from events.models import Delivery
from events.privacy.wording import without_addresses
from events.visibility import Sight
from events.vocabulary import EventType
from flows import plans
from flows.byhand import by_hand, retrying
from flows.byhand.by_hand import NotNow
from flows.delivery.dispatching import RETRY_LANE
from flows.models import BulkRetry
from flows.plan import Plans
from flows.turns.rows import LOCK_LEADS
from leadops.lib import jobs
from leadops.lib.bulk import dumps
from leadops.lib.jobs import AWAY
from recipients.outcomes import Category, Outcome

log = logging.getLogger(__name__)

TASK = "flows.tasks.bulk_retry"
MOST = 10_000
TYPED = ("reason", "lead")  # of a search of events: what people type, as they like
BATCH = 25
MOST_WAITING = 200  # in the lanes of its recipients, before it sends more their way
PAUSE = 0.5  # seconds between looks while enough are waiting
STATES = ("failed", "declined", "review")
OUTCOMES = tuple(word.value for word in Outcome if word is not Outcome.ACCEPTED)
CATEGORIES = tuple(word.value for word in Category)
REASONS = 20  # different ones that are kept

JOBS = jobs.Jobs("flows_bulkretry")
RENEW = """
    UPDATE flows_bulkretry SET waits_for = %s,
        worked_until = clock_timestamp() + %s * interval '1 second'
    WHERE id = %s
"""
NEXT = """
    SELECT deliveries[position + 1 : position + %s], position, total, state, sent, refused, by,
        force
    FROM flows_bulkretry WHERE id = %s FOR UPDATE
"""
ADVANCED = """
    UPDATE flows_bulkretry SET position = %s, sent = %s, refused = %s::jsonb, state = %s,
        waits_for = '', worked_until = clock_timestamp() + %s * interval '1 second',
        finished_at = CASE WHEN %s THEN clock_timestamp() END
    WHERE id = %s
"""
CAME_OF = """
    SELECT d.state, count(*) FROM flows_bulkretry b, unnest(b.deliveries[1 : b.position]) AS id
    JOIN events_delivery d USING (id)
    WHERE b.id = %s GROUP BY d.state ORDER BY count(*) DESC
"""
WAITING = """
    SELECT count(*) FROM (
        SELECT FROM flows_work WHERE lane = ANY(%s) LIMIT %s
    ) AS waiting
"""


class TooMany(ValueError):
    """More than MOST deliveries fit the filters."""


class NoneFit(ValueError):
    """No delivery fits the filters."""


class NotFound(ValueError):
    """The events that are asked for cannot be found; the text says why."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which deliveries; blank: all. `recipient` and `flow` are slugs, the times bound creation.

    `reason` is looked for within the reasons. `events` are the filters of a search of events, as
    its address has them: those that these events are about, whenever they were created.
    """

    start: datetime
    end: datetime
    recipient: str = ""
    flow: str = ""
    state: str = "failed"
    outcome: str = ""
    category: str = ""
    reason: str = ""
    events: str = ""

    def written(self) -> dict[str, str]:
        """As it is kept and shown, for good: without e-mail addresses and phone numbers."""
        kept = replace(self, reason=without_addresses(self.reason), events=_impersonal(self.events))
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in asdict(kept).items()
            if value
        }


def _impersonal(query: str) -> str:
    """A search of events, by nobody's address or number."""
    pairs = parse_qsl(query)
    kept = [(name, without_addresses(text) if name in TYPED else text) for name, text in pairs]
    return query if kept == pairs else urlencode(kept)


@dataclass(frozen=True, slots=True)
class Found:
    """What would be sent again. `count` goes up to MOST + 1; of them `sold` are of leads that
    somebody bought."""

    count: int
    sold: int

    @property
    def too_many(self) -> bool:
        return self.count > MOST


def matching(filters: Filters) -> QuerySet[Delivery]:
    """The deliveries that fit, in order of their ids. Raises NotFound."""
    rows = Delivery.objects.filter(state=filters.state)
    if filters.events:
        rows = rows.filter(id__in=_of_events(filters.events))
    else:
        rows = rows.filter(created_at__gte=filters.start, created_at__lt=filters.end)
    for name, value in (
        ("recipient__slug", filters.recipient),
        ("flow__slug", filters.flow),
        ("outcome", filters.outcome),
        ("category", filters.category),
        ("reason__icontains", filters.reason),
    ):
        if value:
            rows = rows.filter(**{name: value})
    return rows.order_by("id")


def _of_events(query: str) -> list[str]:
    """The deliveries that a search of events leads to, no more than are too many anyway.

    Raises NotFound.
    """
    try:
        return alike.delivery_ids(
            EventFilters.of(query), Sight(), most=MOST + 1, now=datetime.now(UTC)
        )
    except TooSlow as error:
        raise NotFound("Finding these events took too long; shorten the period.") from error
    except (Nothing, ValueError, OverflowError) as error:
        raise NotFound(str(error)) from error


def came_of(bulk_id: str) -> dict[str, int]:
    """How those that it has come to stand by now: state → how many."""
    with connection.cursor() as cursor:
        cursor.execute(CAME_OF, [bulk_id])
        return dict(cursor.fetchall())


def look(filters: Filters) -> Found:
    """Count what fits, no further than is allowed. Raises NotFound."""
    ids = matching(filters).values("id")[: MOST + 1]
    sold = Delivery.objects.filter(id__in=ids, lead__sales__gt=0)
    return Found(ids.count(), sold.count())


def start(filters: Filters, *, by: str, force: bool = False) -> BulkRetry:
    """Write down what is to be sent again; raises TooMany, NoneFit and NotFound."""
    found = list(matching(filters).values_list("id", "recipient_id")[: MOST + 1])
    if len(found) > MOST:
        raise TooMany(f"More than {MOST:,} deliveries fit; narrow it down.")
    if not found:
        raise NoneFit("No delivery fits.")
    with by_hand.noted() as (_, journal):
        bulk = BulkRetry.objects.create(
            by=by,
            filters=filters.written(),
            force=force,
            deliveries=[id for id, _ in found],
            lanes=sorted({recipient + RETRY_LANE for _, recipient in found}),
            total=len(found),
        )
        journal.operation(
            EventType.RETRY_BULK_STARTED,
            entity_id=bulk.id,
            reason=f"{bulk.total:,} deliveries are sent again by {by}",
            by=by,
            filters=bulk.filters,
            total=bulk.total,
            force=force,
        )
    return bulk


def cancel(bulk_id: str, *, by: str) -> bool:
    """Send no more of them; False when it had ended. Raises BulkRetry.DoesNotExist."""
    with by_hand.noted() as (_, journal):
        bulk = BulkRetry.objects.select_for_update().defer("deliveries").get(pk=bulk_id)
        if not bulk.is_open:
            return False
        bulk.state, bulk.finished_at = BulkRetry.State.CANCELLED, journal.at
        bulk.waits_for = ""
        bulk.save(update_fields=["state", "finished_at", "waits_for"])
        _ended(journal, bulk.id, "cancelled", by=by, sent=bulk.sent, position=bulk.position)
    return True


def work(bulk_id: str, *, seconds: float, stopping: Callable[[], bool]) -> bool:
    """Work on one for some seconds; True when it is at its end, or somebody else has it."""
    lanes = BulkRetry.objects.filter(pk=bulk_id).values_list("lanes", flat=True).first() or []

    def step() -> bool:
        if _enough_waiting(bulk_id, lanes):
            time.sleep(PAUSE)
            return True
        return _step(bulk_id)

    lease = settings.LEADOPS_LEASE
    return JOBS.work(bulk_id, step, seconds=seconds, lease=lease, stopping=stopping)


def _enough_waiting(bulk_id: str, lanes: Sequence[str]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [list(lanes), MOST_WAITING])
        enough = bool(cursor.fetchone()[0] >= MOST_WAITING)
        if enough:
            text = "Enough retries of its recipients are waiting for their turn"
            cursor.execute(RENEW, [text, settings.LEADOPS_LEASE, bulk_id])
    return enough


def _step(bulk_id: str) -> bool:
    """One batch; where it cannot be stored, its first delivery alone, which is then left out.

    False when nothing is left to do.
    """
    try:
        return _batch(bulk_id, BATCH)
    except AWAY:
        raise
    except Exception:
        log.exception("A batch of %s cannot be sent again; one by one", bulk_id)
    try:
        return _batch(bulk_id, 1)
    except AWAY:
        raise
    except Exception:
        log.exception("A delivery of %s cannot be sent again", bulk_id)
        return _batch(bulk_id, 1, leave_out="It cannot be sent again; the log says why")


def _batch(bulk_id: str, size: int, *, leave_out: str = "") -> bool:
    """The next deliveries and how far it has come, in one transaction."""
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        cursor.execute(NEXT, [size, bulk_id])
        ids, position, total, state, sent, refused, by, force = cursor.fetchone()
        if state not in BulkRetry.OPEN:
            return False
        reasons = Counter(_loaded(refused))
        leads = dict(Delivery.objects.filter(id__in=ids).values_list("id", "lead_id"))
        # All of them first, in order of their ids, as everybody does.
        cursor.execute(LOCK_LEADS, [sorted(set(leads.values()))])
        for id in ids:
            problem = leave_out or _again(cursor, id, leads, current, journal, bulk_id, by, force)
            if problem:
                reasons[problem if problem in reasons or len(reasons) < REASONS else "Other"] += 1
            else:
                sent += 1
        position += len(ids)
        done = position >= total
        state = BulkRetry.State.DONE if done else BulkRetry.State.RUNNING
        written = dumps(dict(reasons))
        cursor.execute(
            ADVANCED, [position, sent, written, state, settings.LEADOPS_LEASE, done, bulk_id]
        )
        if done:
            _ended(journal, bulk_id, "done", by=by, sent=sent, position=position)
    return not done


def _again(
    cursor: Any,
    delivery_id: str,
    leads: Mapping[str, str],
    current: Plans,
    journal: Any,
    bulk_id: str,
    by: str,
    force: bool,
) -> str:
    """Send one again; why not, where it may not be."""
    if delivery_id not in leads:
        return "There is no such delivery any more."
    try:
        run = by_hand.locked(cursor, leads[delivery_id], current, journal)
        delivery = run.deliveries[[d.id for d in run.deliveries].index(delivery_id)]
        if delivery.state == "accepted":
            return "It was accepted in the meantime."
        retrying.send_again(cursor, run, delivery, current, by=by, force=force, bulk=bulk_id)
    except NotNow as error:
        return str(error)
    return ""


def _ended(journal: Any, bulk_id: str, how: str, *, by: str, sent: int, position: int) -> None:
    journal.operation(
        EventType.RETRY_BULK_ENDED,
        entity_id=bulk_id,
        reason=f"{how.capitalize()}: {sent:,} sent again, {position - sent:,} left out",
        by=by,
        how=how,
        sent=sent,
        left_out=position - sent,
    )


def _loaded(refused: Any) -> Mapping[str, int]:
    found: Mapping[str, int] = orjson.loads(refused) if isinstance(refused, str) else refused
    return found
