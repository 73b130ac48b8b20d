"""What somebody looks for among events, as the address of the page says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict

from events import parameters
from events.periods import floor
from events.vocabulary import EventType
from recipients.outcomes import Category, Outcome

LONGEST: Final = 200  # characters of a text
SEVERAL: Final = ("type", "outcome")
CUSTOM: Final = "custom"
# Name → its words and how far back it goes; None: by the viewer's calendar.
PERIODS: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "today": ("Today", None),
    "yesterday": ("Yesterday", None),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
TESTS: Final = {"no": "Without test leads", "only": "Test leads"}
GROUPS: Final = tuple(dict.fromkeys(kind.group for kind in EventType))
OUTCOMES: Final = tuple(word.value for word in Outcome)
CATEGORIES: Final = tuple(word.value for word in Category)
# What may stand there; any text else. Those of flows and parties are their slugs.
KNOWN: Final[Mapping[str, Any]] = {
    "outcome": OUTCOMES,
    "category": CATEGORIES,
    "test": TESTS,
    "period": (*PERIODS, CUSTOM),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Blank: everything. `type` holds types and groups as `recipient.*`; `start` and `end` are
    moments as people write them, the end of a day included; `endpoint`, `mapping` and `status`
    are of the attempt that an event is about."""

    type: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    flow: str = ""
    source: str = ""
    recipient: str = ""
    category: str = ""
    reason: str = ""
    lead: str = ""
    delivery: str = ""
    endpoint: str = ""
    mapping: str = ""
    status: str = ""
    test: str = ""
    period: str = ""
    start: str = ""
    end: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> tuple[Self, list[str]]:
        """From a page's address, and what is wrong with it; that is left out."""
        problems: list[str] = []
        given: dict[str, Any] = {}
        for one in fields(cls):
            texts = [_plain(text) for text in query.getlist(one.name)]
            texts = [text for text in texts if text]
            kept = [text for text in texts if _is_known(one.name, text)]
            problems += [f"There is no {one.name} {t!r}." for t in texts if t not in kept]
            given[one.name] = tuple(dict.fromkeys(kept)) if one.name in SEVERAL else _last(kept)
        if not given["period"] and (given["start"] or given["end"]):
            given["period"] = CUSTOM
        if given["period"] != CUSTOM:
            given["start"] = given["end"] = ""
        return cls(**given), problems

    @classmethod
    def of(cls, query: str) -> Self:
        """Those of a query string that we wrote; what is not known there is left out."""
        found = QueryDict(mutable=True)
        for name, value in parse_qsl(query[:4_000]):
            found.appendlist(name, value)
        return cls.read(found)[0]

    def pairs(self) -> list[tuple[str, str]]:
        """Name and value of all that was chosen."""
        found: list[tuple[str, str]] = []
        for one in fields(self):
            value = getattr(self, one.name)
            values = value if isinstance(value, tuple) else (value,)
            found += [(one.name, text) for text in values if text]
        return found

    @property
    def query(self) -> str:
        return urlencode(self.pairs())

    @property
    def any(self) -> bool:
        return bool(self.pairs())

    @property
    def types(self) -> list[str]:
        """The event types meant, each once."""
        return list(dict.fromkeys(parameters.types(list(self.type)))) if self.type else []

    @property
    def words(self) -> list[str]:
        """What reasons are searched for: each of these stands in them."""
        return self.reason.split()[:8]

    def bounds(self, zone: ZoneInfo, now: datetime) -> tuple[datetime | None, datetime | None]:
        """From, and up to but not including; None: no bound. Raises ValueError, for people."""
        if not self.period:
            return None, None
        if self.period == CUSTOM:
            return self._custom(zone)
        back = PERIODS[self.period][1]
        if back is not None:
            return now - back, None
        today = floor(now, "day", zone)
        if self.period == "today":
            return today, None
        return floor(today - timedelta(hours=1), "day", zone), today

    def _custom(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        start = parameters.moment(self.start, zone=zone) if self.start else None
        end = parameters.moment(self.end, end=True, zone=zone) if self.end else None
        if start and end and end <= start:
            raise ValueError("It ends before it starts.")
        return start, end

    def within(self, start: datetime | None, end: datetime | None) -> Self:
        """These, in a period of its own."""
        return replace(
            self,
            period=CUSTOM if start or end else "",
            start=_written(start) if start else "",
            end=_written(end) if end else "",
        )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(text: str) -> str:
    return str(text).replace("\0", "").strip()[:LONGEST]


def _last(texts: list[str]) -> str:
    return texts[-1] if texts else ""


def _is_known(name: str, text: str) -> bool:
    if name == "type":
        try:
            parameters.types([text])
        except ValueError:
            return False
        return "," not in text
    return name not in KNOWN or text in KNOWN[name]
