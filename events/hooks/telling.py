"""What firings say to the outside: notices to channels, signed webhooks; each until it is taken.

A notice is claimed by a lease, so one is sent once unless whoever sends it dies; then it goes again
under the same webhook-id.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from events import alerting
from events.alerts.notices import Said, say
from events.journal import Journal
from events.models import EventHook, HookFiring, HookNotice
from events.pushing.sending import Refusal, send
from events.pushing.working import backoff
from leadops.lib.http import Door, HttpError

log = logging.getLogger(__name__)

TYPE = "hook.fired"
AT_ONCE = 12  # notices of one look: all of them end within the lease, even at the slowest
THREADS = 4
LEASE_SECONDS = 60.0  # more than the longest time-out, and what comes around it
GIVE_UP_AFTER = timedelta(hours=72)
CLAIM = """
    UPDATE events_hooknotice SET lease = %(lease)s, tries = tries + 1,
        due_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE id = ANY(ARRAY(
        SELECT id FROM events_hooknotice
        WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= clock_timestamp()
        ORDER BY due_at LIMIT %(places)s FOR UPDATE SKIP LOCKED
    )) RETURNING id
"""
SENT = """
    UPDATE events_hooknotice SET sent_at = clock_timestamp(), error = '', lease = ''
    WHERE id = %(id)s AND lease = %(lease)s
"""
REFUSED = """
    UPDATE events_hooknotice SET error = %(error)s, lease = '',
        due_at = clock_timestamp() + %(wait)s * interval '1 second',
        given_up_at = CASE WHEN %(final)s THEN clock_timestamp() END
    WHERE id = %(id)s AND lease = %(lease)s RETURNING given_up_at
"""


def look(door: Door, pool: ThreadPoolExecutor | None = None) -> int:
    """Send what is due; how many were tried."""
    lease = uuid.uuid4().hex
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"lease": lease, "seconds": LEASE_SECONDS, "places": AT_ONCE})
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        return 0
    notices = list(
        HookNotice.objects.filter(id__in=found).select_related("channel", "firing__hook")
    )
    if pool is None:
        for notice in notices:
            tell(notice, lease, door)
    else:
        list(pool.map(lambda notice: _apart(notice, lease, door), notices))
    return len(notices)


def _apart(notice: HookNotice, lease: str, door: Door) -> None:
    """In a thread of its own; what goes wrong leaves the lease to run out."""
    try:
        tell(notice, lease, door)
    except Exception:
        log.exception("Notice %s ended early", notice.id)
        connection.close()


def tell(notice: HookNotice, lease: str, door: Door) -> None:
    """One notice, and what came of it."""
    now = timezone.now()
    refusal = _tell(notice, door, now)
    keys: dict[str, Any] = {"id": notice.id, "lease": lease}
    with transaction.atomic(), connection.cursor() as cursor:
        if refusal is None:
            cursor.execute(SENT, keys)
            return
        wait = max(refusal.wait, backoff(notice.tries - 1))
        final = refusal.final or now - notice.created_at >= GIVE_UP_AFTER
        cursor.execute(
            REFUSED, {"error": refusal.reason[:300], "wait": wait, "final": final, **keys}
        )
        row = cursor.fetchone()
        if row is not None and row[0] is not None:
            _given_up(cursor, notice, refusal.reason, row[0])


def _tell(notice: HookNotice, door: Door, now: datetime) -> Refusal | None:
    firing, hook = notice.firing, notice.firing.hook
    if notice.channel is not None:
        try:
            say(notice.channel, said(firing))
        except (OSError, HttpError) as error:  # SMTP's errors are OSErrors
            return Refusal(str(error) or type(error).__name__)
        return None
    if not hook.url:
        return Refusal("The hook has no webhook any more", final=True)
    return send(hook, door, id=notice.id, body=body(firing), now=now)


def said(firing: HookFiring) -> Said:
    """As channels are told."""
    about = firing.told.get("event") or {}
    lines = [firing.text, "", f"Fired {firing.at:%Y-%m-%d %H:%M:%S} UTC."]
    lines += [f"Event: {about['type']} {about['id']}"] if about else []
    lines += [f"Lead: {firing.lead_id}"] if firing.lead_id else []
    lines += [f"Done: {firing.did}"] if firing.did else []
    return Said(f"{firing.hook.name}: {firing.text}", "\n".join(lines) + "\n", document(firing))


def document(firing: HookFiring) -> dict[str, Any]:
    """In the shape of Standard Webhooks."""
    return {
        "type": TYPE,
        "timestamp": firing.at.isoformat(),
        "data": {"firing": firing.id, **firing.told},
    }


def body(firing: HookFiring) -> bytes:
    """The same bytes at every try."""
    return orjson.dumps(document(firing), option=orjson.OPT_SORT_KEYS)


def _given_up(cursor: Any, notice: HookNotice, why: str, at: datetime) -> None:
    hook = notice.firing.hook
    to = f"channel {notice.channel.slug}" if notice.channel else "its webhook"
    journal = Journal(at)
    text = f"Hook {hook.slug} cannot tell {to}: {why}"
    alerting.raise_alert(cursor, journal, subject=f"hook {hook.id}", text=text, entity_id=hook.id)
    journal.write(cursor)


def waiting(hook: EventHook) -> Sequence[HookNotice]:
    """What is still to be told, and what was given up, the newest first; a few."""
    rows = HookNotice.objects.filter(firing__hook=hook, sent_at=None).exclude(tries=0)
    return list(rows.select_related("channel", "firing").order_by("-created_at")[:10])
