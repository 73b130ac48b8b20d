"""The period and time zone a viewer has chosen; remembered in the session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.dateparse import parse_date

from events.periods import DAY, Span, midnight
from events.zones import SESSION_KEY, remembered, zone

# Name → its words, days back to its first day, days it lasts.
PERIODS = {
    "today": ("Today", 0, 1),
    "yesterday": ("Yesterday", 1, 1),
    "7d": ("7 days", 6, 7),
    "30d": ("30 days", 29, 30),
}
CUSTOM = "custom"
DEFAULT = "7d"
LONGEST = 366 * 3  # days
EARLIEST = 1970  # year; there is nothing to see before, and the calendar begins in 1
REMEMBERED = "period"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the pages show. `first` and `last` are days in the zone, both included."""

    period: str
    first: date
    last: date
    span: Span
    before: Span
    problem: str = ""

    @property
    def zone(self) -> ZoneInfo:
        return self.span.zone

    @property
    def words(self) -> str:
        """What the figures are compared with."""
        days = (self.last - self.first).days + 1
        return "the day before" if days == 1 else f"the {days} days before"


def chosen(request: HttpRequest, now: datetime) -> Choice:
    """The viewer's choice, from this request or remembered from an earlier one."""
    place = _zone(request)
    today = now.astimezone(place).date()
    asked = _asked(request)
    period, first, last, problem = _days(asked, today)
    if not problem and "period" in request.GET:
        request.session[REMEMBERED] = asked
    span = Span(midnight(first, place), min(midnight(last + DAY, place), now), place)
    return Choice(period, first, last, span, span.earlier((last - first).days + 1), problem)


def _zone(request: HttpRequest) -> ZoneInfo:
    """The zone of this request, from then on the session's."""
    if asked := request.GET.get("tz"):
        try:
            place = zone(asked)
        except ValueError:
            return remembered(request.session)
        request.session[SESSION_KEY] = place.key
        return place
    return remembered(request.session)


def _asked(request: HttpRequest) -> dict[str, str]:
    if "period" in request.GET:
        return {name: request.GET.get(name, "") for name in ("period", "from", "to")}
    remembered: dict[str, str] = request.session.get(REMEMBERED, {})
    return remembered


def _days(asked: dict[str, str], today: date) -> tuple[str, date, date, str]:
    """Period, first and last day; a choice that makes no sense falls back and says so."""
    name = asked.get("period", DEFAULT)
    if name == CUSTOM:
        first, last = _date(asked.get("from", "")), _date(asked.get("to", ""))
        problem = _problem(first, last, today)
        if first and last and not problem:
            return CUSTOM, first, last, ""
        return (*_named(DEFAULT, today), problem)
    return (*_named(name if name in PERIODS else DEFAULT, today), "")


def _problem(first: date | None, last: date | None, today: date) -> str:
    if first is None or last is None:
        return "Give both days, as 2024-01-15."
    if first.year < EARLIEST:
        return f"The first day lies before {EARLIEST}."
    if first > last:
        return "The first day is after the last."
    if first > today:
        return "The first day has not come yet."
    return "" if (last - first).days < LONGEST else f"At most {LONGEST} days."


def _named(name: str, today: date) -> tuple[str, date, date]:
    _, back, length = PERIODS[name]
    first = today - timedelta(days=back)
    return name, first, first + timedelta(days=length - 1)


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def now() -> datetime:
    return datetime.now(UTC)
