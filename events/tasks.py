"""What the misc cluster runs for the record. Tasks never raise and may run twice."""

from __future__ import annotations

import logging
import time

from django.db import connection

from events import partitions, rollups
from events.alerts import evaluate, expiry, notices, renewal
from leadops.lib import queue

log = logging.getLogger(__name__)

FOLD_SECONDS = 50.0  # what one run may take: the next comes after a minute
BUSY = 5_000  # tallies in one go, from which on a minute is too long to wait
BUSY_PAUSE = 3.0  # seconds between folds while it is busy


def fold() -> None:
    """Fold tallies into their hours, chunk by chunk, until hardly any are left.

    Figures are exact with or without: folding only makes reading them cheap. Under load it
    stays and folds every few seconds, so that readers never have many tallies to add up.
    """
    end = time.monotonic() + FOLD_SECONDS
    try:
        while time.monotonic() < end and not queue.stopping.is_set():
            moved = rollups.fold()
            if moved < BUSY:
                return
            if moved < rollups.FOLD_ROWS:
                _pause(BUSY_PAUSE)
    except Exception:
        _gave_up("Folding")


def _pause(seconds: float) -> None:
    """Wait, but not through a stop."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not queue.stopping.is_set():
        time.sleep(0.2)


def alerts() -> None:
    """Judge the thresholds, then tell whoever wants to know."""
    try:
        evaluate.evaluate()
        notices.tell()
    except Exception:
        _gave_up("Judging alerts")


def secrets() -> None:
    """Say which secrets must be rotated soon, and which certificates renewed."""
    for warn, what in ((expiry.warn, "secrets"), (renewal.warn, "certificates")):
        try:
            warn()
        except Exception:
            _gave_up(f"Looking at {what}")


def make_partitions() -> None:
    """Make the record's coming months."""
    try:
        partitions.ensure()
    except Exception:
        _gave_up("Making partitions")


def _gave_up(what: str) -> None:
    log.exception("%s ended early; the next run tries again", what)
    connection.close()
