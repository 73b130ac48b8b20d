"""Take feedback in: find the sale, apply it to the lead, the money and the figures, record it.

One transaction for a whole list. Leads are locked first, in order of their ids, as pumps do; a
second post of the same feedback waits there, then finds the first one's answer.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from events import leads, shapes
from events.feedback import keys, labels
from events.feedback.reading import Statement, days_between
from events.feedback.targets import Finder, Sale
from events.journal import Journal
from events.leads import LockedLead
from events.passing import wanting
from events.vocabulary import EventType
from leadops.lib import ids
from leadops.lib.bulk import Table
from recipients.models import Recipient
from recipients.outcomes import Outcome

log = logging.getLogger(__name__)

NOT_YOURS = "No such lead of yours"
TRIES = 3  # against a post of the same key for another lead, in the same moment

FEEDBACK = Table(
    "events_feedback",
    {
        "id": "text",
        "kind": "text",
        "recipient_id": "text",
        "lead_id": "text",
        "delivery_id": "text",
        "key": "text",
        "value": "text",
        "reason": "text",
        "occurred_at": "timestamptz",
        "received_at": "timestamptz",
        "outcome": "text",
        "rejection": "text",
        "days_to_convert": "integer",
        "money": "numeric",
    },
)
KNOWN = """
    SELECT key, outcome, id, lead_id, rejection FROM events_feedback
    WHERE recipient_id = %s AND key = ANY(%s)
"""
RETURNED = "SELECT id, returned_at FROM events_delivery WHERE id = ANY(%s) AND returned_at NOTNULL"
RETURN = "UPDATE events_delivery SET returned_at = %s WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner is told. Without `lead_id` nothing was found, and nothing is kept."""

    outcome: str
    id: str = ""
    lead_id: str = ""
    reason: str = ""
    repeated: bool = False


@dataclass(slots=True)
class _Batch:
    """One transaction's work."""

    recipient: Recipient
    zone: ZoneInfo
    journal: Journal
    leads: dict[str, LockedLead]
    returned: dict[str, datetime]
    known: dict[str, Answer]
    wants: wanting.Wants
    rows: list[dict[str, Any]] = field(default_factory=list)
    returns: list[str] = field(default_factory=list)
    passed_on: list[tuple[str, str]] = field(default_factory=list)


def take(
    recipient: Recipient, statements: Sequence[Statement], *, at: datetime | None = None
) -> list[Answer]:
    """An answer for each statement, in order; true when this returns, for it is committed.

    `at` replaces the database's clock, for past traffic. Raises DatabaseError when it cannot
    be stored; then nothing of it was.
    """
    for left in range(TRIES, 0, -1):
        try:
            return _take(recipient, statements, at)
        except (IntegrityError, OperationalError) as error:
            # Two posts met: one key for two leads, or a deadlock between such.
            if left == 1 or not connection.is_usable():
                raise
            log.info("Feedback of %s is taken again: %s", recipient.slug, type(error).__name__)
        except DataError:
            if len(statements) == 1:
                log.exception("Feedback of %s cannot be stored", recipient.slug)
                return [Answer("rejected", reason="Cannot be stored")]
            return [take(recipient, [one], at=at)[0] for one in statements]
    raise AssertionError  # the last try returns or raises


def _take(
    recipient: Recipient, statements: Sequence[Statement], at: datetime | None
) -> list[Answer]:
    with transaction.atomic(), connection.cursor() as cursor:
        now = at or _clock(cursor)
        sales = Finder(cursor, recipient.id, at=now).find(statements)
        given = [_key(statement, sale) for statement, sale in zip(statements, sales, strict=True)]
        batch = _load(cursor, recipient, [sale for sale in sales if sale], given, at)
        answers = [
            _one(batch, statement, sale, key)
            for statement, sale, key in zip(statements, sales, given, strict=True)
        ]
        _save(cursor, batch)
    return answers


def _clock(cursor: Any) -> datetime:
    cursor.execute("SELECT clock_timestamp()")
    now: datetime = cursor.fetchone()[0]
    return now


def _key(statement: Statement, sale: Sale | None) -> str:
    """The partner's own key; without one, the same words about the same sale are the same."""
    if statement.key or sale is None:
        return statement.key
    moment = statement.occurred_at.isoformat() if statement.occurred_at else ""
    words = "\0".join((statement.kind, sale.id, statement.value, moment))
    return f"sha256:{hashlib.sha256(words.encode()).hexdigest()}"


def _load(
    cursor: Any,
    recipient: Recipient,
    sales: Sequence[Sale],
    given: Sequence[str],
    at: datetime | None,
) -> _Batch:
    """Lock the leads, then read what others may have changed until then."""
    locked = leads.lock(cursor, (sale.lead_id for sale in sales))
    cursor.execute(RETURNED, [[sale.id for sale in sales]])
    returned = dict(cursor.fetchall())
    named = {form: key for key in given if key for form in (key, keys.erased(key))}
    cursor.execute(KNOWN, [recipient.id, [*named]])
    known = {
        named[form]: Answer(outcome, id, lead_id, rejection, repeated=True)
        for form, outcome, id, lead_id, rejection in cursor.fetchall()
    }
    return _Batch(
        recipient=recipient,
        zone=ZoneInfo(recipient.timezone),
        journal=Journal(at or _clock(cursor)),
        leads=locked,
        returned=returned,
        known=known,
        wants=wanting.wants(cursor, (lead.source_id for lead in locked.values())),
    )


def _one(batch: _Batch, statement: Statement, sale: Sale | None, key: str) -> Answer:
    if key and key in batch.known:
        return batch.known[key]
    if sale is None or sale.lead_id not in batch.leads:
        # The target is left out of the record: it may be somebody's address, and nobody's lead.
        batch.journal.operation(
            EventType.FEEDBACK_REJECTED,
            entity_id=batch.recipient.id,
            reason=NOT_YOURS,
            kind=statement.kind,
            by=statement.by,
        )
        return Answer("rejected", reason=NOT_YOURS)
    answer = _apply(batch, statement, sale, key)
    batch.known[key] = Answer(answer.outcome, answer.id, answer.lead_id, answer.reason, True)
    return answer


def _apply(batch: _Batch, statement: Statement, sale: Sale, key: str) -> Answer:
    lead, at = batch.leads[sale.lead_id], batch.journal.at
    rejection = _rejection(batch, statement, sale)
    occurred_at = statement.occurred_at or at
    money = Decimal(0)
    if statement.kind == "return" and not rejection:
        money = -sale.revenue
        lead.revenue += money
        batch.returned[sale.id] = at
        batch.returns.append(sale.id)
    days = None
    if statement.kind == "conversion":
        days = days_between(sale.finished_at, occurred_at, batch.zone)
    row = {
        "id": ids.new_id("fbk"),
        "kind": statement.kind,
        "recipient_id": batch.recipient.id,
        "lead_id": lead.id,
        "delivery_id": sale.id,
        # Of an erased lead the money still counts; what is said of the person is not kept.
        "key": keys.erased(key) if lead.salt is None else key,
        "value": "" if lead.salt is None else statement.value,
        "reason": "" if lead.salt is None else statement.reason,
        "occurred_at": occurred_at,
        "received_at": at,
        "outcome": "rejected" if rejection else "processed",
        "rejection": rejection,
        "days_to_convert": days,
        "money": money,
    }
    batch.rows.append(row)
    passed_on = not rejection and statement.kind in batch.wants.get(lead.source_id, ())
    if passed_on:
        batch.passed_on.append((row["id"], lead.source_id))
    _record(batch.journal, lead, batch.recipient, row, passed_on=passed_on)
    return Answer(row["outcome"], row["id"], lead.id, rejection)


def _rejection(batch: _Batch, statement: Statement, sale: Sale) -> str:
    """Why it cannot be applied; empty when it can."""
    before = batch.returned.get(sale.id)
    if statement.kind == "return" and before:
        return f"Returned already on {before.astimezone(batch.zone):%Y-%m-%d}"
    return ""


def _record(
    journal: Journal,
    lead: LockedLead,
    recipient: Recipient,
    row: dict[str, Any],
    *,
    passed_on: bool,
) -> None:
    """Two events: what was said, and what came of it. Words of its own stay in the row, which is
    erasable; readers put them beside what is here."""
    reason = labels.label(row["reason"])
    left_out = [name for name in ("value", "reason") if not labels.is_label(row[name])]
    said = {
        "kind": row["kind"],
        "value": labels.label(row["value"]),
        "occurred_at": f"{row['occurred_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z",
        "feedback_id": row["id"],
        "recipient": {
            "id": recipient.id,
            "name": recipient.name,
            "slug": recipient.slug,
            "type": recipient.type,
        },
        "delivery": {"id": row["delivery_id"]},
    }
    if row["days_to_convert"] is not None:
        said["days_to_convert"] = row["days_to_convert"]
    if left_out:
        said["left_out"] = left_out
    journal.record(
        lead,
        EventType.FEEDBACK_RECEIVED,
        entity_id=recipient.id,
        reason=reason,
        **said,
    )
    rejected = row["outcome"] == "rejected"
    if row["rejection"] and "reason" in left_out:
        said["left_out"] = [name for name in left_out if name != "reason"]
    if passed_on:
        said["pass_on"] = True
    journal.record(
        lead,
        EventType.FEEDBACK_REJECTED if rejected else EventType.FEEDBACK_PROCESSED,
        entity_id=recipient.id,
        outcome=Outcome.REJECTED if rejected else Outcome.ACCEPTED,
        reason=row["rejection"] or reason,
        **said,
        money=shapes.money(row["money"]),
    )


def _save(cursor: Any, batch: _Batch) -> None:
    FEEDBACK.insert(cursor, batch.rows)
    if batch.returns:
        cursor.execute(RETURN, [batch.journal.at, batch.returns])
    leads.save(cursor, list(batch.leads.values()))
    batch.journal.write(cursor)
    wanting.put_aside(cursor, batch.passed_on, at=batch.journal.at)
