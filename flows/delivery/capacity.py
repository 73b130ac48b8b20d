"""Caps and limits of one turn: what is taken, and what the turn takes, gives back or uses up.

A turn reads the counts that its leads may need in one statement, goes on counting in memory, and
brings its changes to the locked rows before it commits: where somebody else was faster and there is
no room any more, it is taken anew. What a delivery holds stands on its own row (`holds`), written
in the same transaction: it is given back or used up by whoever ends the delivery, and nothing is
lost with a worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection

from flows.delivery.breakers import Contended
from leadops.lib import wake, wire
from leadops.lib.bulk import dumps
from recipients.caps import Cap
from recipients.limits import Rate
from recipients.outcomes import Outcome

if TYPE_CHECKING:
    from flows.plan import Plans, StepPlan
    from flows.turns.runs import DeliveryState, Run
    from recipients.plan import RecipientPlan

NOTHING = Decimal(0)
ONE = Decimal(1)
EVER = datetime(1970, 1, 1, tzinfo=UTC)  # the only window of what has none
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
AT_ONCE = "Concurrency limit"  # what the reasons of deliveries begin with that wait for a place
LOOK_AGAIN = 60.0  # seconds, at most: those that wait for a place are woken
SOON = 5.0  # seconds until a cap is asked again that others may give something back to
AHEAD = 1800  # windows of a rate that are booked ahead at most

READ = """
    SELECT c.key, c.starts, c.reserved, c.used, c.booked
    FROM json_to_recordset(%s::json) AS r(key text, starts timestamptz)
    JOIN flows_capcount c ON c.key = r.key AND c.starts >= r.starts
"""
CHANGES = """json_to_recordset(%s::json) AS r(
    key text, starts timestamptz, ends timestamptz, reserved numeric, used numeric, booked numeric,
    most numeric, needs numeric, full_at numeric, freed numeric, used_only boolean
)"""
MAKE = f"""
    INSERT INTO flows_capcount (key, starts, ends, reserved, used, booked)
    SELECT key, starts, ends, 0, 0, 0 FROM {CHANGES} ORDER BY key, starts
    ON CONFLICT (key, starts) DO NOTHING
"""  # noqa: S608
# All of them first, in order: another turn may want the same.
LOCK = f"""
    SELECT FROM flows_capcount c JOIN {CHANGES} ON c.key = r.key AND c.starts = r.starts
    ORDER BY c.key, c.starts FOR UPDATE OF c
"""
WRITE = f"""
    UPDATE flows_capcount c SET
        reserved = c.reserved + r.reserved, used = c.used + r.used, booked = c.booked + r.booked
    FROM {CHANGES} WHERE c.key = r.key AND c.starts = r.starts
    AND (r.most IS NULL OR r.most >= r.needs + c.used + CASE
        WHEN r.used_only THEN 0 ELSE c.reserved END)
    AND (r.full_at IS NULL OR c.booked > 0 OR r.full_at <= c.reserved + r.freed)
"""  # noqa: S608
FORGET = """
    DELETE FROM flows_capcount WHERE ends < clock_timestamp() - interval '60 days'
        OR ends < clock_timestamp() - interval '1 hour' AND key ~ ':per_(second|minute)$'
"""
# First come, first served: they look again after the same time, so the first is due first.
WAKE = f"""
    UPDATE flows_work w SET due_at = clock_timestamp()
    FROM json_to_recordset(%s::json) AS r(key text, recipient text, most numeric)
    JOIN flows_capcount c ON c.key = r.key AND c.booked > 0
    CROSS JOIN LATERAL (
        SELECT k.id FROM flows_work k JOIN events_delivery d ON d.id = k.delivery_id
        WHERE k.lane IN (r.recipient, r.recipient || ':retry') AND k.lease IS NULL
            AND k.due_at > statement_timestamp() AND d.waits_for LIKE '{AT_ONCE}%%'
        ORDER BY k.due_at LIMIT greatest(0, r.most - c.reserved)::int
        FOR UPDATE OF k SKIP LOCKED
    ) AS next
    WHERE w.id = next.id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Hold:
    """What a delivery holds. `kind`: `cap` (an amount of it), `room` (a place among those under
    way), `queue` (it waits for one), `rate` (a place in a coming window)."""

    kind: str
    key: str
    starts: datetime
    amount: Decimal = ONE

    def written(self) -> list[str]:
        return [self.kind, self.key, self.starts.isoformat(), str(self.amount)]


def holds_of(delivery: DeliveryState) -> list[Hold]:
    """What stands on a delivery's row."""
    found = delivery.holds
    rows: Sequence[Any] = orjson.loads(found) if isinstance(found, str) else found or []
    return [Hold(kind, key, datetime.fromisoformat(at), Decimal(n)) for kind, key, at, n in rows]


def hold(delivery: DeliveryState, holds: Iterable[Hold]) -> None:
    """Note on a delivery's row what it holds."""
    delivery.holds = [each.written() for each in holds] or None


@dataclass(frozen=True, slots=True)
class Count:
    """How full a window is."""

    reserved: Decimal = NOTHING
    used: Decimal = NOTHING
    booked: Decimal = NOTHING

    @property
    def taken(self) -> Decimal:
        return self.reserved + self.used


EMPTY = Count()


@dataclass(slots=True)
class Change:
    """What a turn adds to a window.

    `most` is what may be taken at most: with what others take meanwhile there must be room for
    `needs`, the most that the turn itself ever took at a time. `full_at`: there must have been no
    place left of so many when the first of the turn was told to wait, `freed` then being what the
    turn had added. `used_only`: what others hold does not count.
    """

    ends: datetime
    reserved: Decimal = NOTHING
    used: Decimal = NOTHING
    booked: Decimal = NOTHING
    most: Decimal | None = None
    needs: Decimal = NOTHING
    full_at: int | None = None
    freed: Decimal = NOTHING
    used_only: bool = False

    def limit(self, most: Decimal, *, used_only: bool = False) -> None:
        """Something was taken just now."""
        added = self.used if used_only else self.used + self.reserved
        self.needs = max(self.needs, added) if self.most is not None else added
        self.most, self.used_only = most, used_only


@dataclass(frozen=True, slots=True)
class Busy:
    """No place now: it waits `seconds`, and notes down what it waits for."""

    reason: str
    seconds: float
    spread: float
    queue: Hold
    most: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What stands against a delivery: a limit, or a full cap and the seconds until it is worth
    asking again."""

    busy: Busy | None = None
    full: Cap | None = None
    taken: Decimal = NOTHING
    resets_in: float = 0.0


FREE = Room()


@dataclass(slots=True)
class Counters:
    """`known` are the counts as they were read, then as this turn moved them on."""

    known: dict[tuple[str, datetime], Count] = field(default_factory=dict)
    changes: dict[tuple[str, datetime], Change] = field(default_factory=dict)
    rooms: dict[str, tuple[str, int]] = field(default_factory=dict)  # key → recipient, most
    log: list[tuple[tuple[str, datetime], Count]] = field(default_factory=list)

    def read(self, runs: Iterable[Run], plans: Plans, *, at: datetime) -> None:
        """The counts of whatever limits these leads; no statement where nothing does."""
        wanted = dict(self._wanted(list(runs), plans, at)) if plans.has_caps else {}
        if not wanted:
            return
        rows = [{"key": key, "starts": starts} for key, starts in sorted(wanted.items())]
        with wire.cursor() as cursor:
            cursor.execute(READ, [dumps(rows)])
            for key, starts, *figures in cursor.fetchall():
                self.known[key, starts] = Count(*figures)

    def _wanted(
        self, runs: Sequence[Run], plans: Plans, at: datetime
    ) -> Iterator[tuple[str, datetime]]:
        """Keys, each with the start of its first window that counts."""
        ids = {d.recipient_id for run in runs for d in run.deliveries if d.state == "waiting"}
        caps: list[Cap] = []
        for flow in {run.flow.id: run.flow for run in runs}.values():
            caps += flow.step_caps
            ids |= flow.recipients
        for plan in (plans.recipients[id] for id in ids if id in plans.recipients):
            caps += plan.caps
            if plan.limits.concurrency is not None:
                self.rooms[plan.limits.key] = (plan.id, plan.limits.concurrency)
                yield plan.limits.key, EVER
            for rate in plan.limits.rates:
                yield rate.key, rate.window(at)
        for cap in caps:
            yield cap.key, cap.window(at)[0]

    def room(
        self,
        run: Run,
        plan: RecipientPlan,
        step: StepPlan | None,
        delivery: DeliveryState | None,
        *,
        price: Decimal | None,
    ) -> Room:
        """Whether there is room for a delivery; takes nothing."""
        if run.lead.test or not (plan.limits or plan.caps or _of_step(step, plan)):
            return FREE
        held = holds_of(delivery) if delivery else []
        at = run.journal.at
        if busy := self._busy(plan, held, at):
            return Room(busy)
        mine = {each.key for each in held if each.kind == "cap"}
        for cap in _applying(run, plan, step):
            starts, ends = cap.window(at)
            count = self.known.get((cap.key, starts), EMPTY)
            if cap.key in mine or cap.has_room(count.taken, cap.takes(price)):
                continue
            wait = (ends - at).total_seconds()
            if count.used < cap.most:  # others may yet give back what they hold
                wait = min(wait, SOON)
            return Room(full=cap, taken=count.taken, resets_in=wait)
        return FREE

    def _busy(self, plan: RecipientPlan, held: Sequence[Hold], at: datetime) -> Busy | None:
        limits = plan.limits
        if limits.concurrency is not None:
            count = self.known.get((limits.key, EVER), EMPTY)
            queued = any(each.kind == "queue" for each in held)
            if count.reserved >= limits.concurrency or (count.booked > 0 and not queued):
                said = f"{AT_ONCE} reached: {limits.concurrency} at once to {plan.name}"
                place = Hold("queue", limits.key, EVER)
                return Busy(said, LOOK_AGAIN, 0.0, place, limits.concurrency)
        for rate in limits.rates:
            starts = self._window(rate, held, at)
            if starts > at:
                wait = (starts - at).total_seconds()
                said = f"Rate limit reached: {rate.said} to {plan.name}"
                return Busy(said, wait, rate.seconds * 0.8, Hold("rate", rate.key, starts))
        return None

    def _window(self, rate: Rate, held: Sequence[Hold], at: datetime) -> datetime:
        """The first window, from that of now on, that has a place for who holds these."""
        first = starts = rate.window(at)
        for ahead in range(AHEAD):
            starts = rate.after(first, ahead)
            count = self.known.get((rate.key, starts), EMPTY)
            mine = sum(each.key == rate.key and each.starts == starts for each in held)
            if count.used + count.booked - mine < rate.most:
                return starts
        return starts

    def wait(self, delivery: DeliveryState, busy: Busy) -> None:
        """Let a delivery wait in line."""
        kept = []
        for each in holds_of(delivery):
            if each.kind in ("queue", "rate") and each.key == busy.queue.key:
                self._add(each, booked=-ONE)
            else:
                kept.append(each)
        change = self._add(busy.queue, booked=ONE)
        if busy.queue.kind == "queue" and change.full_at is None:
            change.full_at, change.freed = busy.most, change.reserved
        hold(delivery, [*kept, busy.queue])

    def leave(self, delivery: DeliveryState) -> None:
        """It waits for something else: whoever stands behind it need not wait for that."""
        kept = []
        for each in holds_of(delivery):
            if each.kind in ("queue", "rate"):
                self._add(each, booked=-ONE)
            else:
                kept.append(each)
        if delivery.holds and len(kept) < len(holds_of(delivery)):
            hold(delivery, kept)

    def take(
        self,
        run: Run,
        plan: RecipientPlan,
        step: StepPlan | None,
        delivery: DeliveryState,
        *,
        price: Decimal | None,
    ) -> None:
        """An attempt begins: reserve what it takes; it is one that `room` had nothing against."""
        if run.lead.test or not (plan.limits or plan.caps or _of_step(step, plan)):
            return
        at = run.journal.at
        kept = [each for each in holds_of(delivery) if each.kind == "cap"]
        for each in holds_of(delivery):
            if each.kind in ("queue", "rate"):
                self._add(each, booked=-ONE)
        mine = {each.key for each in kept}
        for cap in () if delivery.sold else _applying(run, plan, step):
            if cap.key not in mine:
                starts, ends = cap.window(at)
                each = Hold("cap", cap.key, starts, cap.takes(price))
                self._add(each, ends=ends, reserved=each.amount).limit(cap.most)
                kept.append(each)
        limits = plan.limits
        if limits.concurrency is not None:
            place = Hold("room", limits.key, EVER)
            self._add(place, reserved=ONE).limit(Decimal(limits.concurrency))
            kept.append(place)
        for rate in limits.rates:
            change = self._add(Hold("rate", rate.key, rate.window(at)), used=ONE)
            change.limit(Decimal(rate.most), used_only=True)
        hold(delivery, kept)

    def sold(
        self, run: Run, plan: RecipientPlan, delivery: DeliveryState, *, price: Decimal
    ) -> None:
        """A recipient has taken the lead: what was reserved is used up, money as it was paid.

        What nobody reserved counts all the same: a person said so, or the cap is younger.
        """
        step = run.flow.step(delivery.step)
        if run.lead.test or not (delivery.holds or plan.caps or _of_step(step, plan)):
            return
        applying = {cap.key: cap for cap in _applying(run, plan, step)}
        kept = []
        for each in holds_of(delivery):
            if each.kind != "cap":
                kept.append(each)
                continue
            cap = applying.pop(each.key, None)
            used = cap.takes(price) if cap else each.amount
            self._add(each, reserved=-each.amount, used=used)
        for cap in applying.values():
            starts, ends = cap.window(run.journal.at)
            self._add(Hold("cap", cap.key, starts), ends=ends, used=cap.takes(price))
        hold(delivery, kept)

    def settle(self, delivery: DeliveryState) -> None:
        """Give back what a delivery does not need any more, by the state it has come to.

        Whoever may have the lead keeps its places in caps until that is settled.
        """
        if not delivery.holds or delivery.state == "sending":
            return
        open_still = delivery.state in ("waiting", "review")
        doubtful = open_still and (delivery.in_doubt or delivery.outcome == Outcome.UNKNOWN)
        kept = []
        for each in holds_of(delivery):
            in_line = each.kind in ("queue", "rate") and delivery.state == "waiting"
            if in_line or (each.kind == "cap" and doubtful):
                kept.append(each)
            elif each.kind in ("cap", "room"):
                self._add(each, reserved=-each.amount)
            else:
                self._add(each, booked=-ONE)
        hold(delivery, kept)

    def _add(
        self,
        place: Hold,
        *,
        ends: datetime | None = None,
        reserved: Decimal = NOTHING,
        used: Decimal = NOTHING,
        booked: Decimal = NOTHING,
    ) -> Change:
        name = place.key, place.starts
        usual = FOREVER if place.starts == EVER else place.starts + timedelta(minutes=1)
        change = self.changes.setdefault(name, Change(ends or usual))
        change.reserved += reserved
        change.used += used
        change.booked += booked
        self.log.append((name, Count(reserved, used, booked)))
        before = self.known.get(name, EMPTY)
        self.known[name] = Count(
            before.reserved + reserved, before.used + used, before.booked + booked
        )
        return change

    def undo(self, mark: int) -> None:
        """Take back what was counted since the log was so long: its lead makes trouble."""
        for name, added in self.log[mark:]:
            change, count = self.changes[name], self.known[name]
            change.reserved -= added.reserved
            change.used -= added.used
            change.booked -= added.booked
            self.known[name] = Count(
                count.reserved - added.reserved,
                count.used - added.used,
                count.booked - added.booked,
            )
        del self.log[mark:]

    def write(self) -> None:
        """Bring the changes to the rows; raises Contended where there is no room any more.

        Among the last that a turn does before it commits: turns that share a cap wait for each
        other no longer than that.
        """
        if not self.changes:
            return
        rows = dumps([{"key": k, "starts": at, **_row(c)} for (k, at), c in self.changes.items()])
        written = wire.cursor()
        with connection.connection.pipeline(), wire.cursor() as cursor:
            cursor.execute(MAKE, [rows])
            cursor.execute(LOCK, [rows])
            written.execute(WRITE, [rows])
        if written.rowcount < len(self.changes):
            raise Contended("A cap or a limit was reached meanwhile")
        self._wake()

    def _wake(self) -> None:
        """Those that wait for a place, as many as there are places now."""
        freed = [
            {"key": key, "recipient": recipient, "most": most}
            for key, (recipient, most) in sorted(self.rooms.items())
            if (change := self.changes.get((key, EVER))) and (change.reserved < 0 or change.booked)
        ]
        if freed:
            with wire.cursor() as cursor:
                cursor.execute(WAKE, [dumps(freed)])
                if cursor.rowcount:
                    wake.ring(cursor)


def _row(change: Change) -> dict[str, Any]:
    return {
        "ends": change.ends,
        "reserved": change.reserved,
        "used": change.used,
        "booked": change.booked,
        "most": change.most,
        "needs": change.needs,
        "full_at": change.full_at,
        "freed": change.freed,
        "used_only": change.used_only,
    }


def _of_step(step: StepPlan | None, plan: RecipientPlan) -> tuple[Cap, ...]:
    """The caps of a step, and of a recipient in it."""
    own: tuple[Cap, ...] = getattr(step, "caps", ())
    listed: Mapping[str, tuple[Cap, ...]] = getattr(step, "recipient_caps", {})
    return own + listed.get(plan.id, ())


def _applying(run: Run, plan: RecipientPlan, step: StepPlan | None) -> Iterator[Cap]:
    values = run.judged
    return (cap for cap in plan.caps + _of_step(step, plan) if cap.applies(values))


def forget_old() -> int:
    """Delete the counts of windows that nobody asks for any more; how many."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
        return int(cursor.rowcount)
