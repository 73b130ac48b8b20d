"""What the clusters run for flows. Tasks carry no data, never raise, may run twice."""

from __future__ import annotations

import logging

from django.db import connection

from flows import earlier, plans
from flows.arrival import guards, offers
from flows.byhand import batchdesk, bulkretry, moving, steering
from flows.delivery import counters
from flows.importing import keeping, working
from flows.pricing import figures
from flows.steps import accounts, answers, bids, learning
from flows.suppression import uploads
from flows.turns.pump import Pump
from leadops.lib import queue
from recipients import tokenstore

log = logging.getLogger(__name__)

BULK_TURN = 30.0  # seconds; there are few workers for all that is not pumping
IMPORT_TURN = 10.0  # the same; an import takes many of them
TURN = 300.0  # seconds; then a successor takes over, with whatever django-q2 has to tidy


class _Post:
    """This process's pump: the next turn of duty goes on with what the last has under way."""

    pump: Pump | None = None


def pump() -> None:
    """Pump for one turn of duty, then have a successor started."""
    try:
        if _Post.pump is None or not _Post.pump.open:
            _Post.pump = Pump(stopping=queue.stopping.is_set)
        _Post.pump.run(TURN)
    except Exception:
        log.exception("The pump ended early")
    if not queue.stopping.is_set():
        queue.wake_pump()


def wake_held() -> None:
    """Let go what is held for a recipient that nothing holds any more."""
    try:
        steering.wake_held()
    except Exception:
        log.exception("Waking ended early; the next run tries again")
        connection.close()


def learn() -> None:
    """Measure anew what steps learn from, and what prices read."""
    try:
        current = earlier.with_all_in_use(plans.current())
        learning.refresh(current.windows)
        figures.refresh(current.needs.figures)
    except Exception:
        log.exception("Measuring ended early; the next run tries again")
        connection.close()


def bulk_retry(bulk_id: str) -> None:
    """Send deliveries again for a while, then have a successor started."""
    try:
        if bulkretry.work(bulk_id, seconds=BULK_TURN, stopping=queue.stopping.is_set):
            return
        if not queue.stopping.is_set():
            queue.enqueue(bulkretry.TASK, bulk_id)
    except Exception:
        log.exception("Sending again ended early; the next run goes on")
        connection.close()


def resume_bulk_retries() -> None:
    """Have worked on what a task left behind that died, or was stopped."""
    try:
        for bulk_id in bulkretry.JOBS.unfinished():
            queue.enqueue(bulkretry.TASK, bulk_id)
    except Exception:
        log.exception("Looking for bulk retries ended early; the next run tries again")
        connection.close()


def flow_move(move_id: str) -> None:
    """Have leads go on by the current version for a while, then have a successor started."""
    try:
        if moving.work(move_id, seconds=BULK_TURN, stopping=queue.stopping.is_set):
            return
        if not queue.stopping.is_set():
            queue.enqueue(moving.TASK, move_id)
    except Exception:
        log.exception("Moving leads ended early; the next run goes on")
        connection.close()


def resume_flow_moves() -> None:
    """Have worked on what a task left behind that died, or was stopped."""
    try:
        for move_id in moving.JOBS.unfinished():
            queue.enqueue(moving.TASK, move_id)
    except Exception:
        log.exception("Looking for moves of leads ended early; the next run tries again")
        connection.close()


def suppression_upload(upload_id: str) -> None:
    """Work a file into a suppression list for a while, then have a successor started."""
    try:
        if uploads.work(upload_id, seconds=BULK_TURN, stopping=queue.stopping.is_set):
            return
        if not queue.stopping.is_set():
            queue.enqueue(uploads.TASK, upload_id)
    except Exception:
        log.exception("Working a file in ended early; the next run goes on")
        connection.close()


def resume_suppression_uploads() -> None:
    """Have worked on what a task left behind that died, or was stopped."""
    try:
        for upload_id in uploads.JOBS.unfinished():
            queue.enqueue(uploads.TASK, upload_id)
    except Exception:
        log.exception("Looking for uploads ended early; the next run tries again")
        connection.close()


def lead_import(import_id: str) -> None:
    """Take rows of a file in for a while, then have a successor started."""
    try:
        if working.work(import_id, seconds=IMPORT_TURN, stopping=queue.stopping.is_set):
            return
        if not queue.stopping.is_set():
            queue.enqueue(working.TASK, import_id)
    except Exception:
        log.exception("Taking a file of leads in ended early; the next run goes on")
        connection.close()


def resume_lead_imports() -> None:
    """Have worked on what a task left behind that died, or was stopped."""
    try:
        for import_id in working.JOBS.unfinished():
            queue.enqueue(working.TASK, import_id)
    except Exception:
        log.exception("Looking for imports ended early; the next run tries again")
        connection.close()


def tidy() -> None:
    """Forget what guards against repetition once it is too old to repeat."""
    try:
        guards.forget_old()
        counters.forget_old()
        bids.forget_old()
        batchdesk.forget_old()
        answers.forget_old()
        offers.forget_old()
        tokenstore.forget_old()
        accounts.forget_old(earlier.with_all_in_use(plans.current()).accounts)
        keeping.forget_old()
    except Exception:
        log.exception("Tidying ended early; the next run tries again")
        connection.close()
