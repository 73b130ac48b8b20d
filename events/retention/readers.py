"""Who reads the record at a pace of its own, and must have read a month before it goes: push
subscriptions, and the hooks together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from events import following
from events.following import Choice, Position
from events.hooks import loading, seeing
from events.hooks.loading import Names
from events.models import EventHook, EventSubscription, HookFollower
from events.pushing.batches import choice_of
from events.retention.terms import Kept, Terms
from leadops.lib import durations

ROWS = 10_000  # of the record in one go
MOST_READS = 20  # of these; then what waits is taken to begin there
ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reader:
    """`at` is its place, `choice` what it wants. What is older than `since` it does not want."""

    row: EventSubscription | HookFollower
    id: str
    name: str
    at: Position
    choice: Choice
    active: bool = True
    since: datetime = ALWAYS


def readers(*, lock: bool = False) -> list[Reader]:
    """All that have a place; with `lock` none of them moves until the transaction ends."""
    subscriptions = EventSubscription.objects.filter(tx__isnull=False).order_by("id")
    if lock:
        subscriptions = subscriptions.select_for_update()
    found = [_subscription(each) for each in subscriptions]
    return found + _hooks(lock=lock)


def _subscription(row: EventSubscription) -> Reader:
    return Reader(
        row,
        id=row.id,
        name=f"Push subscription {row.slug}",
        at=Position(row.tx or 0, row.after),
        choice=choice_of(row),
        active=row.active,
    )


def of_subscription(row: EventSubscription) -> Reader | None:
    """None before it has begun."""
    return None if row.tx is None else _subscription(row)


def of_hooks() -> Reader | None:
    """The one that reads for all hooks; None while none of them looks at events."""
    found = _hooks()
    return found[0] if found else None


def _hooks(*, lock: bool = False) -> list[Reader]:
    rows = HookFollower.objects.filter(tx__isnull=False)
    if lock:
        rows = rows.select_for_update()
    hooks = [hook for hook in loading.active() if not hook.metric]
    if not hooks:
        return []
    choice = seeing.choice(loading.watches(hooks, Names().fresh()))
    return [
        Reader(
            row,
            id="hooks",
            name="Hooks",
            at=Position(row.tx or 0, row.after),
            choice=choice,
            since=_armed(hooks),
        )
        for row in rows
    ]


def _armed(hooks: list[EventHook]) -> datetime:
    return min((hook.armed_at or ALWAYS for hook in hooks), default=ALWAYS)


@dataclass(frozen=True, slots=True)
class Left:
    """What waits begins at `since`; from `until` on it may be gone."""

    since: datetime
    until: datetime

    def time(self, now: datetime) -> timedelta:
        """Never less than nothing."""
        return max(self.until - now, timedelta())

    def words(self, now: datetime) -> str:
        """`2026-12-01 00:00 UTC, in 2 days 4 hours`."""
        left = self.time(now)
        within = f"in {length(left)}" if left else "which is over: any day now"
        return f"{self.until:%Y-%m-%d %H:%M} UTC, {within}"


def length(left: timedelta) -> str:
    """As people say it: days and hours, or hours and minutes."""
    minutes = int(left.total_seconds() // 60)
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    said = [f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in parts if n][:2]
    return " ".join(said) or "less than a minute"


def left(reader: Reader, terms: Terms) -> Left | None:
    """Until when what waits for a reader is kept; None where nothing waits, or all is for ever."""
    kept = terms.longest(Kept.EVENTS)
    since = first_waiting(reader) if kept < durations.FOREVER else None
    if since is None:
        return None
    month = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (month + timedelta(days=32)).replace(day=1)  # a month goes as a whole
    return Left(since, end + timedelta(seconds=kept))


def first_waiting(reader: Reader) -> datetime | None:
    """When the first event was that it wants and has not had. What is far behind may be so long
    that only its beginning is looked through: then a moment before the first, never after it."""
    at = reader.at
    for _ in range(MOST_READS):
        columns = ("timestamp",)
        chunk = following.read(at, limit=ROWS, choice=reader.choice, columns=columns)
        wanted: list[datetime] = [
            values[0] for _, values in chunk.rows if values[0] >= reader.since
        ]
        if wanted:
            return min(wanted)
        if chunk.caught_up:
            return None
        at = chunk.reached
    moment = following.lag(at).since
    return max(moment, reader.since) if moment else None
