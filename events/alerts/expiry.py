"""Alerts about secrets that must be rotated: one for each date, closed when the date is moved."""

from __future__ import annotations

from django.db import connection, transaction

from events import alerting
from events.journal import Journal
from events.models import Alert
from recipients import expiry
from recipients.models import Secret

SUBJECT = "secret:"


def warn() -> int:
    """Raise what nobody was told of yet, close what was taken care of; how many were raised."""
    raised = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        due = list(expiry.due().select_for_update())
        still = {SUBJECT + secret.name for secret in due}
        for subject in _open_about().difference(still):
            alerting.resolve_alerts(cursor, journal, subject=subject)
        for secret in due:
            if secret.alerted_of == secret.expires_at:
                continue
            subject = SUBJECT + secret.name
            alerting.resolve_alerts(cursor, journal, subject=subject)  # of an earlier date
            raised += alerting.raise_alert(
                cursor, journal, subject=subject, text=expiry.told(secret)
            )
            Secret.objects.filter(pk=secret.pk).update(alerted_of=secret.expires_at)
        journal.write(cursor)
    return raised


def _open_about() -> set[str]:
    found = Alert.objects.filter(subject__startswith=SUBJECT, resolved_at=None)
    return set(found.values_list("subject", flat=True))
