"""The columns of the list of events, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import QueryDict

from events.models import Event

Own = Callable[[Event], Any]


def within(event: Event, *path: str) -> Any:
    """A value of the event's own fields, None where there is none."""
    found: Any = event.data
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def of_data(*path: str) -> Own:
    return lambda event: within(event, *path)


# Those with a cell of their own in the template, then those that are plain texts.
LABELS: Final[Mapping[str, str]] = {
    "time": "Time",
    "type": "Type",
    "lead": "Lead",
    "about": "About",
    "outcome": "Outcome",
    "reason": "Reason",
    "took": "Took",
    "flow": "Flow",
    "category": "Category",
    "status": "Status",
    "attempt": "Attempt",
    "endpoint": "Endpoint",
    "mapping": "Mapping version",
    "delivery": "Delivery",
    "seq": "Number",
    "id": "Event",
}
TEXTS: Final[Mapping[str, Own]] = {
    "category": of_data("failure", "category"),
    "status": of_data("response", "status_code"),
    "attempt": of_data("metadata", "attempt_number"),
    "endpoint": of_data("metadata", "endpoint"),
    "mapping": of_data("metadata", "mapping_version"),
    "delivery": of_data("delivery", "id"),
    "seq": lambda event: event.seq or None,
    "id": lambda event: event.id,
}
USUAL: Final = ("time", "type", "lead", "about", "outcome", "reason", "took")
NUMBERS: Final = frozenset({"took", "status", "attempt", "mapping", "seq"})


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns shown, in the order in which they are offered."""

    names: tuple[str, ...] = USUAL

    @classmethod
    def read(cls, query: QueryDict) -> Columns:
        chosen = {name for text in query.getlist("column") for name in text.split(",")}
        found = tuple(name for name in LABELS if name in chosen)
        return cls(found or USUAL)

    @property
    def query(self) -> str:
        return "" if self.names == USUAL else f"column={','.join(self.names)}"

    @property
    def heads(self) -> list[tuple[str, str, bool]]:
        """Name, words, and whether numbers stand in it."""
        return [(name, LABELS[name], name in NUMBERS) for name in self.names]

    @property
    def offered(self) -> list[tuple[str, str, bool]]:
        """Every column, and whether it is shown."""
        return [(name, words, name in self.names) for name, words in LABELS.items()]
