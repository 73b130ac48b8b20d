"""Judge every threshold: raise what was crossed, resolve what is back within its bound."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from events import alerting
from events.alerts import windows
from events.alerts.rules import Bound, State, judge
from events.journal import Journal
from events.metrics import Summary
from events.models import Alert, AlertThreshold
from recipients.models import Recipient

log = logging.getLogger(__name__)

ALL = "all"  # the subject of alerts about everybody together


def evaluate() -> int:
    """Judge all active thresholds now; give the number of alerts raised.

    One that cannot be judged, for its window is too large or its metric unknown, is left out.
    """
    raised = 0
    for threshold in AlertThreshold.objects.filter(active=True):
        try:
            raised += _judge(threshold)
        except Exception:
            log.exception("%s cannot be judged", threshold)
    return raised


def _judge(threshold: AlertThreshold) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        raised = _threshold(cursor, journal, threshold)
        journal.write(cursor)
    return raised


def _threshold(cursor: Any, journal: Journal, threshold: AlertThreshold) -> int:
    raised = 0
    bound = bound_of(threshold)
    for subject, name, summary in _subjects(threshold, journal.at):
        verdict = judge(bound, summary, subject=name)
        if verdict.state is State.CROSSED:
            raised += alerting.raise_alert(
                cursor, journal, subject=subject, text=verdict.text, threshold_id=threshold.id
            )
        elif verdict.state is State.WITHIN:
            alerting.resolve_alerts(cursor, journal, subject=subject, threshold_id=threshold.id)
    return raised


def bound_of(threshold: AlertThreshold) -> Bound:
    return Bound(
        metric=threshold.metric,
        label=threshold.get_metric_display().split(",")[0].lower(),
        below=threshold.below,
        above=threshold.above,
        over=threshold.over,
        minimum=threshold.minimum,
    )


def _subjects(threshold: AlertThreshold, now: datetime) -> Iterator[tuple[str, str, Summary]]:
    """Whom the threshold is about: id, name and figures.

    Recipients that are switched off are left in peace, unless something is open about them.
    """
    counted = windows.counted(threshold.over, now)
    if threshold.scope == AlertThreshold.Scope.ALL:
        yield ALL, "All recipients", windows.together(counted.values()).summary()
        return
    open_about = set(
        Alert.objects.filter(threshold=threshold, resolved_at=None).values_list(
            "subject", flat=True
        )
    )
    for id, name, active in Recipient.objects.values_list("id", "name", "active"):
        if active or id in open_about:
            yield id, name, counted.get(id, windows.Counted()).summary()
