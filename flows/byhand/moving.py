"""Leads that are to go on by the flow as it is, although they came under an earlier version.

A person decides so, for all leads of one version or of several; a worker does it in batches, each
in one transaction with how far it has come. A lead keeps its place where its step is still there.
Where it is gone, the lead stands behind the last step before it that is still there, so that
nothing new is left out; whom it was sent to in a step that is gone counts in the next delivery
step, so that nobody gets it twice. Where there is none, a lead with an open delivery stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from events.vocabulary import EventType
from flows import earlier, plans
from flows.byhand import by_hand
from flows.earlier import UNDER_WAY
from flows.models import Flow, FlowMove
from flows.plan import DeliverStep, FlowPlan, Plans
from flows.steps import tiers
from flows.turns.rows import DELIVERIES, LOCK_LEADS
from flows.turns.states import DeliveryState, LeadState
from leadops.lib import jobs
from leadops.lib.bulk import dumps
from leadops.lib.jobs import AWAY

log = logging.getLogger(__name__)

TASK = "flows.tasks.flow_move"
JOBS = jobs.Jobs("flows_flowmove")
BATCH = 100
LOOKED = 100_000  # pieces of work that are looked through for a page, at most

COUNT = """
    WITH inside AS MATERIALIZED (
        SELECT lead_id FROM (
            SELECT w.lead_id FROM flows_work w WHERE w.kind <> 'batch' LIMIT %(most)s
        ) AS waiting
        UNION SELECT id FROM (
            SELECT h.id FROM events_lead h WHERE h.held_at IS NOT NULL LIMIT %(most)s
        ) AS held
    )
    SELECT l.flow_version, count(*) FROM inside i JOIN events_lead l ON l.id = i.lead_id
    WHERE l.flow_id = %(flow)s AND l.status IN ('working', 'review')
        AND l.flow_version = ANY(%(versions)s)
    GROUP BY l.flow_version
"""
NEXT = f"""
    WITH {UNDER_WAY}
    SELECT l.id FROM inside i JOIN events_lead l ON l.id = i.lead_id
    WHERE l.flow_id = %s AND l.status IN ('working', 'review') AND l.flow_version = ANY(%s)
        AND l.id > %s
    ORDER BY l.id LIMIT %s
"""  # noqa: S608
LOCK = "SELECT flow_id, versions, by, state, last FROM flows_flowmove WHERE id = %s FOR UPDATE"
ADVANCED = """
    UPDATE flows_flowmove SET moved = moved + %s, "left" = "left" + %s, last = %s, state = %s,
        worked_until = clock_timestamp() + %s * interval '1 second',
        finished_at = CASE WHEN %s THEN clock_timestamp() END
    WHERE id = %s
"""
MOVE = """
    UPDATE events_lead l SET flow_version = r.flow_version, step = r.step, step_id = r.step_id,
        seq = r.seq
    FROM json_to_recordset(%s::json)
        AS r(id text, flow_version int, step smallint, step_id text, seq int)
    WHERE l.id = r.id
"""
PLACE = """
    UPDATE events_delivery d SET step = r.step
    FROM json_to_recordset(%s::json) AS r(id text, step smallint) WHERE d.id = r.id
"""


class NothingToMove(ValueError):
    """No lead is under way on an earlier version, or they are being moved already."""


def behind(flow: Flow) -> dict[int, int]:
    """How many leads are under way by versions that go another way than the newest does, by number.

    Of more than LOOKED pieces of work that the installation has, not all are looked through.
    """
    newest = flow.versions.first()
    if newest is None:
        return {}
    others = flow.versions.exclude(digest=newest.digest).values_list("number", flat=True)
    found = {"flow": flow.pk, "versions": list(others), "most": LOOKED}
    if not found["versions"]:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, found)
        return dict(sorted(cursor.fetchall()))


def start(flow: Flow, versions: Sequence[int], *, by: str) -> FlowMove:
    """Write down what is to be moved; raises NothingToMove."""
    with by_hand.noted() as (_, journal):
        Flow.objects.select_for_update().get(pk=flow.pk)  # two people at once
        if FlowMove.objects.filter(flow=flow, state__in=FlowMove.OPEN).exists():
            raise NothingToMove("Leads of this flow are being moved already.")
        counts = {number: n for number, n in behind(flow).items() if number in versions}
        if not counts:
            raise NothingToMove("No lead is under way by an earlier version any more.")
        move = FlowMove.objects.create(
            flow=flow, versions=sorted(counts), by=by[:150], total=sum(counts.values())
        )
        journal.operation(
            EventType.FLOW_MOVE_STARTED,
            entity_id=flow.pk,
            flow_id=flow.pk,
            reason=f"{move.total:,} leads are moved to the current version by {by}",
            by=by,
            move=move.id,
            versions=move.versions,
            total=move.total,
        )
    return move


def cancel(move_id: str, *, by: str) -> bool:
    """Move no more of them; False when it had ended. Raises FlowMove.DoesNotExist."""
    with by_hand.noted() as (_, journal):
        move = FlowMove.objects.select_for_update().get(pk=move_id)
        if not move.is_open:
            return False
        move.state, move.finished_at = FlowMove.State.CANCELLED, journal.at
        move.save(update_fields=["state", "finished_at"])
        _ended(journal, move, "cancelled", by=by)
    return True


def work(move_id: str, *, seconds: float, stopping: Callable[[], bool]) -> bool:
    """Work on one for some seconds; True when it is at its end, or somebody else has it."""
    lease = settings.LEADOPS_LEASE
    return JOBS.work(
        move_id, lambda: _step(move_id), seconds=seconds, lease=lease, stopping=stopping
    )


def _step(move_id: str) -> bool:
    """One batch; where it cannot be stored its first lead alone, which then stays. False: done."""
    for size, leaves in ((BATCH, False), (1, False), (1, True)):
        try:
            return _batch(move_id, size, leaves=leaves)
        except AWAY:
            raise
        except Exception:
            if leaves:
                raise
            log.exception("Some leads of %s cannot be moved", move_id)
    return False


def _batch(move_id: str, size: int, *, leaves: bool) -> bool:
    """The next leads and how far it has come, in one transaction. `leaves`: they stay."""
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        cursor.execute(LOCK, [move_id])
        flow_id, versions, by, state, last = cursor.fetchone()
        if state not in FlowMove.OPEN:
            return False
        cursor.execute(NEXT, [flow_id, versions, last, size])
        ids = [row[0] for row in cursor.fetchall()]
        moved = 0 if leaves else _move(cursor, ids, current, journal, by=by, move_id=move_id)
        left = len(ids) - moved
        done = not ids
        state = FlowMove.State.DONE if done else FlowMove.State.RUNNING
        last, lease = ids[-1] if ids else last, settings.LEADOPS_LEASE
        cursor.execute(ADVANCED, [moved, left, last, state, lease, done, move_id])
        if done:
            _ended(journal, FlowMove.objects.get(pk=move_id), "done", by=by)
    return not done


def _ended(journal: Any, move: FlowMove, how: str, *, by: str) -> None:
    journal.operation(
        EventType.FLOW_MOVE_ENDED,
        entity_id=move.flow_id,
        flow_id=move.flow_id,
        reason=f"{how.capitalize()}: {move.moved:,} moved",
        by=by,
        move=move.id,
        how=how,
        moved=move.moved,
        left=move.left,
    )


def _move(
    cursor: Any, ids: Sequence[str], current: Plans, journal: Any, *, by: str, move_id: str
) -> int:
    """Have leads go on by the flow as it is; how many of them do."""
    cursor.execute(LOCK_LEADS, [list(ids)])
    locked = cursor.fetchall()
    journal.move_on(cursor)
    leads = [LeadState.of(row) for row in locked]
    leads = [each for each in leads if each.status in ("working", "review")]
    cursor.execute(DELIVERIES, [[lead.id for lead in leads]])
    deliveries = [DeliveryState.of(row) for row in cursor.fetchall()]
    places, moved = [], []
    for lead in leads:
        was, now = _flows(current, lead)
        if was is None or now is None or lead.flow_version == now.version:
            continue
        way = Way.between(was, now, lead)
        own = [each for each in deliveries if each.lead_id == lead.id]
        if any(way.is_lost(each) for each in own):
            continue
        places += [{"id": d.id, "step": way.delivered(d.step_id, d.step)} for d in own]
        lead.step = way.place(lead.step_id, lead.step)
        before = lead.flow_version
        lead.step_id, lead.flow_version = now.step_id(lead.step), now.version
        moved.append(lead)
        journal.record(
            lead,
            EventType.LEAD_MOVED,
            entity_id=lead.flow_id,
            reason=f"Moved by {by} to version {now.version} of the flow",
            by=by,
            move=move_id,
            from_version=before,
            to_version=now.version,
            step={"id": lead.step_id, "name": getattr(now.step(lead.step), "name", "")},
        )
    rows = [{k: getattr(lead, k) for k in MOVED} for lead in moved]
    cursor.execute(MOVE, [dumps(rows)])
    cursor.execute(PLACE, [dumps(places)])
    tiers.wake(cursor, [lead.id for lead in moved])
    return len(moved)


MOVED = ("id", "flow_version", "step", "step_id", "seq")


def _flows(current: Plans, lead: LeadState) -> tuple[FlowPlan | None, FlowPlan | None]:
    """The flow as of the lead's version, and as it is."""
    return earlier.followed(current, lead), current.flows.get(lead.flow_id)


UNSETTLED = frozenset({"waiting", "sending", "review"})


@dataclass(frozen=True, slots=True)
class Way:
    """How places in one version of a flow correspond to those in another. `old` are the ids of the
    former's steps in order, `stands` that of the step where the lead is."""

    places: Mapping[str, int]
    old: Sequence[str]
    now: FlowPlan
    stands: str

    @classmethod
    def between(cls, was: FlowPlan, now: FlowPlan, lead: LeadState) -> Way:
        # One that cannot be used any more has no steps; all that is known is where the lead stands.
        old = [step.id for step in was.steps] or [""] * lead.step + [lead.step_id]
        places = {step.id: place for place, step in enumerate(now.steps)}
        return cls(places, old, now, lead.step_id)

    def place(self, step_id: str, place: int) -> int:
        """Where a lead stands that stood at a step; at the end it stands at the end."""
        if step_id in self.places:
            return self.places[step_id]
        if not step_id and place >= len(self.old):
            return len(self.now.steps)
        where = self.old.index(step_id) if step_id in self.old else min(place, len(self.old))
        left = [self.places[each] for each in self.old[:where] if each in self.places]
        return max(left, default=-1) + 1

    def delivered(self, step_id: str, place: int) -> int:
        """In which step a delivery counts. Where its own is gone, in the next that delivers; for a
        step that the lead has passed this is one that the old version did not have. Beyond the
        last: in none."""
        if step_id in self.places:
            return self.places[step_id]
        for n in range(self.place(step_id, place), len(self.now.steps)):
            step = self.now.steps[n]
            if isinstance(step, DeliverStep) and (
                step_id == self.stands or step.id not in self.old
            ):
                return n
        return len(self.now.steps)

    def is_lost(self, delivery: DeliveryState) -> bool:
        """Whether it is open, and the flow would not wait for it any more."""
        there = self.delivered(delivery.step_id, delivery.step) < len(self.now.steps)
        return delivery.state in UNSETTLED and not there
