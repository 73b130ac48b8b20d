"""How long a file of leads is kept: until a week after its end, whether it was ended or not."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from events.vocabulary import EventType
from flows.byhand import by_hand
from flows.importing import steering
from flows.models import LeadImport, LeadImportPiece, LeadImportRow

KEPT = timedelta(days=7)
State = LeadImport.State


def forget_old() -> int:
    """Delete the rows of imports that ended a week ago, and imports never started; cancel those
    that nobody resumed for a week. How many."""
    before = timezone.now() - KEPT
    drafts, _ = LeadImport.objects.filter(state=State.DRAFT, created_at__lt=before).delete()
    for id in LeadImport.objects.filter(state=State.PAUSED, touched_at__lt=before).values_list(
        "id", flat=True
    ):
        steering.cancel(id, by="leadops")
    ended = LeadImport.objects.filter(
        Q(finished_at__lt=before), state__in=LeadImport.ENDED, purged_at__isnull=True
    )
    found = list(ended.values_list("id", flat=True))
    for id in found:
        purge(id)
    return bool(drafts) + len(found)


def purge(import_id: str) -> None:
    """Delete all that is anybody's data; the counts stay."""
    with by_hand.noted() as (cursor, journal):
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        LeadImportPiece.objects.filter(lead_import=import_id).delete()
        cursor.execute(
            f"DELETE FROM {LeadImportRow._meta.db_table} WHERE lead_import_id = %s",  # noqa: S608
            [import_id],
        )
        LeadImport.objects.filter(pk=import_id).update(purged_at=journal.at, columns=[], targets=[])
        journal.operation(
            EventType.IMPORT_DELETED,
            entity_id=row.id,
            flow_id=row.flow_id,
            reason="Its time was over; what people said in it was deleted",
            rows=row.total,
        )
