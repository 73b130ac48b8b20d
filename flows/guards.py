"""What keeps a lead from being taken twice: claims on its values, answers under its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from flows.models import DuplicateClaim, Flow, IntakeKey
from flows.plans import FlowPlan
from leadops.lib import secrets
from leadops.lib.bulk import dumps

KEYS_KEPT = timedelta(days=7)  # how long an Idempotency-Key gives the same answer

# Of two posts in flight the second waits here for the first, then finds its claim.
CLAIM_DUPLICATES = """
    INSERT INTO flows_duplicateclaim AS d (flow_id, digest, lead_id, at)
    SELECT %s, decode(r.digest, 'hex'), %s, %s
    FROM json_to_recordset(%s::json) AS r(digest text) ORDER BY r.digest
    ON CONFLICT (flow_id, digest) DO UPDATE SET lead_id = excluded.lead_id, at = excluded.at
    WHERE d.at < excluded.at - %s * interval '1 second'
    RETURNING 1
"""
EARLIER = """
    SELECT lead_id, at FROM flows_duplicateclaim
    WHERE flow_id = %s AND digest = ANY(%s) AND at >= %s ORDER BY at DESC LIMIT 1
"""
TAKE_KEY = """
    INSERT INTO flows_intakekey (source_id, flow_id, key, lead_id, answer, at)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (source_id, flow_id, key) DO NOTHING
"""
THIS = "WHERE source_id = %s AND flow_id = %s AND key = %s"
KNOWN_ANSWER = f"SELECT answer FROM flows_intakekey {THIS}"  # noqa: S608
KEEP_ANSWER = f"UPDATE flows_intakekey SET answer = %s {THIS}"  # noqa: S608


class Key(NamedTuple):
    """An idempotency key: a source may use the same one in another flow."""

    source_id: str
    flow_id: str
    key: str


def duplicate_digests(flow: FlowPlan, values: Mapping[str, Any], *, test: bool) -> list[bytes]:
    """One keyed digest for each set of fields that the lead has in full."""
    found = []
    for group in dict.fromkeys(flow.duplicates):  # one claim each, though listed twice
        parts = [values.get(name) for name in group]
        if all(part not in (None, "") for part in parts):
            text = "\0".join(f"{name}={part}" for name, part in zip(group, parts, strict=True))
            found.append(secrets.search_digest("test duplicate" if test else "duplicate", text))
    return found


def claim_duplicates(
    flow: FlowPlan, lead_id: str, digests: Sequence[bytes], *, at: datetime
) -> datetime | None:
    """Claim a lead's values in its flow; the moment of the earlier lead where one has them."""
    within = flow.duplicates_within
    savepoint = transaction.savepoint()
    with connection.cursor() as cursor:
        rows = dumps([{"digest": digest} for digest in digests])
        cursor.execute(CLAIM_DUPLICATES, [flow.id, lead_id, at, rows, within])
        if len(cursor.fetchall()) == len(set(digests)):
            transaction.savepoint_commit(savepoint)
            return None
        transaction.savepoint_rollback(savepoint)  # gives back the values that were free
        cursor.execute(EARLIER, [flow.id, list(digests), at - timedelta(seconds=within)])
        row = cursor.fetchone()
    return row[1] if row else at


def take_key(key: Key, lead_id: str, *, at: datetime) -> dict[str, Any] | None:
    """Take a key for a lead; where it is taken, the answer it got.

    Of two posts in flight with one key the second waits here for the first.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE_KEY, [*key, lead_id, "{}", at])
        if cursor.rowcount:
            return None
        cursor.execute(KNOWN_ANSWER, key)
        known: dict[str, Any] = orjson.loads(cursor.fetchone()[0])
        return known


def known_answer(key: Key) -> dict[str, Any] | None:
    """The answer kept under a key; takes nothing and waits for nobody."""
    with connection.cursor() as cursor:
        cursor.execute(KNOWN_ANSWER, key)
        row = cursor.fetchone()
    known: dict[str, Any] = orjson.loads(row[0]) if row else {}
    return known or None


def keep_answer(key: Key, answer: Mapping[str, Any]) -> None:
    """Keep what every later post with the key is told."""
    with connection.cursor() as cursor:
        cursor.execute(KEEP_ANSWER, [dumps(answer), *key])


def forget_old() -> int:
    """Delete answers older than a week and claims older than any flow's window; how many."""
    now = timezone.now()
    answers, _ = IntakeKey.objects.filter(at__lt=now - KEYS_KEPT).delete()
    longest = Flow.objects.aggregate(longest=Max("duplicate_within"))["longest"] or 0.0
    old = now - timedelta(seconds=longest)
    claims, _ = DuplicateClaim.objects.filter(at__lt=old).delete()
    return answers + claims
