"""Lengths of time as operators write them: `500ms`, `10s`, `5m`, `24h`, `30d`."""

from __future__ import annotations

import re
from decimal import Decimal

# From the largest down: the first that divides a duration gives its shortest spelling.
_UNITS = {
    "d": Decimal(86_400),
    "h": Decimal(3_600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
_WORDS = {
    "": "s",
    "day": "d",
    "days": "d",
    "hour": "h",
    "hours": "h",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "millisecond": "ms",
    "milliseconds": "ms",
}
_SPELLING = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)

# A hundred years: longer is a slip of the pen, and would overflow dates reckoned from it.
LONGEST = 36_500 * 86_400.0
# Of what is kept: the longest of all lengths of time stands for no end.
FOREVER = LONGEST
FOREVER_WORD = "forever"


def parse(value: str | float | Decimal) -> float:
    """Seconds. A plain number is taken as seconds; words such as `10 seconds` are understood.

    Raises ValueError, with a sentence for the person who wrote it.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        kind = type(value).__name__
        raise ValueError(f"A duration is written as 500ms, 10s, 5m, 24h or 30d, not as a {kind}.")
    text = value.strip() if isinstance(value, str) else _plain(value)
    found = _SPELLING.fullmatch(text)
    unit = _WORDS.get(found[2].lower(), found[2].lower()) if found else ""
    if found is None or unit not in _UNITS:
        raise ValueError(
            f"“{text[:40]}” is not a duration. Write 500ms, 10s, 5m, 24h, 30d or seconds."
        )
    seconds = float(Decimal(found[1]) * _UNITS[unit])
    if seconds > LONGEST:
        raise ValueError(f"“{text[:40]}” is longer than a hundred years.")
    return seconds


def _plain(number: float | Decimal) -> str:
    """Without an exponent, so that 1e-05 from YAML reads like any other number."""
    if isinstance(number, int) and abs(number) > LONGEST:
        raise ValueError("A duration is at most a hundred years.")
    return f"{Decimal(repr(number)) if isinstance(number, float) else Decimal(number):f}"


def text(seconds: float) -> str:
    """The shortest spelling that parses back to exactly `seconds`, in whole numbers of one unit.

    Below a millisecond the number is a fraction. Raises ValueError for what `parse` would not give.
    """
    exact = Decimal(repr(seconds)) if isinstance(seconds, float) else Decimal(seconds)
    if not (exact.is_finite() and 0 <= exact <= Decimal(LONGEST)):
        raise ValueError(f"{seconds} is not a duration in seconds.")
    if exact == 0:
        return "0s"
    for unit, length in _UNITS.items():
        if exact % length == 0:
            return f"{int(exact / length)}{unit}"
    return f"{(exact / _UNITS['ms']).normalize():f}ms"


def parse_retention(value: str | float | Decimal) -> float:
    """As `parse`, and `forever`; FOREVER then. Raises ValueError."""
    if isinstance(value, str) and value.strip().lower() in (FOREVER_WORD, "for ever"):
        return FOREVER
    return parse(value)


def retention_text(seconds: float) -> str:
    """The spelling that `parse_retention` reads back."""
    return FOREVER_WORD if seconds >= FOREVER else text(seconds)
