"""May this lead go to this recipient now? Pure: values in, a verdict out."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.desk import Condition
from recipients.plan import EndpointPlan, RecipientPlan


@dataclass(frozen=True, slots=True)
class Admit:
    endpoint: EndpointPlan


@dataclass(frozen=True, slots=True)
class Skip:
    """Not sent, and not to be: the pattern goes on to the next."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now. `seconds` None: until somebody resumes the recipient."""

    reason: str
    seconds: float | None


Verdict = Admit | Skip | Hold


def admit(
    plan: RecipientPlan,
    values: Mapping[str, Any],
    *,
    endpoint_kind: str,
    test: bool,
    attempted: bool,
    private: Container[str],
    conditions: Mapping[str, Condition],
    now: datetime,
) -> Verdict:
    """The checks of the domain page, in its order; the first that fails decides.

    Reasons go into the permanent record: the values of `private` fields are not in them.
    """
    if plan.paused_reason:
        # What a buyer may already have is not given to another: it waits.
        return Hold(plan.paused_reason, None) if attempted else Skip(plan.paused_reason)
    endpoint = choose(plan, values, endpoint_kind=endpoint_kind, test=test)
    if endpoint is None:
        return Skip(f"{plan.name} has no {'sandbox' if test else 'production'} endpoint")
    if not attempted and plan.filter is not None:
        verdict = plan.filter.evaluate(values)
        if not verdict.passed and verdict.failed is not None:
            return Skip(f"Recipient's filter: {verdict.failed.masked(private).text}")
    condition = conditions.get(endpoint.id)
    if condition and condition.paused_reason:
        return Hold(condition.paused_reason, None)
    if condition and condition.not_before and condition.not_before > now:
        wait = (condition.not_before - now).total_seconds()
        return Hold(f"Rate limited by {plan.name}", wait)
    return Admit(endpoint)


def choose(
    plan: RecipientPlan, values: Mapping[str, Any], *, endpoint_kind: str, test: bool
) -> EndpointPlan | None:
    """Test leads only ever go to the sandbox; others to the first region that takes them."""
    if test:
        return plan.sandbox
    if endpoint_kind == "backup":
        return plan.backup
    for rule, endpoint in plan.regional:
        if rule.evaluate(values).passed:
            return endpoint
    return plan.production
