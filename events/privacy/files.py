"""Files of exports: the person may stand in any that was begun after a lead of theirs came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from events.exports import keeping
from events.privacy.holdings import Subject


class ExportFiles:
    """Counted with the leads; deleted once all of them are erased, for a file that is still being
    made begins anew then."""

    table = "events_exportpiece"
    title = "Exported files that may hold the person"

    def count(self, cursor: Any, subject: Subject) -> int:
        if subject.since is None:
            return 0
        cursor.execute(
            "SELECT count(*) FROM events_export "
            "WHERE (personal AND with_lead OR partner_words) AND purged_at IS NULL "
            "AND begun_at >= %s AND EXISTS "
            "(SELECT FROM events_exportpiece p WHERE p.export_id = events_export.id)",
            [subject.since],
        )
        return int(cursor.fetchone()[0])

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        return []  # the lead's own values are in the copy already

    def erase(self, cursor: Any, subject: Subject) -> int:
        return 0


def forget(since: datetime, until: datetime) -> int:
    """Delete all files that may hold somebody whose first lead came at `since`; how many."""
    return keeping.forget_before(until, since=since)
