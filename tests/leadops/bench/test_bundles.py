from __future__ import annotations

import pytest

from leadops.bench import bundles
from leadops.bench.system import SOURCE_KEY
from recipients.models import Endpoint, Recipient
from tests.leadops.config.bundles import load


@pytest.mark.django_db
@pytest.mark.parametrize("full", [False, True])
def test_it_is_a_bundle_with_a_plain_or_a_demanding_buyer(
    full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_SOURCE_KEY", SOURCE_KEY)
    load(bundles.one_buyer("https://buyer.example/", full=full))
    buyer, endpoint = Recipient.objects.get(), Endpoint.objects.get()
    assert (endpoint.auth, endpoint.compress) == (("bearer", True) if full else ("none", False))
    assert buyer.mapping_rows.count() == (20 if full else 6)
    assert buyer.response_rules.count() == (5 if full else 0)
