"""A record as the cells of a row: dotted columns, known before the first row is read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

LEAD: Final = "lead."
DATA, OTHER = "data", "other"
MORE: Final = frozenset({DATA, "lead"})  # columns that hold all of something
JSON: Final = frozenset({list, dict})
# Columns that have a type in files that know types; all others are texts.
MOMENTS: Final = frozenset(
    {"timestamp", "created_at", "completed_at", "finished_at", "returned_at", "retry_at"}
)
WHOLE_NUMBERS: Final = frozenset(
    {"seq", "duration_ms", "attempts", "sales", "response.status_code",
     "metadata.attempt_number", "metadata.total_attempts"}
)  # fmt: skip
NUMBERS: Final = frozenset(
    {"price", "revenue", "margin", "cost", "delivery.price", "delivery.margin",
     "response.parsed.price"}
)  # fmt: skip
FLAGS: Final = frozenset(
    {"test", "late", "response.parsed.acceptance", "failure.retry_eligible", "delivery.late"}
)


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the record: its envelope, the fields of its own beside it, and the lead's values
    by dotted name (None once erased; `no_lead`: left out). `lead` may be JSON that nobody has
    taken apart, for formats that only write it down."""

    envelope: Mapping[str, Any]
    own: Mapping[str, Any]
    lead: Any = None
    no_lead: bool = False
    short: Mapping[str, Any] | None = None  # what the API says once more; no column has it

    @property
    def whole(self) -> dict[str, Any]:
        """As the API shows it."""
        shown = {**self.own, **self.envelope, **(self.short or {})}
        if not self.no_lead:
            shown["lead"] = self.lead
        return shown

    def chosen(self, columns: Sequence[str]) -> dict[str, Any]:
        """The columns alone, as they are; those without a value are null."""
        if len(columns) == 1 and columns[0] == "lead":
            return {"lead": self.lead}
        return dict(zip(columns, _values(self, columns), strict=True))


def cells(record: Record, columns: Sequence[str]) -> list[Any]:
    """A value for each column: texts, numbers, truths, None; lists and objects as JSON text."""
    return [text(value) if type(value) in JSON else value for value in _values(record, columns)]


@lru_cache(maxsize=32)
def _layout(columns: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    """Each column with the name under which it is looked for first, and whether it is a lead's
    value: worked out once for all rows."""
    return tuple(
        (name, name[len(LEAD) :], True)
        if name.startswith(LEAD)
        else (name, name.split(".", 1)[0], False)
        for name in columns
    )


def _values(record: Record, columns: Sequence[str]) -> list[Any]:
    flat: dict[str, Any] = {}
    own, envelope, lead = record.own, record.envelope, record.lead or {}
    _flatten(own, "", flat)
    found: list[Any] = []
    others = -1
    for name, key, of_lead in _layout(tuple(columns)):
        if of_lead:
            found.append(lead.get(key))
        elif name in envelope:
            flat.pop(name, None)
            found.append(envelope[name])
        elif name in flat:
            found.append(flat.pop(name))
        elif name == OTHER:
            others = len(found)
            found.append(None)
        else:
            found.append(_more(record, name) if key in own or name in MORE else None)
    if others >= 0:
        rest = {k: v for k, v in flat.items() if v is not None and k not in envelope}
        found[others] = rest or None
    return found


def _more(record: Record, name: str) -> Any:
    """Columns that hold more than one value."""
    if name == DATA:
        return dict(record.own)
    if name == "lead":
        return record.lead
    found: Any = record.own
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _flatten(value: Mapping[str, Any], prefix: str, into: dict[str, Any]) -> None:
    for name, item in value.items():
        if type(item) is dict:
            _flatten(item, f"{prefix}{name}.", into)
        else:
            into[prefix + name] = item


def text(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
