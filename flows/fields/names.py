"""Text that means itself: names, streets, cities, and text of any kind."""

from __future__ import annotations

from flows.fields.text import on_one_line
from flows.fields.value import FieldType, Given, Invalid, Read

LONGEST_NAME = 200


def read_string(given: Given) -> Read:
    return Read(given.text)


def read_name(given: Given) -> Read:
    """A person's name or a city, as its owner writes it: case is left alone."""
    name = _one_line(given.text)
    if not any(char.isalpha() for char in name):
        raise Invalid("has no letters")
    if "@" in name or "://" in name:
        raise Invalid("looks like an address")
    return Read(name)


def read_street(given: Given) -> Read:
    street = _one_line(given.text)
    if not any(char.isalnum() for char in street):
        raise Invalid("has neither letters nor digits")
    return Read(street)


def _one_line(text: str) -> str:
    line = on_one_line(text)
    if len(line) > LONGEST_NAME:
        raise Invalid(f"is longer than {LONGEST_NAME} characters")
    return line


STRING = FieldType("string", "Text", read_string, takes="any text, as it stands")
FIRST_NAME = FieldType("first_name", "First name", read_name, takes="a name as its owner writes it")
LAST_NAME = FieldType("last_name", "Last name", read_name, takes="a name as its owner writes it")
CITY = FieldType("city", "City", read_name, takes="a name of a place")
STREET = FieldType("street", "Street", read_street, takes="house number, street, flat, on one line")
