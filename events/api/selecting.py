"""Which fields of events a caller wants: `fields=id,type,recipient.name,lead.email`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from events.ownfields import ENVELOPE, OWN

MOST = 100
LEAD = "lead"
PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,99}", re.ASCII)
# Beside the type's own: what a reader of the record puts there.
KNOWN = frozenset([*ENVELOPE, LEAD, "exchange", *(name for own in OWN.values() for name in own)])


@dataclass(frozen=True, slots=True)
class Selection:
    """Fields by their paths; none: all of them."""

    paths: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> Selection:
        """Raises ValueError, which names what is unknown."""
        paths = tuple(dict.fromkeys(part for word in text.split(",") if (part := word.strip())))
        if len(paths) > MOST:
            raise ValueError(f"At most {MOST}.")
        unknown = [path[:60] for path in paths if not _known(path)]
        if unknown:
            raise ValueError(f"No event has {', '.join(map(repr, unknown))}.")
        return cls(paths)

    @property
    def wants_lead(self) -> bool:
        """Whether snapshots must be read for it."""
        return not self.paths or any(path.partition(".")[0] == LEAD for path in self.paths)

    def of(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What is wanted of an event. A path leads to the same place in the answer; an event that
        has nothing there goes without, but for the envelope's fields, which all events have."""
        if not self.paths:
            return dict(entry)
        shown: dict[str, Any] = {}
        for path in self.paths:
            head, _, rest = path.partition(".")
            if head in entry:
                _copy(entry, shown, head, rest)
        return shown

    def of_all(self, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [self.of(entry) for entry in entries]


def _known(path: str) -> bool:
    head, dot, rest = path.partition(".")
    nested = not dot or (rest and head not in ENVELOPE)
    return bool(head in KNOWN and nested and PATH.fullmatch(path))


def _copy(entry: Mapping[str, Any], shown: dict[str, Any], head: str, rest: str) -> None:
    if not rest:
        shown[head] = entry[head]
    elif head == LEAD:  # its keys have dots of their own
        if entry[head] is None:
            shown[head] = None
        elif rest in entry[head]:
            shown.setdefault(head, {})[rest] = entry[head][rest]
    elif isinstance(entry[head], Mapping):
        following, _, deeper = rest.partition(".")
        if following in entry[head]:
            below = shown.setdefault(head, {})
            if isinstance(below, dict):
                _copy(entry[head], below, following, deeper)
