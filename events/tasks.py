"""What the misc cluster runs for the record. Tasks never raise and may run twice."""

from __future__ import annotations

import logging
import time

from django.db import connection

from events import partitions, partitionwatch, rollups
from events.alerts import evaluate, expiry, notices, renewal
from events.models import RecordSettings
from events.retention import running
from events.sealing import heads, seals
from leadops.lib import queue

log = logging.getLogger(__name__)

FOLD_SECONDS = 50.0  # what one run may take: the next comes after a minute
SEAL_SECONDS = 40.0  # and heads are published in the rest of the minute
BUSY = 5_000  # tallies in one go, from which on a minute is too long to wait
TRIM_TURN = 30.0  # seconds; there are few workers for all that is not pumping
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


def seal() -> None:
    """Seal what has settled, then publish the head where that is due."""
    try:
        after = RecordSettings.current().seal_after
        stop = queue.stopping.is_set
        seals.seal(delay=after, seconds=SEAL_SECONDS, wait=False, stopping=stop)
        heads.publish()
    except Exception:
        _gave_up("Sealing")


def secrets() -> None:
    """Say which secrets must be rotated soon, and which certificates renewed."""
    for warn, what in ((expiry.warn, "secrets"), (renewal.warn, "certificates")):
        try:
            warn()
        except Exception:
            _gave_up(f"Looking at {what}")


def make_partitions() -> None:
    """Make the record's coming months, then see that they are there and that the nets are empty."""
    for what, of in (("Making", partitions.ensure), ("Watching", partitionwatch.watch)):
        try:
            of()
        except Exception:
            _gave_up(f"{what} partitions")


def trim() -> None:
    """Have the record trimmed, daily; and the work of a task that died gone on with."""
    try:
        if running.due() is not None:
            for run_id in running.JOBS.unfinished():
                queue.enqueue(running.TASK, run_id)
    except Exception:
        _gave_up("Looking what is no longer kept")


def trim_for_a_while(run_id: str) -> None:
    """Trim for a while, then have a successor started."""
    try:
        if running.work(run_id, seconds=TRIM_TURN, stopping=queue.stopping.is_set):
            return
        if not queue.stopping.is_set():
            queue.enqueue(running.TASK, run_id)
    except Exception:
        _gave_up("Trimming")


def _gave_up(what: str) -> None:
    log.exception("%s ended early; the next run tries again", what)
    connection.close()
