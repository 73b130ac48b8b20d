"""A recipient's test cases, run: the request built as for a delivery, the reply read as one.

No network for simulated replies. Who has a sandbox called gives the attempt that was made there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leadops.lib.http.messages import Reply
from recipients.deliver import Attempt, rehearse
from recipients.expectations import Line, difference, shown, speaks_of_body
from recipients.mapping import RenderError
from recipients.outcomes import Outcome
from recipients.plan import Context, EndpointPlan, RecipientPlan
from recipients.transports.bodies import json_body
from recipients.transports.errors import NotSendable


@dataclass(frozen=True, slots=True)
class Case:
    """A test case as it is run. `request` is what is expected of the request, see `parsed`; what
    is blank or None is not looked at. `reply` None: only the request is, unless a sandbox is
    called."""

    name: str
    context: Context
    id: int | None = None
    reply: Reply | None = None
    sandbox: bool = False
    request: str = ""
    exact: bool = False
    outcome: str = ""
    reason: str = ""
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that was looked at, as texts."""

    name: str
    expected: str
    actual: str
    same: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a case. `lines` are the request's difference, empty where it is as expected;
    `sent` is the request without secrets; `problem` says why nothing could be compared."""

    case: Case
    compared: tuple[Compared, ...] = ()
    lines: tuple[Line, ...] = ()
    sent: str = ""
    attempt: Attempt | None = None
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem and not self.lines and all(each.same for each in self.compared)

    @property
    def failures(self) -> tuple[str, ...]:
        """What is wrong, in a sentence each."""
        found = [self.problem] if self.problem else []
        if self.lines:
            found.append("The request is another")
        found += [
            f"{each.name} is {each.actual or 'blank'}, expected {each.expected}"
            for each in self.compared
            if not each.same
        ]
        return tuple(found)


def run(plan: RecipientPlan, case: Case) -> Judged:
    """Run a case with a simulated reply, at the endpoint that its lead would go to."""
    endpoint = endpoint_for(plan, case.context)
    if endpoint is None:
        return Judged(case, problem=plan.paused_reason or "There is no production endpoint.")
    return judge(plan, case, rehearse(plan, endpoint, case.context, reply=case.reply))


def endpoint_for(plan: RecipientPlan, context: Context) -> EndpointPlan | None:
    """Production, or the first region that takes the lead."""
    values = context.get("lead", {})
    regional = (endpoint for rule, endpoint in plan.regional if rule.evaluate(values).passed)
    return next(regional, plan.production)


def judge(plan: RecipientPlan, case: Case, attempt: Attempt) -> Judged:
    """Hold an attempt against what the case expects."""
    request, result = attempt.request, attempt.result
    if request is None:
        text = ": ".join(filter(None, (result.reason, result.details)))
        return Judged(case, attempt=attempt, problem=text)
    body = request.body or request.url
    try:
        payload = payload_of(plan, case.context)
        lines = difference(case.request, payload, body, exact=case.exact)
        sent = body if speaks_of_body(case.request) else shown(payload)
    except (RenderError, NotSendable, ValueError) as error:
        return Judged(case, attempt=attempt, sent=body, problem=str(error))
    reads = case.reply is not None or case.sandbox
    return Judged(
        case,
        compared=tuple(_answers(plan, case, attempt)) if reads else (),
        lines=lines,
        sent=sent,
        attempt=attempt,
    )


def payload_of(plan: RecipientPlan, context: Context) -> Any:
    """What the mapping gives, as JSON values, without secrets. RenderError, NotSendable."""
    text = json_body(plan.mapping.render(context)).decode()
    try:
        return json.loads(plan.redactor.secrets(text))
    except ValueError:  # a secret that was a number
        return json.loads(text)


def _answers(plan: RecipientPlan, case: Case, attempt: Attempt) -> list[Compared]:
    result = attempt.result
    found = []
    if case.outcome:
        found.append(_same("Outcome", case.outcome, str(result.outcome)))
    if case.reason:
        found.append(_same("Reason", case.reason, result.reason))
    if case.price is not None:
        # As the engine does: what the reply does not say is the recipient's own price.
        said = plan.price if result.price is None else result.price
        price = said if result.outcome is Outcome.ACCEPTED else None
        same = price is not None and price == case.price
        found.append(Compared("Price", _money(case.price), _money(price), same))
    return found


def _same(name: str, expected: str, actual: str) -> Compared:
    return Compared(name, expected, actual, expected.strip() == actual.strip())


def _money(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.2f}" if value == round(value, 2) else f"{value:f}"


def headers_of(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    """Headers of a simulated reply, as replies have them."""
    return {name.lower(): value for name, value in pairs}
