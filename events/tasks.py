"""What the misc cluster runs for the record. Tasks never raise and may run twice."""

from __future__ import annotations

import logging
import time

from django.db import connection

from events import partitions, rollups
from events.alerts import evaluate, notices
from leadops.lib import queue

log = logging.getLogger(__name__)

FOLD_SECONDS = 45.0  # what one run may take; the rest is the next one's


def fold() -> None:
    """Fold tallies into their hours, chunk by chunk, until hardly any are left.

    Figures are exact with or without: folding only makes reading them cheap.
    """
    end = time.monotonic() + FOLD_SECONDS
    try:
        while rollups.fold() == rollups.FOLD_ROWS:
            if queue.stopping.is_set():
                return
            if time.monotonic() > end:
                queue.enqueue("events.tasks.fold")
                return
    except Exception:
        _gave_up("Folding")


def alerts() -> None:
    """Judge the thresholds, then tell whoever wants to know."""
    try:
        evaluate.evaluate()
        notices.tell()
    except Exception:
        _gave_up("Judging alerts")


def make_partitions() -> None:
    """Make the record's coming months."""
    try:
        partitions.ensure()
    except Exception:
        _gave_up("Making partitions")


def _gave_up(what: str) -> None:
    log.exception("%s ended early; the next run tries again", what)
    connection.close()
