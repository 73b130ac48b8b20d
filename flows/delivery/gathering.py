"""Deliveries that go together: what a turn sees of batches, and how its deliveries join one.

A turn decides in memory that a delivery is to wait for its batch, and finds the batch before it
commits: leads are locked first, then batches in order of their keys, so nobody waits in a circle.
A batch that is full or old enough takes nobody more; what comes later opens the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from flows.plan import StepPlan
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from leadops.lib import ids, wake
from recipients.integrations import integration_for
from recipients.plan import BatchPlan, EndpointPlan, RecipientPlan

WAITS = "Batch"  # what a delivery waits for that waits for its batch
# Seconds beyond a batch's time after which a delivery asks for itself what became of it.
BACKSTOP = 300.0
USUAL = BatchPlan()  # of recipients that say nothing, in steps of the pattern `batch`
TEST_AGE = 0.0  # a test lead goes at once, in a batch of its own kind

OPEN = """
    INSERT INTO flows_batch AS b
        (id, recipient_id, endpoint_id, test, state, size, tries, waits_for, outcomes, due_at)
    VALUES (%s, %s, %s, %s, 'open', 0, 0, '', '{}',
            clock_timestamp() + %s * interval '1 second')
    -- changes nothing, but locks the one that gathers
    ON CONFLICT (recipient_id, endpoint_id, test) WHERE state = 'open' DO UPDATE SET size = b.size
    RETURNING b.id, b.size
"""
JOIN = """
    UPDATE flows_batch SET size = size + %s, state = CASE WHEN %s THEN 'due' ELSE state END
    WHERE id = %s
"""
# Due when it is old enough, at once when it is full; what somebody has at hand stays with them.
DUE = """
    INSERT INTO flows_work AS w (kind, lead_id, delivery_id, lane, claims, hold, due_at)
    SELECT 'batch', b.id, b.id, b.recipient_id, 0, 0,
           CASE WHEN b.state = 'open' THEN b.due_at ELSE clock_timestamp() END
    FROM flows_batch b WHERE b.id = ANY(%s)
    ON CONFLICT (delivery_id) DO UPDATE SET due_at = least(w.due_at, excluded.due_at)
    WHERE w.lease IS NULL
"""


@dataclass(frozen=True, slots=True)
class Joining:
    """A delivery that is to join a batch at an endpoint."""

    run: Run
    delivery: DeliveryState
    how: BatchPlan
    endpoint: EndpointPlan

    @property
    def key(self) -> tuple[str, str, bool]:
        return self.delivery.recipient_id, self.endpoint.id, self.run.lead.test


@dataclass(slots=True)
class Gathering:
    """Of one turn: who joins, and whose batch must be looked after."""

    joining: list[Joining] = field(default_factory=list)
    again: dict[str, str] = field(default_factory=dict)  # delivery → its batch

    def forget(self, lead_id: str) -> None:
        """A lead makes trouble: nothing of it is stored."""
        self.joining = [each for each in self.joining if each.run.lead.id != lead_id]

    def write(self, lead_ids: Collection[str]) -> None:
        """Find a batch for all who join, and see to the others'. Before deliveries are saved."""
        if self.joining or self.again:
            with connection.cursor() as cursor:
                self._write(cursor, lead_ids)

    def _write(self, cursor: Any, lead_ids: Collection[str]) -> None:
        touched = set(self.again.values())
        groups: dict[tuple[str, str, bool], list[Joining]] = defaultdict(list)
        for each in self.joining:
            # Some were to wait and were sold elsewhere in the same turn.
            if each.run.lead.id in lead_ids and each.delivery.state == "waiting":
                groups[each.key].append(each)
        for key in sorted(groups):
            touched |= _join(cursor, key, groups[key])
        if touched:
            cursor.execute(DUE, [sorted(touched)])


def _join(cursor: Any, key: tuple[str, str, bool], joining: list[Joining]) -> set[str]:
    """Fill the open batch, then the next; their ids."""
    how = joining[0].how
    age = TEST_AGE if key[2] else how.age
    found = set()
    while joining:
        cursor.execute(OPEN, [ids.new_id("bat"), *key, age])
        batch_id, size = cursor.fetchone()
        room = max(0, how.count - size)
        taken, joining = joining[:room], joining[room:]
        for each in taken:
            each.delivery.batch = batch_id
        is_full = len(taken) >= room
        cursor.execute(JOIN, [len(taken), is_full, batch_id])
        if is_full:
            wake.ring(cursor)
        found.add(batch_id)
    return found


def how_to(plan: RecipientPlan, step: StepPlan | None, endpoint: EndpointPlan) -> BatchPlan | None:
    """How deliveries to this endpoint are gathered; None where each goes alone."""
    pattern = getattr(step, "pattern", None)
    how = plan.batch or (USUAL if pattern is not None and pattern.gathers else None)
    return how if how is not None and takes(endpoint) else None


def takes(endpoint: EndpointPlan) -> bool:
    """Whether many leads can go there as one."""
    return integration_for(endpoint.integration).batches
