"""Hides personal values from those whose role does not show them: in snapshots by name, in
requests and replies wherever the values stand. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

from leadops.lib import spellings

MASK = "•••"
# Ours, and what a service said about the lead, unless its step says otherwise; everything else
# that no field of the flow describes counts as personal, for nobody has said what it is.
OPEN_ROOTS = frozenset({"id", "timestamp", "source", "appended"})
APPENDED = "appended."  # of these each has a privacy of its own
TOLD = (".valid", ".reason")  # components that say nothing about the person
PARTS = ("", ".raw", ".user", ".number")  # components that texts are searched for
LONG = 4  # shorter values are masked as whole words only
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_NO_DIGIT = re.compile(r"\D+")
_PHONE = re.compile(r"\+?\d{7,15}")
MOST_KNOWN = 4_096


class Private(frozenset[str]):
    """Names of fields whose values the permanent record does not repeat. What a flow does not
    describe is among them, for nobody has said what it is."""

    plain: frozenset[str] = OPEN_ROOTS | {"flow", "recipient", "now"}

    @classmethod
    def of(cls, privacy: Mapping[str, str], *beside: Iterable[str]) -> Private:
        """By the flow's classes; `beside` are private names that stand in none of its fields."""
        named = {name for name, word in privacy.items() if word != "plain"}
        made = cls(named.union(*beside))
        made.plain = cls.plain.union(name for name, word in privacy.items() if word == "plain")
        return made

    @cached_property
    def _known(self) -> dict[object, bool]:
        """Asked of each value of each lead, and always the same."""
        return {}

    def __contains__(self, name: object) -> bool:
        if (known := self._known.get(name)) is None:
            known = super().__contains__(name) or str(name).partition(".")[0] not in self.plain
            if len(self._known) < MOST_KNOWN:  # leads may bring names without end
                self._known[name] = known
        return known


def personal_names(values: Mapping[str, Any], privacy: Mapping[str, str]) -> set[str]:
    """The names in a snapshot that are not for everybody."""
    return {name for name in values if _is_personal(name, privacy)}


def _is_personal(name: str, privacy: Mapping[str, str]) -> bool:
    if name in privacy:
        return privacy[name] != "plain"
    root = name.split(".", 1)[0]
    return root not in OPEN_ROOTS and privacy.get(root, "personal") != "plain"


def mask_values(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A snapshot without its personal values."""
    hidden = set(names)
    return {
        name: MASK if name in hidden and not name.endswith(TOLD) and value is not None else value
        for name, value in values.items()
    }


class TextMask:
    """Masks a lead's personal values in texts, in the forms that a mapping gives them."""

    def __init__(self, snapshots: Iterable[Mapping[str, Any]], privacy: Mapping[str, str]) -> None:
        forms = {
            form
            for values in snapshots
            for name in personal_names(values, privacy)
            for form in _forms(name, values)
        }
        ordered = sorted(forms, key=len, reverse=True)  # the longest first: it hides its parts
        self._pattern = re.compile("|".join(ordered), re.IGNORECASE) if ordered else None

    def text(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def deep(self, value: Any) -> Any:
        """The value with every text in it masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.deep(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.deep(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            masked = self.text(str(value))
            return masked if masked != str(value) else value
        return value


def mentions(text: str, values: Iterable[Any]) -> bool:
    """Whether a text may repeat one of the values, in any spelling; quick, and rather too often
    yes than no."""
    plain, digits = text.lower(), _NO_DIGIT.sub("", text)
    for value in values:
        word = str(value).strip().lower()
        number = _NO_DIGIT.sub("", word)
        if (len(word) >= 2 and word in plain) or (len(number) >= 6 and number[-6:] in digits):
            return True
    return False


def is_searched(name: str) -> bool:
    """Whether texts are searched for the value of this name: of components only for some."""
    return name.startswith(APPENDED) or name.removeprefix(name.split(".", 1)[0]) in PARTS


def _forms(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Regular expressions for the ways in which texts may write one value."""
    value = values.get(name)
    if not is_searched(name) or value is None or isinstance(value, bool):
        return
    text = str(value).strip()
    if len(text) < 2:
        return
    for form in _encodings(text):
        escaped = re.escape(form)
        yield escaped if len(form) >= LONG else rf"\b{escaped}\b"
    if _PHONE.fullmatch(text):
        yield _loose_phone(text)
    if found := _DATE.match(text):
        yield from spellings.dates(*found.groups())


def _encodings(text: str) -> set[str]:
    return {
        text,
        quote(text, safe=""),
        quote_plus(text),
        escape(text),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
    }


def _loose_phone(number: str) -> str:
    """A number's last ten digits, however they are parted."""
    digits = re.sub(r"\D", "", number)[-10:]
    return r"\+?(?:\d{1,3}[\s.+-]*)?\(?" + r"[\s().+-]{0,3}".join(digits)
