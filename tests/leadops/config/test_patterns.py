"""Patterns and orders of delivery steps in a bundle."""

from __future__ import annotations

import pytest

from flows.models import Step, StepRecipient
from leadops.config import loading
from tests.leadops.config.bundles import load, mistakes

pytestmark = pytest.mark.django_db

RECIPIENTS = "".join(
    f"  - slug: {slug}\n    name: {slug}\n    endpoint: {{url: 'https://{slug}.example/'}}\n"
    for slug in ("abc", "premier", "pool")
)
BUNDLE = f"""\
leadops: 1
recipients:
{RECIPIENTS}\
flows:
  - slug: auto
    name: Auto
    steps:
      - deliver: buyers
        pattern: exclusive_window
        order: weighted
        when_declined: open_next
        learn: {{over: 7d, minimum: 20}}
        recipients:
          - abc
          - recipient: premier
            price: 45.00
            prices:
              - when: {{field: state, op: is, value: TX}}
                price: 55.00
            weight: 2.5
            after: 24h
        remediation: pool
"""


def test_it_reads_tiers_weights_prices_and_what_a_step_learns_from():
    load(BUNDLE)
    step = Step.objects.get()
    assert (step.pattern, step.order, step.when_declined) == (
        "exclusive_window",
        "weighted",
        "open_next",
    )
    assert (step.learn_over, step.learn_minimum) == (7 * 86_400, 20)
    first, second = StepRecipient.objects.all()
    assert (first.opens_after, first.prices) == (None, [])
    assert (second.opens_after, second.weight) == (86_400, 2.5)
    assert second.prices == [
        {"when": {"field": "state", "op": "is", "value": "TX"}, "price": "55.00"}
    ]


def test_it_writes_what_it_reads():
    load(BUNDLE)
    written = loading.dump()
    for said in ("after: 1d", "when_declined: open_next", "over: 7d", "minimum: 20"):
        assert said in written
    assert load(written) == []
    assert load(BUNDLE) == []


def test_it_writes_nothing_of_what_a_step_does_not_use():
    load(
        BUNDLE.replace("        when_declined: open_next\n", "")
        .replace("        learn: {over: 7d, minimum: 20}\n", "")
        .replace("            after: 24h\n", "")
    )
    written = loading.dump().partition("\nrecord:")[0]
    assert not any(word in written for word in ("when_declined", "learn", "after"))


@pytest.mark.parametrize(
    ("said", "instead", "mistake"),
    [
        ("after: 24h", "after: soon", "recipients[1].after: “soon” is not a duration."),
        ("over: 7d, ", "", "learn: Say over which time it learns, e.g. 7d"),
        ("op: is, ", "", "recipients[1].prices"),
        ("open_next", "open", "when_declined: “open” is not possible"),
    ],
)
def test_it_says_what_is_wrong_with_its_place(said, instead, mistake):
    [found] = mistakes(BUNDLE.replace(said, instead))
    assert f"flows[0].steps[0].{mistake}" in found
