"""Answers to a large batch, written down before they are taken in slice by slice.

A batch whose leads are settled in one transaction needs none of this. Where there are several, a
worker may die between two of them, and what it had read of the reply would be gone for the others:
they would go again, alone, as another file under the same name. So all answers are stored first,
in slices too, and count from the moment the batch is `answered`. A turn that finds a delivery left
behind looks here what became of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from flows.turns.desk import Sending
from leadops.lib import wire
from leadops.lib.bulk import Table
from recipients.deliver import Attempt, RecordedReply, RecordedRequest
from recipients.outcomes import Category, Outcome, Result

TABLE = Table(
    "flows_batchanswer",
    {
        "delivery_id": "text",
        "lead_id": "text",
        "attempt": "smallint",
        "judges": "boolean",
        "left_out": "boolean",
        "result": "jsonb",
        "made": "jsonb",
    },
    key="delivery_id",
)
# What an attempt before this one left, whose worker died before all was stored.
REPLACE = """
    ON CONFLICT (delivery_id) DO UPDATE SET attempt = excluded.attempt, judges = excluded.judges,
        left_out = excluded.left_out, result = excluded.result, made = excluded.made,
        at = clock_timestamp()
    WHERE flows_batchanswer.attempt <= excluded.attempt
"""
# Whoever is being erased is erased first, or waits until the answers are there to be erased.
ERASED = """
    WITH l AS (SELECT id, salt FROM events_lead WHERE id = ANY(%s) ORDER BY id FOR SHARE)
    SELECT id FROM l WHERE salt IS NULL
"""
LEFT = """
    SELECT d.id, d.lead_id, d.batch, b.state, b.tries, a.judges, a.left_out, a.result, a.made
    FROM events_delivery d JOIN flows_batch b ON b.id = d.batch
    LEFT JOIN flows_batchanswer a
        ON a.delivery_id = d.id AND a.attempt = d.attempts AND b.state = 'answered'
    WHERE d.id = ANY(%s) AND d.state = 'sending' AND b.state IN ('starting', 'answered')
"""
FORGET = "DELETE FROM flows_batchanswer WHERE delivery_id = ANY(%s)"
# Two turns with the last of them wait for each other, so one of the two sees that it is the last.
LOCK = "SELECT FROM flows_batch WHERE id = ANY(%s) AND state = 'answered' ORDER BY id FOR UPDATE"
CLOSE = """
    UPDATE flows_batch b SET
        state = CASE WHEN open THEN 'waiting' ELSE 'done' END,
        done_at = CASE WHEN open THEN NULL ELSE clock_timestamp() END
    FROM (
        SELECT g.id, EXISTS (
            SELECT FROM events_delivery d WHERE d.batch = g.id AND d.state = 'waiting'
        ) AS open
        FROM flows_batch g WHERE g.id = ANY(%s)
    ) o
    WHERE b.id = o.id AND b.state = 'answered' AND NOT EXISTS (
        SELECT FROM events_delivery d WHERE d.batch = b.id AND d.state = 'sending'
    )
"""
# Of those whose worker died before all was stored, and of attempts long since over.
STALE = """
    DELETE FROM flows_batchanswer a WHERE a.at < clock_timestamp() - interval '10 minutes'
        AND NOT EXISTS (
            SELECT FROM events_delivery d JOIN flows_batch b ON b.id = d.batch
            WHERE d.id = a.delivery_id AND d.state = 'sending' AND d.attempts = a.attempt
                AND b.state IN ('sending', 'answered')
        )
"""


LASTING = ("outcome", "category", "price")  # of a result, when its lead is erased


@dataclass(frozen=True, slots=True)
class Left:
    """What is known of a delivery that was left behind with its batch. `attempt` None: the batch
    was not sent yet, and whoever has it goes on with it."""

    delivery_id: str
    lead_id: str
    batch_id: str
    tries: int
    attempt: Attempt | None = None
    judges: bool = False
    left_out: bool = False


def store(cursor: Any, results: Iterable[tuple[Sending, Attempt]]) -> None:
    """Write answers down; they do not count yet. Of leads that were erased what it came to alone,
    as their erasure would have left it."""
    results = list(results)
    cursor.execute(ERASED, [wire.array(sorted({sending.lead_id for sending, _ in results}))])
    erased = {row[0] for row in cursor.fetchall()}
    found = [_row(*each, erased=each[0].lead_id in erased) for each in results]
    TABLE.insert(cursor, found, suffix=REPLACE)


def _row(sending: Sending, attempt: Attempt, *, erased: bool) -> dict[str, Any]:
    result = _result(attempt.result)
    return {
        "delivery_id": sending.delivery_id,
        "lead_id": sending.lead_id,
        "attempt": sending.attempt,
        "judges": sending.judges,
        "left_out": not sending.batch,
        "result": {name: result[name] for name in LASTING} if erased else result,
        "made": None if erased else _made(attempt),
    }


def look_up(delivery_ids: Collection[str]) -> dict[str, Left]:
    """What is known of deliveries under way whose worker did not come back, by their ids; those of
    which nobody knows more are not among them."""
    if not delivery_ids:
        return {}
    with wire.cursor() as cursor:
        cursor.execute(LEFT, [wire.array(sorted(delivery_ids))])
        found = (_left(row) for row in cursor.fetchall())
        return {each.delivery_id: each for each in found if each is not None}


def _left(row: Sequence[Any]) -> Left | None:
    id, lead_id, batch_id, state, tries, judges, left_out, result, made = row
    if state == "starting":
        return Left(id, lead_id, batch_id, tries)
    if result is None:
        return None
    return Left(id, lead_id, batch_id, tries, _read(_json(result), _json(made)), judges, left_out)


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def forget(cursor: Any, delivery_ids: Collection[str]) -> None:
    """These are taken in, in this transaction."""
    if delivery_ids:
        cursor.execute(FORGET, [wire.array(sorted(delivery_ids))])


def close(cursor: Any, batch_ids: Collection[str]) -> None:
    """After deliveries are saved: a batch all of whose answers are taken in is done, or some of it
    is to be sent again."""
    if batch_ids:
        found = wire.array(sorted(batch_ids))
        cursor.execute(LOCK, [found])
        cursor.execute(CLOSE, [found])


# --- an attempt as JSON, and back


def _result(found: Result) -> dict[str, Any]:
    return {
        "outcome": found.outcome.value,
        "category": found.category.value if found.category else None,
        "reason": found.reason,
        "price": None if found.price is None else str(found.price),
        "buyer_lead_id": found.buyer_lead_id,
        "message": found.message,
        "details": found.details,
        "retry_after": found.retry_after,
        "captures": found.captures,
    }


def _made(attempt: Attempt) -> dict[str, Any]:
    request, reply = attempt.request, attempt.reply
    return {
        "request": request and [request.method, request.url, request.headers, request.body],
        "reply": reply and [reply.status, reply.headers, reply.body],
        "seconds": attempt.seconds,
        "started": attempt.started,
        "place": attempt.place,
    }


def _read(result: dict[str, Any], made: dict[str, Any] | None) -> Attempt:
    """The attempt again; of an erased lead what it came to alone."""
    price, category = result.pop("price", None), result.pop("category", None)
    found = Result(
        **{**result, "outcome": Outcome(result["outcome"])},
        category=Category(category) if category else None,
        price=None if price is None else Decimal(price),
    )
    if made is None:
        return Attempt(found)
    return Attempt(
        result=found,
        request=RecordedRequest(*made["request"]) if made["request"] else None,
        reply=RecordedReply(*made["reply"]) if made["reply"] else None,
        seconds=made["seconds"],
        started=datetime.fromisoformat(made["started"]),
        place=made["place"],
    )
