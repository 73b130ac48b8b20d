"""One turn of a pump: a transaction that takes in results and begins what is next.

Leads are locked first, in order of their ids, then the work rows; everybody who changes a lead
does the same, so nobody waits in a circle. Reads go out together, writes go out together.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import psycopg
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    connection,
    transaction,
)

from events.journal import Journal
from flows import earlier, plans
from flows.delivery import (
    batchanswers,
    batchwork,
    breakers,
    capacity,
    dispatching,
    endpoints,
    sendings,
    settling,
)
from flows.delivery.admission import Condition
from flows.delivery.batchanswers import Left
from flows.delivery.batchwork import BatchEnded, BatchSending
from flows.delivery.breakers import Contended
from flows.delivery.counters import Counters
from flows.plan import NotLoaded, Plans
from flows.steps import bids, engine, enhancing, notices
from flows.steps.accounts import Book
from flows.turns import lookups, rows, worktable
from flows.turns.bookkeeping import Reading
from flows.turns.desk import Desk, Sending
from flows.turns.inquiries import Answers, Inquiry
from flows.turns.runs import Run
from flows.turns.states import DeliveryState, LeadState, WorkState
from leadops.lib import wire
from leadops.lib.claim import Claimed
from recipients.breaker import Breaker
from recipients.deliver import Attempt

log = logging.getLogger(__name__)

MAX_CLAIMS = 5  # claims without an end, after which work is put aside
# What the values of one lead can do to a statement: psycopg's own errors, for the pipelines go
# round Django, and Django's.
UNSTORABLE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    DataError,
    IntegrityError,
)
DATABASE = (psycopg.Error, DatabaseError, InterfaceError, MemoryError)

SNAPSHOTS = """
    SELECT s.lead_id, s.body FROM events_snapshot s
    JOIN events_lead l ON l.id = s.lead_id AND l.snapshot = s.version
    WHERE l.id = ANY(%s)
    -- leaves out the partitions from before the oldest of these leads
    AND s.at >= (SELECT min(created_at) FROM events_lead WHERE id = ANY(%s))
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn is given. `results` are attempts that have ended, each with its sending;
    `answers` those of inquiries."""

    claimed: Sequence[Claimed]
    results: Sequence[tuple[Sending, Attempt]]
    lease: str
    lease_seconds: float
    may_start: Callable[[str], bool]
    answers: Sequence[tuple[Inquiry, Answers]] = ()
    batches: Sequence[BatchEnded] = ()  # whose deliveries' results these are
    stored: str = ""  # the batch whose answers are written down, of which these are some

    def lead_ids(self) -> list[str]:
        ids = {c.lead_id for c in self.claimed}
        ids |= {s.lead_id for s, _ in self.results} | {i.lead_id for i, _ in self.answers}
        return sorted(ids)

    def work_ids(self) -> list[int]:
        return [
            *(c.id for c in self.claimed),
            *(s.work_id for s, _ in self.results),
            *(i.work_id for i, _ in self.answers),
        ]

    def of(self, lead_ids: Collection[str]) -> Turn:
        """The part of this turn that is about some of its leads."""
        return dataclasses.replace(
            self,
            claimed=[c for c in self.claimed if c.lead_id in lead_ids],
            results=[(s, a) for s, a in self.results if s.lead_id in lead_ids],
            answers=[(i, a) for i, a in self.answers if i.lead_id in lead_ids],
            batches=[b for b in self.batches if b.about in lead_ids],
        )

    def by_lead(self) -> dict[str, Part]:
        """What there is to do, lead by lead."""
        parts: dict[str, Part] = defaultdict(Part)
        for sending, attempt in self.results:
            parts[sending.lead_id].results.append((sending, attempt))
        for inquiry, answers in self.answers:
            parts[inquiry.lead_id].answers.append((inquiry, answers))
        for claimed in self.claimed:
            parts[claimed.lead_id].claimed.append(claimed)
        return parts


@dataclass(slots=True)
class Part:
    """What a turn has of one lead."""

    results: list[tuple[Sending, Attempt]] = field(default_factory=list)
    answers: list[tuple[Inquiry, Answers]] = field(default_factory=list)
    claimed: list[Claimed] = field(default_factory=list)


@dataclass(slots=True)
class Loaded:
    """The rows of a turn, locked."""

    at: datetime
    plans: Plans
    runs: dict[str, Run]
    leases: dict[int, str | None]
    conditions: dict[str, Condition]
    breakers: dict[str, Breaker]
    book: Book
    counters: Counters
    left: dict[str, Left] = field(default_factory=dict)  # deliveries left behind with a batch


@dataclass(slots=True)
class Done:
    """What came of a turn: attempts and inquiries to make now, and how many results and answers
    came too late."""

    starts: list[Sending] = field(default_factory=list)
    refused: int = 0
    asks: list[Inquiry] = field(default_factory=list)
    batches: list[BatchSending] = field(default_factory=list)


def take(turn: Turn) -> Done:
    """Run the turn. Leads that make trouble are found and put aside, the others go on.

    Raises what is nobody's fault: the database is away, or chose this turn to end a deadlock.
    """
    if not turn.lead_ids():
        return Done()
    try:
        done, troubled = _take(turn)
    except plans.Outdated as outdated:
        plans.current(outdated.revision)
        return take(turn)
    except NotLoaded as missing:
        earlier.catch_up(missing)
        return take(turn)
    except Contended:
        return take(turn)
    except Exception as error:
        if isinstance(error, DATABASE) and not isinstance(error, UNSTORABLE):
            raise
        return _take_apart(turn)
    for lead_id in troubled:
        put_aside(turn.of([lead_id]))
    return done


def _take_apart(turn: Turn) -> Done:
    """Something of this turn cannot be stored: halve it until the lead is found."""
    lead_ids = turn.lead_ids()
    if len(lead_ids) == 1:
        log.exception("The changes of %s cannot be stored", lead_ids[0])
        put_aside(turn)
        return Done()
    middle = len(lead_ids) // 2
    first, second = take(turn.of(lead_ids[:middle])), take(turn.of(lead_ids[middle:]))
    return Done(
        first.starts + second.starts, first.refused + second.refused, first.asks + second.asks
    )


def _take(turn: Turn) -> tuple[Done, list[str]]:
    with transaction.atomic():
        loaded = load(turn)
        loaded.left = batchanswers.look_up(_left_with_batches(turn, loaded))
        desk = desk_of(turn, loaded)
        done, troubled = Done(), []
        parts = turn.by_lead()
        for lead_id, run in list(loaded.runs.items()):
            begun, asked, told = len(desk.starts), len(desk.asks), len(desk.notices)
            counted = len(loaded.counters.log)
            try:
                done.refused += _work_through(run, parts[lead_id], turn.lease, loaded, desk)
            except Exception:
                log.exception("%s makes trouble", lead_id)
                del desk.starts[begun:], desk.asks[asked:], desk.notices[told:]
                loaded.counters.undo(counted)
                forget(lead_id, loaded, desk)
                troubled.append(lead_id)
        done.starts, done.asks = save(turn, loaded, desk)
        return done, troubled


def _left_with_batches(turn: Turn, loaded: Loaded) -> list[str]:
    """Claimed deliveries that seem to be under way: their batch may know what became of them."""
    found = []
    for claimed in turn.claimed:
        run = loaded.runs.get(claimed.lead_id) if claimed.delivery_id else None
        delivery = run.delivery(claimed.delivery_id or "") if run else None
        if delivery is not None and delivery.state == "sending" and delivery.batch:
            found.append(delivery.id)
    return found


def desk_of(turn: Turn, loaded: Loaded) -> Desk:
    """The desk of a turn, with what has to be looked up for its leads."""
    desk = Desk(
        now=loaded.at,
        plans=loaded.plans,
        may_start=turn.may_start,
        conditions=loaded.conditions,
        tells=True,
    )
    desk.breakers.known = loaded.breakers
    desk.facts = lookups.look_up(loaded.runs.values(), loaded.plans, at=loaded.at)
    capacity.read(loaded.counters, loaded.runs.values(), loaded.plans, at=loaded.at)
    if loaded.plans.keeps_answers:
        enhancing.look_up(loaded.runs.values(), turn.answers, desk)
    return desk


def forget(lead_id: str, loaded: Loaded, desk: Desk) -> None:
    """Nothing of a lead that makes trouble is stored."""
    del loaded.runs[lead_id]
    desk.facts.forget(lead_id)
    desk.answers.forget(lead_id)
    desk.gathering.forget(lead_id)


def put_aside(turn: Turn) -> None:
    """Quarantine a lead that cannot be worked on; if even that fails, let its work rest.

    Never raises: what the database forgets of it comes back when the lease runs out.
    """
    try:
        _quarantine(turn)
    except plans.Outdated as outdated:
        plans.current(outdated.revision)
        put_aside(turn)
    except NotLoaded as missing:
        earlier.catch_up(missing)
        put_aside(turn)
    except Exception:
        log.exception("Cannot put %s aside", turn.lead_ids())
        _let_rest(turn.work_ids(), turn.lease)


def _quarantine(turn: Turn) -> None:
    with transaction.atomic():
        loaded = load(turn)
        desk = Desk(now=loaded.at, plans=loaded.plans, may_start=lambda _: False)
        parts = turn.by_lead()
        for lead_id, run in loaded.runs.items():
            for work in _all_work(run, parts[lead_id], turn.lease, loaded):
                settling.quarantine(run, work, loaded.plans, "Its result cannot be processed")
        save(turn, loaded, desk)


def _let_rest(work_ids: list[int], lease: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_work SET due_at = 'infinity', lease = NULL "
                "WHERE id = ANY(%s) AND lease = %s",
                [work_ids, lease],
            )
        log.error("Work %s rests until somebody looks at it", work_ids)
    except (DatabaseError, InterfaceError):
        log.exception("Work %s will be tried again", work_ids)


def load(turn: Turn) -> Loaded:
    those = wire.array(turn.lead_ids())
    raw = connection.connection
    cursors = [wire.cursor() for _ in range(8)]
    leads, clock, works, deliveries, snapshots, conditions, moving, revision = cursors
    figures = Reading(plans.cached())
    with raw.pipeline():
        leads.execute(rows.LOCK_LEADS, [those])
        figures.execute(those)
        clock.execute("SELECT clock_timestamp()")
        works.execute(worktable.LOCK, [wire.array(turn.work_ids())])
        deliveries.execute(rows.DELIVERIES, [those])
        snapshots.execute(SNAPSHOTS, [those, those])
        conditions.execute(endpoints.CONDITIONS)
        moving.execute(endpoints.BREAKERS)
        revision.execute(plans.REVISION)
    at = (clock.fetchone() or [None])[0]
    number = revision.fetchone()
    current = plans.loaded(number[0] if number else 0)
    states = [LeadState.of(row) for row in leads.fetchall()]
    found = {
        lead.id: Run(
            lead=lead,
            flow=flow,
            journal=Journal(at),
            source=current.sources.get(lead.source_id),
        )
        for lead, flow in zip(states, current.followed(states), strict=True)
        if flow is not None
    }
    book, counters = figures.book(), Counters()
    for run in found.values():
        run.book, run.counters = book, counters
    for row in deliveries.fetchall():
        delivery = DeliveryState.of(row)
        if delivery.lead_id in found:
            found[delivery.lead_id].deliveries.append(delivery)
    for run in found.values():
        run.find_place()
    for lead_id, *row in figures.bids():
        if lead_id in found:
            found[lead_id].bids.append(bids.offered(row))
    for lead_id, body in snapshots.fetchall():
        if lead_id in found:
            found[lead_id].lead.values = orjson.loads(body)
    return Loaded(
        at=at,
        plans=current,
        runs=found,
        leases=dict(works.fetchall()),
        conditions={row[0]: endpoints.condition_of(row) for row in conditions.fetchall()},
        breakers={row[0]: endpoints.breaker_of(row) for row in moving.fetchall()},
        book=book,
        counters=counters,
    )


def _work_through(run: Run, part: Part, lease: str, loaded: Loaded, desk: Desk) -> int:
    """Take one lead through the turn; give the number of results that were refused.

    Results first: they free places, and are what others wait for.
    """
    if run.flow.broken:
        return _hold(run, part, lease, loaded)
    refused = 0
    for sending, attempt in part.results:
        delivery = _held(run, sending, loaded)
        if delivery is None:
            log.warning("Refused a late result of %s", sending.delivery_id)
            refused += 1
        else:
            delivery.batch = sending.batch
            if sending.judges:
                desk.breakers.ended(
                    desk.plans.recipients[delivery.recipient_id],
                    sending.endpoint,
                    attempt,
                    who=sending.who or breakers.who(delivery.id, sending.attempt),
                    begun=sending.begun,
                )
            settling.settle(run, delivery, attempt, desk)
    for inquiry, answers in part.answers:
        if inquiry.notice:
            notices.told(run, inquiry, answers)
            continue
        if run.lead.inquiry != inquiry.id:
            log.warning("Refused late answers to %s", inquiry.id)
            refused += 1
            continue
        run.work = _asking_work(inquiry)
        run.lead.inquiry = ""
        engine.take_answers(run, inquiry, answers, desk)
    for claimed in part.claimed:
        if loaded.leases.get(claimed.id) == lease:
            _go_on(run, _claimed_work(run, claimed), loaded, desk)
    return refused


def _held(run: Run, sending: Sending, loaded: Loaded) -> DeliveryState | None:
    """The delivery a result is for; None when its lease is gone: somebody else's word counts."""
    delivery = run.delivery(sending.delivery_id)
    if delivery is None or delivery.attempts != sending.attempt:
        return None
    # This pump may have taken it up again and given the attempt up, or another bought the lead.
    if delivery.state != "sending":
        return None
    if loaded.leases.get(sending.work_id) != sending.lease:
        return None
    delivery.work = WorkState(
        kind="deliver",
        lead_id=run.lead.id,
        delivery_id=delivery.id,
        lane=sending.lane,
        id=sending.work_id,
        hold=sending.hold,
    )
    return delivery


def _asking_work(inquiry: Inquiry) -> WorkState:
    return WorkState("advance", inquiry.lead_id, None, inquiry.lane, id=inquiry.work_id)


def _claimed_work(run: Run, claimed: Claimed) -> WorkState:
    work = WorkState(
        kind=claimed.kind,
        lead_id=claimed.lead_id,
        delivery_id=claimed.delivery_id,
        lane=claimed.lane,
        id=claimed.id,
        claims=claimed.claims,
        hold=claimed.hold,
        claimed=claimed,
    )
    delivery = run.delivery(claimed.delivery_id) if claimed.delivery_id else None
    if delivery is not None:
        delivery.work = work
    else:
        run.work = work
    return work


def _all_work(run: Run, part: Part, lease: str, loaded: Loaded) -> list[WorkState]:
    """All that a turn holds of a lead."""
    work = [_claimed_work(run, c) for c in part.claimed if loaded.leases.get(c.id) == lease]
    held = [d.work for s, _ in part.results if (d := _held(run, s, loaded)) and d.work]
    asked = [_asking_work(i) for i, _ in part.answers if run.lead.inquiry == i.id]
    return work + held + asked


def _hold(run: Run, part: Part, lease: str, loaded: Loaded) -> int:
    """Nobody knows how the lead goes on: a person decides."""
    for work in _all_work(run, part, lease, loaded):
        settling.quarantine(run, work, loaded.plans, run.flow.broken)
    return 0


def _go_on(run: Run, work: WorkState, loaded: Loaded, desk: Desk) -> None:
    delivery = run.delivery(work.delivery_id) if work.delivery_id else None
    if delivery is not None and delivery.state not in ("waiting", "sending"):
        work.done = True  # ended by somebody else meanwhile
    elif work.claims > MAX_CLAIMS:
        reason = f"Quarantined after {work.claims} claims without an end"
        settling.quarantine(run, work, desk.plans, reason)
    elif delivery is None:
        engine.advance(run, desk)
    elif delivery.state == "sending":
        settling.left_behind(run, delivery, desk, left=loaded.left.get(delivery.id))
    else:
        dispatching.dispatch(run, delivery, desk)
        if delivery.state not in ("waiting", "sending"):
            engine.advance(run, desk)


def save(turn: Turn, loaded: Loaded, desk: Desk) -> tuple[list[Sending], list[Inquiry]]:
    changed = list(loaded.runs.values())
    journal = Journal(loaded.at)
    for run in changed:
        journal.extend(run.journal)
    endpoints.write(desk, journal)
    desk.facts.write()
    for ended in turn.batches:
        batchwork.record(ended, journal)
    desk.gathering.write(loaded.runs)
    work = worktable.changes(changed, lease=turn.lease, lease_seconds=turn.lease_seconds)
    raw = connection.connection
    inserted = wire.cursor()
    with raw.pipeline(), wire.cursor() as cursor:
        journal.write(cursor)
        rows.save_leads(cursor, changed)
        rows.save_deliveries(cursor, changed)
        work.write(cursor, inserted)
        loaded.book.write(cursor)
        bids.save(cursor, changed)
        batchwork.close(turn.batches, cursor)
        taken = _taken_in(turn, loaded)
        batchanswers.forget(cursor, taken.keys())
        batchanswers.close(cursor, {*taken.values()})
        desk.answers.write(cursor)
    loaded.counters.write()
    endpoints.write_breakers(desk)
    work_ids = {owner: id for id, owner in inserted.fetchall()} if work.fresh else {}
    starts = [
        sendings.sending(
            run, delivery, endpoint, desk, lease=turn.lease, work_id=work_ids.get(delivery.id)
        )
        for run, delivery, endpoint in desk.starts
    ]
    asks = []
    for run, inquiry in desk.asks:
        work_id = run.work.id if run.work and run.work.id else work_ids[run.lead.id]
        asks.append(dataclasses.replace(inquiry, work_id=work_id, lease=turn.lease))
    return starts, asks + desk.notices


def _taken_in(turn: Turn, loaded: Loaded) -> dict[str, str]:
    """The deliveries whose stored answers this turn has taken in, each with its batch."""
    found = {id: left.batch_id for id, left in loaded.left.items() if left.attempt is not None}
    if turn.stored:
        found |= dict.fromkeys((s.delivery_id for s, _ in turn.results), turn.stored)
    if not found:
        return found
    settled = {d.id for run in loaded.runs.values() for d in run.deliveries if d.state != "sending"}
    return {id: batch_id for id, batch_id in found.items() if id in settled}
