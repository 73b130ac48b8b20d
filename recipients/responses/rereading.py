"""Recorded replies read again by other rules: what would have come of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from leadops.lib.http.messages import Reply
from recipients.outcomes import Result, Scalar
from recipients.responses.budget import Budget

MAX_SECONDS: Final = 4.0
"""Processor time for all replies together."""


class Reads(Protocol):
    """A compiled reader."""

    def read(self, reply: Reply) -> Result: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply that came, and the outcome that the record holds for it."""

    id: str
    at: datetime
    lead_id: str
    reply: Reply
    outcome: str


@dataclass(frozen=True, slots=True)
class Reread:
    """One reply: `was` is by the rules in force, but for the outcome, which is the record's."""

    recorded: Recorded
    was: Result
    now: Result

    @property
    def changes_outcome(self) -> bool:
        return self.recorded.outcome != self.now.outcome

    @property
    def differences(self) -> tuple[tuple[str, str, str], ...]:
        """What else is read otherwise: its name, before, now."""
        pairs = (
            ("price", _money(self.was.price), _money(self.now.price)),
            ("lead id", self.was.buyer_lead_id, self.now.buyer_lead_id),
            ("reason", self.was.reason, self.now.reason),
            ("message", self.was.message, self.now.message),
            *_captured(self.was.captures, self.now.captures),
        )
        return tuple(pair for pair in pairs if pair[1] != pair[2])


@dataclass(frozen=True, slots=True)
class Rereading:
    """All of them. `same` counts those whose outcome stays, by outcome, the most first."""

    read: int
    same: Mapping[str, int]
    changed: tuple[Reread, ...]
    other_values: tuple[Reread, ...]
    stopped: bool = False

    @property
    def kept(self) -> int:
        return sum(self.same.values())


def recorded_reply(status: int, headers: Any, body: str) -> Reply:
    """A reply whose body was kept as text: marked as UTF-8, whatever its charset was."""
    names = {str(name).lower(): str(value) for name, value in dict(headers).items()}
    return Reply(status, names, b"\xef\xbb\xbf" + body.encode("utf-8", "replace"))


def reread(recorded: Iterable[Recorded], saved: Reads, draft: Reads) -> Rereading:
    """What the draft reads in each recorded reply, beside what was read."""
    budget = Budget(MAX_SECONDS)
    found: list[Reread] = []
    for each in recorded:
        if not budget.allows():
            break
        found.append(Reread(each, saved.read(each.reply), draft.read(each.reply)))
    same = [each for each in found if not each.changes_outcome]
    return Rereading(
        read=len(found),
        same=dict(Counter(each.recorded.outcome for each in same).most_common()),
        changed=tuple(each for each in found if each.changes_outcome),
        other_values=tuple(each for each in same if each.differences),
        stopped=budget.interrupted,
    )


def _money(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"


def _captured(
    was: Mapping[str, Scalar], now: Mapping[str, Scalar]
) -> Iterable[tuple[str, str, str]]:
    names = dict.fromkeys([*was, *now])
    return tuple((name, str(was.get(name, "")), str(now.get(name, ""))) for name in names)
