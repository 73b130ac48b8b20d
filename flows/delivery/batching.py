"""How a batch begins: what has gathered is closed, admitted once more, recorded, and sent as one.

Three steps, of which each may be the last that a worker does. The batch takes nobody more; then,
in one transaction, every delivery has its attempt in the record and the lease of this worker; then
it is sent. Whoever comes after a worker that died finds the batch closed, and goes on; or finds its
deliveries under way, whose leases run out: they are of unknown fate, and go again together.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from flows import earlier, plans
from flows.delivery import breakers, dispatching, gathering, sendings
from flows.delivery.admission import Admit, Hold
from flows.delivery.batchwork import BatchSending
from flows.delivery.breakers import Contended
from flows.plan import NotLoaded
from flows.steps import engine
from flows.turns import turn
from flows.turns.desk import Desk, Sending
from flows.turns.runs import DeliveryState, Run, WorkState
from leadops.lib import wire
from leadops.lib.claim import Claimed
from recipients.plan import EndpointPlan

log = logging.getLogger(__name__)

AGAIN = 1.0  # seconds until a batch is looked at again some of whose results are still to come
AFTER_A_FAULT = 10.0
A_LEAD = 0.01  # seconds that rendering and reading may take, for each lead

CLOSE = "UPDATE flows_batch SET state = 'due' WHERE id = %s AND state = 'open'"
MEMBERS = """
    SELECT d.id, d.lead_id, d.state, w.id FROM events_delivery d
    LEFT JOIN flows_work w ON w.delivery_id = d.id
    WHERE d.batch = %s AND d.state IN ('waiting', 'sending') ORDER BY d.id
"""
LOCK = """
    SELECT b.tries, b.first_sent_at, b.opened_at, b.test, w.lease::text
    FROM flows_batch b JOIN flows_work w ON w.delivery_id = b.id
    WHERE b.id = %s FOR UPDATE
"""
BEGUN = """
    UPDATE flows_batch SET state = 'sending', tries = %s, waits_for = '',
        first_sent_at = coalesce(first_sent_at, %s), sent_at = %s
    WHERE id = %s
"""
OVER = """
    UPDATE flows_batch SET state = 'done', done_at = clock_timestamp(), waits_for = ''
    WHERE id = %s
"""
FORGET = "DELETE FROM flows_work WHERE id = %s AND lease = %s"
# Its claims go on being counted where it failed.
REST = """
    UPDATE flows_work SET lease = NULL, claims = CASE WHEN %s THEN claims ELSE 0 END,
        due_at = CASE WHEN %s::float IS NULL THEN 'infinity'::timestamptz
                      ELSE clock_timestamp() + %s * interval '1 second' END
    WHERE id = %s AND lease = %s
"""
WAITS = "UPDATE flows_batch SET waits_for = %s WHERE id = %s"
LEASE = """
    UPDATE flows_work SET lease = %s, due_at = clock_timestamp() + %s * interval '1 second'
    WHERE delivery_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Given:
    """A batch's work, claimed by a pump."""

    claimed: Claimed
    lease: str
    lease_seconds: float
    may_start: Callable[[str], bool]

    @property
    def batch_id(self) -> str:
        return self.claimed.delivery_id or ""


@dataclass(slots=True)
class _Begun:
    """What a batch is sent with; `held`: why it is not sent now."""

    id: str
    tries: int
    first_sent_at: datetime | None
    opened_at: datetime
    test: bool
    starts: list[tuple[Run, DeliveryState, EndpointPlan]] = field(default_factory=list)
    held: Hold | None = None
    troubled: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> EndpointPlan:
        return self.starts[0][2]


def begin(
    claimed: Claimed, *, lease: str, lease_seconds: float, may_start: Callable[[str], bool]
) -> turn.Done:
    """Begin the attempt of a batch that is due; what is to be sent now.

    Raises what is nobody's fault: the database is away, or chose this turn to end a deadlock.
    """
    given = Given(claimed, lease, lease_seconds, may_start)
    try:
        if claimed.claims > turn.MAX_CLAIMS:
            _put_aside(given)
            return turn.Done()
        with connection.cursor() as cursor:
            cursor.execute(CLOSE, [given.batch_id])
        return _begin(given)
    except plans.Outdated as outdated:
        plans.current(outdated.revision)
    except NotLoaded as missing:
        earlier.catch_up(missing)
    except Contended:
        pass
    except Exception as error:
        if isinstance(error, turn.DATABASE) and not isinstance(error, turn.UNSTORABLE):
            raise
        log.exception("The batch %s cannot be begun", given.batch_id)
        _rest(given, AFTER_A_FAULT, failed=True)
        return turn.Done()
    return begin(claimed, lease=lease, lease_seconds=lease_seconds, may_start=may_start)


def _begin(given: Given) -> turn.Done:
    with transaction.atomic():
        connection.ensure_connection()
        members = _members(given.batch_id)
        if not given.may_start(given.claimed.lane):
            _rest(given, 0.0)
            return turn.Done()
        if any(state == "sending" for _, _, state, _ in members):
            _rest(given, AGAIN)
            return turn.Done()
        if not members:
            _over(given)
            return turn.Done()
        works = [
            Claimed(work_id, "deliver", lead_id, id, "", 0, 0.0, left_behind=False)
            for id, lead_id, _, work_id in members
            if work_id is not None
        ]
        part = turn.Turn(works, [], given.lease, given.lease_seconds, given.may_start)
        loaded = turn.load(part)
        begun = _locked(given)
        if begun is None:
            return turn.Done()
        desk = turn.desk_of(part, loaded)
        _admit_all(works, begun, loaded, desk)
        done = turn.Done()
        if begun.starts:
            _mark(begun, given, desk)
        done.starts, done.asks = turn.save(part, loaded, desk)
        if begun.starts:
            done.batches = [_sending(begun, given, desk)]
        elif begun.held is not None:
            _wait(given, begun.held)
        else:
            _rest(given, 0.0)
    for lead_id in begun.troubled:
        turn.put_aside(_leased(part.of([lead_id])))
    return done


def _members(batch_id: str) -> list[tuple[str, str, str, int | None]]:
    with wire.cursor() as cursor:
        cursor.execute(MEMBERS, [batch_id])
        return cursor.fetchall()


def _locked(given: Given) -> _Begun | None:
    """The batch, locked after its leads; None when it is somebody else's by now."""
    with wire.cursor() as cursor:
        cursor.execute(LOCK, [given.batch_id])
        row = cursor.fetchone()
    if row is None or row[4] != given.lease:
        return None
    return _Begun(given.batch_id, row[0] + 1, row[1], row[2], row[3])


def _admit_all(works: list[Claimed], begun: _Begun, loaded: turn.Loaded, desk: Desk) -> None:
    """Admit every delivery once more, for time has passed, and record its attempt.

    Until the first is admitted a hold is everybody's: the whole batch waits.
    """
    for work in works:
        run = loaded.runs.get(work.lead_id)
        delivery = run.delivery(work.delivery_id or "") if run else None
        if run is None or delivery is None or not _still_in(delivery, begun.id):
            continue
        counted = len(loaded.counters.log)
        try:
            delivery.work = WorkState("deliver", run.lead.id, delivery.id, "", id=work.id)
            delivery.work.lane = dispatching.lane(delivery)
            _admit(run, delivery, begun, desk)
        except Exception:
            log.exception("%s makes trouble", run.lead.id)
            loaded.counters.undo(counted)
            turn.forget(run.lead.id, loaded, desk)
            begun.starts = [each for each in begun.starts if each[0] is not run]
            begun.troubled.append(run.lead.id)
        if begun.held is not None:
            return


def _still_in(delivery: DeliveryState, batch_id: str) -> bool:
    return delivery.batch == batch_id and delivery.state == "waiting"


def _admit(run: Run, delivery: DeliveryState, begun: _Begun, desk: Desk) -> None:
    plan = desk.plans.recipients[delivery.recipient_id]
    found = dispatching.verdict(
        run, plan, desk, step=run.flow.step(delivery.step), delivery=delivery
    )
    if isinstance(found, Hold) and not begun.starts:
        delivery.work = None  # stays as it is stored
        begun.held = found
    elif isinstance(found, Admit) and _fits(found, begun):
        begun.starts.append((run, delivery, found.endpoint))
        dispatching.begin_together(run, delivery, plan, found, desk)
    else:
        if isinstance(found, Admit) or not delivery.attempts:
            delivery.batch = ""  # it goes another way, or with a later batch
        dispatching.dispatch(run, delivery, desk)
        if delivery.state not in ("waiting", "sending"):
            engine.advance(run, desk)


def _fits(found: Admit, begun: _Begun) -> bool:
    """Whether it goes where the first of the batch goes."""
    if begun.starts:
        return found.endpoint.id == begun.endpoint.id
    return gathering.takes(found.endpoint)


def _mark(begun: _Begun, given: Given, desk: Desk) -> None:
    """Before it is sent: whose attempt it is, and that the endpoint has one more at hand."""
    run, delivery, endpoint = begun.starts[0]
    plan = desk.plans.recipients[delivery.recipient_id]
    for _, each, _ in begun.starts:
        if each.work:
            each.work.hold += A_LEAD * len(begun.starts)
    desk.breakers.enter(
        plan,
        endpoint,
        who=breakers.who(begun.id, begun.tries),
        lease=delivery.work.hold if delivery.work else given.lease_seconds,
        delivery_id=delivery.id,
        lead_id=run.lead.id,
    )
    with wire.cursor() as cursor:
        cursor.execute(BEGUN, [begun.tries, desk.now, desk.now, begun.id])
        cursor.execute(FORGET, [given.claimed.id, given.lease])


def _sending(begun: _Begun, given: Given, desk: Desk) -> BatchSending:
    """The batch as a sender sends it: `now` is that of its first attempt, so that the same leads
    make the same file."""
    now = begun.first_sent_at or desk.now
    batch = {"id": begun.id, "count": len(begun.starts), "opened_at": begun.opened_at}
    made = [
        _of_batch(each, begun, {**each.context, "now": now, "batch": batch})
        for each in (
            sendings.sending(run, delivery, endpoint, desk, lease=given.lease, work_id=None)
            for run, delivery, endpoint in begun.starts
        )
    ]
    _, delivery, endpoint = begun.starts[0]
    plan = desk.plans.recipients[delivery.recipient_id]
    return BatchSending(
        id=begun.id,
        plan=sendings.hiding_all(plan, [run for run, _, _ in begun.starts]),
        endpoint=endpoint,
        sendings=tuple(made),
        attempt=begun.tries,
        tries=delivery.tries,
        lane=given.claimed.lane,
        context={
            "lead": {},
            "source": {},
            "flow": {},
            "recipient": plan.fields,
            "now": now,
            "batch": batch,
            "delivery": {
                "id": begun.id,
                "attempt": begun.tries,
                "idempotency_key": begun.id,
            },
            "delivery_attempt": begun.tries,
        },
        test=begun.test,
    )


def _of_batch(each: Sending, begun: _Begun, context: dict[str, Any]) -> Sending:
    return dataclasses.replace(
        each, context=context, batch=begun.id, who=breakers.who(begun.id, begun.tries)
    )


def _over(given: Given) -> None:
    """Nobody is left in it: they ended some other way."""
    with wire.cursor() as cursor:
        cursor.execute(OVER, [given.batch_id])
        cursor.execute(FORGET, [given.claimed.id, given.lease])


def _wait(given: Given, held: Hold) -> None:
    seconds = held.seconds
    if seconds is not None:
        seconds += dispatching.JITTER.random() * held.spread
    _rest(given, seconds)
    with connection.cursor() as cursor:
        cursor.execute(WAITS, [held.reason[:200], given.batch_id])


def _rest(given: Given, seconds: float | None, *, failed: bool = False) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REST, [failed, seconds, seconds, given.claimed.id, given.lease])


def _put_aside(given: Given) -> None:
    """After so many claims without an end: a person decides on each of its leads."""
    members = [m for m in _all_members(given.batch_id) if m[3] is not None]
    works = [
        Claimed(work or 0, "deliver", lead, id, "", 0, 0.0, left_behind=False)
        for id, lead, _, work in members
    ]
    part = turn.Turn(works, [], given.lease, given.lease_seconds, lambda _: False)
    if works:
        turn.put_aside(_leased(part))
    with transaction.atomic():
        connection.ensure_connection()
        _over(given)


def _all_members(batch_id: str) -> list[tuple[str, str, str, int | None]]:
    with transaction.atomic():
        connection.ensure_connection()
        return _members(batch_id)


def _leased(part: turn.Turn) -> turn.Turn:
    """The same, whose work is surely ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            LEASE, [part.lease, part.lease_seconds, [c.delivery_id for c in part.claimed]]
        )
    return part
