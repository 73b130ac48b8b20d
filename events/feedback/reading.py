"""What a partner wrote, as a statement about one lead. Pure: values in, a statement out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

KINDS = ("conversion", "return", "contacted", "quality", "disposition", "other")
# How a lead can be named, most exact first; of several that are given the first counts.
TARGETS = ("lead_id", "event_id", "buyer_lead_id", "email", "phone")
LENGTHS = {
    "lead_id": 32,
    "event_id": 32,
    "buyer_lead_id": 200,
    "email": 320,
    "phone": 50,
    "value": 500,
    "reason": 500,
    "key": 200,
    "kind": 12,
    "occurred_at": 40,
}
TOLERANCE = timedelta(days=1)  # clocks and time zones differ
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class Misshapen(ValueError):
    """Not a statement; `fields` says what is wrong where."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(f"{name}: {text}" for name, text in self.fields.items()))


@dataclass(frozen=True, slots=True)
class Statement:
    """`by` names the field of TARGETS that holds `target`; `key` is the partner's, or empty."""

    kind: str
    by: str
    target: str
    value: str = ""
    reason: str = ""
    occurred_at: datetime | None = None
    key: str = ""


def read(data: Any, *, now: datetime, zone: tzinfo = UTC) -> Statement:
    """The statement in a decoded object or row. Raises Misshapen.

    Times without an offset, and days, are the partner's own: they are read in `zone`.
    """
    if not isinstance(data, Mapping):
        raise Misshapen({"feedback": "Write an object: {…}."})
    given = {**data, "kind": data.get("kind") or data.get("type")}
    problems: dict[str, str] = {}
    texts = {name: _text(name, given.get(name), problems) for name in LENGTHS}
    texts["kind"] = texts["kind"].lower()
    if "kind" not in problems and texts["kind"] not in KINDS:
        problems["kind"] = f"One of {', '.join(KINDS)}."
    by = next((name for name in TARGETS if texts[name]), "")
    if not by and not problems.keys() & set(TARGETS):
        problems["lead_id"] = f"Name the lead by one of {', '.join(TARGETS)}."
    occurred_at = _moment(texts["occurred_at"], problems, now=now, zone=zone)
    if problems:
        raise Misshapen(problems)
    return Statement(
        kind=texts["kind"],
        by=by,
        target=texts[by],
        value=texts["value"],
        reason=texts["reason"],
        occurred_at=occurred_at,
        key=texts["key"],
    )


def _text(name: str, value: Any, problems: dict[str, str]) -> str:
    """`value` as one line of text; control characters, which have no meaning here, as blanks."""
    if value is None:
        return ""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int | float | Decimal):
        problems[name] = "Write a text or a number."
        return ""
    # The longest number that a text of this length could hold; str() of longer ones is slow.
    if isinstance(value, int) and value.bit_length() > 1000:
        problems[name] = "The number is too long."
        return ""
    text = CONTROL.sub(" ", str(value)).strip()
    if len(text) > LENGTHS[name]:
        problems[name] = f"At most {LENGTHS[name]} characters."
        return ""
    return text


def _moment(text: str, problems: dict[str, str], *, now: datetime, zone: tzinfo) -> datetime | None:
    if not text:
        return None
    try:
        moment = _parsed(text, zone)
    except (ValueError, OverflowError):
        problems["occurred_at"] = "Write an ISO 8601 date or time, e.g. 2026-01-15T14:30:00Z."
        return None
    if moment > now + TOLERANCE:
        problems["occurred_at"] = "Lies in the future."
    elif moment < EARLIEST:
        problems["occurred_at"] = "Lies too far back."
    return moment


def _parsed(text: str, zone: tzinfo) -> datetime:
    if len(text) <= 10:
        return datetime.combine(date.fromisoformat(text), time(), tzinfo=zone).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def days_between(delivered: datetime, occurred: datetime, zone: tzinfo) -> int:
    """Calendar days of the partner from the delivery to what happened; never below none."""
    days = occurred.astimezone(zone).date() - delivered.astimezone(zone).date()
    return max(0, days.days)
