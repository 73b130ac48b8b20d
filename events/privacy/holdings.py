"""What holds personal data: a registry that each app fills with its own tables.

Every table of the database is either among the holdings, with how its rows are counted, copied
and erased, or among the tables that hold nothing personal, with the reason; a test compares both
with the database. Apps register when the site starts, those above this one too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

_NO_DIGIT = re.compile(r"\D+")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data it is: leads, the oldest of which arrived at `since`, and what is known of the
    person in clear, in normal forms, for what names no lead."""

    lead_ids: tuple[str, ...]
    since: datetime | None
    emails: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def phones(self) -> tuple[str, ...]:
        """How the numbers are found in texts, whatever stands before and between: by their last
        ten digits."""
        return tuple(_NO_DIGIT.sub("", number)[-10:] for number in self.numbers)

    @property
    def nameless(self) -> Subject:
        """The person without any lead."""
        return Subject((), None, self.emails, self.numbers)


class Holding(Protocol):
    """A table, or a part of one, that holds people's data."""

    @property
    def table(self) -> str: ...
    @property
    def title(self) -> str: ...

    def count(self, cursor: Any, subject: Subject) -> int: ...
    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]: ...
    def erase(self, cursor: Any, subject: Subject) -> int:
        """How many rows were deleted, or emptied."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that name their lead. `erasure` is the statement up to its WHERE; blank: they go.

    `where` finds them, with %(leads)s and %(since)s; `held` is what is left of them to erase where
    they stay. `columns` are shown in a copy.
    """

    table: str
    title: str
    columns: tuple[str, ...] = ()
    where: str = "lead_id = ANY(%(leads)s)"
    erasure: str = ""
    held: str = ""
    order: str = "1"
    shown: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda row: row)

    def count(self, cursor: Any, subject: Subject) -> int:
        cursor.execute(f"SELECT count(*) FROM {self._found}", self._given(subject))  # noqa: S608
        return int(cursor.fetchone()[0])

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        if not self.columns:
            return []
        names = ", ".join(f'"{name}"' for name in self.columns)
        cursor.execute(
            f"SELECT {names} FROM {self.table} WHERE {self.where} ORDER BY {self.order}",  # noqa: S608
            self._given(subject),
        )
        return [
            self.shown(dict(zip(self.columns, map(plain, row), strict=True)))
            for row in cursor.fetchall()
        ]

    def erase(self, cursor: Any, subject: Subject) -> int:
        statement = self.erasure or "DELETE FROM {table}"
        changed = statement.format(table=self.table)
        held = f" AND ({self.held})" if self.held else ""
        cursor.execute(f"{changed} WHERE {self.where}{held}", self._given(subject))
        return int(cursor.rowcount)

    @property
    def _found(self) -> str:
        held = f" AND ({self.held})" if self.held else ""
        return f"{self.table} WHERE {self.where}{held}"

    @staticmethod
    def _given(subject: Subject) -> dict[str, Any]:
        return {"leads": list(subject.lead_ids), "since": subject.since}


def plain(value: Any) -> Any:
    """A value as JSON can hold it: columns of JSON come as text past Django's fields."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class Stop(Protocol):
    """Ends what is under way with a lead whose row is locked; in the caller's transaction."""

    def __call__(self, lead_id: str, *, by: str) -> int: ...


class Suppress(Protocol):
    """Puts somebody on a suppression list, or takes them off all; how many entries changed."""

    def __call__(self, subject: Subject, *, by: str, add_to: str = "") -> int: ...


_holdings: dict[str, Holding] = {}
_impersonal: dict[str, str] = {}
_stops: dict[str, Stop] = {}
_suppress: dict[str, Suppress] = {}


def register(*holdings: Holding) -> None:
    """Add what an app holds; a table may have several holdings, by their titles."""
    for each in holdings:
        _holdings[f"{each.table} {each.title}"] = each


def impersonal(tables: Mapping[str, str]) -> None:
    """Name tables that hold nobody's data, each with the reason."""
    _impersonal.update(tables)


def stops_with(app: str, stop: Stop) -> None:
    """Have `stop` called before anything of a lead is erased."""
    _stops[app] = stop


def suppresses_with(app: str, suppress: Suppress) -> None:
    """Have `suppress` called where an erasure asks for it."""
    _suppress[app] = suppress


def all_holdings() -> Sequence[Holding]:
    return tuple(_holdings.values())


def impersonal_tables() -> Mapping[str, str]:
    return dict(_impersonal)


def stop(lead_id: str, *, by: str) -> int:
    """End what is under way with a lead; how many deliveries."""
    return sum(each(lead_id, by=by) for each in _stops.values())


def suppress(subject: Subject, *, by: str, add_to: str = "") -> int:
    """Put the person on the list of that slug, or take them off all lists without one."""
    return sum(each(subject, by=by, add_to=add_to) for each in _suppress.values())
