"""What a parsed field is, and what a field type is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Value:
    """One field of a lead.

    `normal` is the form to compare and send, equal to `raw` where the value is not valid.
    `reason` says why it is not, and never repeats the value, which may be personal.
    """

    raw: Any
    normal: Any
    valid: bool
    reason: str = ""
    components: Mapping[str, Any] = field(default_factory=lambda: NONE)

    @property
    def blank(self) -> bool:
        """Nothing was given: for an optional field no mistake, for a required one a lack."""
        if isinstance(self.raw, str):
            return not self.raw.strip()
        return self.raw is None or (isinstance(self.raw, (list, dict)) and not self.raw)


class Invalid(Exception):
    """Raised by a reader; its text is the value's `reason`. Never leaves this package."""


class Given(NamedTuple):
    """What a reader works on: the cleaned text, the value it came from, the day it is read.

    `today` is None unless the caller fixed it.
    """

    text: str
    raw: Any
    today: date | None


class Read(NamedTuple):
    """What a reader found: the normal form and the components, without those that are None."""

    normal: Any
    components: Mapping[str, Any] = NONE


Reader = Callable[[Given], Read]


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type of field: its name in the bundle, its reader, and the components it may give.

    `privacy` is the class of such a field where nobody chooses one; `takes` shows by example what
    it reads.
    """

    name: str
    label: str
    read: Reader
    components: tuple[str, ...] = ()
    privacy: str = "plain"
    takes: str = ""
