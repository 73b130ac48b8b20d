"""Says aloud when a process of the streams is silent, or none runs although work waits for one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction

from events import alerting
from events.journal import Journal
from events.models import Alert, StreamsBeat

SILENT = timedelta(seconds=60)  # `up` starts a silent one anew long before
FORGOTTEN = timedelta(days=1)  # a machine that was taken away
WAITS_SECONDS = 300.0
SUBJECT = "streams:"
NONE = f"{SUBJECT}none"
# Both are looked for several times a second wherever a process runs.
WAITING = """
    SELECT (SELECT count(*) FROM events_eventsubscription WHERE active AND paused_at IS NULL
              AND due_at < clock_timestamp() - %(seconds)s * interval '1 second'),
           (SELECT count(*) FROM events_eventhook WHERE active AND stopped_at IS NULL
              AND armed_at < clock_timestamp() - %(seconds)s * interval '1 second')
"""
TELL_OF_NONE = (
    "No process serves streams: {} wait. Run manage.py streams on the machines of the web server"
)


def watch() -> None:
    """Open an alert about each trouble, and close those that are over."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        StreamsBeat.objects.filter(beat__lt=journal.at - FORGOTTEN).delete()
        wrong = dict(trouble(journal.at))
        for subject in _open() - set(wrong):
            alerting.resolve_alerts(cursor, journal, subject=subject)
        for subject, text in wrong.items():
            alerting.raise_alert(cursor, journal, subject=subject, text=text)
        journal.write(cursor)


def trouble(now: datetime) -> Iterator[tuple[str, str]]:
    """Alerts' subjects and texts."""
    beats = list(StreamsBeat.objects.order_by("host", "home"))
    for each in beats:
        if now - each.beat > SILENT:
            yield (
                f"{SUBJECT}{each.host}",
                f"The streams' process of {each.host} gives no sign of life since "
                f"{each.beat:%Y-%m-%d %H:%M:%S} UTC; its log says why",
            )
    if not beats and (waiting := _waiting()):
        yield NONE, TELL_OF_NONE.format(waiting)


def _waiting() -> str:
    """What no process works on, in words; blank where nothing waits."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"seconds": WAITS_SECONDS})
        subscriptions, hooks = cursor.fetchone()
    found = [(subscriptions, "push subscription"), (hooks, "hook")]
    return " and ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in found if n)


def _open() -> set[str]:
    found = Alert.objects.filter(subject__startswith=SUBJECT, resolved_at=None)
    return set(found.values_list("subject", flat=True))
