"""How a batch begins: what has gathered is closed, admitted once more, recorded, and sent as one.

A large batch is recorded in slices, each in a transaction of its own, so that its pump does other
work in between. The states, with what a worker that comes after one that died finds:

    open ──▶ due ──▶ starting ──▶ sending ──▶ answered ──▶ done, or waiting to be sent again
              └─────────────────────▲ └───────────────────────▲
                 one slice is enough      one slice is enough

- `due`: it takes nobody more. Nothing else is done: whoever has it begins it.
- `starting`: some deliveries have their attempt in the record and the lease of the worker, none is
  sent. Whoever claims the batch's work takes those along, under his lease, and goes on with the
  others. A delivery whose lease ends meanwhile is left to its batch: it is not of unknown fate.
- `sending`: all have, and the batch's work is gone. In the same transaction as the last slice;
  only after its commit the batch is sent. The leases of its deliveries run out: they are of unknown
  fate, and go again together.
- `answered`: the answer of each is stored (`batchanswers.py`). Whoever finds a delivery left behind
  settles it by that. Until all answers are stored it is `sending`: an answer that was lost.

A worker that was stopped, and goes on when another has its batch, finds so at the next slice, for
each begins by looking whether the batch's work carries its lease. All slices admit by breakers,
conditions and the clock as the first found them: a batch is one attempt, and the breaker counts it
when its first delivery is recorded.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from flows import earlier, plans
from flows.delivery import breakers, dispatching, sendings
from flows.delivery.admission import Hold, Moment
from flows.delivery.batchadmission import First, Slice, admit
from flows.delivery.batchwork import BatchSending
from flows.delivery.breakers import Breakers, Contended
from flows.plan import FlowPlan, NotLoaded
from flows.turns import turn
from flows.turns.desk import Desk, Sending
from flows.turns.states import DeliveryState, WorkState
from leadops.lib import wire
from leadops.lib.claim import Claimed

log = logging.getLogger(__name__)

SLICE = 500  # deliveries recorded in one transaction
AGAIN = 1.0  # seconds until a batch is looked at again some of whose results are still to come
AFTER_A_FAULT = 10.0
A_LEAD = 0.01  # seconds that rendering and reading may take, for each lead
# Seconds from the first slice to the last; leases of batches of several slices are longer by them.
# Later than that it is taken up anew, with fresh leases.
STARTING = 30.0

CLOSE = "UPDATE flows_batch SET state = 'due' WHERE id = %s AND state = 'open'"
HEAD = """
    SELECT b.state, count(d.id), count(d.id) FILTER (WHERE d.state = 'sending')
    FROM flows_batch b
    LEFT JOIN events_delivery d ON d.batch = b.id AND d.state IN ('waiting', 'sending')
    WHERE b.id = %s GROUP BY b.id
"""
MEMBERS = """
    SELECT d.id, d.lead_id, w.id FROM events_delivery d
    LEFT JOIN flows_work w ON w.delivery_id = d.id
    WHERE d.batch = %s AND d.state IN ('waiting', 'sending') AND d.id > %s
    ORDER BY d.id LIMIT %s
"""
ERASED = "SELECT id FROM events_lead WHERE id = ANY(%s) AND salt IS NULL"
LOCK = """
    SELECT b.tries, b.first_sent_at, b.opened_at, b.test, w.lease::text
    FROM flows_batch b JOIN flows_work w ON w.delivery_id = b.id
    WHERE b.id = %s FOR UPDATE
"""
STARTED = "UPDATE flows_batch SET state = 'starting', waits_for = '' WHERE id = %s"
KEEP = """
    UPDATE flows_work SET due_at = clock_timestamp() + %s * interval '1 second'
    WHERE id = %s AND lease = %s
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
class _Row:
    """The batch as it is stored, locked."""

    tries: int
    first_sent_at: datetime | None
    opened_at: datetime
    test: bool


@dataclass(slots=True)
class Beginning:
    """A batch's work that a pump has claimed, taken on slice by slice. `placed`: it has its place
    in the window; `over`: there is nothing more to do with it here."""

    claimed: Claimed
    lease: str
    lease_seconds: float
    placed: bool = False
    over: bool = False
    _last: str = ""  # the delivery it has come to
    _count: int | None = None  # of its deliveries, when it began
    _began: float = 0.0
    _moment: Moment | None = None
    _first: First | None = None
    _made: list[Sending] = field(default_factory=list)
    _hidden: set[str] = field(default_factory=set)
    _flows: dict[str, FlowPlan] = field(default_factory=dict)

    @property
    def batch_id(self) -> str:
        return self.claimed.delivery_id or ""

    @property
    def lane(self) -> str:
        return self.claimed.lane

    def step(self, may_start: Callable[[str], bool]) -> turn.Done:
        """One slice; what is to be sent now.

        Raises what is nobody's fault: the database is away, or chose this turn to end a deadlock.
        The same step may then be made again.
        """
        self.over = False  # of a step that could not be committed
        try:
            if self.claimed.claims > turn.MAX_CLAIMS:
                self._put_aside()
                return turn.Done()
            if self._count is None and not self._is_ready(may_start):
                return turn.Done()
            return self._slice(may_start)
        except plans.Outdated as outdated:
            plans.current(outdated.revision)
        except NotLoaded as missing:
            earlier.catch_up(missing)
        except Contended:
            pass
        except Exception as error:
            if isinstance(error, turn.DATABASE) and not isinstance(error, turn.UNSTORABLE):
                raise
            log.exception("The batch %s cannot be begun", self.batch_id)
            self._rest(AFTER_A_FAULT, failed=True)
            return turn.Done()
        return self.step(may_start)

    def _is_ready(self, may_start: Callable[[str], bool]) -> bool:
        """Close it and look whether it can begin; else it is over here."""
        with transaction.atomic():
            connection.ensure_connection()
            with wire.cursor() as cursor:
                cursor.execute(CLOSE, [self.batch_id])
                cursor.execute(HEAD, [self.batch_id])
                state, count, sending = cursor.fetchone() or ("", 0, 0)
            if not count:
                self._end()
            elif not self.placed and not may_start(self.lane):
                self._rest(0.0)
            elif sending and state != "starting":
                self._rest(AGAIN)
            else:
                self.placed = True
        if not self.over:
            self._count, self._began = count, time.monotonic()
        return not self.over

    def _slice(self, may_start: Callable[[str], bool]) -> turn.Done:
        with transaction.atomic():
            connection.ensure_connection()
            members = self._members()
            here, is_last = members[:SLICE], len(members) <= SLICE
            gone = self._erased() if is_last else []
            works = _works([*here, *((s.delivery_id, s.lead_id, s.work_id) for s in gone)])
            part = turn.Turn(works, [], self.lease, self.lease_seconds, may_start)
            loaded = turn.load(part)
            row = self._locked()
            if row is None:
                self.over = True
                return turn.Done()
            desk = turn.desk_of(part, loaded)
            found = Slice(self._first, self._moment or _moment(desk))
            self._admit_all(works, found, row, loaded, desk)
            if found.first and not self._first:
                self._enter(found, row, desk)
            done = turn.Done()
            done.starts, done.asks = turn.save(part, loaded, desk)
            left = {each.delivery_id for each in gone}
            made = [each for each in self._made if each.delivery_id not in left]
            made += self._sendings(found, row, desk)
            hidden = self._hidden | sendings.hidden_of(run for run, _, _ in found.starts)
            if found.held is not None:
                self._wait(found.held)
            elif is_last and found.first and made and not self._is_late():
                flows = self._flows | {run.lead.id: run.flow for run, _, _ in found.starts}
                done.batches = [self._mark(found.first, made, hidden, flows, row, found.moment)]
            elif is_last:
                self._rest(0.0)
            else:
                self._keep()
        self._first, self._made, self._hidden = found.first, made, hidden
        self._flows |= {run.lead.id: run.flow for run, _, _ in found.starts}
        self._moment = found.moment if found.first else None
        self._last = here[-1][0] if here else self._last
        for lead_id in found.troubled:
            turn.put_aside(_leased(part.of([lead_id])))
        return done

    def _members(self) -> list[tuple[str, str, int | None]]:
        with wire.cursor() as cursor:
            cursor.execute(MEMBERS, [self.batch_id, self._last, SLICE + 1])
            return cursor.fetchall()

    def _erased(self) -> list[Sending]:
        """Those that were recorded by an earlier slice and whose lead was erased since: nothing was
        sent of them yet, and nothing is."""
        if not self._made:
            return []
        with wire.cursor() as cursor:
            cursor.execute(ERASED, [wire.array(sorted({s.lead_id for s in self._made}))])
            erased = {row[0] for row in cursor.fetchall()}
        return [each for each in self._made if each.lead_id in erased]

    def _locked(self) -> _Row | None:
        """The batch, locked after its leads; None when it is somebody else's by now."""
        with wire.cursor() as cursor:
            cursor.execute(LOCK, [self.batch_id])
            row = cursor.fetchone()
        if row is None or row[4] != self.lease:
            return None
        return _Row(*row[:4])

    def _admit_all(
        self, works: list[Claimed], found: Slice, row: _Row, loaded: turn.Loaded, desk: Desk
    ) -> None:
        """Admit every delivery once more, for time has passed, and record its attempt.

        Until the first is admitted a hold is everybody's: the whole batch waits.
        """
        for work in works:
            run = loaded.runs.get(work.lead_id)
            delivery = run.delivery(work.delivery_id or "") if run else None
            if run is None or delivery is None or not self._is_in(delivery):
                continue
            counted = len(loaded.counters.log)
            try:
                delivery.work = WorkState("deliver", run.lead.id, delivery.id, "", id=work.id)
                delivery.work.lane = dispatching.lane(delivery)
                admit(run, delivery, found, desk)
            except Exception:
                log.exception("%s makes trouble", run.lead.id)
                loaded.counters.undo(counted)
                turn.forget(run.lead.id, loaded, desk)
                found.forget(run, self._first)
            if found.held is not None:
                return
        for _, delivery, _ in found.starts:
            if delivery.work:
                delivery.work.hold += self._longer

    def _is_in(self, delivery: DeliveryState) -> bool:
        return delivery.batch == self.batch_id and delivery.state in ("waiting", "sending")

    @property
    def _longer(self) -> float:
        """Seconds by which leases outlive those of single leads."""
        count = self._count or 0
        return A_LEAD * count + (STARTING if count > SLICE else 0.0)

    def _is_late(self) -> bool:
        """Whether the first leases may end before the others: it is taken up anew."""
        return (self._count or 0) > SLICE and time.monotonic() - self._began > STARTING

    def _who(self, row: _Row) -> str:
        return breakers.who(self.batch_id, row.tries + 1)

    def _enter(self, found: Slice, row: _Row, desk: Desk) -> None:
        """With the first delivery: that some are recorded, and that the endpoint has one more
        attempt at hand."""
        run, delivery, endpoint = found.starts[0]
        desk.breakers.enter(
            desk.plans.recipients[delivery.recipient_id],
            endpoint,
            who=self._who(row),
            lease=delivery.work.hold if delivery.work else self.lease_seconds,
            delivery_id=delivery.id,
            lead_id=run.lead.id,
        )
        with wire.cursor() as cursor:
            cursor.execute(STARTED, [self.batch_id])

    def _sendings(self, found: Slice, row: _Row, desk: Desk) -> list[Sending]:
        who = self._who(row)
        return [
            sendings.sending(
                *each, desk, lease=self.lease, work_id=None, batch=self.batch_id, who=who
            )
            for each in found.starts
        ]

    def _mark(
        self,
        first: First,
        made: list[Sending],
        hidden: set[str],
        flows: dict[str, FlowPlan],
        row: _Row,
        moment: Moment,
    ) -> BatchSending:
        """All are recorded: it is on its way when this is committed."""
        attempt = row.tries + 1
        with wire.cursor() as cursor:
            cursor.execute(BEGUN, [attempt, moment.at, moment.at, self.batch_id])
            cursor.execute(FORGET, [self.claimed.id, self.lease])
        self.over = True
        # The moment of its first attempt, so that the same leads make the same file.
        now = row.first_sent_at or moment.at
        return BatchSending(
            id=self.batch_id,
            plan=sendings.hiding_values(first.plan, hidden),
            endpoint=first.endpoint,
            sendings=tuple(made),
            attempt=attempt,
            tries=first.tries,
            lane=self.lane,
            context={
                "lead": {},
                "source": {},
                "flow": {},
                "recipient": first.plan.fields,
                "now": now,
                "batch": {"id": self.batch_id, "count": len(made), "opened_at": row.opened_at},
                "delivery": {
                    "id": self.batch_id,
                    "attempt": attempt,
                    "idempotency_key": self.batch_id,
                },
                "delivery_attempt": attempt,
            },
            test=row.test,
            flows=flows,
        )

    def _keep(self) -> None:
        """There is more to do: its lease begins anew."""
        with wire.cursor() as cursor:
            cursor.execute(KEEP, [self.lease_seconds, self.claimed.id, self.lease])

    def _end(self) -> None:
        """Nobody is left in it: they ended some other way."""
        self.over = True
        with wire.cursor() as cursor:
            cursor.execute(OVER, [self.batch_id])
            cursor.execute(FORGET, [self.claimed.id, self.lease])

    def _wait(self, held: Hold) -> None:
        seconds = held.seconds
        if seconds is not None:
            seconds += dispatching.JITTER.random() * held.spread
        self._rest(seconds)
        with connection.cursor() as cursor:
            cursor.execute(WAITS, [held.reason[:200], self.batch_id])

    def _rest(self, seconds: float | None, *, failed: bool = False) -> None:
        self.over = True
        with connection.cursor() as cursor:
            cursor.execute(REST, [failed, seconds, seconds, self.claimed.id, self.lease])

    def _put_aside(self) -> None:
        """After so many claims without an end: a person decides on each of its leads."""
        with transaction.atomic():
            connection.ensure_connection()
            members = self._members()[:SLICE]
            if not members:
                self._end()
                return
        self._last = members[-1][0]
        if works := _works(members):
            part = turn.Turn(works, [], self.lease, self.lease_seconds, lambda _: False)
            turn.put_aside(_leased(part))


def begin(
    claimed: Claimed, *, lease: str, lease_seconds: float, may_start: Callable[[str], bool]
) -> turn.Done:
    """Begin the attempt of a batch that is due, all its slices at once; what is to be sent now."""
    beginning = Beginning(claimed, lease, lease_seconds)
    done = turn.Done()
    while not beginning.over:
        step = beginning.step(may_start)
        done.starts += step.starts
        done.asks += step.asks
        done.batches += step.batches
    return done


def _moment(desk: Desk) -> Moment:
    """As this turn found the endpoints, before it does anything to them."""
    return Moment(desk.now, desk.conditions.copy(), Breakers(desk.now, desk.breakers.known.copy()))


def _works(members: Sequence[tuple[str, str, int | None]]) -> list[Claimed]:
    """The deliveries' own work, as if it were claimed."""
    return [
        Claimed(work_id, "deliver", lead_id, id, "", 0, 0.0, left_behind=False)
        for id, lead_id, work_id in members
        if work_id is not None
    ]


def _leased(part: turn.Turn) -> turn.Turn:
    """The same, whose work is surely ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            LEASE, [part.lease, part.lease_seconds, [c.delivery_id for c in part.claimed]]
        )
    return part
