"""What the misc cluster runs for the record. Tasks never raise and may run twice."""

from __future__ import annotations

import logging
import time

from django.db import connection

from events import partitions, partitionwatch, rollups
from events.alerts import evaluate, expiry, notices, renewal
from events.exports import keeping, scheduling, steering
from events.exports import working as making
from events.models import RecordSettings
from events.passing import working as passing
from events.privacy import erasing
from events.retention import missed, running
from events.sealing import heads, seals
from events.streaming import watching
from leadops.lib import queue

log = logging.getLogger(__name__)

ERASE_SECONDS = 240.0  # what one task may take: the next goes on
FOLD_SECONDS = 50.0  # what one run may take: the next comes after a minute
SEAL_SECONDS = 40.0  # and heads are published in the rest of the minute
BUSY = 5_000  # tallies in one go, from which on a minute is too long to wait
TRIM_TURN = 30.0  # seconds; there are few workers for all that is not pumping
EXPORT_TURN = 20.0  # the same
PASS_TURN = 40.0  # seconds; the next run comes after a minute
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
    """Judge the thresholds, see that streams are served, then tell whoever wants to know."""
    for what, of in (
        ("Judging alerts", evaluate.evaluate),
        ("Watching streams", watching.watch),
        ("Telling of alerts", notices.tell),
    ):
        try:
            of()
        except Exception:
            _gave_up(what)


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
    """Say for whom it is trimmed too soon; have it trimmed, daily; and the work of a task that died
    gone on with."""
    try:
        missed.warn()
    except Exception:
        _gave_up("Looking who is behind")
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


def export(export_id: str) -> None:
    """Work on a file for a while, then have the next one worked on, which may be the same."""
    try:
        making.work(export_id, seconds=EXPORT_TURN, stopping=queue.stopping.is_set)
        export_next()
    except Exception:
        _gave_up("Making an export")


def export_next() -> None:
    if not queue.stopping.is_set() and (waiting := making.following_one()):
        queue.enqueue(steering.TASK, waiting)


def exports() -> None:
    """Begin exports that are due; go on with what a task left behind that died, or was stopped;
    send what is done to where it goes."""
    for what, of in (
        ("Beginning exports", scheduling.begin_due),
        ("Looking for exports", export_next),
        ("Sending exports", scheduling.send_due),
    ):
        try:
            of()
        except Exception:
            _gave_up(what)


def tidy_exports() -> None:
    """Delete files whose time is over."""
    try:
        keeping.forget_old()
    except Exception:
        _gave_up("Tidying exports")


def pass_on() -> None:
    """Tell sources what buyers say of their leads: what was put aside, and what is due again."""
    try:
        passing.run(seconds=PASS_TURN, stopping=queue.stopping.is_set)
    except Exception:
        _gave_up("Passing feedback on")


def erase(id: str) -> None:
    """Go on with the erasure of somebody who has very many leads."""
    try:
        if not erasing.work(id, seconds=ERASE_SECONDS):
            queue.enqueue(erasing.TASK, id)
    except Exception:
        _gave_up("An erasure")


def resume_erasures() -> None:
    """Take up what a worker left behind, and free the room of what was erased."""
    try:
        erasing.resume()
        erasing.vacuum()
    except Exception:
        _gave_up("Erasing")


def _gave_up(what: str) -> None:
    log.exception("%s ended early; the next run tries again", what)
    connection.close()
