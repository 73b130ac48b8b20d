"""From events to figures: what each event counts for, and the folding of tallies.

`cells` is the one definition. The journal writes its result beside every event, `verify` applies
it again to the whole record; so figures equal a recount by construction, and are proven to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from operator import add
from typing import Any, NamedTuple

from django.db import connection, transaction

from events.buckets import NO_BUCKET, bucket
from events.buckets import bucket_ms as bucket_ms
from events.models import Counted
from events.vocabulary import ATTEMPT_ENDS, DELIVERY_ENDS, ENHANCEMENTS, EventType
from leadops.lib.bulk import Table
from recipients.outcomes import Outcome

Kind = Counted.Kind


class Cell(NamedTuple):
    """A row of `events_tally`: what is counted (the columns of `Counted.KEY`), and its sums."""

    hour: datetime
    kind: str
    flow_id: str
    source_id: str
    recipient_id: str
    outcome: str
    category: str
    reason: str
    attempt: int
    bucket: int
    test: bool
    n: int
    ms: int
    revenue: Decimal
    cost: Decimal


KEYS = len(Counted.KEY)
Sums = dict[tuple[Any, ...], list[Any]]
"""By key: n, ms, revenue, cost."""

REASON_LENGTH = 120
DIGITS = re.compile(r"\d+")
FOLD_LOCK = 0x4C4F_0001
FOLD_ROWS = 50_000

# What is counted of a flow's steps, under the step's id in the place of a recipient's.
STEPS: Mapping[str, Counted.Kind] = {
    EventType.FILTER_PASSED: Kind.FILTER,
    EventType.FILTER_FAILED: Kind.FILTER,
    **{kind: Kind.ENHANCE for kind in EventType if kind.group == "enhancement"},
    EventType.AUCTION_DECIDED: Kind.AUCTION,
}

# What counts at all: see `cells`.
COUNTING = frozenset(STEPS).union(
    ATTEMPT_ENDS,
    DELIVERY_ENDS,
    {
        EventType.SOURCE_ACCEPTED,
        EventType.SOURCE_REJECTED,
        EventType.AUCTION_BID,
        EventType.FLOW_COMPLETED,
        EventType.RETRY_SCHEDULED,
        EventType.REVIEW_REDIRECTED,
        EventType.FEEDBACK_PROCESSED,
    },
)

# What of an event's own fields counts: `cells` reads no others.
COUNTED_FIELDS = (
    ("bid", "amount"),
    ("by",),
    ("cost",),
    ("delivery", "price"),
    ("failure", "category"),
    ("kind",),
    ("metadata", "attempt_number"),
    ("money",),
    ("ping", "services_cost"),
    ("price",),
    ("result",),
    ("sales",),
    ("shares_back",),
    ("winner",),
)

# What an answer without a bid counts as, by its outcome; the others failed.
_WITHOUT_BID: Mapping[str, str] = {
    Outcome.ACCEPTED: "declined",
    Outcome.REJECTED: "declined",
    Outcome.DUPLICATE: "declined",
    Outcome.INVALID: "declined",
    Outcome.UNKNOWN: "silent",
}
_AMOUNT = Decimal("0.0001")  # as the column has it
_NOTHING = Decimal(0)

TALLY = Table(
    "events_tally",
    {
        "hour": "timestamptz",
        "kind": "text",
        "flow_id": "text",
        "source_id": "text",
        "recipient_id": "text",
        "outcome": "text",
        "category": "text",
        "reason": "text",
        "attempt": "smallint",
        "bucket": "smallint",
        "test": "boolean",
        "n": "bigint",
        "ms": "bigint",
        "revenue": "numeric",
        "cost": "numeric",
    },
)


def reason_class(reason: str) -> str:
    """A reason without its numbers, so that a buyer's ids do not make a row each."""
    return DIGITS.sub("#", reason)[:REASON_LENGTH]


@dataclass(frozen=True, slots=True)
class Happening:
    """What of an event counts. `data` is the event's own fields."""

    type: str
    at: datetime
    flow_id: str
    source_id: str
    entity_id: str
    outcome: str
    reason: str
    duration_ms: int | None
    test: bool
    data: Mapping[str, Any]


def cells(event: Happening) -> Iterator[Cell]:
    """What one event counts for, as rows of `events_tally`; revenue and cost are decimals."""
    kind = event.type
    yield from _step_cells(event)
    if kind in (EventType.SOURCE_ACCEPTED, EventType.SOURCE_REJECTED):
        yield _cell(event, Kind.LEAD, cost=_paid(event))
    elif kind in ENHANCEMENTS:
        # What a service costs is paid for the lead, which is counted where it was accepted.
        if cost := event.data.get("cost"):
            yield _cell(event, Kind.LEAD, outcome=Outcome.ACCEPTED.value, reason="", n=0, cost=cost)
    elif kind in DELIVERY_ENDS or kind in ATTEMPT_ENDS:
        yield from _delivery_cells(event)
    elif kind == EventType.FLOW_COMPLETED:
        for sale in event.data.get("sales", ()):
            yield _cell(
                event, Kind.SHARE, recipient_id=sale["recipient_id"], cost=sale["cost"], n=1
            )
    elif kind in (EventType.RETRY_SCHEDULED, EventType.REVIEW_REDIRECTED):
        # A completed lead goes on: its cost will be shared anew.
        for sale in event.data.get("shares_back", ()):
            yield _cell(
                event,
                Kind.SHARE,
                recipient_id=sale["recipient_id"],
                outcome=Outcome.ACCEPTED.value,
                reason="",
                cost=-sale["cost"],
                n=-1,
            )
    elif kind == EventType.FEEDBACK_PROCESSED:
        yield _cell(
            event,
            Kind.FEEDBACK,
            recipient_id=event.entity_id,
            outcome=event.data.get("kind", ""),
            reason=reason_class(event.reason),
            revenue=event.data.get("money", 0),
        )


def _step_cells(event: Happening) -> Iterator[Cell]:
    """What a flow's step did to the lead, or how it ended."""
    if event.type == EventType.FLOW_COMPLETED:
        yield _cell(event, Kind.RESULT, outcome=event.data.get("result", ""))
    elif step := STEPS.get(event.type):
        word = event.outcome if step is Kind.AUCTION else event.type.partition(".")[2]
        yield _cell(event, step, recipient_id=event.entity_id, outcome=word)
    if event.type in (EventType.AUCTION_BID, EventType.AUCTION_DECIDED):
        yield from _bid_cells(event)


def _bid_cells(event: Happening) -> Iterator[Cell]:
    """Bids stand in the column of costs: nothing is earned by them, and revenue is added up over
    all kinds of cells."""
    if event.type == EventType.AUCTION_DECIDED:
        if winner := event.data.get("winner"):
            yield _cell(event, Kind.BID, recipient_id=winner, outcome="won", reason="")
        return
    amount = event.data.get("bid", {}).get("amount")
    word = "bid" if amount is not None else _WITHOUT_BID.get(event.outcome, "failed")
    cost = _NOTHING if amount is None else Decimal(str(amount)).quantize(_AMOUNT, ROUND_HALF_UP)
    yield _cell(event, Kind.BID, recipient_id=event.entity_id, outcome=word, cost=cost)


def _delivery_cells(event: Happening) -> Iterator[Cell]:
    data = event.data
    attempt = data.get("metadata", {}).get("attempt_number", 0)
    category = data.get("failure", {}).get("category", "")
    # A technical end comes as two events, the attempt's error and the delivery's failure.
    final_only = event.type == EventType.RECIPIENT_FAILED and Outcome(event.outcome).is_technical
    by_hand = "by" in data  # a person recorded what the buyer had said: nothing was sent
    if event.type in ATTEMPT_ENDS and not final_only and not by_hand:
        # No time where nobody was asked, or nobody knows how long it took.
        timed = event.duration_ms is not None and event.outcome != Outcome.UNAVAILABLE
        yield _cell(
            event,
            Kind.ATTEMPT,
            recipient_id=event.entity_id,
            category=category,
            attempt=attempt,
            bucket=bucket(event.duration_ms or 0) if timed else NO_BUCKET,
            ms=event.duration_ms or 0 if timed else 0,
        )
    if event.type in DELIVERY_ENDS:
        yield _cell(
            event,
            Kind.DELIVERY,
            recipient_id=event.entity_id,
            category=category,
            attempt=attempt,
            revenue=data.get("delivery", {}).get("price", 0) if event.outcome == "accepted" else 0,
        )


def _paid(event: Happening) -> Decimal:
    """For a lead at the door: to its source, and to the services that its ping has asked."""
    asked = event.data.get("ping", {}).get("services_cost", 0)
    return Decimal(str(event.data.get("price", 0))) + Decimal(str(asked))


def _cell(
    event: Happening,
    kind: Kind,
    *,
    recipient_id: str = "",
    outcome: str | None = None,
    category: str = "",
    reason: str | None = None,
    attempt: int = 0,
    bucket: int = NO_BUCKET,
    n: int = 1,
    ms: int = 0,
    revenue: Any = 0,
    cost: Any = 0,
) -> Cell:
    if reason is None:
        reason = "" if event.outcome == "accepted" else reason_class(event.reason)
    return Cell(
        _hour(event.at),
        kind.value,
        event.flow_id,
        event.source_id,
        recipient_id,
        event.outcome if outcome is None else outcome,
        category,
        reason,
        attempt,
        bucket,
        event.test,
        n,
        ms,
        Decimal(str(revenue)) if revenue else _NOTHING,
        Decimal(str(cost)) if cost else _NOTHING,
    )


@lru_cache(maxsize=64)
def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def summed(cells: Iterable[Cell]) -> Sums:
    """The sums of each cell, however many events count in it."""
    sums: Sums = {}
    for cell in cells:
        key = cell[:KEYS]
        if (so_far := sums.get(key)) is None:
            sums[key] = list(cell[KEYS:])
        else:
            so_far[:] = map(add, so_far, cell[KEYS:])
    return sums


def write(cursor: Any, cells: Iterable[Cell]) -> None:
    """Add what happened to the figures, one row a cell."""
    rows = (Cell(*key, *sums) for key, sums in summed(cells).items())
    TALLY.insert(cursor, [row._asdict() for row in rows])


KEY = ", ".join(Counted.KEY)
SUMS = ", ".join(f"sum({column})" for column in Counted.SUMS)
# The array has the rows picked once: with IN, PostgreSQL may pick anew for each row it looks at.
FOLD = f"""
    WITH taken AS (
        DELETE FROM events_tally WHERE id = ANY(ARRAY(
            SELECT id FROM events_tally ORDER BY id LIMIT {FOLD_ROWS} FOR UPDATE SKIP LOCKED
        )) RETURNING *
    ), folded AS (
        INSERT INTO events_rollup ({KEY}, {", ".join(Counted.SUMS)})
        SELECT {KEY}, {SUMS} FROM taken GROUP BY {KEY}
        ON CONFLICT ({KEY}) DO UPDATE SET
            {", ".join(f"{c} = events_rollup.{c} + excluded.{c}" for c in Counted.SUMS)}
    )
    SELECT count(*) FROM taken
"""  # noqa: S608  our own names


def fold() -> int:
    """Move tallies into their hours' rows, at most 50,000 a call; give the number moved.

    One folder at a time (an advisory lock): two would wait on each other's rows.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(FOLD)
        return int(cursor.fetchone()[0])
