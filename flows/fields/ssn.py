"""Social security numbers of the United States."""

from __future__ import annotations

import re

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_SSN = re.compile(r"(\d{3})([ .-]?)(\d{2})\2(\d{4})", re.ASCII)


def read_ssn(given: Given) -> Read:
    """Nine digits. `masked` shows the last four and may stand where the number may not."""
    text = plain(given.text)
    if isinstance(given.raw, int) and text.isdecimal() and 7 <= len(text) < 9:
        # A number cannot keep the zeros that those of New England begin with.
        text = text.zfill(9)
    found = _SSN.fullmatch(text)
    if found is None:
        raise Invalid("is not nine digits")
    area, group, serial = found[1], found[3], found[4]
    # Social Security Administration, since 2011: these were never and will never be given.
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        raise Invalid("is a number that is never given")
    return Read(f"{area}{group}{serial}", {"masked": f"***-**-{serial}"})


SSN = FieldType(
    "ssn",
    "Social security number",
    read_ssn,
    ("masked",),
    privacy="sensitive",
    takes="123-45-6789, 123 45 6789, 123456789",
)
