"""Numbers and amounts of money as people write them into forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read
from leadops.lib import numerals

# A float holds fifteen digits, and more make an identifier, for which there is text.
MOST = Decimal(10) ** 15
LONGEST = 100  # characters

# The sign of a currency may stand outside or inside of the number's own: -$5, $-5, ($5), 5 €.
_SIGN = re.compile(
    r"(?:US|CA|AU|NZ|C|A)?\s?[$£€¥₹]|(?:US|CA|AU|NZ)D|GBP|EUR|(?:US )?dollars?", re.IGNORECASE
)
_THOUSANDS: Mapping[str, int] = MappingProxyType({"k": 1000, "thousand": 1000})
# Of money an m is a million; of anything else it may be a minute or a metre.
MONEY: Mapping[str, int] = MappingProxyType({**_THOUSANDS, "m": 10**6, "million": 10**6})
_SCALED = re.compile(r"(?P<number>[^a-z]*[\d.])\s?(?P<unit>k|thousand|m|million)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"\d,\d{1,2}(?!\d)")


def read_number(given: Given) -> Read:
    """A whole number as int, any other as float, which JSON and every buyer understand."""
    return Read(plain_number(amount(given.text)))


def read_currency(given: Given) -> Read:
    """As a number; `$1.5M` is a million and a half."""
    return Read(plain_number(amount(given.text, units=MONEY)))


def amount(text: str, *, units: Mapping[str, int] = _THOUSANDS) -> Decimal:
    """The number of a text that may carry a currency sign and one of `units`. Raises Invalid."""
    text = plain(_without_other_digits(text))
    number = numerals.read(text)
    if number is None and len(text) <= LONGEST:
        bare = _SIGN.sub("", text, count=1).strip()
        number = numerals.read(bare)
        if number is None:
            number = _scaled(bare, units)
    if number is None:
        if _DECIMAL_COMMA.search(text[:LONGEST]):
            raise Invalid("is not a number (a comma parts thousands here, a point decimals)")
        raise Invalid("is not a number")
    if abs(number) >= MOST:
        raise Invalid("has more than 15 digits")
    return number


def _without_other_digits(text: str) -> str:
    """The text itself. Raises Invalid for 5² and ½, which would be read as 52 and 1/2."""
    if not text.isascii() and any(unicodedata.category(char) == "No" for char in text):
        raise Invalid("is not a number")
    return text


def _scaled(text: str, units: Mapping[str, int]) -> Decimal | None:
    found = _SCALED.fullmatch(text)
    times = units.get(found["unit"].lower()) if found else None
    number = numerals.read(found["number"]) if found and times else None
    return None if number is None or times is None else number * times


def plain_number(number: Decimal) -> int | float:
    kept = float(number)
    return int(kept) if kept.is_integer() else kept


NUMBER = FieldType("number", "Number", read_number, takes="85, 1,234.5, 1e3, (500), 50k")
CURRENCY = FieldType(
    "currency", "Amount of money", read_currency, takes="$1,234.50, ($500), $50k, 1.5 million"
)
