"""Countries after ISO 3166-1."""

from __future__ import annotations

from flows.fields.kept_lists import lines
from flows.fields.text import key, plain
from flows.fields.value import FieldType, Given, Invalid, Read

_ROWS = [line.split("|") for line in lines("countries.txt")]
_NAME_OF = {row[0]: row[2] for row in _ROWS}
_CODE_OF = {key(spelling): row[0] for row in _ROWS for spelling in row}


def read_country(given: Given) -> Read:
    """Two capital letters, from two, three, or the English name."""
    word = key(plain(given.text))
    code = _CODE_OF.get(word) or _CODE_OF.get(word.removeprefix("the "))
    if code is None:
        raise Invalid("is not a country")
    return Read(code, {"code": code, "name": _NAME_OF[code]})


COUNTRY = FieldType(
    "country", "Country", read_country, ("code", "name"), takes="US, USA, United States"
)
