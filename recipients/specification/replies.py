"""How a buyer's replies are read, and after which of them a lead is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leadops.lib import durations
from recipients import validation
from recipients.integrations import integration_for
from recipients.integrations.reading import reading_over
from recipients.models import Endpoint, Recipient
from recipients.outcomes import Outcome
from recipients.plan import RecipientPlan
from recipients.responses import ReaderSpec

BY_STATUS = (
    ("400, 413, 415, 422, other 4xx", Outcome.INVALID),
    ("401, 403", Outcome.UNAUTHORIZED),
    ("409", Outcome.DUPLICATE),
    ("429", Outcome.RATE_LIMITED),
    ("408, 425, 5xx", Outcome.SERVER_ERROR),
)
MEANING = {
    Outcome.ACCEPTED: "You take the lead.",
    Outcome.REJECTED: "You do not want this lead. It is not sent to you again.",
    Outcome.DUPLICATE: "You have this lead already. It is not sent to you again.",
    Outcome.INVALID: "Something is wrong with the data. It is not sent again as it is.",
    Outcome.UNAUTHORIZED: "Our credentials are refused. We stop sending until that is settled.",
    Outcome.RATE_LIMITED: "Too much at once. We wait as Retry-After says.",
    Outcome.SERVER_ERROR: "Your side has a problem. We try again.",
    Outcome.UNREADABLE: "We do not understand the answer. A person looks at it.",
    Outcome.UNAVAILABLE: "We could not reach you. We try again.",
    Outcome.UNKNOWN: "No answer came in time. We ask again with the same key.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A reply and what it comes to."""

    when: str
    outcome: Outcome
    reason: str = ""

    @property
    def meaning(self) -> str:
        return MEANING[self.outcome]

    @property
    def word(self) -> str:
        return self.outcome.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Retry:
    outcome: Outcome
    meaning: str
    tries: str

    @property
    def word(self) -> str:
        return self.outcome.replace("_", " ")


def reading_of(recipient: Recipient) -> ReaderSpec:
    """Its own reading, over that of the integration of its production endpoint."""
    rules = tuple(validation.rule_spec(rule) for rule in recipient.response_rules.all())
    own = ReaderSpec(**recipient.reader_fields(), rules=rules)
    kinds = {row.kind: row.integration for row in recipient.endpoints.all()}
    main = kinds.get(Endpoint.Kind.PRODUCTION) or recipient.integration
    return reading_over(own, integration_for(main).reading)


def readings_of(spec: ReaderSpec) -> Iterator[Reading]:
    """In the order in which they decide."""
    accepts = False
    for rule in spec.rules:
        parts = [
            f"status {rule.status}" if rule.status else "",
            f"the header {rule.header}" if rule.header else "",
            f"“{rule.contains}” in the body" if rule.contains else "",
            f"the body matches {rule.matches}" if rule.matches else "",
            rule.when,
        ]
        word = rule.outcome.strip().lower()
        outcome = {"success": Outcome.ACCEPTED, "failure": Outcome.REJECTED}.get(word)
        outcome = outcome or Outcome(word)
        accepts = accepts or outcome is Outcome.ACCEPTED
        yield Reading(", ".join(filter(None, parts)), outcome, rule.reason)
    if spec.success:
        yield Reading(f"status 2xx, {spec.success}", Outcome.ACCEPTED)
        yield Reading("status 2xx, any other value there", Outcome.REJECTED)
    elif not accepts:
        yield Reading("status 2xx", Outcome.ACCEPTED)


def values_of(spec: ReaderSpec) -> Iterator[tuple[str, str]]:
    """What else is read, and where."""
    for name, path in (
        ("Your id of the lead", spec.lead_id),
        ("The price", spec.price),
        ("The reason of a refusal", spec.reason),
        ("A message", spec.message),
    ):
        if path:
            yield name, path


def retries_of(plan: RecipientPlan) -> Iterator[Retry]:
    """Outcomes after which a lead is sent again; what we do after the last try is our own."""
    for outcome in Outcome:
        rule = plan.retry.rule(outcome)
        if not rule.times or outcome not in MEANING:
            continue
        times = "once" if rule.times == 1 else f"{rule.times} times"
        wait = durations.text(rule.backoff)
        longer = f", each wait {rule.factor:g} times the one before" if rule.factor > 1 else ""
        yield Retry(outcome, MEANING[outcome], f"{times}, the first after {wait}{longer}")
