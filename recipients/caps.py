"""Caps: how many leads, or how much money, within a minute, hour, day, week or month. Pure.

`[{count: 100, per: day}, {money: 5000, per: month, when: {…}, full: hold, timezone: …}]`: each cap
whose rules hold for a lead must have room for it. A window is one of the calendar in the cap's
time zone; weeks begin on Mondays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from leadops.lib import conditions, money
from recipients.termerrors import TermError, of_rule

MOST_CAPS: Final = 50
Word = TypeVar("Word", bound=StrEnum)
KEYS: Final = ("count", "money", "per", "when", "full", "timezone")
COUNT_AT_MOST: Final = 10**9


class Per(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Full(StrEnum):
    """What becomes of a lead for which there is no room."""

    SKIP = "skip"
    HOLD = "hold"


NAMES: Final = {
    Per.MINUTE: "Cap per minute",
    Per.HOUR: "Hourly cap",
    Per.DAY: "Daily cap",
    Per.WEEK: "Weekly cap",
    Per.MONTH: "Monthly cap",
}


@dataclass(frozen=True, slots=True)
class Cap:
    """`key` is what it is counted under. It holds whose cap it is, and what it counts, but not how
    many: a cap that is raised goes on counting."""

    key: str
    most: Decimal
    per: Per
    zone: ZoneInfo
    is_money: bool = False
    when: conditions.Rule | None = None
    full: Full = Full.SKIP

    def applies(self, values: Mapping[str, Any]) -> bool:
        return self.when is None or self.when.evaluate(values).passed

    def takes(self, price: Decimal | None) -> Decimal:
        """What a lead of that price takes of it."""
        return (price or Decimal(0)) if self.is_money else Decimal(1)

    def has_room(self, taken: Decimal, wanted: Decimal) -> bool:
        """What is worth nothing, or of unknown worth, goes while anything is left."""
        return taken < self.most and taken + wanted <= self.most

    def window(self, at: datetime) -> tuple[datetime, datetime]:
        """The start and the end, in UTC, of the window that `at` lies in."""
        local = at.astimezone(self.zone)
        if self.per in (Per.MINUTE, Per.HOUR):
            size = timedelta(minutes=1) if self.per is Per.MINUTE else timedelta(hours=1)
            offset = local.utcoffset() or timedelta(0)
            naive = local.replace(tzinfo=None, second=0, microsecond=0)
            if self.per is Per.HOUR:
                naive = naive.replace(minute=0)
            starts = (naive - offset).replace(tzinfo=UTC)  # each of an hour that comes twice
            return starts, starts + size
        first, after = _days(self.per, local.date())
        return _midnight(first, self.zone), _midnight(after, self.zone)

    def reached(self, taken: Decimal) -> str:
        """Why there is no room: `Daily cap reached (100/100)`."""
        return f"{NAMES[self.per]} reached ({self.amount(taken)}/{self.amount(self.most)})"

    def amount(self, value: Decimal) -> str:
        return f"{value:.2f}" if self.is_money else f"{value:.0f}"


def _days(per: Per, day: date) -> tuple[date, date]:
    if per is Per.DAY:
        return day, day + timedelta(days=1)
    if per is Per.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Where the clock jumps over midnight, the moment at which it does; the first of two."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def parse(document: Any, *, owner: str, zone: str = "UTC") -> tuple[Cap, ...]:
    """The caps of a document; raises TermError. `owner` is the id of what they are on, `zone` the
    time zone of those that name none."""
    if not isinstance(document, list):
        raise TermError("Write a list such as [{count: 100, per: day}]")
    if len(document) > MOST_CAPS:
        raise TermError(f"At most {MOST_CAPS} caps")
    found = tuple(_cap(each, str(place), owner, zone) for place, each in enumerate(document))
    if len({cap.key for cap in found}) < len(found):
        raise TermError("Two caps count the same: keep the lower one")
    return found


def check(document: Any) -> None:
    """Raises TermError for what cannot be used."""
    parse(document, owner="")


def _cap(document: Any, path: str, owner: str, zone: str) -> Cap:
    if not isinstance(document, Mapping):
        raise TermError("Write {count: 100, per: day} or {money: 5000, per: month}", path)
    for key in document:
        if key not in KEYS:
            raise TermError(f"Unknown key {key!r}", f"{path}.{key}")
    if ("count" in document) == ("money" in document):
        raise TermError("A cap has either a count or an amount of money", path)
    is_money = "money" in document
    most = _money(document["money"], path) if is_money else _count(document["count"], path)
    per = _word(Per, document.get("per"), f"{path}.per")
    named = document.get("timezone") or zone
    return Cap(
        key=_key(owner, per, named, document.get("when"), is_money=is_money),
        most=most,
        per=per,
        zone=_zone(named, f"{path}.timezone"),
        is_money=is_money,
        when=_when(document.get("when"), f"{path}.when"),
        full=_word(Full, document.get("full", Full.SKIP), f"{path}.full"),
    )


def _key(owner: str, per: Per, zone: str, when: Any, *, is_money: bool) -> str:
    told = json.dumps([is_money, per, zone, when or {}], sort_keys=True, default=str)
    return f"{owner}:{hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}"


def _count(value: Any, path: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COUNT_AT_MOST:
        raise TermError("The count must be a whole number, such as 100", f"{path}.count")
    return Decimal(value)


def _money(value: Any, path: str) -> Decimal:
    try:
        amount = money.parse(value if isinstance(value, Decimal) else str(value))
    except ValueError as error:
        raise TermError(str(error).rstrip("."), f"{path}.money") from error
    if amount < 0:
        raise TermError("The amount must not be negative", f"{path}.money")
    return amount


def _when(document: Any, path: str) -> conditions.Rule | None:
    if document in (None, {}):
        return None
    try:
        return conditions.parse(document)
    except conditions.ConditionError as error:
        raise of_rule(error, path) from error


def _word(words: type[Word], value: Any, path: str) -> Word:
    try:
        return words(value)
    except ValueError:
        known = ", ".join(words)
        raise TermError(f"Write one of {known}", path) from None


def _zone(name: Any, path: str) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ValueError, OSError, KeyError):
        raise TermError(f"{name!r} is no time zone; write America/New_York", path) from None


def normal(document: Any) -> Any:
    """The caps as they are stored: amounts as text; a document that does not parse as it is."""
    try:
        found = parse(document, owner="")
    except TermError:
        return document
    return [
        {**each, "money": f"{cap.most:.2f}"} if cap.is_money else dict(each)
        for cap, each in zip(found, document, strict=True)
    ]
