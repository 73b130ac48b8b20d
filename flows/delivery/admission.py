"""May this lead go to this recipient now? Pure: values in, a verdict out."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.arrival import consent
from flows.delivery.breakers import Breakers
from flows.delivery.capacity import FREE, Busy, Room
from flows.turns.facts import NONE as NO_FACTS
from flows.turns.facts import Facts, on_list, repeats
from leadops.lib.conditions import ruled_out
from recipients import breaker
from recipients.breaker import State
from recipients.caps import Full
from recipients.hours import Closed, Whose
from recipients.leadzones import zone_of
from recipients.plan import EndpointPlan, RecipientPlan

SPREAD = 0.5  # seconds over which held deliveries come back, at random
OPENING_SPREAD = 30.0  # the same, of those that waited for opening hours
CAP_SPREAD = 5.0  # the same, of those that waited for a cap's next window


@dataclass(frozen=True, slots=True)
class Condition:
    """An endpoint that is not to be used: paused by us, or told to wait by the buyer."""

    paused_reason: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Admit:
    endpoint: EndpointPlan


@dataclass(frozen=True, slots=True)
class Skip:
    """Not sent, and not to be: the pattern goes on to the next. `until`: seconds after which it
    could be."""

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now. `seconds` None: until somebody resumes the recipient. Those held come back at
    random over `spread` seconds more."""

    reason: str
    seconds: float | None
    spread: float = SPREAD
    busy: Busy | None = None  # where it stands in line


Verdict = Admit | Skip | Hold


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of endpoints at a time, by which all of a batch are admitted."""

    at: datetime
    conditions: Mapping[str, Condition]
    breakers: Breakers


def admit(
    plan: RecipientPlan,
    values: Mapping[str, Any],
    *,
    endpoint_kind: str,
    test: bool,
    attempted: bool,
    private: Container[str],
    facts: Facts = NO_FACTS,
    conditions: Mapping[str, Condition],
    breakers: Breakers,
    room: Room = FREE,
    created_at: datetime | None = None,
    moves_on: bool,
    in_doubt: bool,
    now: datetime,
    partial: bool = False,
) -> Verdict:
    """The checks of the domain page, in its order; the first that fails decides.

    `moves_on`: the step does not wait for an open breaker, but for what the buyer may already
    have (`in_doubt`). Reasons go into the permanent record: the values of `private` fields are
    not in them. `facts` are what was looked up about lead and recipient, `room` what its limits
    and caps say; the lead came at `created_at`. Of a `partial` lead what is missing is no reason:
    it is judged once it is told.
    """
    if plan.paused_reason:
        # What a buyer may already have is not given to another: it waits.
        return Hold(plan.paused_reason, None) if attempted else Skip(plan.paused_reason)
    endpoint = choose(plan, values, endpoint_kind=endpoint_kind, test=test)
    if endpoint is None:
        return Skip(f"{plan.name} has no {'sandbox' if test else 'production'} endpoint")
    for unwanted in (
        _without_consent(plan, facts, now, partial=partial),
        _suppressed(facts),
        None if attempted else _duplicate(facts),
        None if attempted else _filtered(plan, values, private, partial=partial),
    ):
        if unwanted:
            return unwanted
    if not test and (closed := _closed(plan, values, created_at or now, now)):
        return _patient(closed) if in_doubt else closed
    if waits := held(plan, endpoint, conditions, now):
        return waits
    found = _past_breakers(
        plan,
        endpoint,
        others=() if test else tuple(_beyond(plan, endpoint_kind)),
        conditions=conditions,
        breakers=breakers,
        moves_on=moves_on and not in_doubt,
        now=now,
    )
    if not isinstance(found, Admit):
        return found
    return _limited(room) or _full(room, in_doubt=in_doubt) or found


def _past_breakers(
    plan: RecipientPlan,
    endpoint: EndpointPlan,
    *,
    others: Sequence[EndpointPlan],
    conditions: Mapping[str, Condition],
    breakers: Breakers,
    moves_on: bool,
    now: datetime,
) -> Verdict:
    refusing = breakers.refusing(plan, endpoint)
    if refusing is None:
        return Admit(endpoint)
    # Backup and fallbacks are there for this: nobody needs to wait for the production endpoint.
    for other in others:
        if not held(plan, other, conditions, now) and not breakers.refusing(plan, other):
            return Admit(other)
    reason = _said(plan, endpoint, refusing)
    if moves_on:
        return Skip(reason)
    return Hold(reason, breaker.asks_again(refusing, now), breaker.spread(refusing))


def _without_consent(
    plan: RecipientPlan, facts: Facts, now: datetime, *, partial: bool
) -> Skip | None:
    """Judged at every attempt: consent grows old while a delivery waits."""
    required, max_age = plan.consent_required, plan.consent_max_age
    if not required and max_age is None:
        return None
    if partial and facts.consent is not None and facts.consent.missing:
        return None
    lack = consent.lacks(facts.consent, required=required, max_age=max_age, now=now)
    return Skip(lack) if lack else None


def _suppressed(facts: Facts) -> Skip | None:
    """At every attempt: who asks not to be called is not sent again."""
    return Skip(on_list(facts.suppressed_by)) if facts.suppressed_by else None


def _duplicate(facts: Facts) -> Skip | None:
    return Skip(repeats(facts.duplicate_of)) if facts.duplicate_of else None


def _filtered(
    plan: RecipientPlan, values: Mapping[str, Any], private: Container[str], *, partial: bool
) -> Skip | None:
    if plan.filter is None:
        return None
    failed = ruled_out(plan.filter, values) if partial else plan.filter.evaluate(values).failed
    return Skip(f"Recipient's filter: {failed.masked(private).text}") if failed else None


def _closed(
    plan: RecipientPlan, values: Mapping[str, Any], created_at: datetime, now: datetime
) -> Skip | Hold | None:
    if plan.hours is None:
        return None
    hours, zone = plan.hours, ZoneInfo(plan.timezone)
    if hours.whose is Whose.LEAD:
        zone = zone_of(values) or zone
    if hours.is_open(now, zone):
        return None
    opens = hours.opens(now, zone)
    if opens is None:
        return Skip(f"Closed: {plan.name} does not open within a year")
    wait = (opens - now).total_seconds()
    reason = f"Closed: {plan.name} opens {opens.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    if hours.closed is Closed.SKIP:
        return Skip(reason, wait)
    if (opens - created_at).total_seconds() > hours.hold_at_most:
        return Skip(f"{reason}; the lead would be older than it is held", wait)
    return Hold(reason, wait, OPENING_SPREAD)


def _patient(found: Skip | Hold) -> Skip | Hold:
    """The same, but waiting: what a buyer may already have is not given to another."""
    if isinstance(found, Skip) and found.until is not None:
        return Hold(found.reason, found.until, OPENING_SPREAD)
    return found


def _limited(room: Room) -> Hold | None:
    busy = room.busy
    return Hold(busy.reason, busy.seconds, busy.spread, busy) if busy else None


def _full(room: Room, *, in_doubt: bool) -> Skip | Hold | None:
    if room.full is None:
        return None
    reason = room.full.reached(room.taken)
    if room.full.full is Full.HOLD or in_doubt:
        return Hold(reason, room.resets_in, CAP_SPREAD)
    return Skip(reason)


def held(
    plan: RecipientPlan,
    endpoint: EndpointPlan,
    conditions: Mapping[str, Condition],
    now: datetime,
) -> Hold | None:
    condition = conditions.get(endpoint.id)
    if condition and condition.paused_reason:
        return Hold(condition.paused_reason, None)
    if condition and condition.not_before and condition.not_before > now:
        wait = (condition.not_before - now).total_seconds()
        return Hold(f"Rate limited by {plan.name}", wait)
    return None


BREAKER = "Breaker"  # what the reasons of deliveries begin with that wait for one


def _said(plan: RecipientPlan, endpoint: EndpointPlan, refusing: breaker.Breaker) -> str:
    if refusing.state is State.OPEN:
        return f"{BREAKER} open: {plan.name} ({endpoint.kind})"
    return f"{BREAKER}: {plan.name} ({endpoint.kind}) is being tried out again"


def _beyond(plan: RecipientPlan, name: str) -> Iterator[EndpointPlan]:
    """The endpoints that come after the one that deliveries call so."""
    while (name := plan.after(name)) and (endpoint := plan.way(name)):
        yield endpoint


def choose(
    plan: RecipientPlan, values: Mapping[str, Any], *, endpoint_kind: str, test: bool
) -> EndpointPlan | None:
    """Test leads only ever go to the sandbox; others to the first region that takes them."""
    if test:
        return plan.sandbox
    # One that is gone since is not waited for: the route begins anew.
    if endpoint_kind != "production" and (found := plan.way(endpoint_kind)):
        return found
    for rule, endpoint in plan.regional:
        if rule.evaluate(values).passed:
            return endpoint
    return plan.production
