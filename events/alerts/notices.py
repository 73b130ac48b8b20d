"""Tell a threshold's channels: when its alert is raised, stays open too long, is resolved.

An alert remembers what was told last, so nothing is told twice. What no channel takes is tried
again every minute for a day.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection, transaction
from django.utils import timezone

from events import alerting
from events.journal import Journal
from events.models import Alert, Channel
from events.vocabulary import EventType
from leadops.lib.http import Door, HttpError, Request

log = logging.getLogger(__name__)

Told = Alert.Told
STALE = timedelta(days=1)
TIMEOUT = 10.0  # seconds a channel gets


def tell() -> int:
    """Tell what is new about the alerts of the last day; give the number of notices."""
    now = timezone.now()
    recent = (
        Alert.objects.filter(threshold__notify__isnull=False, raised_at__gt=now - STALE)
        .exclude(told=Told.RESOLVED)
        .select_related("threshold")
        .distinct()
    )
    return sum(_tell(alert, now) for alert in recent)


def _tell(alert: Alert, now: datetime) -> bool:
    news = due(alert, now)
    if news is None or alert.threshold is None:
        return False
    # Two evaluators may meet: who changes the row tells.
    mine = Alert.objects.filter(id=alert.id, told=alert.told).update(told=news)
    if not mine:
        return False
    if news == Told.ESCALATED:
        _escalate(alert)
    if news == Told.RESOLVED and alert.told == Told.NOTHING:
        return False  # over before anybody heard of it
    channels = list(alert.threshold.notify.all())
    taken = [send(channel, alert, news) for channel in channels]
    if not any(taken):
        Alert.objects.filter(id=alert.id, told=news).update(told=alert.told)
    return any(taken)


def due(alert: Alert, now: datetime) -> str | None:
    """What its channels have not heard yet."""
    if alert.resolved_at:
        return Told.RESOLVED
    if alert.told == Told.NOTHING:
        return Told.RAISED
    wait = alert.threshold.escalate_after if alert.threshold else None
    if alert.told == Told.RAISED and wait and now - alert.raised_at >= timedelta(seconds=wait):
        return Told.ESCALATED
    return None


def _escalate(alert: Alert) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_alert SET escalated_at = clock_timestamp() "
            "WHERE id = %s AND escalated_at IS NULL RETURNING escalated_at",
            [alert.id],
        )
        row = cursor.fetchone()
        if row:
            journal = Journal(row[0])
            journal.operation(
                EventType.ALERT_ESCALATED,
                entity_id=alerting.entity_of(alert.subject),
                reason=alert.text,
                alert_id=alert.id,
            )
            journal.write(cursor)


def send(channel: Channel, alert: Alert, news: str) -> bool:
    """Tell one channel; False when it does not take it."""
    said = Said(
        subject=f"{news}: {alert.text}",
        text=f"{alert.text}\n\nSince {alert.raised_at:%Y-%m-%d %H:%M} UTC.\n",
        document={
            "id": alert.id,
            "state": news,
            "threshold": alert.threshold.name if alert.threshold else "",
            "subject": alert.subject,
            "text": alert.text,
            "raised_at": alert.raised_at,
            "resolved_at": alert.resolved_at,
        },
    )
    try:
        say(channel, said)
    except (OSError, HttpError) as error:  # SMTP's errors are OSErrors
        log.warning("Channel %s takes no notice: %s", channel.slug, error)
        return False
    return True


@dataclass(frozen=True, slots=True)
class Said:
    """What a channel is told: by mail the subject and text, elsewhere the document as JSON."""

    subject: str
    text: str
    document: Mapping[str, Any]


def say(channel: Channel, said: Said) -> None:
    """Raises OSError and HttpError where it is not taken."""
    if urlsplit(channel.url).scheme == "mailto":
        _mail(channel.url, said)
    else:
        _post(channel.url, said)


def _mail(url: str, said: Said) -> None:
    parts = urlsplit(url)
    subject = f"[LeadOps] {said.subject}"[:200].replace("\n", " ")
    send_mail(subject, said.text, None, [parts.netloc or parts.path])


def _post(url: str, said: Said) -> None:
    door = Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS)
    headers = {"Content-Type": "application/json"}
    try:
        body = orjson.dumps(said.document)
        reply = door.send(Request("POST", url, headers, body, timeout=TIMEOUT))
    finally:
        door.close()
    if not reply.ok:
        raise OSError(f"answers {reply.status}")
