"""Recipients without any endpoint of a buyer's, in a bundle."""

from __future__ import annotations

import pytest

from leadops.config import loading
from recipients.loading import load_recipients
from recipients.models import Endpoint
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db

PLACE = "    breaker: {failures: 50%, of: 100, wait: 5m}"


def bundle(options: str) -> str:
    own = f'{{integration: simulated, url: "simulated://buyer", options: {options}}}'
    return changed(PLACE, f"    fallback:\n      - {own}\n{PLACE}")


def test_it_takes_simulated_replies_and_writes_them_back():
    load(bundle("{accepted: 60, rejected: 40, duplicate: 0, error: 0, delay: 250ms}"))
    row = Endpoint.objects.get(integration="simulated")
    plan = load_recipients()[row.recipient_id]
    (target,) = plan.fallbacks
    assert (target.options["accepted"], target.options["delay"]) == (60, 0.25)
    dump = loading.dump()
    assert load(dump) == []


def test_it_says_when_the_shares_make_no_whole():
    said = str(mistakes(bundle("{accepted: 60}")))
    assert "the shares make 80 per cent, not 100" in said
