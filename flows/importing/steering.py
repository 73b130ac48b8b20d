"""What somebody does to an import that runs: pause, resume, cancel. And its end, recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from events.journal import Journal
from events.vocabulary import EventType
from flows.byhand import by_hand
from flows.models import LeadImport

State = LeadImport.State


def pause(import_id: str) -> bool:
    """Take no further row in for now; False when it does not run."""
    return _change(import_id, lambda row: row.is_worked, state=State.PAUSED)


def stop(import_id: str, problem: str) -> bool:
    """Pause it because it cannot go on; the problem is shown."""
    return _change(import_id, lambda row: row.is_worked, state=State.PAUSED, problem=problem[:300])


def resume(import_id: str) -> bool:
    """Go on; False when it is not paused. The caller has it worked on."""
    return _change(import_id, lambda row: row.is_paused, state=State.QUEUED)


def set_rate(import_id: str, rate: int) -> None:
    """So many rows a second from now on."""
    LeadImport.objects.filter(pk=import_id).update(rate=rate)


def _change(import_id: str, may: Callable[[LeadImport], bool], **values: Any) -> bool:
    with by_hand.noted():
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        if not may(row):
            return False
        values = {"problem": "", "waits_for": "", "touched_at": timezone.now(), **values}
        LeadImport.objects.filter(pk=import_id).update(**values)
    return True


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
