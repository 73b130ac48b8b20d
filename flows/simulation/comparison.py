"""The last leads of a flow walked through it as it is and as it might be, one after the other.

Leads are taken as if they came now. Buyers are supposed to accept, for what counts is who would be
offered the lead first. Bounded in leads and in time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flows.simulation.leads import Posted, newest, posted_of
from flows.simulation.stations import Walk
from flows.simulation.walk import Grounds, Suppose, walk

MOST: Final = 500  # leads
USUAL: Final = 100
SECONDS: Final = 15.0
"""Of a whole comparison; it then says how far it came."""
CHUNK: Final = 50  # leads read at once
REJECTED: Final = "rejected at the door"
STOPPED: Final = "stopped by a filter"
NOBODY: Final = "offered to nobody"


@dataclass(frozen=True, slots=True)
class End:
    """What became of a lead: `fate` is one of the words above, or whom it was offered first."""

    fate: str
    reason: str = ""
    offered: bool = False

    @classmethod
    def of(cls, walked: Walk) -> End:
        if walked.result == "rejected":
            return cls(REJECTED, walked.door.prepared.reasons[0].kept)  # without values
        if walked.result == "stopped":
            return cls(STOPPED, walked.reason)
        if walked.first is None:
            turns = [turn for station in walked.stations for turn in station.turns]
            return cls(NOBODY, next((turn.reason for turn in turns), ""))
        waits = walked.first.verdict == "waits"
        return cls(walked.first.name, walked.first.reason if waits else "", offered=True)


@dataclass(frozen=True, slots=True)
class Pair:
    """One lead, by the flow as it is and by the draft."""

    lead_id: str
    at: datetime | None
    before: End
    after: End

    @property
    def differs(self) -> bool:
        return self.before.fate != self.after.fate

    @property
    def reason(self) -> str:
        return self.after.reason or self.before.reason


@dataclass(slots=True)
class Comparison:
    """`erased` leads could not be walked; `stopped`: the time was over before."""

    pairs: list[Pair] = field(default_factory=list)
    erased: int = 0
    stopped: bool = False

    @property
    def differing(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.differs]

    def changes(self) -> list[tuple[str, int, int]]:
        """Each fate with the number of leads before and after: those at the flow's edges first."""
        before = Counter(pair.before.fate for pair in self.pairs)
        after = Counter(pair.after.fate for pair in self.pairs)
        edges = (REJECTED, STOPPED, NOBODY)
        offered = sorted((before | after).keys() - set(edges))
        return [(fate, before[fate], after[fate]) for fate in (*edges, *offered)]

    @property
    def moved(self) -> int:
        """Leads that would be offered first to somebody else."""
        return sum(p.differs and p.before.offered and p.after.offered for p in self.pairs)


def compare(before: Grounds, after: Grounds, wanted: int) -> Comparison:
    """Walk the newest leads, at most `wanted` and MOST of them, through both."""
    end = time.monotonic() + SECONDS
    found = Comparison()
    left, last = min(wanted, MOST), None
    while left > 0:
        leads = newest(before.flow.id, min(CHUNK, left), before=last)
        if not leads:
            break
        posted = posted_of(before.flow, leads)
        found.erased += len(leads) - len(posted)
        if not _walk_all(found, before, after, posted, end):
            found.stopped = True
            break
        left -= len(leads)
        last = leads[-1].created_at, leads[-1].id
    return found


def _walk_all(
    found: Comparison, before: Grounds, after: Grounds, leads: Sequence[Posted], end: float
) -> bool:
    """Whether the time was enough for all of them."""
    for posted in leads:
        if time.monotonic() > end:
            return False
        found.pairs.append(Pair(posted.id, posted.at, _end(before, posted), _end(after, posted)))
    return True


def _end(grounds: Grounds, posted: Posted) -> End:
    if posted.source_id not in grounds.flow.terms:
        return End(REJECTED, "Its source may not send to the flow")
    return End.of(walk(grounds, posted, suppose=Suppose.ACCEPT, requests=False))
