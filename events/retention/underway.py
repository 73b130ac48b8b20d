"""Leads that are still under way or wait for a person: nothing of theirs is taken."""

from __future__ import annotations

from typing import Any

from events.retention.months import Month

# `flows_work` belongs to the app above; it is named here, not imported. Whatever is due has a
# row in it; deliveries' states are in no index.
DUE_OR_HELD = """
    SELECT lead_id AS id FROM flows_work
    UNION SELECT id FROM events_lead WHERE held_at IS NOT NULL
    UNION SELECT lead_id FROM events_delivery WHERE held_at IS NOT NULL
"""
ALL = f"""
    {DUE_OR_HELD}
    UNION SELECT id FROM events_lead WHERE status IN ('working', 'review') AND created_at < %(end)s
"""  # noqa: S608
# Of one lead `l`; its deliveries are found by their index.
OF_ONE = """
    (l.status IN ('working', 'review') OR EXISTS (
        SELECT FROM events_delivery d
        WHERE d.lead_id = l.id AND d.state IN ('waiting', 'sending', 'review')))
"""
MOST = 1_000


def leads(cursor: Any, month: Month) -> int:
    """How many of them have rows in the month, counted up to a thousand."""
    cursor.execute(_counted(month, ALL), {"end": month.end})
    return int(cursor.fetchone()[0])


def any_due(cursor: Any, month: Month) -> bool:
    """Whether there is one; quick, for it is asked while writers wait."""
    cursor.execute(
        f"SELECT EXISTS (SELECT FROM ({DUE_OR_HELD}) open JOIN events_lead l USING (id) "  # noqa: S608
        f"WHERE l.created_at < %s AND EXISTS (SELECT FROM {month.name} x WHERE x.lead_id = l.id))",
        [month.end],
    )
    return bool(cursor.fetchone()[0])


def _counted(month: Month, leads: str) -> str:
    return (
        f"SELECT count(*) FROM (SELECT FROM ({leads}) open "  # noqa: S608  our own names
        f"WHERE EXISTS (SELECT FROM {month.name} x WHERE x.lead_id = open.id) "
        f"LIMIT {MOST}) found"
    )
