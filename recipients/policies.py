"""A recipient's policies, from what staff set: when to try again, when to leave it alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from recipients import breaker
from recipients.outcomes import TECHNICAL, Outcome
from recipients.retry import DEFAULT_RULES, NO_RETRY, RetryPolicy, RetryRule, Then

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from recipients.models import Recipient
    from recipients.models import RetryRule as RetryRow


def retry_policy(recipient: Recipient, rows: Iterable[RetryRow]) -> RetryPolicy:
    """The policy of the recipient with these rows; outcomes without one follow the defaults."""
    own = {Outcome(row.outcome): rule_of(row) for row in rows}
    usual = _held(DEFAULT_RULES) if recipient.retry_hold else DEFAULT_RULES
    return RetryPolicy(
        rules={**usual, **own},
        timeout_growth=recipient.retry_timeout_growth,
        max_age=recipient.retry_max_age,
    )


def _held(rules: Mapping[Outcome, RetryRule]) -> dict[Outcome, RetryRule]:
    """The same, but every technical failure ends in review."""
    return {word: replace(rules.get(word, NO_RETRY), then=Then.HOLD) for word in TECHNICAL}


def rule_of(row: RetryRow) -> RetryRule:
    """Raises ValueError for one that makes no sense."""
    return RetryRule(
        times=row.times,
        backoff=row.backoff,
        factor=row.factor,
        then=Then(row.then),
        jitter=row.jitter,
        max_wait=row.max_wait,
    )


def breaker_policy(recipient: Recipient) -> breaker.Policy:
    """A window shorter than at_least or in_a_row is full before; a wait longer than the longest
    is the longest."""
    of = recipient.breaker_of
    return breaker.Policy(
        enabled=recipient.breaker_enabled,
        failures=float(recipient.breaker_failures),
        of=of,
        at_least=min(recipient.breaker_at_least, of),
        in_a_row=min(recipient.breaker_in_a_row, of),
        wait=recipient.breaker_wait,
        longest=max(recipient.breaker_longest_wait, recipient.breaker_wait),
    )


def check_failures(value: Decimal) -> None:
    if not 0 < value <= 1:
        raise ValidationError("A share above 0 and at most 1: 0.5 is 50 %.")


def check_window(value: int) -> None:
    if not 1 <= value <= breaker.MOST_COUNTED:
        raise ValidationError(f"Between 1 and {breaker.MOST_COUNTED}.")


def check_growth(value: float) -> None:
    if not 1 <= value <= 10:
        raise ValidationError("Between 1 (no growth) and 10.")


def check_share(value: float) -> None:
    if not 0 <= value <= 1:
        raise ValidationError("A share between 0 and 1: 0.2 is 20 %.")


def check_positive(value: float) -> None:
    if value <= 0:
        raise ValidationError("More than 0s.")


def check_max_wait(value: float) -> None:
    if not 0 < value <= 86_400:
        raise ValidationError("Between 1ms and 24h.")
