"""Does the record still say what was sealed? Reads every sealed row again.

Rows are hashed here and not in the database: COPY sends them as fast as PostgreSQL spells them,
on another core than the one that hashes, and a function that somebody replaced in the database
cannot vouch for its own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from django.db import connection

from events.models import Seal
from events.sealing import canonical, copied, published, restored, seals, settled
from events.sealing.merkle import LEAF, Tree

PAGE = 2_000  # seals in one query
CHUNK = 50_000  # events in one copy, about
MOST_COUNTED = 10_000
NAMED = 3  # events that a problem names
Said = Callable[[int, int], None]  # how many seals of how many are checked


@dataclass(slots=True)
class Found:
    """What was looked at, and what does not agree: the first `most` of it."""

    most: int
    seals: int = 0
    events: int = 0
    kept_of: dict[date, int] = field(default_factory=dict)  # dropped months: their seals
    dropped_events: dict[date, int] = field(default_factory=dict)  # and what these are of
    problems: list[str] = field(default_factory=list)
    waiting: int = 0

    def problem(self, text: str) -> None:
        if len(self.problems) < self.most:
            self.problems.append(text)

    def keep(self, seal: Seal) -> None:
        """A seal of a month that was dropped."""
        month = seal.month
        self.kept_of[month] = self.kept_of.get(month, 0) + 1
        self.dropped_events[month] = self.dropped_events.get(month, 0) + seal.events

    def text(self) -> str:
        """For people, in one line."""
        if not self.seals and not self.waiting:
            return "none yet"
        parts = [f"{self.seals} seals", f"{self.events} events"]
        for month, number in sorted(self.kept_of.items()):
            parts.append(f"rows of {month:%Y-%m} were dropped by retention, {number} seals kept")
        more = "+" if self.waiting >= MOST_COUNTED else ""
        parts.append(f"{self.waiting}{more} not sealed yet")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Span:
    """The seals of one range of transactions: one for each month that has events in it."""

    start: int
    end: int
    seals: Mapping[date, Seal]

    @property
    def events(self) -> int:
        return sum(seal.events for seal in self.seals.values())


def check(
    *, most: int = 20, files: Sequence[Path] = (), said: Said = lambda done, all: None
) -> Found:
    """All of it, as it stands now, best in a transaction of one snapshot. `files` hold heads that
    were published; `said` hears how many seals of how many are done."""
    found = Found(most)
    if trouble := restored.problem():
        found.problem(trouble)
    chain = Chain(found, published.heads(found.problem, *files))
    total = chain.count()
    for spans in _chunks(chain.spans()):
        _compare(spans, chain.dropped, found)
        said(found.seals, total)
    chain.end()
    _check_dropped(chain.dropped, found)
    found.waiting = _waiting(chain.sealed_to)
    return found


class Chain:
    """The seals in their order, each held to the one before, and to the heads that went out."""

    def __init__(self, found: Found, heads: Mapping[int, list[published.Published]]) -> None:
        self.found, self.heads = found, dict(heads)
        self.n, self.hash, self.sealed_to = 0, canonical.NO_SEAL, 0
        self.dropped = dropped_months()

    def count(self) -> int:
        last = Seal.objects.only("n").first()
        return last.n if last else 0

    def spans(self) -> Iterator[Span]:
        """Each range; where seals are missing, a range without any."""
        before: int = 0
        for (start, end), group in groupby(self._seals(), lambda seal: (seal.from_tx, seal.to_tx)):
            if start > before:
                yield Span(before, start, {})
            yield Span(start, end, {seal.month: seal for seal in group})
            before = max(before, end)

    def _seals(self) -> Iterator[Seal]:
        after = 0
        while page := list(Seal.objects.filter(n__gt=after).order_by("n")[:PAGE]):
            for seal in page:
                self._link(seal)
                yield seal
            after = page[-1].n

    def _link(self, seal: Seal) -> None:
        """One more: is it the next, does it follow the last, does it say what was hashed?"""
        problem, hashed = self.found.problem, bytes(seal.hash)
        if seal.n != self.n + 1:
            problem(_missing(self.n + 1, seal.n - 1))
        elif bytes(seal.previous) != self.hash:
            problem(f"seal {seal.n} does not follow seal {self.n}: one of them was changed")
        if seals.facts_of(seal).hash() != hashed:
            problem(f"seal {seal.n} was changed: its hash is that of something else")
        if seal.n == self.n + 1 and seal.from_tx not in (self.sealed_to, self._start):
            problem(f"seal {seal.n} does not begin where seal {self.n} ends")
        for head in self.heads.pop(seal.n, ()):
            if head.hash != hashed:
                problem(f"seal {seal.n} is not the one that was published {head}")
        self.n, self.hash, self._start = seal.n, hashed, seal.from_tx
        self.sealed_to = max(self.sealed_to, seal.to_tx)
        self.found.seals += 1

    _start = 0

    def end(self) -> None:
        """What was published, but is not there."""
        for n, heads in sorted(self.heads.items()):
            self.found.problem(f"seal {n} is missing: it was published {heads[0]}")


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"seal {first} is missing"
    return f"seals {first} to {last} are missing"


def _chunks(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Neighbours together, so that many small seals are read by few queries."""
    held: list[Span] = []
    events = 0
    for span in spans:
        held.append(span)
        events += span.events
        if events >= CHUNK or len(held) >= PAGE:
            yield held
            held, events = [], 0
    if held:
        yield held


@dataclass(slots=True)
class Held:
    """What there is now, of a month in a span."""

    tree: Tree
    first: list[bytes]


def _compare(spans: list[Span], dropped: Mapping[date, Dropped], found: Found) -> None:
    """Rows and seals of neighbouring spans."""
    now = _read(spans)
    for number, span in enumerate(spans):
        held = {copied.day(month): each for month, each in now[number].items()}
        for month, seal in span.seals.items():
            _one(seal, held.pop(month, None), dropped, found)
        for month, each in held.items():
            _unsealed(month, span, each, found)


def _read(spans: list[Span]) -> list[dict[int, Held]]:
    """Of each span, by month, the tree of its rows."""
    held: list[dict[int, Held]] = [{} for _ in spans]
    at, end = 0, spans[0].end
    with connection.cursor() as cursor:
        rows = settled.texts(cursor, start=spans[0].start, end=spans[-1].end)
        for month, tx, _, text in rows:
            while tx >= end:
                at += 1
                end = spans[at].end
            each = held[at].get(month)
            if each is None:
                each = held[at][month] = Held(Tree(), [])
            each.tree.add(sha256(LEAF + text).digest())
            if each.tree.count <= NAMED:
                each.first.append(text)
    return held


def _one(seal: Seal, held: Held | None, dropped: Mapping[date, Dropped], found: Found) -> None:
    """A seal and the rows that it speaks of."""
    gone = dropped.get(seal.month)
    if gone is not None and seal.sealed_at <= gone.at and held is None:
        found.keep(seal)
        return
    count = held.tree.count if held else 0
    found.events += count
    about = f"seal {seal.n} ({_between(seal)})"
    if count < seal.events:
        found.problem(f"{about}: {seal.events - count} of its {seal.events} events are missing")
    elif count > seal.events:
        found.problem(
            f"{about}: has {count} events, sealed were {seal.events}: "
            f"{count - seal.events} were inserted"
        )
    elif held and held.tree.root() != bytes(seal.root):
        found.problem(f"{about}: its events were changed, or their order")


def _between(seal: Seal) -> str:
    return f"{seal.first_at:%Y-%m-%d %H:%M:%S} to {seal.last_at:%Y-%m-%d %H:%M:%S}"


def _unsealed(month: date, span: Span, held: Held, found: Found) -> None:
    """Rows among sealed ones that no seal covers."""
    names = ", ".join(str(canonical.read(text)["id"]) for text in held.first)
    more = ", …" if held.tree.count > len(held.first) else ""
    found.problem(
        f"{held.tree.count} events of {month:%Y-%m} stand among sealed ones (transactions "
        f"{span.start} to {span.end}), but no seal covers them: {names}{more}"
    )


# What retention drops it notes in a table, and in an event, which is sealed.
DROPPED = """
    SELECT t.month, max(t.dropped_at), sum(t.rows), EXISTS (
        SELECT FROM events_event e
        WHERE e.type = 'record.trimmed' AND e.data ->> 'table' = 'events_event'
          AND e.data ->> 'month' = to_char(t.month, 'YYYY-MM')
    )
    FROM events_trim t WHERE t.table_name = 'events_event' AND t.whole GROUP BY t.month
"""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A month whose events retention has dropped. `told`: an event says so."""

    month: date
    at: datetime
    rows: int
    told: bool


def dropped_months() -> dict[date, Dropped]:
    with connection.cursor() as cursor:
        cursor.execute(DROPPED)
        return {row[0]: Dropped(row[0], row[1], int(row[2]), row[3]) for row in cursor.fetchall()}


def _check_dropped(dropped: Mapping[date, Dropped], found: Found) -> None:
    """Retention's note must fit the seals, and stand in the record as long as that is kept."""
    for month, each in sorted(dropped.items()):
        if not each.told and not _went_too(each, dropped):
            found.problem(f"{month:%Y-%m} is noted as dropped, but no event of the record says so")
        sealed = found.dropped_events.get(month, 0)
        if month in found.kept_of and sealed != each.rows:
            found.problem(
                f"{month:%Y-%m}: retention dropped {each.rows} rows, its seals are of {sealed}"
            )


def _went_too(each: Dropped, dropped: Mapping[date, Dropped]) -> bool:
    """Whether the month in which the event of it stood was dropped afterwards."""
    after = dropped.get(each.at.astimezone(UTC).date().replace(day=1))
    return after is not None and after.at > each.at


WAITING = f"""
    SELECT count(*) FROM (
        SELECT FROM events_event WHERE tx >= %s::text::xid8 LIMIT {MOST_COUNTED}
    ) AS waiting
"""  # noqa: S608


def _waiting(sealed_to: int) -> int:
    """Events that no seal covers yet, counted up to MOST_COUNTED."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [str(sealed_to)])
        return int(cursor.fetchone()[0])
