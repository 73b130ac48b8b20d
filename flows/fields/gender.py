"""Gender, in the three words that buyers' forms know."""

from __future__ import annotations

from flows.fields.text import key
from flows.fields.value import FieldType, Given, Invalid, Read

_WORDS = {
    **dict.fromkeys(("m", "male", "man", "boy"), "male"),
    **dict.fromkeys(("f", "female", "woman", "girl"), "female"),
    **dict.fromkeys(
        ("o", "x", "nb", "other", "nonbinary", "non binary", "enby", "diverse"), "other"
    ),
}


def read_gender(given: Given) -> Read:
    """`male`, `female` or `other`."""
    word = _WORDS.get(key(given.text))
    if word is None:
        raise Invalid("is not a gender that is known here")
    return Read(word, {"abbr": word[0].upper()})


GENDER = FieldType(
    "gender", "Gender", read_gender, ("abbr",), takes="M, female, woman, X, non-binary"
)
