"""An erased lead goes nowhere any more: what waits is skipped, what is asked is dropped, its flow
ends. A send that is under way ends with whatever its buyer says; then the flow ends."""

from __future__ import annotations

from typing import Any

from events.vocabulary import EventType
from flows import plans
from flows.byhand import by_hand
from flows.steps import engine
from recipients.outcomes import Outcome

# What no pump has at hand: the rows of deliveries that are being sent are theirs. The table has no
# index on leads; it has one on the leads' own work, and one on deliveries.
FORGET = """
    DELETE FROM flows_work WHERE (kind = 'advance' AND lead_id = %s) OR delivery_id IN (
        SELECT id FROM events_delivery WHERE lead_id = %s AND state <> 'sending'
    )
"""
ENDED = """
    UPDATE events_delivery
    SET state = %s, outcome = CASE WHEN %s = 'skipped' THEN 'skipped' ELSE outcome END,
        reason = %s, waits_for = '', finished_at = %s, held_at = NULL
    WHERE id = %s
"""
DONE = """
    UPDATE events_lead SET status = 'done', result = %s, reason = %s, completed_at = %s,
        held_at = NULL, inquiry = '', seq = %s
    WHERE id = %s
"""


def stop(lead_id: str, *, by: str) -> int:
    """End what is under way, in the caller's transaction; how many deliveries."""
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        try:
            run = by_hand.locked(cursor, lead_id, current, journal)
        except by_hand.NotNow:  # its flow does not compile: nothing can be worked on
            return _stop_plainly(cursor, lead_id, journal, by=by)
        ended = engine.stop_erased(run, current, by=by)
        by_hand.save(cursor, run)
        cursor.execute(FORGET, [lead_id, lead_id])
    return ended


def _stop_plainly(cursor: Any, lead_id: str, journal: Any, *, by: str) -> int:
    """The same without the flow: no patterns, no shares of the cost."""
    from events import leads

    lead = leads.lock(cursor, [lead_id])[lead_id]
    cursor.execute(
        "SELECT id, state, recipient_id, outcome, sold, (SELECT status FROM events_lead l "
        "WHERE l.id = d.lead_id) FROM events_delivery d WHERE lead_id = %s ORDER BY id",
        [lead_id],
    )
    rows = cursor.fetchall()
    ended = [row for row in rows if row[1] in ("waiting", "review")]
    for id, state, recipient_id, outcome, *_ in ended:
        if state == "waiting":
            kind, facts = EventType.RECIPIENT_SKIPPED, {}
        else:
            kind = EventType.REVIEW_CLOSED
            facts = {"by": by, "decision": "failed", "then": "end"}
        journal.record(
            lead,
            kind,
            entity_id=recipient_id,
            outcome=Outcome.SKIPPED if state == "waiting" else outcome,
            reason=engine.ERASED,
            delivery={"id": id},
            **facts,
        )
        state = "skipped" if state == "waiting" else "failed"
        cursor.execute(ENDED, [state, state, engine.ERASED, journal.at, id])
    leads.save(cursor, [lead])
    cursor.execute("SELECT status FROM events_lead WHERE id = %s", [lead_id])
    under_way = any(row[1] == "sending" for row in rows)
    if cursor.fetchone()[0] in ("working", "review") and not under_way:
        sold = any(row[4] for row in rows)
        journal.record(
            lead,
            EventType.FLOW_COMPLETED,
            entity_id=lead.flow_id,
            outcome=Outcome.ACCEPTED if sold else Outcome.REJECTED,
            reason="" if sold else engine.ERASED,
            result="sold" if sold else "unsold",
            revenue=float(lead.revenue),
            sales=[],
        )
        result = "sold" if sold else "unsold"
        reason = "" if sold else engine.ERASED
        cursor.execute(DONE, [result, reason, journal.at, lead.seq, lead_id])
    cursor.execute(FORGET, [lead_id, lead_id])
    return len(ended)
