"""For how long events, snapshots and exchanges are kept: by account, and by flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection

from events.models import RecordSettings
from leadops.lib import durations


class Kept(StrEnum):
    """A table of the record, with its column of time, the column of the settings, its name."""

    at: str
    column: str
    noun: str

    def __new__(cls, table: str, at: str, column: str, noun: str) -> Kept:
        member = str.__new__(cls, table)
        member._value_ = table
        member.at, member.column, member.noun = at, column, noun
        return member

    EXCHANGES = "events_exchange", "at", "exchanges_kept", "requests and replies"
    SNAPSHOTS = "events_snapshot", "at", "snapshots_kept", "snapshots"
    EVENTS = "events_event", "timestamp", "events_kept", "events"


# `flows_flow` belongs to the app above; it is named here, not imported.
FLOWS = """
    SELECT id, exchanges_kept, snapshots_kept, events_kept FROM flows_flow
    WHERE num_nonnulls(exchanges_kept, snapshots_kept, events_kept) > 0
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds by table, those of the account and those of flows that have their own."""

    now: datetime
    account: Mapping[Kept, float]
    flows: Mapping[Kept, Mapping[str, float]]

    def of(self, kept: Kept, flow_id: str) -> float:
        return self.flows[kept].get(flow_id, self.account[kept])

    def longest(self, kept: Kept) -> float:
        """Seconds for which something of it is kept."""
        return max(self.account[kept], *self.flows[kept].values(), 0.0)

    def all_out(self, kept: Kept) -> datetime | None:
        """Before this nothing is kept any more, of no flow; None where something is for ever."""
        return self.before(self.longest(kept))

    def some_out(self, kept: Kept) -> datetime | None:
        """After this everything is kept; None where all is for ever."""
        return self.before(min([self.account[kept], *self.flows[kept].values()]))

    def before(self, seconds: float) -> datetime | None:
        """What is older than this is out; None for what is kept for ever."""
        if seconds >= durations.FOREVER:
            return None
        return self.now - timedelta(seconds=seconds)


def load(now: datetime | None = None) -> Terms:
    """The terms in force, reckoned from `now` by the database's clock."""
    settings = RecordSettings.current()
    flows: dict[Kept, dict[str, float]] = {kept: {} for kept in Kept}
    with connection.cursor() as cursor:
        if now is None:
            cursor.execute("SELECT clock_timestamp()")
            now = cursor.fetchone()[0]
        cursor.execute(FLOWS)
        for flow_id, *seconds in cursor.fetchall():
            for kept, each in zip(Kept, seconds, strict=True):
                if each is not None:
                    flows[kept][flow_id] = each
    account = {kept: float(getattr(settings, kept.column)) for kept in Kept}
    return Terms(now=now, account=account, flows=flows)
