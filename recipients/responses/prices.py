"""What a buyer says it pays, and when it wants to be asked again: small values, read with care."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

MAX_PRICE: Final = Decimal(1_000_000)
MAX_RETRY_AFTER: Final = 300.0
"""Seconds; a buyer cannot hold its leads back for longer."""

_PRICE: Final = re.compile(
    r"(?:[A-Z]{3}|US\$|[$€£¥])?\s*(?P<number>-?\s*\$?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?)"
    r"\s*(?:[A-Z]{3}|[$€£¥])?",
    re.ASCII | re.IGNORECASE,
)

NO_NUMBER: Final = "is no number"
NEGATIVE: Final = "is below zero"
TOO_HIGH: Final = "is above a million"
PROBLEMS: Final = (NO_NUMBER, NEGATIVE, TOO_HIGH)


class PriceError(ValueError):
    """There is a price, but it cannot be one. Its text ends in one of `PROBLEMS`."""


def price_of(value: Any) -> Decimal | None:
    """The price in a value: a number, or text such as "$1,045.50". None where it is blank.

    0 is a price. PriceError for what is negative, no finite number, or beyond a million; a comma
    that does not part thousands ("45,50") is such a thing, for it could mean either.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    price = _number(value)
    if price is None or not price.is_finite():
        raise PriceError(f"The price {str(value)[:40]!r} {NO_NUMBER}")
    if price < 0 or price > MAX_PRICE:
        problem = NEGATIVE if price < 0 else TOO_HIGH
        raise PriceError(f"The price {str(value)[:40]!r} {problem}")
    return abs(price)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(repr(value)) if abs(value) < 1e15 else Decimal("Infinity")
    if not isinstance(value, str) or len(value) > 40:
        return None
    found = _PRICE.fullmatch(value.strip())
    text = re.sub(r"[\s,$]", "", found["number"]) if found else ""
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None


def retry_after_of(header: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110: seconds or a date), at most 300.

    None for what is absent, junk or past.
    """
    text = (header or "").strip()
    if not text or len(text) > 64:
        return None
    if re.fullmatch(r"\d{1,10}(?:\.\d{1,6})?", text, re.ASCII):
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(seconds, MAX_RETRY_AFTER) if seconds > 0 else None
