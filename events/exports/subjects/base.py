"""What a subject of exports does: choose rows, name columns, make records of what was read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import QueryDict

from events import directory
from events.exports.cells import Record
from events.visibility import Sight
from leadops.lib.api import WrongShape

MOST_FIELDS = 100  # of the flows' fields that become columns by themselves
Row = Sequence[Any]


class NotTheirs(PermissionError):
    """Rows were asked for that the asker may not see."""


@dataclass(slots=True)
class Reading:
    """How rows are read for one export, and what is remembered from row to row."""

    sight: Sight
    personal: bool  # personal values are shown
    with_lead: bool
    parsed: bool  # the lead's values are needed one by one
    privacy: dict[str, Mapping[str, str]] = field(default_factory=dict)
    masks: dict[tuple[str, int], Any] = field(default_factory=dict)
    partner_words: bool = False  # words that partners wrote stand in what was read

    def privacy_of(self, flow_id: str) -> Mapping[str, str]:
        """The flow's fields and what they are, read once a turn."""
        if flow_id not in self.privacy:
            self.privacy[flow_id] = directory.privacy(flow_id)
        return self.privacy[flow_id]


class Subject(ABC):
    """Something that can be exported. The first two of `select` are a row's time and id, by which
    rows are read and where a reader goes on."""

    name: ClassVar[str]
    at: ClassVar[str] = "created_at"
    select: ClassVar[tuple[str, ...]]
    filters: ClassVar[type[django_filters.FilterSet]]
    parties: ClassVar[Mapping[str, str]] = {}  # filters that name a party: its model
    columns: ClassVar[tuple[str, ...]]
    settled: ClassVar[bool] = False  # its rows say which transaction wrote them

    @abstractmethod
    def all(self, sight: Sight) -> QuerySet[Any]:
        """Every row that they may see."""

    @abstractmethod
    def records(self, rows: Sequence[Row], reading: Reading) -> list[Record]:
        """The rows, in their order."""

    @property
    def known(self) -> list[str]:
        """The filters' names."""
        return [*self.filters.base_filters, *self.parties]

    def chosen(self, sight: Sight, given: Mapping[str, Any]) -> QuerySet[Any]:
        """The rows that the filters ask for; raises WrongShape and NotTheirs."""
        problems = {
            name[:60]: f"There is no such filter; these are: {', '.join(sorted(self.known))}."
            for name in given
            if name not in self.known
        }
        query = QueryDict(mutable=True)
        for name, value in given.items():
            values = value if isinstance(value, list) else [value]
            if not all(isinstance(each, str | int) for each in values):
                problems[name[:60]] = "Write a text, or a list of texts."
            else:
                query.setlist(name, [_written(each) for each in values])
        found = self.filters(query, self.all(sight))
        if not found.is_valid():
            problems |= {name: " ".join(map(str, said)) for name, said in found.errors.items()}
        wanted, named = self._named(sight, query, problems)
        if problems:
            raise WrongShape("Some filters are not what they should be.", problems)
        if sight.recipients is not None and not named <= sight.recipients:
            raise NotTheirs("These are not your recipients.")
        rows: QuerySet[Any] = found.qs
        return rows.filter(**wanted)

    def _named(
        self, sight: Sight, query: QueryDict, problems: dict[str, str]
    ) -> tuple[dict[str, Any], set[str]]:
        """Conditions by parties, and the ids of the recipients that were named."""
        wanted: dict[str, Any] = {}
        for name, model in self.parties.items():
            given = [text for text in query.getlist(name) if text]
            if not given:
                continue
            found = [directory.party(model, text) for text in given]
            if None in found:
                problems[name] = f"There is no {name} {given[found.index(None)][:60]!r}."
                continue
            wanted[f"{self.column_of(name)}__in"] = [each.id for each in found if each]
        recipients = wanted.get(f"{self.column_of('recipient')}__in", [])
        return wanted, {*recipients, *(text for text in query.getlist("entity_id") if text)}

    def column_of(self, party: str) -> str:
        return f"{party}_id"

    def flow_ids(self, given: Mapping[str, Any]) -> list[str]:
        """The flows asked for; none: all of them."""
        values = given.get("flow") or []
        texts = values if isinstance(values, list) else [values]
        found = [directory.party("flows.Flow", str(text)) for text in texts]
        return [party.id for party in found if party]

    def usual(self, given: Mapping[str, Any], *, with_lead: bool) -> list[str]:
        """The columns of a file when none are asked for: known before the first row is read."""
        if not with_lead:
            return list(self.columns)
        names = directory.fields(self.flow_ids(given))[:MOST_FIELDS]
        own = [name for name in self.columns if name != "other"]
        rest = ["other"] if "other" in self.columns else []
        return [*own, *(f"lead.{name}" for name in names), *rest]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\0", "")


def stamp(at: datetime | None) -> str | None:
    """UTC, ISO 8601, milliseconds."""
    if at is None:
        return None
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def money(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
