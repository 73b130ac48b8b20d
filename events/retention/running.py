"""A run over the record: what the terms take goes, step by step, by one worker at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from events.models import TrimRun
from events.retention import dropping, planning, terms, thinning, values
from events.retention.months import Month
from events.retention.planning import Due
from events.retention.terms import Kept
from leadops.lib.jobs import Jobs
from leadops.lib.locks import Busy

TASK = "events.tasks.trim_for_a_while"
JOBS = Jobs("events_trimrun", open_states=("running",))
LEASE = 600.0  # seconds; longer than any step
EVERY = timedelta(hours=20)  # the schedule comes daily, and not to the second
TRIES = 40  # to get the lock of a busy table, half a second apart
PAUSE = 0.5
ORDER = tuple(Kept)


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
    """Stop it before its next step; what went stays gone."""
    return bool(
        TrimRun.objects.filter(id=run_id, state=TrimRun.State.RUNNING).update(
            state=TrimRun.State.CANCELLED, ended_at=Now()
        )
    )


def work(run_id: str, *, seconds: float, stopping: Callable[[], bool]) -> bool:
    """Work on a run; True when it is at its end, or somebody else has it."""
    runner = Runner(run_id, stopping)
    return JOBS.work(run_id, runner.step, seconds=seconds, lease=LEASE, stopping=stopping)


@dataclass(slots=True)
class Runner:
    """Goes on where the run's row says that it is."""

    run_id: str
    stopping: Callable[[], bool] = lambda: False
    _left: list[Due] | None = None
    _terms: terms.Terms | None = None
    _notes: list[str] = field(default_factory=list)

    def step(self) -> bool:
        """Do some of it; False when there is no more to do, or it was cancelled."""
        run = TrimRun.objects.get(id=self.run_id)
        if run.state != TrimRun.State.RUNNING:
            return False
        JOBS.renew(run.id, LEASE)
        if self._left is None or self._terms is None:
            self._terms = terms.load(run.created_at)
            self._left = _left(run, planning.plan(self._terms))
        if not self._left:
            return self._end(run)
        due = self._left[0]
        _enter(run, due.month)
        if not self._take(run, due):
            self._left.pop(0)
        return True

    def _take(self, run: TrimRun, due: Due) -> bool:
        """Whether there is more to do for the month."""
        assert self._terms is not None
        if due.waits:
            self._notes.append(f"{due.month}: {due.waits}")
        elif not due.whole:
            return thinning.batch(due.month, run, self._terms)
        elif reason := self._drop(run, due.month):
            self._notes.append(f"{due.month}: {reason}")
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

    def _end(self, run: TrimRun) -> bool:
        assert self._terms is not None
        values.forget(self._terms)
        TrimRun.objects.filter(id=run.id, state=TrimRun.State.RUNNING).update(
            state=TrimRun.State.DONE, ended_at=Now(), note="\n".join(self._notes)
        )
        return False


def _left(run: TrimRun, plan: list[Due]) -> list[Due]:
    """The plan from where the run is; a month that was begun is gone on with."""
    if run.month is None:
        return plan
    at = (ORDER.index(Kept(run.table_name)), run.month)
    return [due for due in plan if (ORDER.index(due.month.kept), due.month.first) >= at]


def _enter(run: TrimRun, month: Month) -> None:
    if (run.table_name, run.month) != (month.kept.value, month.first):
        run.table_name, run.month, run.block = month.kept.value, month.first, 0
        run.save(update_fields=["table_name", "month", "block"])
