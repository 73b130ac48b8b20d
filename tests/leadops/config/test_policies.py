"""`retry` and `breaker` of a recipient in a bundle."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flows.models import Step
from leadops.config import loading
from recipients.loading import load_recipients
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db

BREAKER = "    breaker: {failures: 50%, of: 100, wait: 5m}"
RETRY = "    retry: {server_error: {times: 3, backoff: 1s}, unknown: {times: 3, then: retry_same}}"


def abc() -> Recipient:
    return Recipient.objects.get(slug="abc-insurance")


def plan():
    return load_recipients()[abc().id]


def test_it_takes_a_breaker_with_all_its_numbers():
    whole = (
        "    breaker: {failures: 12.5%, of: 40, at_least: 8, in_a_row: 5, wait: 30s, "
        "longest_wait: 10m}"
    )
    load(changed(BREAKER, whole))
    policy = plan().breaker
    assert (policy.failures, policy.of, policy.at_least, policy.in_a_row) == (0.125, 40, 8, 5)
    assert (policy.wait, policy.longest, policy.enabled) == (30.0, 600.0, True)
    assert load(changed(BREAKER, whole)) == []


@pytest.mark.parametrize("word", ["off", "{enabled: false}"])
def test_it_switches_a_breaker_off(word):
    load(changed(BREAKER, f"    breaker: {word}"))
    assert not plan().breaker.enabled
    assert load(changed(BREAKER, "    breaker: off")) == []
    assert "breaker: 'off'" in loading.dump()


def test_it_goes_back_to_the_defaults_when_the_file_is_silent():
    load(changed(BREAKER, "    breaker: off"))
    load(changed(BREAKER + "\n", ""))
    assert plan().breaker.enabled


def test_it_takes_a_retry_policy_with_age_and_growth():
    own = (
        "    retry: {max_age: 24h, timeout_growth: 2, "
        "server_error: {times: 5, backoff: 2s, factor: 3, max_wait: 1m, jitter: 10%}}"
    )
    load(changed(RETRY, own))
    policy = plan().retry
    rule = policy.rule(Outcome.SERVER_ERROR)
    assert (policy.max_age, policy.timeout_growth) == (86_400.0, 2.0)
    assert (rule.times, rule.backoff, rule.factor) == (5, 2.0, 3.0)
    assert (rule.max_wait, rule.jitter) == (60.0, 0.1)
    assert load(changed(RETRY, own)) == []


@pytest.mark.parametrize(
    ("retry", "outcome", "then"),
    [
        ("{hold: true, server_error: {times: 1}}", Outcome.SERVER_ERROR, "hold"),
        ("{hold: true, server_error: {times: 1, then: fail}}", Outcome.SERVER_ERROR, "fail"),
        ("{hold: true, invalid: {times: 1}}", Outcome.INVALID, "fail"),
        ("{unreadable: {times: 1}}", Outcome.UNREADABLE, "hold"),
        ("{unknown: {times: 1}}", Outcome.UNKNOWN, "retry_same"),
        ("{server_error: {times: 1}}", Outcome.SERVER_ERROR, "fail"),
    ],
)
def test_a_rule_that_does_not_say_what_follows_leaves_that_as_it_was(retry, outcome, then):
    own = changed(RETRY, f"    retry: {retry}")
    load(own)
    assert plan().retry.rule(outcome).then == then
    assert load(own) == []
    assert load(loading.dump()) == []


@pytest.mark.parametrize(
    ("retry", "outcome", "times", "backoff"),
    [
        ("{rate_limited: {times: 2}}", Outcome.RATE_LIMITED, 2, 30.0),
        ("{rate_limited: {backoff: 10s}}", Outcome.RATE_LIMITED, 5, 10.0),
        ("{server_error: {then: move_on}}", Outcome.SERVER_ERROR, 3, 1.0),
        ("{invalid: {backoff: 5s}}", Outcome.INVALID, 3, 5.0),
    ],
)
def test_a_rule_that_does_not_say_how_often_or_when_leaves_that_too(retry, outcome, times, backoff):
    own = changed(RETRY, f"    retry: {retry}")
    load(own)
    rule = plan().retry.rule(outcome)
    assert (rule.times, rule.backoff) == (times, backoff)
    assert load(own) == []
    assert load(loading.dump()) == []


def test_it_takes_what_a_step_does_while_a_breaker_is_open():
    place = "        remediation: bulk-pool"
    load(changed(place, f"{place}\n        while_open: skip"))
    assert Step.objects.get(name="buyers").while_open == "skip"


def test_a_short_window_and_a_long_wait_bound_the_rest():
    load(changed(BREAKER, "    breaker: {of: 6, wait: 2h}"))
    policy = plan().breaker
    assert (policy.of, policy.at_least, policy.in_a_row) == (6, 6, 6)
    assert policy.longest == 7200.0


@pytest.mark.parametrize(
    ("place", "own", "path", "words"),
    [
        (BREAKER, "    breaker: {failures: 150%}", "breaker.failures", "at most 1"),
        (BREAKER, "    breaker: {failures: lots}", "breaker.failures", "no share"),
        (BREAKER, "    breaker: {of: 0}", "breaker.of", "Between 1"),
        (BREAKER, "    breaker: {in_a_row: 2000}", "breaker.in_a_row", "Between 1"),
        (BREAKER, "    breaker: {wait: 0s}", "breaker.wait", "More than 0s"),
        (BREAKER, "    breaker: {wait: never}", "breaker.wait", "not a duration"),
        (BREAKER, "    breaker: {colour: red}", "breaker.colour", "Unknown key"),
        (BREAKER, "    breaker: maybe", "breaker", "Expected"),
        (RETRY, "    retry: {max_age: 0s}", "retry.max_age", "More than 0s"),
        (RETRY, "    retry: {timeout_growth: 0.5}", "retry.timeout_growth", "Between 1"),
        (RETRY, "    retry: {unknown: {jitter: 2}}", "retry.unknown.jitter", "share"),
    ],
)
def test_it_refuses_a_policy_that_makes_no_sense(place, own, path, words):
    found = mistakes(changed(place, own))
    assert any(f"recipients[0].{path}" in line and words in line for line in found), found


def test_a_share_is_kept_exactly():
    load(changed(BREAKER, "    breaker: {failures: 33.33%}"))
    assert abc().breaker_failures == Decimal("0.3333")
