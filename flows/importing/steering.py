"""What somebody does to an import that runs: pause, resume, set its rate, cancel. And its end.
All of it is recorded."""

from __future__ import annotations

from typing import Any

from events.journal import Journal
from events.vocabulary import EventType
from flows.byhand import by_hand
from flows.models import LeadImport

State = LeadImport.State


def pause(import_id: str, *, by: str) -> bool:
    """Take no further row in for now; False when it does not run."""
    return _pause(import_id, by=by)


def stop(import_id: str, problem: str) -> bool:
    """Pause it because it cannot go on; the problem is shown."""
    return _pause(import_id, by="leadops", problem=problem[:300])


def _pause(import_id: str, *, by: str, problem: str = "") -> bool:
    with by_hand.noted() as (_, journal):
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        if not row.is_open:
            return False
        _set(row, journal, state=State.PAUSED, problem=problem)
        _note(row, EventType.IMPORT_PAUSED, journal, reason=problem or f"By {by}", by=by)
    return True


def resume(import_id: str, *, by: str) -> bool:
    """Go on; False when it is not paused. The caller has it worked on."""
    with by_hand.noted() as (_, journal):
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        if not row.is_paused:
            return False
        _set(row, journal, state=State.QUEUED, problem="")
        _note(row, EventType.IMPORT_RESUMED, journal, reason=f"By {by}", by=by)
    return True


def set_rate(import_id: str, rate: int, *, by: str) -> None:
    """So many rows a second from now on."""
    with by_hand.noted() as (_, journal):
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        if row.rate == rate:
            return
        said = f"{rate} rows a second, before {row.rate}; by {by}"
        facts = {"before": row.rate, "after": rate}
        LeadImport.objects.filter(pk=import_id).update(rate=rate)
        _note(row, EventType.IMPORT_RATE_CHANGED, journal, reason=said, by=by, **facts)


def _set(row: LeadImport, journal: Journal, **values: Any) -> None:
    values = {"waits_for": "", "touched_at": journal.at, **values}
    LeadImport.objects.filter(pk=row.pk).update(**values)


def _note(row: LeadImport, kind: EventType, journal: Journal, *, reason: str, **facts: Any) -> None:
    journal.operation(kind, entity_id=row.id, flow_id=row.flow_id, reason=reason, **facts)


def cancel(import_id: str, *, by: str) -> bool:
    """Take no further row in, ever; False when it had ended. What was taken stays."""
    with by_hand.noted() as (_, journal):
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        if row.has_ended:
            return False
        started = row.started_at is not None
        end(row, State.CANCELLED, journal, by=by, recorded=started)
    return True


def end(row: LeadImport, state: str, journal: Journal, *, by: str, recorded: bool = True) -> None:
    """The end of an import whose row is locked."""
    row.state, row.finished_at, row.waits_for = state, journal.at, ""
    row.save(update_fields=["state", "finished_at", "waits_for"])
    if not recorded:
        return
    journal.operation(
        EventType.IMPORT_ENDED,
        entity_id=row.id,
        flow_id=row.flow_id,
        reason=f"{state.capitalize()}: {row.accepted:,} accepted, {row.rejected:,} rejected, "
        f"{row.failed:,} not readable, of {row.total:,}",
        by=by,
        how=str(state),
        rows=row.total,
        accepted=row.accepted,
        rejected=row.rejected,
        failed=row.failed,
        cost=float(row.cost),
    )
