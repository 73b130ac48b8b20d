"""Alerts about certificates that must be renewed: one for each, closed when it is replaced."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import QuerySet

from events import alerting
from events.journal import Journal
from events.models import Alert
from recipients import renewal
from recipients.renewal import Ending

SUBJECT = "certificate:"


def warn() -> int:
    """Raise what nobody was told of yet, close what was taken care of; how many were raised."""
    raised = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        due = {_subject(each): each for each in renewal.ending(journal.at)}
        told = Alert.objects.filter(subject__startswith=SUBJECT)
        for subject in _subjects(told.filter(resolved_at=None)) - due.keys():
            alerting.resolve_alerts(cursor, journal, subject=subject)
        for subject in due.keys() - _subjects(told.filter(subject__in=list(due))):
            raised += alerting.raise_alert(
                cursor,
                journal,
                subject=subject,
                text=due[subject].told(journal.at),
                entity_id=due[subject].endpoint.recipient_id,
            )
        journal.write(cursor)
    return raised


def _subject(each: Ending) -> str:
    """With its date: of what somebody closed nobody is told again, of the next one they are."""
    return f"{SUBJECT}{each.endpoint.pk}:{each.part}:{each.standing.until:%Y-%m-%d}"


def _subjects(alerts: QuerySet[Alert]) -> set[str]:
    return set(alerts.values_list("subject", flat=True))
