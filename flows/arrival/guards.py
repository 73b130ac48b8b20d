"""What keeps a lead from being taken twice: claims on its values, answers under its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from flows.models import DuplicateClaim, Flow, FlowSource, IntakeKey, RecipientClaim
from flows.plan import FlowPlan
from leadops.lib import secrets
from leadops.lib.bulk import dumps
from recipients.models import Recipient

KEYS_KEPT = timedelta(days=7)  # how long an Idempotency-Key gives the same answer

# Of two posts in flight the second waits here for the first, then finds its claim.
WANTED = "json_to_recordset(%(claims)s::json) AS r(digest text, within float)"
CLAIM_DUPLICATES = f"""
    INSERT INTO flows_duplicateclaim AS d (flow_id, digest, lead_id, at)
    SELECT %(flow)s, decode(r.digest, 'hex'), %(lead)s, %(at)s FROM {WANTED} ORDER BY r.digest
    ON CONFLICT (flow_id, digest) DO UPDATE SET lead_id = excluded.lead_id, at = excluded.at
    WHERE d.at < excluded.at - interval '1 second' * (
        SELECT r.within FROM {WANTED} WHERE decode(r.digest, 'hex') = excluded.digest
    )
    RETURNING 1
"""  # noqa: S608
EARLIER = f"""
    SELECT d.at FROM flows_duplicateclaim d
    JOIN {WANTED} ON d.digest = decode(r.digest, 'hex')
    WHERE d.flow_id = %(flow)s AND d.at >= %(at)s - interval '1 second' * r.within
    ORDER BY d.at DESC LIMIT 1
"""  # noqa: S608
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


class Claim(NamedTuple):
    """A set of values that a lead has in full, and for how many seconds it is a duplicate's."""

    digest: bytes
    within: float


def claims(flow: FlowPlan, source_id: str, values: Mapping[str, Any], *, test: bool) -> list[Claim]:
    """What a lead claims: by the flow's sets of fields, and by those for its source alone."""
    terms = flow.terms.get(source_id)
    found = [
        Claim(digest, flow.duplicates_within)
        for digest in digests_of(flow.duplicates, values, of="duplicate", test=test)
    ]
    if terms is None or not terms.duplicates:
        return found
    own = digests_of(terms.duplicates, values, of=f"duplicate of {source_id}", test=test)
    return found + [Claim(digest, terms.duplicates_within) for digest in own]


def digests_of(
    sets: Sequence[tuple[str, ...]], values: Mapping[str, Any], *, of: str, test: bool
) -> list[bytes]:
    """One keyed digest for each set of fields that the lead has in full."""
    found = []
    for group in dict.fromkeys(sets):  # one claim each, though listed twice
        parts = [values.get(name) for name in group]
        if all(part not in (None, "") for part in parts):
            text = "\0".join(f"{name}={part}" for name, part in zip(group, parts, strict=True))
            found.append(secrets.search_digest(f"test {of}" if test else of, text))
    return found


def claim_duplicates(
    flow: FlowPlan, lead_id: str, wanted: Sequence[Claim], *, at: datetime
) -> datetime | None:
    """Claim a lead's values in its flow; the moment of the earlier lead where one has them."""
    written = dumps([claim._asdict() for claim in wanted])
    given: dict[str, Any] = {"flow": flow.id, "lead": lead_id, "at": at, "claims": written}
    savepoint = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_DUPLICATES, given)
        if len(cursor.fetchall()) == len({claim.digest for claim in wanted}):
            transaction.savepoint_commit(savepoint)
            return None
        transaction.savepoint_rollback(savepoint)  # gives back the values that were free
        cursor.execute(EARLIER, given)
        row = cursor.fetchone()
    return row[0] if row else at


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
    """Delete answers older than a week and claims older than any window; how many."""
    now = timezone.now()
    answers, _ = IntakeKey.objects.filter(at__lt=now - KEYS_KEPT).delete()
    at_the_door = max(_longest(Flow), _longest(FlowSource))
    claims, _ = DuplicateClaim.objects.filter(at__lt=now - at_the_door).delete()
    sent, _ = RecipientClaim.objects.filter(at__lt=now - _longest(Recipient)).delete()
    return answers + claims + sent


def _longest(model: type[Flow | FlowSource | Recipient]) -> timedelta:
    """The longest window within which anything of a kind looks for duplicates."""
    found = model._default_manager.aggregate(longest=Max("duplicate_within"))
    return timedelta(seconds=found["longest"] or 0.0)
