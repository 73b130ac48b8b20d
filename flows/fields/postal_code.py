"""Postal codes of the United States, Canada and Great Britain, told apart by their shape."""

from __future__ import annotations

import re

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_US = re.compile(r"(\d{5})(?:\s*-?\s*(\d{4})|\s*-)?", re.ASCII)
# Canada Post: no D F I O Q U anywhere, no W Z first.
_CA = re.compile(
    r"([ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z])[\s-]*(\d[ABCEGHJ-NPRSTV-Z]\d)", re.ASCII
)
# Royal Mail: an outward part in six shapes, an inward of a digit and two letters without CIKMOV.
_GB = re.compile(
    r"(GIR|[A-PR-UWYZ](?:\d{1,2}|\d[A-HJKMNPR-Y]|[A-HK-Y]\d{1,2}|[A-HK-Y]\d[A-HJKMNPR-Y]))"
    r"\s*(\d[ABD-HJLNP-UW-Z]{2})",
    re.ASCII,
)


def read_postal_code(given: Given) -> Read:
    """`12345`, `12345-6789`, `K1A 0B1` or `SW1A 1AA`."""
    text = plain(given.text).upper()
    if isinstance(given.raw, (int, float)) and text.isdecimal() and 3 <= len(text) <= 4:
        # A number cannot keep the zeros that codes of New England begin with.
        text = text.zfill(5)
    if found := _US.fullmatch(text):
        return _american(found[1], found[2])
    if found := _CA.fullmatch(text):
        return _other(f"{found[1]} {found[2]}", "CA")
    if found := _GB.fullmatch(text):
        return _other(f"{found[1]} {found[2]}", "GB")
    raise Invalid("is not a postal code of the US, Canada or Great Britain")


def _american(zip5: str, four: str | None) -> Read:
    # 00501 is the lowest code in use.
    if zip5 < "00501":
        raise Invalid("is a ZIP code that does not exist")
    code = f"{zip5}-{four}" if four else zip5
    components = {"code": code, "zip": zip5, "country": "US"}
    return Read(code, components | {"four": four} if four else components)


def _other(code: str, country: str) -> Read:
    return Read(code, {"code": code, "zip": code, "country": country})


POSTAL_CODE = FieldType(
    "postal_code",
    "Postal code",
    read_postal_code,
    ("code", "zip", "four", "country"),
    takes="78704, 78704-1234, K1A 0B1, SW1A 1AA",
)
