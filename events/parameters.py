"""Query parameters of the API's lists: what they mean, and which value is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.request import Request

from events.vocabulary import EventType
from leadops.lib.api import WrongShape

DEFAULT_LIMIT = 100
MOST = 1_000
EARLIEST, LATEST = 1970, 2999  # years
T = TypeVar("T")
ALL_TYPES = [kind.value for kind in EventType]


def moment(text: str, *, end: bool = False, zone: Any = UTC) -> datetime:
    """A moment or a day, in `zone` where it names none. A day as an end is included whole.

    Raises ValueError.
    """
    day = parse_date(text)
    if day is not None:
        _near(day.year)
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        return (start + timedelta(days=1) if end else start).astimezone(UTC)
    found = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    if found is None:
        raise ValueError("Write 2024-01-15 or 2024-01-15T10:30:00Z.")
    _near(found.year)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _near(year: int) -> None:
    """Raises ValueError where counting days back or on would leave the calendar."""
    if not EARLIEST <= year <= LATEST:
        raise ValueError(f"A year from {EARLIEST} to {LATEST}.")


def types(given: list[str]) -> list[str]:
    """The event types named; `recipient.*` names a group. Raises ValueError."""
    found: list[str] = []
    for word in (part.strip() for text in given for part in text.split(",")):
        if word.endswith(".*"):
            named = [kind for kind in ALL_TYPES if kind.startswith(word[:-1])]
        else:
            named = [word] if word in ALL_TYPES else []
        if not named:
            raise ValueError(f"There is no event type {word[:60]!r}.")
        found += named
    return found


def limit(text: str) -> int:
    """How many; raises ValueError."""
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST:
        raise ValueError(f"A number from 1 to {MOST:,}.")
    return int(text)


class Parameters:
    """Reads parameters one by one and collects what is wrong, to say it all at once."""

    def __init__(self, query: Mapping[str, Any]) -> None:
        self.query = query
        self.problems: dict[str, str] = {}

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        text = self.query.get(name)
        if text in (None, ""):
            return default
        try:
            return parse(str(text).replace("\0", ""))
        except (ValueError, OverflowError) as error:
            self.problems[name] = str(error)
            return default

    def check(self) -> None:
        """Raises WrongShape when something was wrong."""
        if self.problems:
            raise WrongShape("Some parameters are not what they should be.", self.problems)


def next_url(request: Request, cursor: str) -> str:
    """This request's address with another cursor."""
    query = request.query_params.copy()
    query["cursor"] = cursor
    return f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"


def stamp(at: datetime) -> str:
    """UTC, ISO 8601, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
