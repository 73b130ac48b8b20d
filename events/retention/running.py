"""A run over the record: what the terms take goes, step by step, by one worker at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from events.models import TrimRun
from events.retention import dropping, planning, terms, thinning, values
from events.retention.months import Month
from events.retention.planning import Due
from events.retention.terms import Kept, Terms
from leadops.lib.jobs import Jobs
from leadops.lib.locks import Busy

TASK = "events.tasks.trim_for_a_while"
JOBS = Jobs("events_trimrun", open_states=("running",))
LEASE = 180.0  # seconds; longer than any step
EVERY = timedelta(hours=20)  # the schedule comes daily, and not to the second
TRIES = 40  # to get the lock of a busy table, half a second apart
PAUSE = 0.5
ORDER: tuple[str, ...] = tuple(Kept)


def start(by: str = "") -> TrimRun | None:
    """A new run; None where one is under way."""
    try:
        with transaction.atomic():
            run = TrimRun.objects.create(by=by)
    except IntegrityError:
        return None
    return TrimRun.objects.get(id=run.id)


def due() -> TrimRun | None:
    """The run that is under way, or a new one where the last is a day old."""
    run = TrimRun.objects.filter(state=TrimRun.State.RUNNING).first()
    if run is not None or TrimRun.objects.filter(created_at__gt=Now() - EVERY).exists():
        return run
    return start()


def cancel(run_id: str) -> bool:
    """Stop it before its next step; what went stays gone, and its event says how much it was."""
    with transaction.atomic(), connection.cursor() as cursor:
        run = TrimRun.objects.select_for_update().filter(id=run_id, state="running").first()
        if run is None:
            return False
        thinning.close(cursor, run)
        run.state = TrimRun.State.CANCELLED
        run.save(update_fields=["state"])
        TrimRun.objects.filter(id=run_id).update(ended_at=Now())
    return True


def work(run_id: str, *, seconds: float, stopping: Callable[[], bool]) -> bool:
    """Work on a run; True when it is at its end, or somebody else has it."""
    runner = Runner(run_id, stopping)
    return JOBS.work(run_id, runner.step, seconds=seconds, lease=LEASE, stopping=stopping)


@dataclass(slots=True)
class _Going:
    """What is left to do, by which terms; what was left undone, and why."""

    left: list[Due]
    terms: Terms
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Runner:
    """Goes on where the run's row says that it is."""

    run_id: str
    stopping: Callable[[], bool] = lambda: False
    _going: _Going | None = None

    def step(self) -> bool:
        """Do some of it; False when there is no more to do, or it was cancelled."""
        run = TrimRun.objects.get(id=self.run_id)
        if run.state != TrimRun.State.RUNNING:
            return False
        JOBS.renew(run.id, LEASE)
        going = self._going = self._going or _planned(run)
        if not going.left:
            return _end(run, going)
        due = going.left[0]
        _enter(run, due.month)
        if not self._take(run, due, going):
            going.left.pop(0)
        return True

    def _take(self, run: TrimRun, due: Due, going: _Going) -> bool:
        """Whether there is more to do for the month."""
        if due.waits:
            going.notes.append(f"{due.month}: {due.waits}")
        elif not due.whole:
            return thinning.batch(due.month, run, going.terms)
        elif reason := self._drop(run, due.month):
            going.notes.append(f"{due.month}: {reason}")
        return False

    def _drop(self, run: TrimRun, month: Month) -> str:
        """Why it stays after all; blank once it is gone."""
        for _ in range(TRIES):
            try:
                dropping.drop(month, run)
                return ""
            except dropping.MustStay as reason:
                return str(reason)
            except Busy:
                if self.stopping():
                    break
                time.sleep(PAUSE)
        return "somebody read or wrote it all the time; the next run tries again"


def _planned(run: TrimRun) -> _Going:
    in_force = terms.load(run.created_at)
    return _Going(_left(run, planning.plan(in_force)), in_force)


def _end(run: TrimRun, going: _Going) -> bool:
    values.forget(going.terms)
    TrimRun.objects.filter(id=run.id, state=TrimRun.State.RUNNING).update(
        state=TrimRun.State.DONE, ended_at=Now(), note="\n".join(going.notes)
    )
    return False


def _left(run: TrimRun, plan: list[Due]) -> list[Due]:
    """The plan from where the run is; a month that was begun is gone on with."""
    if run.month is None:
        return plan
    at = (ORDER.index(run.table_name), run.month)
    return [due for due in plan if (ORDER.index(due.month.kept), due.month.first) >= at]


def _enter(run: TrimRun, month: Month) -> None:
    if (run.table_name, run.month) != (month.kept.value, month.first):
        run.table_name, run.month, run.block = month.kept.value, month.first, 0
        run.save(update_fields=["table_name", "month", "block"])
