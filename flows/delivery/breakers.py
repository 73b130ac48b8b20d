"""The breakers of one turn: what is known of them, and what the turn does to them. Pure.

A turn reads those that are not at rest, moves them on in memory by what it sees, and replays the
same on the locked rows before it commits (`endpoints.py`). Two pumps may both see that a probe is
due: the second finds its probe refused there, and takes its turn anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from recipients import breaker
from recipients.breaker import Breaker, State
from recipients.deliver import Attempt
from recipients.plan import EndpointPlan, RecipientPlan


class Contended(Exception):
    """Another turn has used what this one counted on: it must be taken anew."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt came to `sign` (None: it says nothing about the endpoint)."""

    sign: str | None
    who: str
    begun: datetime | None


@dataclass(frozen=True, slots=True)
class Entered:
    """An attempt was let through a breaker that is not closed."""

    who: str
    lease: float
    delivery_id: str
    lead_id: str


@dataclass(slots=True)
class Visits:
    """What happened at one endpoint, in order."""

    plan: RecipientPlan
    endpoint: EndpointPlan
    events: list[Ended | Entered] = field(default_factory=list)

    @property
    def all_good(self) -> bool:
        return all(isinstance(e, Ended) and e.sign == breaker.GOOD for e in self.events)


@dataclass(frozen=True, slots=True)
class Step:
    """One happening and what it made of a breaker."""

    event: Ended | Entered
    before: Breaker
    after: Breaker

    @property
    def calmed(self) -> bool:
        """Its last attempts went well, which before this one could not be said."""
        return self.after.calm and not self.before.calm

    @property
    def opened(self) -> bool:
        return self.after.state is State.OPEN and self.before.state is not State.OPEN

    @property
    def released(self) -> bool:
        """Its probe ended without telling anything; the next may go at once."""
        return self.opened and isinstance(self.event, Ended) and self.event.sign is None

    @property
    def closed(self) -> bool:
        return self.after.state is State.CLOSED and self.before.state is not State.CLOSED

    @property
    def probes(self) -> bool:
        return isinstance(self.event, Entered) and self.after.state is State.PROBING


@dataclass(slots=True)
class Breakers:
    """`known` are those not at rest as they were read, then as this turn moved them on."""

    now: datetime
    known: dict[str, Breaker] = field(default_factory=dict)
    visits: dict[str, Visits] = field(default_factory=dict)

    def refusing(self, plan: RecipientPlan, endpoint: EndpointPlan) -> Breaker | None:
        """The breaker that lets nothing through to the endpoint now; None when one may go."""
        found = self.known.get(endpoint.id) if plan.breaker.enabled else None
        if found is None or breaker.enter(found, now=self.now, who="", lease=0.0) is not None:
            return None
        return found

    def enter(
        self,
        plan: RecipientPlan,
        endpoint: EndpointPlan,
        *,
        who: str,
        lease: float,
        delivery_id: str,
        lead_id: str,
    ) -> None:
        """Let an attempt through; it is one that `refusing` had nothing against."""
        found = self.known.get(endpoint.id)
        if found is None or found.state is State.CLOSED or not plan.breaker.enabled:
            return
        event = Entered(who, lease, delivery_id, lead_id)
        self._visit(plan, endpoint, event)

    def ended(
        self,
        plan: RecipientPlan,
        endpoint: EndpointPlan,
        attempt: Attempt,
        *,
        who: str,
        begun: datetime | None,
    ) -> None:
        """Count what an attempt came to."""
        if not plan.breaker.enabled:
            return
        sign = breaker.sign(
            attempt.result.outcome,
            sent=attempt.request is not None,
            answered=attempt.reply is not None,
        )
        if sign is not None or self._waits_for(endpoint):
            self._visit(plan, endpoint, Ended(sign, who, begun))

    def lost(self, plan: RecipientPlan, endpoint: EndpointPlan, *, who: str) -> None:
        """A worker did not come back with an attempt: that says nothing about the endpoint."""
        if plan.breaker.enabled and self._waits_for(endpoint):
            self._visit(plan, endpoint, Ended(None, who, None))

    def _waits_for(self, endpoint: EndpointPlan) -> bool:
        found = self.known.get(endpoint.id)
        return found is not None and found.state in (State.PROBING, State.RAMPING)

    def _visit(self, plan: RecipientPlan, endpoint: EndpointPlan, event: Ended | Entered) -> None:
        visits = self.visits.setdefault(endpoint.id, Visits(plan, endpoint))
        visits.events.append(event)
        if (found := self.known.get(endpoint.id)) is not None:
            self.known[endpoint.id] = _moved(found, visits, event, self.now)


def replay(found: Breaker, visits: Visits, now: datetime) -> Iterator[Step]:
    """The same happenings on the breaker as it stands; raises Contended where one may not go."""
    for event in visits.events:
        after = _moved(found, visits, event, now)
        yield Step(event, found, after)
        found = after


def _moved(found: Breaker, visits: Visits, event: Ended | Entered, now: datetime) -> Breaker:
    if isinstance(event, Entered):
        after = breaker.enter(found, now=now, who=event.who, lease=event.lease)
        if after is None:
            raise Contended(visits.endpoint.id)
        return after
    return breaker.take(
        found, visits.plan.breaker, event.sign, now=now, who=event.who, begun=event.begun
    )


def who(delivery_id: str, attempt: int) -> str:
    """What tells an attempt from all others."""
    return f"{delivery_id}:{attempt}"
