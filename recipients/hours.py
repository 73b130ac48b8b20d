"""Hours: when a recipient takes leads, by the clock on its wall or on the lead's. Pure.

`{mon-fri: 9am-8pm, sat: 10-14, closed: hold, timezone: recipient, holidays: [2026-12-25]}`. It is
open at a moment when the clock there shows a time within a range: what the clock jumps over in
spring never comes, what it shows twice in autumn counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from leadops.lib import durations
from recipients.callwindow import moment
from recipients.termerrors import TermError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPTIONS: Final = ("closed", "timezone", "holidays", "hold_at_most")
HORIZON: Final = 400  # days that are looked through for the next opening
# Over a long weekend: from Friday evening to Tuesday morning.
HOLD_AT_MOST: Final = 96 * 3600.0
ALL_DAY: Final = "24h"
CLOSED: Final = "closed"


class Closed(StrEnum):
    """What a lead does that comes while it is closed."""

    HOLD = "hold"
    SKIP = "skip"


class Whose(StrEnum):
    """Whose clock counts."""

    RECIPIENT = "recipient"
    LEAD = "lead"


@dataclass(frozen=True, slots=True)
class Span:
    """From `opens` on and before `closes`; where that is not later, on the next day."""

    opens: time
    closes: time

    @property
    def is_overnight(self) -> bool:
        return self.closes <= self.opens

    def holds(self, shown: time) -> bool:
        """On the day on which it opens."""
        return self.opens <= shown and (self.is_overnight or shown < self.closes)


Week = tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """`week` has the spans that open on each day, Monday first. Nothing is open on a holiday.
    `hold_at_most`: seconds of age beyond which a lead is not held."""

    week: Week
    closed: Closed = Closed.HOLD
    whose: Whose = Whose.RECIPIENT
    holidays: frozenset[date] = frozenset()
    hold_at_most: float = HOLD_AT_MOST

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        local = at.astimezone(zone)
        day, shown = local.date(), local.time()
        if day in self.holidays:
            return False
        before = day - timedelta(days=1)
        last = () if before in self.holidays else self.week[before.weekday()]
        return any(span.holds(shown) for span in self.week[day.weekday()]) or any(
            span.is_overnight and shown < span.closes for span in last
        )

    def opens(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """`at` where it is open, else when it opens next; None: not within a year."""
        if self.is_open(at, zone):
            return at
        return self._first(at, zone, openness=True)

    def closes(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """When it closes next, of one that is open; None: not within a year."""
        return self._first(at, zone, openness=False)

    def _first(self, at: datetime, zone: ZoneInfo, *, openness: bool) -> datetime | None:
        today = at.astimezone(zone).date()
        for ahead in range(-1, HORIZON):
            day = today + timedelta(days=ahead)
            for turn in sorted(self._turns(day, zone)):
                if turn > at and self.is_open(turn, zone) is openness:
                    return turn
        return None

    def _turns(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        """The moments of a day at which it may open or close."""
        before = day - timedelta(days=1)
        times = {time(0)}
        times |= {t for span in self.week[day.weekday()] for t in (span.opens, span.closes)}
        times |= {span.closes for span in self.week[before.weekday()]}
        for shown in times:
            for fold in (0, 1):
                yield datetime.combine(day, shown.replace(fold=fold), zone).astimezone(UTC)
        if change := _change(day, zone):
            yield change


def _change(day: date, zone: ZoneInfo) -> datetime | None:
    """The moment of a day at which the clock is put forward or back; None on most days."""
    low = datetime.combine(day, time(0), zone).astimezone(UTC)
    high = low + timedelta(hours=26)
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return None
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def parse(document: Any) -> Hours | None:
    """The hours of a document, None of an empty one: always open. Raises TermError."""
    if not isinstance(document, Mapping):
        raise TermError("Write {mon-fri: 9am-8pm, closed: hold}")
    if not document:
        return None
    week: dict[int, tuple[Span, ...]] = {}
    for key, value in document.items():
        if key in OPTIONS:
            continue
        for day in _days(str(key)):
            if day in week:
                raise TermError(f"{DAYS[day]} stands here twice", str(key))
            week[day] = _spans(value, str(key))
    if not any(week.values()):
        raise TermError("It is never open; switch the recipient off instead")
    try:
        return Hours(
            week=tuple(week.get(day, ()) for day in range(7)),
            closed=Closed(document.get("closed", Closed.HOLD)),
            whose=Whose(document.get("timezone", Whose.RECIPIENT)),
            holidays=frozenset(_holidays(document.get("holidays", []))),
            hold_at_most=_age(document.get("hold_at_most", HOLD_AT_MOST)),
        )
    except TermError:
        raise
    except ValueError:
        wrong = "closed" if document.get("closed", "hold") not in set(Closed) else "timezone"
        words = Closed if wrong == "closed" else Whose
        raise TermError(f"Write {' or '.join(words)}", wrong) from None


def check(document: Any) -> None:
    """Raises TermError for what cannot be used."""
    parse(document)


def _days(text: str) -> list[int]:
    """The days of `mon-fri`, `sat`, `mon, wed` or `daily`, counted from Monday."""
    if text.strip().lower() == "daily":
        return list(range(7))
    found: list[int] = []
    for part in text.lower().replace("–", "-").split(","):
        first, dash, last = (word.strip()[:3] for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            known = f"days such as mon-fri, sat or daily, or one of {', '.join(OPTIONS)}"
            raise TermError(f"{text!r} is none of {known}", text)
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
        found += [day % 7 for day in range(start, end + 1 + (7 if end < start else 0))]
    return found


def _spans(value: Any, path: str) -> tuple[Span, ...]:
    if isinstance(value, str):
        parts: Sequence[Any] = value.split(",")
    else:
        parts = value if isinstance(value, list) else [value]
    words = [str(part).strip().lower() for part in parts]
    if words in ([CLOSED], ["none"], ["false"]):
        return ()
    if words == [ALL_DAY]:
        return (Span(time(0), time(0)),)
    return tuple(_span(word, path) for word in words)


def _span(text: str, path: str) -> Span:
    opens, dash, closes = text.replace("–", "-").partition("-")
    if not dash:
        raise TermError(f"{text!r} is no range: write 9am-8pm, 09:00-20:00, 24h or closed", path)
    try:
        return Span(moment(opens), time(0) if closes.strip() in ("24", "24:00") else moment(closes))
    except ValueError as error:
        raise TermError(str(error), path) from error


def _holidays(value: Any) -> Iterator[date]:
    if not isinstance(value, list):
        raise TermError("Write a list of dates, such as [2026-12-25]", "holidays")
    for place, each in enumerate(value):
        try:
            yield date.fromisoformat(str(each)[:10])
        except ValueError:
            where = f"holidays.{place}"
            raise TermError(f"{each!r} is no date; write 2026-12-25", where) from None


def _age(value: Any) -> float:
    try:
        seconds = durations.parse(value)
    except (ValueError, TypeError) as error:
        raise TermError(str(error).rstrip("."), "hold_at_most") from error
    if not seconds:
        raise TermError("Longer than nothing", "hold_at_most")
    return seconds


def normal(document: Any) -> Any:
    """The hours as they are stored: dates and times as text; others as they are."""
    if not isinstance(document, Mapping):
        return document
    return {
        str(key): [str(each) for each in value] if key == "holidays" and isinstance(value, list)
        else value
        for key, value in document.items()
    }  # fmt: skip
