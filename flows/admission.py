"""May this lead go to this recipient now? Pure: values in, a verdict out."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows import consent
from flows.breakers import Breakers
from flows.desk import Condition
from flows.facts import NONE as NO_FACTS
from flows.facts import Facts, on_list, repeats
from recipients import breaker
from recipients.breaker import State
from recipients.plan import EndpointPlan, RecipientPlan

SPREAD = 0.5  # seconds over which held deliveries come back, at random


@dataclass(frozen=True, slots=True)
class Admit:
    endpoint: EndpointPlan


@dataclass(frozen=True, slots=True)
class Skip:
    """Not sent, and not to be: the pattern goes on to the next."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now. `seconds` None: until somebody resumes the recipient. Those held come back at
    random over `spread` seconds more."""

    reason: str
    seconds: float | None
    spread: float = SPREAD


Verdict = Admit | Skip | Hold


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
    moves_on: bool,
    in_doubt: bool,
    now: datetime,
) -> Verdict:
    """The checks of the domain page, in its order; the first that fails decides.

    `moves_on`: the step does not wait for an open breaker, but for what the buyer may already
    have (`in_doubt`). Reasons go into the permanent record: the values of `private` fields are
    not in them. `facts` are what was looked up about lead and recipient.
    """
    if plan.paused_reason:
        # What a buyer may already have is not given to another: it waits.
        return Hold(plan.paused_reason, None) if attempted else Skip(plan.paused_reason)
    endpoint = choose(plan, values, endpoint_kind=endpoint_kind, test=test)
    if endpoint is None:
        return Skip(f"{plan.name} has no {'sandbox' if test else 'production'} endpoint")
    for unwanted in (
        _without_consent(plan, facts, now),
        _suppressed(facts),
        None if attempted else _duplicate(facts),
        None if attempted else _filtered(plan, values, private),
    ):
        if unwanted:
            return unwanted
    if waits := held(plan, endpoint, conditions, now):
        return waits
    refusing = breakers.refusing(plan, endpoint)
    if refusing is None:
        return Admit(endpoint)
    # Backup and fallbacks are there for this: nobody needs to wait for the production endpoint.
    for other in () if test else _beyond(plan, endpoint_kind):
        if not held(plan, other, conditions, now) and not breakers.refusing(plan, other):
            return Admit(other)
    reason = _said(plan, endpoint, refusing)
    if moves_on and not in_doubt:
        return Skip(reason)
    return Hold(reason, breaker.asks_again(refusing, now), breaker.spread(refusing))


def _without_consent(plan: RecipientPlan, facts: Facts, now: datetime) -> Skip | None:
    """Judged at every attempt: consent grows old while a delivery waits."""
    required, max_age = plan.consent_required, plan.consent_max_age
    if not required and max_age is None:
        return None
    lack = consent.lacks(facts.consent, required=required, max_age=max_age, now=now)
    return Skip(lack) if lack else None


def _suppressed(facts: Facts) -> Skip | None:
    """At every attempt: who asks not to be called is not sent again."""
    return Skip(on_list(facts.suppressed_by)) if facts.suppressed_by else None


def _duplicate(facts: Facts) -> Skip | None:
    return Skip(repeats(facts.duplicate_of)) if facts.duplicate_of else None


def _filtered(
    plan: RecipientPlan, values: Mapping[str, Any], private: Container[str]
) -> Skip | None:
    if plan.filter is None:
        return None
    verdict = plan.filter.evaluate(values)
    if verdict.passed or verdict.failed is None:
        return None
    return Skip(f"Recipient's filter: {verdict.failed.masked(private).text}")


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
