"""Evidence of consent: what a flow takes for it, and whether a lead's will do. Pure.

A certificate of TrustedForm, an id of Jornaya or a tick are fields like others: their types say
whether they are valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from leadops.lib import durations

SKEW = timedelta(minutes=5)  # by which the clocks of senders may be fast
REFUSALS = frozenset({"no", "false", "off", "0", "n", "f", "none", "null"})
MISSING = " is missing"
EPOCH_MILLISECONDS = 100_000_000_000  # larger numbers are no seconds of this millennium


@dataclass(frozen=True, slots=True)
class Terms:
    """What a flow takes for consent: the field with the evidence, and those with the moment it was
    given and the text that was shown. `max_age` is in seconds, None: any age."""

    field: str
    required: bool = False
    max_age: float | None = None
    at: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A lead's consent: `problem` says what is wrong with it, blank: nothing. No values. `missing`:
    that something is not there."""

    field: str
    present: bool
    given_at: datetime
    text: bool = False
    problem: str = ""
    dated: bool = True  # False: the moment stands in for one that is not known
    missing: bool = False

    @property
    def valid(self) -> bool:
        return not self.problem

    def age(self, now: datetime) -> float:
        """Seconds."""
        return max(0.0, (now - self.given_at).total_seconds())


def evidence(terms: Terms, values: Mapping[str, Any], *, arrived: datetime) -> Evidence:
    """The consent that a lead came with; its age is not judged yet."""
    given = values.get(terms.field)
    moment, problem = _moment(terms, values, arrived)
    dated = not problem
    text = bool(terms.text) and not _blank(values.get(terms.text))
    if _blank(given):
        problem = terms.field + MISSING
    elif values.get(f"{terms.field}.valid") is False or _refuses(given):
        problem = f"{terms.field} is not valid" if not _refuses(given) else f"{terms.field} says no"
    elif terms.text and not text:
        problem = terms.text + MISSING
    missing = problem.endswith(MISSING)
    return Evidence(terms.field, not _blank(given), moment, text, problem, dated, missing)


def lacks(found: Evidence | None, *, required: bool, max_age: float | None, now: datetime) -> str:
    """Why the consent will not do, e.g. `Consent required: 40d old, 30d at most`; blank where it
    does. An age alone asks nothing of leads that came without evidence."""
    if found is None:
        return "Consent required: the flow does not say what is evidence of it" if required else ""
    if required and found.problem:
        return f"Consent required: {found.problem}"
    if max_age is not None and found.valid and found.age(now) > max_age:
        return f"Consent required: {_old(found.age(now))} old, {durations.text(max_age)} at most"
    return ""


def facts(found: Evidence, terms: Terms, *, now: datetime) -> dict[str, Any]:
    """What the permanent record keeps of it: names and findings, no values."""
    problem = found.problem
    if not problem and terms.max_age is not None and found.age(now) > terms.max_age:
        problem = f"older than {durations.text(terms.max_age)}"
    known: dict[str, Any] = {
        "field": found.field,
        "present": found.present,
        "valid": not problem,
        "required": terms.required,
    }
    if problem:
        known["problem"] = problem
    if found.present and found.dated:
        known["age_seconds"] = round(found.age(now))
        known["counted_from"] = terms.at or "arrival"
    if terms.text:
        known["text_field"], known["text_present"] = terms.text, found.text
    return known


def _moment(terms: Terms, values: Mapping[str, Any], arrived: datetime) -> tuple[datetime, str]:
    """When consent was given, and what is wrong with that."""
    if not terms.at:
        return arrived, ""
    given = values.get(terms.at)
    if _blank(given):
        return arrived, terms.at + MISSING
    moment = read_moment(given)
    if moment is None:
        return arrived, f"{terms.at} is not a moment"
    if moment > arrived + SKEW:
        return arrived, f"{terms.at} is in the future"
    return min(moment, arrived), ""


def read_moment(value: Any) -> datetime | None:
    """A moment in ISO 8601 or in seconds or milliseconds since 1970, in UTC where it does not say;
    of a day its beginning, so that consent never counts as younger than it is."""
    text = str(value).strip()
    try:
        if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) >= 9:
            number = float(text)
            seconds = number / 1000 if number >= EPOCH_MILLISECONDS else number
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _refuses(value: Any) -> bool:
    """A tick that was not set is no consent."""
    return value is False or str(value).strip().casefold() in REFUSALS


def _old(seconds: float) -> str:
    """An age in its largest whole unit: 40d, 26h, 5m."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size or (unit != "d" and seconds >= size):
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
