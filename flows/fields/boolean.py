"""Yes and no, in the words that forms send."""

from __future__ import annotations

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_WORDS = dict.fromkeys(("true", "yes", "y", "t", "1", "on", "checked"), True) | dict.fromkeys(
    ("false", "no", "n", "f", "0", "off", "unchecked"), False
)


def read_boolean(given: Given) -> Read:
    value = _WORDS.get(plain(given.text).casefold())
    if value is None:
        raise Invalid("is neither yes nor no")
    return Read(value)


BOOLEAN = FieldType(
    "boolean", "Yes or no", read_boolean, takes="yes, no, true, false, y, n, t, f, on, off, 1, 0"
)
