"""Numbers and amounts of money as people write them into forms."""

from __future__ import annotations

import re
from decimal import Decimal

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read
from leadops.lib import numerals

# A float holds fifteen digits, and more make an identifier, for which there is text.
MOST = Decimal(10) ** 15

# The sign of a currency may stand outside or inside of the number's own: -$5, $-5, ($5), 5 €.
_SIGN = re.compile(r"(?:US|CA|C|A)?[$£€¥]|USD|CAD|GBP|EUR|AUD", re.IGNORECASE)


def read_number(given: Given) -> Read:
    """A whole number as int, any other as float, which JSON and every buyer understand."""
    return Read(plain_number(amount(given.text)))


def amount(text: str) -> Decimal:
    """The number of a text that may carry a currency sign. Raises Invalid."""
    text = plain(text)
    number = numerals.read(text)
    if number is None:
        number = numerals.read(_SIGN.sub("", text, count=1))
    if number is None:
        raise Invalid("is not a number")
    if abs(number) >= MOST:
        raise Invalid("has more than 15 digits")
    return number


def plain_number(number: Decimal) -> int | float:
    kept = float(number)
    return int(kept) if kept.is_integer() else kept


NUMBER = FieldType("number", "Number", read_number)
CURRENCY = FieldType("currency", "Amount of money", read_number)
